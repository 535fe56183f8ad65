"""Runs in the image's environment, beside the scripts: prints the answers of their functions as JSON."""

import json
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import evaluate
import train

folder, manifests, archive = map(Path, sys.argv[1:])
source = Path(train.__file__).parent


def refusal(call: Callable[[], object]) -> str:
    """What is said of it."""
    try:
        call()
    except train.Refused as error:
        return str(error)
    return ""


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
