"""Runs in the image's environment, beside the scripts: prints the answers of their functions as JSON."""

import json
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import evaluate
import torch
import train

folder, audio, manifests, archive = map(Path, sys.argv[1:])
source = Path(train.__file__).parent


def refusal(call: Callable[[], object]) -> str:
    """What is said of it."""
    try:
        call()
    except train.Refused as error:
        return str(error)
    return ""


def resumed() -> dict[str, list[int]]:
    """What a training goes on with that was interrupted after three of its second epoch's five batches of two."""
    plain = torch.utils.data.DataLoader(range(10), batch_size=2)
    second, third, interrupted = (train.ordered(plain, 42, batches) for batches in (5, 10, 8))
    rest = torch.cat(list(interrupted)).tolist()
    interrupted.sampler.set_epoch(2)
    loaders = {"second": second, "third": third, "third after the rest": interrupted}
    return {"rest": rest, **{name: torch.cat(list(loader)).tolist() for name, loader in loaders.items()}}


def tuned(earlier: Path) -> dict[str, object]:
    """What becomes of a bare .nemo that is trained on with one character more."""
    for name in ("bare", "work"):
        (folder / name).mkdir()
    earlier = earlier.rename(folder / "bare" / "earlier.nemo")
    larger = folder / "larger.yaml"
    larger.write_text(CONFIG.read_text().replace('z, "\'"]', 'z, "\'", ä]'))
    channels = ["--audio", audio, "--manifests", manifests, "--pretrained", earlier.parent]
    own = ["--checkpoints", folder / "checkpoints", "--epochs", 1]
    config = train.configuration(larger, [], 1e-5)
    model = train.train(train.parser().parse_args([*map(str, channels), *map(str, own)]), config, folder / "work")
    train.save(model, config, folder / "tuned")
    before, after = (
        train.EncDecCTCModel.restore_from(str(path), map_location="cpu")
        for path in (earlier, folder / "tuned" / "model.nemo")
    )
    weights = zip(before.encoder.parameters(), after.encoder.parameters(), strict=True)
    return {
        "vocabularies": [list(model.decoder.vocabulary) for model in (before, after)],
        "served": json.loads((folder / "tuned" / "serving.json").read_text())["labels"],
        "outputs": [model.decoder.num_classes_with_blank for model in (before, after)],
        # At this rate of learning, a layer that began anew would be far off.
        "same encoder": all(torch.allclose(one, other, atol=1e-3) for one, other in weights),
    }


CONFIG = source / "conf" / "ctc.yaml"
KEYS = {
    "--model.encoder.jasper.1.filters": "256",
    "--model.optim.weight_decay": "2e-2",
    "--model.optim.name": "novograd",
}
config = train.configuration(CONFIG, [word for pair in KEYS.items() for word in pair], None)
(folder / "code").mkdir()
with tarfile.open(folder / "code" / "0123.gz", "w:gz") as tar:
    tar.add(source / "train.py", "train.py")
(folder / "archive").mkdir()
archive.rename(folder / "archive" / archive.name)
compared = evaluate.compare({"audio_filepath": "a.wav", "duration": 1, "text": "one two a"}, "one too two")
found = {
    "no channel": train.starting_point(folder / "none", folder),
    "the code": train.starting_point(folder / "code", folder),
    "an archive": train.starting_point(folder / "archive", folder),
}
print(
    json.dumps(
        {
            "distances": [
                evaluate.distance(said, heard)
                for said, heard in (
                    (["a"], ["a"]),
                    (["a"], ["b"]),
                    (["a"], []),
                    ([], ["a"]),
                    ("abc", ""),
                    ("abcd", "bcde"),
                    ("kitten", "sitting"),
                )
            ],
            "compared": {
                name: getattr(compared, name) for name in ("words", "word_errors", "characters", "character_errors")
            },
            "overridden": [
                config.model.encoder.jasper[1].filters,
                config.model.optim.weight_decay,
                config.model.optim.name,
            ],
            "resumed": resumed(),
            "tuned": tuned(folder / "model.nemo"),
            "starting_points": {name: path and path.name for name, path in found.items()},
            "refusals": {
                "key": refusal(lambda: train.configuration(CONFIG, ["--model.optim.rate", "1"], None)),
                **{
                    name: refusal(lambda name=name: train.starting_point(folder / name, folder))  # type: ignore[misc]
                    for name in ("two", "other", "empty")
                },
                "manifest": refusal(lambda: train.resolved(folder / "train.json", folder, folder)),
                "audio": refusal(lambda: train.resolved(manifests / "train.json", folder / "empty", folder)),
            },
        }
    )
)
