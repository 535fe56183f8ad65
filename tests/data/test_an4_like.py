"""Synthetic speech in AN4's layout: the same for a seed, and nothing of the test heard in training."""

import hashlib
import re
import subprocess
import sys
import wave
from array import array
from pathlib import Path

import pytest

from modelyard.data import DataError, make_an4_like
from modelyard.data.espeak import Synthesiser

LINES = {"train": r"<s> ([A-Z ]+) </s> \((an\d{4}-(\w{4})-b)\)", "test": r"([A-Z ]+) \((an\d{4}-(\w{4})-b)\)"}
FOLDERS = {"train": "an4_clstk", "test": "an4test_clstk"}
UTTERANCES = 64


def utterances(corpus: Path, part: str) -> list[tuple[str, str, str]]:
    """Text, identifier and speaker of each line."""
    found = []
    for line in (corpus / "etc" / f"an4_{part}.transcription").read_text().splitlines():
        match = re.fullmatch(LINES[part], line)
        assert match, line
        found.append((match[1], match[2], match[3]))
    return found


def content(corpus: Path) -> dict[str, str]:
    """The SHA-256 of every file."""
    files = sorted(path for path in corpus.rglob("*") if path.is_file())
    return {str(path.relative_to(corpus)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = make_an4_like(tmp_path_factory.mktemp("speech") / "an4", utterances=UTTERANCES)
    assert (made.train, made.test) == (56, 8)
    return made.folder


@pytest.mark.parametrize("part", ["train", "test"])
def test_the_lists_are_those_of_an4_and_name_a_wav_file_each(corpus: Path, part: str) -> None:
    spoken = utterances(corpus, part)
    listed = (corpus / "etc" / f"an4_{part}.fileids").read_text().splitlines()
    assert listed == [f"{FOLDERS[part]}/{speaker}/{identifier}" for _, identifier, speaker in spoken]
    folder = corpus / "wav"
    files = {str(path.relative_to(folder).with_suffix("")) for path in folder.glob(f"{FOLDERS[part]}/*/*.wav")}
    assert files == set(listed)


def test_neither_a_voice_nor_a_text_of_the_test_is_heard_in_training(corpus: Path) -> None:
    train, test = utterances(corpus, "train"), utterances(corpus, "test")
    for index in (0, 1, 2):
        assert {spoken[index] for spoken in train} & {spoken[index] for spoken in test} == set()
    assert len({speaker for _, _, speaker in train}) > 6


def test_every_recording_is_audible_mono_with_pauses_and_noise(corpus: Path) -> None:
    peaks, lengths = [], []
    for path in (corpus / "wav").rglob("*.wav"):
        with wave.open(str(path)) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (22_050, 1, 2)
            samples = array("h", file.readframes(file.getnframes()))
        peaks.append(max(samples) / 32_768)
        lengths.append(len(samples) / 22_050)
        beginning = samples[:2000]
        assert 0 < max(beginning) <= 40
    assert 0.1 < min(peaks) < max(peaks) <= 0.83
    assert 0.5 < min(lengths) < max(lengths) < 10


def test_a_seed_gives_the_same_bytes_in_another_process_and_another_seed_gives_others(
    corpus: Path, tmp_path: Path
) -> None:
    program = str(Path(sys.executable).with_name("modelyard"))
    command = [program, "data", "an4-like", "--utterances", str(UTTERANCES)]
    for name, seed in (("again", "7"), ("others", "8")):
        done = subprocess.run([*command, "--seed", seed, str(tmp_path / name)], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        assert re.fullmatch(r".*: 56 utterances to train on, 8 to test with, \d+ s\n", done.stdout)
    assert content(tmp_path / "again") == content(corpus)
    assert set(content(tmp_path / "others").values()) & set(content(corpus).values()) == set()


def test_what_is_there_is_not_overwritten(corpus: Path, tmp_path: Path) -> None:
    before = content(corpus)
    (tmp_path / "file").write_text("mine")
    for taken in (corpus, tmp_path / "file"):
        with pytest.raises(DataError) as refusal:
            make_an4_like(taken)
        assert str(refusal.value) == f"{taken} exists and is not an empty folder; name a new one"
    assert content(corpus) == before


def test_too_few_utterances_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(DataError) as refusal:
        make_an4_like(tmp_path / "an4", utterances=15)
    assert str(refusal.value) == "15 utterances are too few; ask for at least 16"
    assert list(tmp_path.iterdir()) == []


def test_without_the_package_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(DataError) as refusal:
        Synthesiser(7)
    assert str(refusal.value) == (
        "speech is synthesised by the package espeakng-loader, which is not installed; "
        "run: pip install 'modelyard[speech]'"
    )


def test_a_failed_synthesis_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modelyard.data.an4_like.HELD_OUT_VOICES", {"none": "xx-none"})
    with pytest.raises(DataError) as refusal:
        make_an4_like(tmp_path / "an4", utterances=16)
    assert str(refusal.value) == "espeak-ng has no voice 'xx-none'"
    assert list(tmp_path.iterdir()) == []
