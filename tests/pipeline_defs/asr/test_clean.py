"""What training and evaluation cannot use is dropped, and the report says what and why."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline_defs.asr import scripts
from tests.pipeline_defs.asr.scripts import write


def entry(name: str, text: str = "yes", duration: float = 1.0, sha256: str | None = None) -> dict[str, Any]:
    """An entry of a manifest, as preprocess writes it."""
    digest = sha256 or f"samples of {name}"
    return {"audio_filepath": f"wav/{name}.wav", "duration": duration, "text": text, "audio_sha256": digest}


def manifests(folder: Path, train: list[Any], test: list[Any]) -> Path:
    """A folder with both manifests."""
    write(folder / "train.json", *train)
    write(folder / "test.json", *test)
    return folder


def clean(source: Path, folder: Path, **arguments: object) -> tuple[dict[str, list[str]], dict[str, Any]]:
    """Run it to success: the recordings kept of each part, and the report."""
    target, report = folder / "clean", folder / "report"
    done = scripts.run("clean.py", input_manifests=source, output_manifests=target, report=report, **arguments)
    assert (done.returncode, done.stderr) == (0, "")
    kept = {
        part: [kept["audio_filepath"] for kept in scripts.read(target / f"{part}.json")] for part in ("train", "test")
    }
    return kept, json.loads((report / "dropped.json").read_text())


def test_everything_good_is_kept_as_it_is(tmp_path: Path) -> None:
    source = manifests(tmp_path / "in", [entry("a", "don't go"), entry("b")], [{**entry("c"), "speaker": "ann"}])
    _, report = clean(source, tmp_path)
    assert report["kept"] == {"train": 2, "test": 1}
    assert report["dropped"] == {"train": {}, "test": {}}
    assert report["utterances"] == []
    for part in ("train", "test"):
        assert (tmp_path / "clean" / f"{part}.json").read_text() == (source / f"{part}.json").read_text()


@pytest.mark.parametrize(
    ("bad", "reason", "detail"),
    [
        (entry("x", ""), "empty_text", "nothing is said"),
        (entry("x", " "), "empty_text", "nothing is said"),
        (entry("x", "naïve 3"), "unknown_characters", "'3' 'ï'"),
        (entry("x", duration=0.09), "too_short", "0.09 s, less than 0.1"),
        (entry("x", duration=16.8), "too_long", "16.8 s, more than 16.7"),
        (entry("a"), "duplicate", "of wav/a.wav (train)"),
        (entry("x", sha256="samples of a"), "duplicate", "of wav/a.wav (train)"),
        (entry("x", sha256="samples of t"), "duplicate", "of wav/t.wav (test)"),
    ],
)
def test_an_utterance_is_dropped_for_its_reason(tmp_path: Path, bad: dict[str, Any], reason: str, detail: str) -> None:
    kept, report = clean(manifests(tmp_path, [entry("a"), bad, entry("b")], [entry("t")]), tmp_path)
    assert kept == {"train": ["wav/a.wav", "wav/b.wav"], "test": ["wav/t.wav"]}
    assert report["dropped"] == {"train": {reason: 1}, "test": {}}
    shown = {key: bad[key] for key in ("audio_filepath", "duration", "text")}
    assert report["utterances"] == [{"part": "train", **shown, "reason": reason, "detail": detail}]


def test_what_was_dropped_itself_makes_nothing_a_duplicate(tmp_path: Path) -> None:
    kept, report = clean(manifests(tmp_path, [entry("a", ""), entry("a")], [entry("t")]), tmp_path)
    assert kept["train"] == ["wav/a.wav"]
    assert report["dropped"]["train"] == {"empty_text": 1}


def test_the_bounds_of_duration_are_kept_and_can_be_moved(tmp_path: Path) -> None:
    source = manifests(tmp_path, [entry("a", duration=0.1), entry("b", duration=16.7)], [entry("t", duration=5)])
    assert clean(source, tmp_path)[1]["kept"] == {"train": 2, "test": 1}
    moved = clean(source, tmp_path, min_duration=1, max_duration=20)
    assert moved[0]["train"] == ["wav/b.wav"]


def test_another_alphabet_can_be_given(tmp_path: Path) -> None:
    source = manifests(tmp_path, [entry("a", "ja"), entry("b", "schön")], [entry("t", "schön")])
    assert clean(source, tmp_path, alphabet=" aöchjns")[1]["kept"] == {"train": 2, "test": 1}


def test_a_text_of_the_test_that_is_trained_on_is_reported_and_stays(tmp_path: Path) -> None:
    source = manifests(tmp_path, [entry("a", "yes"), entry("b", "no")], [entry("t", "no"), entry("u", "go")])
    kept, report = clean(source, tmp_path)
    assert kept["test"] == ["wav/t.wav", "wav/u.wav"]
    assert (report["test_utterances_with_a_text_trained_on"], report["texts_in_both_parts"]) == (1, ["no"])


@pytest.mark.parametrize(
    ("train", "test", "reason"),
    [
        ([], [entry("t")], "nothing is left to train with; dropped: none, the manifest is empty"),
        (
            [entry("a")],
            [entry("t", ""), entry("u", "é"), entry("v", "")],
            "nothing is left to test with; dropped: 2 empty_text, 1 unknown_characters",
        ),
        (["no JSON"], [entry("t")], "{source}/train.json, line 1 is not JSON: "),
        ([entry("a"), {"text": "yes"}], [entry("t")], "{source}/train.json, line 2: audio_filepath is missing"),
        (["[]"], [entry("t")], "{source}/train.json, line 1 is no entry of a manifest: "),
        (
            [{**entry("a"), "duration": "1"}],
            [entry("t")],
            "{source}/train.json, line 1 is no entry of a manifest: audio_filepath and text must be texts, duration a ",
        ),
    ],
)
def test_manifests_that_cannot_be_used_are_refused_and_nothing_is_written(
    tmp_path: Path, train: list[Any], test: list[Any], reason: str
) -> None:
    source = manifests(tmp_path / "in", train, test)
    assert refusal(source, tmp_path / "out").startswith(reason.format(source=source))


def test_a_missing_manifest_is_named(tmp_path: Path) -> None:
    source = tmp_path / "in"
    write(source / "test.json", entry("t"))
    assert refusal(source, tmp_path / "out") == f"{source}/train.json is missing"


def refusal(source: Path, target: Path) -> str:
    """Run it to failure; what it says. It writes nothing."""
    done = scripts.run("clean.py", input_manifests=source, output_manifests=target, report=target)
    assert done.returncode == 1
    assert not target.exists()
    assert done.stderr.startswith("cannot use the manifests: ")
    return done.stderr.removeprefix("cannot use the manifests: ").strip()
