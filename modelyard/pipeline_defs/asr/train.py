"""Trains a CTC model of NVIDIA NeMo, from scratch or from an earlier model.

Channels: `audio` and `manifests` (train.json to learn from; test.json is measured after each epoch, and nothing is
chosen by it); `pretrained` with a `.nemo` file, or the `model.tar.gz` of a registered version, to start from. A channel
cannot be empty, so where there is nothing to start from this program's own archive stands in.

A hyperparameter with a dotted name replaces a key of the configuration: `model.optim.weight_decay=0.01`. Leaves
`model.nemo` and `serving.json` in the model folder. Each epoch is one line, which metric definitions can find:

    epoch=3 train_loss=1.2345 val_wer=0.4567 seconds=7.1

A training that is killed goes on, when it is started again with the same data, configuration and checkpoint folder,
from the epoch that it was in (after SIGTERM, from the batch), and ends after as many epochs. See resume.py.
"""

import argparse
import hashlib
import json
import logging
import os
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

import quiet  # noqa: F401

# isort: split
import lightning.pytorch as lightning
import torch
from nemo.collections.asr.models import EncDecCTCModel
from nemo.utils import logging as nemo_logging
from omegaconf import DictConfig, OmegaConf
from resume import Checkpoints, Interrupted, Order, Saver

MODEL = "model.nemo"
INTERRUPTED = 143  # what a shell reports of a program that SIGTERM ended
PRECISIONS = ("auto", "32-true", "16-mixed", "bf16-mixed")


class Refused(Exception):
    """Data or hyperparameters that cannot be used; the message says which and what to do."""


def parser() -> argparse.ArgumentParser:
    """Hyperparameters, and the folders of the training contract."""
    result = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    result.add_argument("--config", type=Path, default=Path(__file__).with_name("conf") / "ctc.yaml")
    result.add_argument("--epochs", type=int, default=20)
    result.add_argument("--batch_size", type=int, default=16)
    result.add_argument("--learning_rate", type=float, default=None)
    result.add_argument("--seed", type=int, default=42)
    result.add_argument("--precision", choices=PRECISIONS, default="auto")
    for channel in ("audio", "manifests", "pretrained"):
        folder = os.environ.get(f"SM_CHANNEL_{channel.upper()}", f"/opt/ml/input/data/{channel}")
        result.add_argument(f"--{channel}", type=Path, default=Path(folder))
    result.add_argument("--model_dir", type=Path, default=Path(os.environ.get("SM_MODEL_DIR", "/opt/ml/model")))
    result.add_argument("--checkpoints", type=Path, default=Path("/opt/ml/checkpoints"))
    return result


def configuration(path: Path, overrides: list[str], learning_rate: float | None) -> DictConfig:
    """The YAML file with the keys that `overrides` (name, value, name, value …) replace."""
    config = OmegaConf.load(path)
    assert isinstance(config, DictConfig)
    if len(overrides) % 2 or not all(name.startswith("--") for name in overrides[::2]):
        raise Refused(f"hyperparameters: cannot read {' '.join(overrides)}; give names with values")
    for name, value in zip(overrides[::2], overrides[1::2], strict=True):
        key = name.removeprefix("--")
        if OmegaConf.select(config, key) is None:
            raise Refused(
                f"hyperparameter {key}: {path.name} has no such key to replace; one is model.optim.weight_decay"
            )
        OmegaConf.update(config, key, OmegaConf.from_dotlist([f"value={value}"]).value)
    if learning_rate is not None:
        config.model.optim.lr = learning_rate
    OmegaConf.resolve(config)
    return config


def resolved(manifest: Path, audio: Path, folder: Path) -> Path:
    """A copy of `manifest` in `folder` whose paths are absolute, as NeMo would look for them beside the manifest."""
    if not manifest.is_file():
        raise Refused(f"{manifest} is missing; the channel manifests must hold train.json and test.json")
    entries = [json.loads(line) for line in manifest.read_text().splitlines()]
    missing = [entry["audio_filepath"] for entry in entries if not (audio / entry["audio_filepath"]).is_file()]
    if missing:
        raise Refused(f"{manifest.name}: {len(missing)} of {len(entries)} files are not in {audio}: {missing[0]}, …")
    absolute = [{**entry, "audio_filepath": str((audio / entry["audio_filepath"]).resolve())} for entry in entries]
    copy = folder / manifest.name
    copy.write_text("".join(f"{json.dumps(entry)}\n" for entry in absolute))
    return copy


