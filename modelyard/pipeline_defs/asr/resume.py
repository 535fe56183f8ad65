"""What lets an interrupted training go on where it stopped: checkpoints, and an order of the utterances to continue in.

A checkpoint is made before the first batch of each epoch but the first, and at SIGTERM, always between two batches. Its
name has the fingerprint of the training that it belongs to (configuration, utterances, what it started from), so that
another training in the same folder is neither continued nor deleted, and the number of batches done.
"""

import pickle
import signal
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import lightning.pytorch as lightning
import torch

KEPT = 2  # checkpoints; the second is for the case that the newest cannot be read
UNREADABLE = (OSError, EOFError, RuntimeError, KeyError, pickle.UnpicklingError, zipfile.BadZipFile)


class Interrupted(Exception):
    """SIGTERM was received, and what was learnt so far is saved."""


class Checkpoints:
    """The checkpoints of one training in `folder`."""

    def __init__(self, folder: Path, fingerprint: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._prefix = f"{fingerprint}-"

    def newest(self) -> tuple[Path, int] | None:
        """The newest checkpoint that can be read and the batches done before it; None where there is none."""
        for path in reversed(self._all()):
            try:
                content = torch.load(path, map_location="cpu", weights_only=False)
                return path, int(content["global_step"])
            except UNREADABLE as error:
                print(f"checkpoint {path.name} cannot be read and is passed over: {error}")
        return None

    def save(self, trainer: lightning.Trainer) -> None:
        """Write one, whole or not at all, and delete all but the newest."""
        path = self._folder / f"{self._prefix}{trainer.global_step:09}.ckpt"
        if path.exists():
            return
        incomplete = path.with_suffix(".incomplete")
        trainer.save_checkpoint(incomplete)
        incomplete.rename(path)
        for old in self._all()[:-KEPT]:
            old.unlink()

    def _all(self) -> list[Path]:
        return sorted(self._folder.glob(f"{self._prefix}*.ckpt"))


class Order(torch.utils.data.Sampler[int]):  # type: ignore[misc]  # torch is not in the environment of the checks
    """The utterances in an order of each epoch's own, the same each time; `done` are left out of the first epoch.

    Its length is that of a whole epoch, since the trainer counts the batches done before it was interrupted too.
    """

    def __init__(self, size: int, seed: int, epoch: int, done: int) -> None:
        self._size, self._seed, self._epoch, self._done = size, seed, epoch, done

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer at the start of each epoch."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + self._epoch)
        order = torch.randperm(self._size, generator=generator).tolist()
        done, self._done = self._done, 0
        return iter(order[done:])

    def __len__(self) -> int:
        return self._size


class Saver(lightning.Callback):  # type: ignore[misc]
    """Saves between batches, and ends the training with `Interrupted` once SIGTERM was received."""

    def __init__(self, checkpoints: Checkpoints) -> None:
        self._checkpoints = checkpoints
        self._stop = False

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Not before: the trainer's own handler, which ends the program without a checkpoint, is replaced here."""
        signal.signal(signal.SIGTERM, self._asked_to_stop)

    def on_train_batch_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Here the batches before are counted as done, and this one is not: a state to go on from."""
        # The trainer takes a checkpoint at an epoch's last batch for one at its end, and would leave the batch out.
        stop = self._stop and not trainer.is_last_batch
        if stop or (batch_idx == 0 and trainer.current_epoch > 0):
            self._checkpoints.save(trainer)
        if stop:
            raise Interrupted(f"interrupted in epoch {trainer.current_epoch + 1}, before batch {batch_idx + 1}")

    def _asked_to_stop(self, number: int, frame: FrameType | None) -> None:
        self._stop = True