def starting_point(channel: Path, folder: Path) -> Path | None:
    """The `.nemo` file to start from, unpacked to `folder` where it is in an archive; None where there is none."""
    if not channel.is_dir():
        return None
    files = sorted(path for path in channel.rglob("*") if path.is_file())
    if len(files) == 1 and files[0].suffix == ".nemo":
        return files[0]
    if len(files) == 1 and tarfile.is_tarfile(files[0]):
        with tarfile.open(files[0]) as archive:
            names = {member.name.removeprefix("./"): member for member in archive.getmembers()}
            if MODEL in names:
                archive.extract(names[MODEL], folder, filter="data")
                return folder / MODEL
            if Path(__file__).name in names:
                return None
    found = ", ".join(path.name for path in files[:5]) or "nothing"
    raise Refused(f"channel pretrained holds {found}; give the URI of one .nemo file, or of a version's model.tar.gz")


def make_model(config: DictConfig, pretrained: Path | None, trainer: lightning.Trainer) -> EncDecCTCModel:
    """The model to train. Where it starts from an earlier one, that one says its layers, and gets a new last layer
    where its characters are others."""
    if pretrained is None:
        return EncDecCTCModel(cfg=config.model, trainer=trainer)
    model = EncDecCTCModel.restore_from(str(pretrained), map_location="cpu", trainer=trainer)
    if type(model) is not EncDecCTCModel:
        raise Refused(
            f"{pretrained.name} is a {type(model).__name__}; give an EncDecCTCModel, whose units are characters"
        )
    if model.cfg.sample_rate != config.sample_rate:
        raise Refused(f"{pretrained.name} is for {model.cfg.sample_rate} Hz; the data has {config.sample_rate} Hz")
    labels = list(config.labels)
    if list(model.decoder.vocabulary) != labels:
        model.change_vocabulary(new_vocabulary=labels)
    model.cfg.optim = config.model.optim
    return model


def dataset(config: DictConfig, manifest: Path, batch_size: int, *, on_gpu: bool) -> DictConfig:
    """What NeMo wants to know of a manifest."""
    return OmegaConf.create(
        {
            "manifest_filepath": str(manifest),
            "sample_rate": config.sample_rate,
            "labels": list(config.labels),
            "max_duration": config.max_duration,
            "batch_size": batch_size,
            "shuffle": False,  # see Order
            "num_workers": min(8, os.cpu_count() or 1) if on_gpu else 0,
            "pin_memory": on_gpu,
            "trim_silence": False,
        }
    )


class Report(lightning.Callback):  # type: ignore[misc]  # as in resume.py
    """One line an epoch."""

    def __init__(self) -> None:
        self._losses: list[torch.Tensor] = []
        self._start = 0.0

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._losses, self._start = [], time.monotonic()

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._losses.append(outputs["loss"].detach())

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        loss = torch.stack(self._losses).mean()
        wer = trainer.callback_metrics["val_wer"]
        seconds = time.monotonic() - self._start
        print(f"epoch={trainer.current_epoch + 1} train_loss={loss:.4f} val_wer={wer:.4f} seconds={seconds:.1f}")


def train(arguments: argparse.Namespace, config: DictConfig, folder: Path) -> EncDecCTCModel:
    """Train to the end; raises `Interrupted` where SIGTERM came first."""
    on_gpu = torch.cuda.is_available()
    # A second thread makes steps of this size slower, on a busy machine many times.
    torch.set_num_threads(1)
    lightning.seed_everything(arguments.seed, verbose=False)
    manifests = {
        part: resolved(arguments.manifests / f"{part}.json", arguments.audio, folder) for part in ("train", "test")
    }
    pretrained = starting_point(arguments.pretrained, folder)
    checkpoints = Checkpoints(arguments.checkpoints, fingerprint(arguments, config, pretrained))
    trainer = lightning.Trainer(
        accelerator="gpu" if on_gpu else "cpu",
        devices=1,
        max_epochs=arguments.epochs,
        precision=precision(arguments.precision, on_gpu),
        callbacks=[Saver(checkpoints), Report()],
        default_root_dir=folder,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    model = make_model(config, pretrained, trainer)
    model.setup_training_data(dataset(config, manifests["train"], arguments.batch_size, on_gpu=on_gpu))
    model.setup_validation_data(dataset(config, manifests["test"], 2 * arguments.batch_size, on_gpu=on_gpu))
    newest = checkpoints.newest()
    loader = ordered(model.train_dataloader(), arguments.seed, newest[1] if newest else 0)
    model._train_dl = loader
    weights = sum(weight.numel() for weight in model.parameters())
    device = torch.cuda.get_device_name() if on_gpu else "one CPU core"
    start = f"goes on from {newest[0].name}" if newest else f"from {pretrained.name}" if pretrained else "from scratch"
    if not on_gpu:
        warn_of_missing_gpu(os.environ.get("SM_CURRENT_INSTANCE_TYPE", ""))
    print(f"{len(loader.dataset)} utterances, {weights:,} weights, {trainer.precision} on {device}, {start}")
    trainer.fit(model, ckpt_path=newest[0] if newest else None)
    return model


def ordered(loader: Any, seed: int, batches_done: int) -> Any:
    """`loader`'s utterances in an order that an interrupted training can go on in."""
    epoch, done = divmod(batches_done, len(loader))
    order = Order(len(loader.dataset), seed, epoch, done * loader.batch_size)
    return torch.utils.data.DataLoader(
        loader.dataset,
        batch_size=loader.batch_size,
        sampler=order,
        collate_fn=loader.collate_fn,
        num_workers=loader.num_workers,
        pin_memory=loader.pin_memory,
        persistent_workers=loader.num_workers > 0,
    )


def warn_of_missing_gpu(instance_type: str) -> None:
    """Say so in the log where an instance with GPUs was asked for. No refusal: a job may be tried out on a machine that
    is not of its type."""
    if instance_type.startswith(("ml.g", "ml.p")):
        print(
            f"WARNING: asked for {instance_type}, but torch {torch.__version__} (CUDA build {torch.version.cuda}) sees "
            "no GPU: training on one CPU core. Look at the image's variant, which follows training.instance_type and "
            "endpoint.instance_type in platform.yaml, not the execution's parameters, and at the instance's driver",
            file=sys.stderr,
        )


def precision(wanted: str, on_gpu: bool) -> str:
    """`auto` is 32 bits on a CPU, and the best mix that the GPU has."""
    if wanted != "auto":
        return wanted
    if not on_gpu:
        return "32-true"
    return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "16-mixed"


def fingerprint(arguments: argparse.Namespace, config: DictConfig, pretrained: Path | None) -> str:
    """What tells one training from another: all that its outcome hangs on but the audio files' contents."""
    seen = hashlib.sha256(OmegaConf.to_yaml(config).encode())
    seen.update(repr((arguments.epochs, arguments.batch_size, arguments.seed, arguments.precision)).encode())
    for path in [arguments.manifests / "train.json", *([pretrained] if pretrained else [])]:
        seen.update(hashlib.sha256(path.read_bytes()).digest())
    return seen.hexdigest()[:12]


def save(model: EncDecCTCModel, config: DictConfig, folder: Path) -> None:
    """The model, and what its server must know of it."""
    folder.mkdir(parents=True, exist_ok=True)
    del model.cfg.train_ds, model.cfg.validation_ds  # they name files of this job
    model.save_to(str(folder / MODEL))
    known = {"sample_rate": config.sample_rate, "labels": list(config.labels), "max_duration": config.max_duration}
    (folder / "serving.json").write_text(json.dumps(known, indent=1))


def main() -> int:
    """Command line."""
    arguments, overrides = parser().parse_known_args()
    nemo_logging.setLevel(logging.ERROR)
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        try:
            config = configuration(arguments.config, overrides, arguments.learning_rate)
            model = train(arguments, config, Path(folder))
        except Refused as error:
            print(f"cannot train: {error}", file=sys.stderr)
            return 1
        except Interrupted as error:
            print(f"{error}; saved in {arguments.checkpoints}", file=sys.stderr)
            return INTERRUPTED
        save(model, config, arguments.model_dir)
    print(f"trained in {time.monotonic() - start:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
