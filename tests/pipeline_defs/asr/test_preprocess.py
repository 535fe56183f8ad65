"""Corpora in several forms become 16 kHz wav files and manifests; a bad one is refused whole."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.pipeline_defs.asr import scripts
from tests.pipeline_defs.asr.scripts import tone, write


def preprocess(corpus: Path, folder: Path, **arguments: object) -> dict[str, list[dict[str, Any]]]:
    """Run it to success; the entries of each part."""
    audio, manifests = folder / "audio", folder / "manifests"
    done = scripts.run("preprocess.py", input=corpus, output_audio=audio, output_manifests=manifests, **arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return {part: scripts.read(manifests / f"{part}.json") for part in ("train", "test")}


def refusal(corpus: Path, folder: Path, **arguments: object) -> str:
    """Run it to failure; what it says. It leaves no file."""
    folder.mkdir()
    done = scripts.run("preprocess.py", input=corpus, output_audio=folder, output_manifests=folder, **arguments)
    assert done.returncode == 1
    assert [path for path in folder.rglob("*") if path.is_file()] == []
    assert done.stderr.startswith("cannot use the corpus: ")
    assert done.stderr.count("\n") == 1
    return done.stderr.removeprefix("cannot use the corpus: ").strip()


def an4(root: Path) -> Path:
    """The layout of CMU's own archive: sphere files, sentence marks in the training part alone."""
    tone(root / "wav" / "an4_clstk" / "fash" / "an251-fash-b.sph")
    tone(root / "wav" / "an4_clstk" / "fash" / "an253-fash-b.sph", hertz=300)
    tone(root / "wav" / "an4test_clstk" / "fcaw" / "an406-fcaw-b.sph", hertz=500)
    write(root / "etc" / "an4_train.transcription", "<s> YES </s> (an251-fash-b)", "<s> GO </s> (an253-fash-b)")
    write(root / "etc" / "an4_test.transcription", "RUBOUT G M E F THREE NINE (an406-fcaw-b)")
    return root


@pytest.mark.parametrize("below", ["", "an4"])
def test_an4s_layout_gives_its_own_parts(tmp_path: Path, below: str) -> None:
    an4(tmp_path / "corpus" / below)
    parts = preprocess(tmp_path / "corpus", tmp_path)
    digest = parts["test"][0].pop("audio_sha256")
    assert parts["test"] == [
        {
            "audio_filepath": "wav/an4test_clstk/fcaw/an406-fcaw-b.wav",
            "duration": 0.5,
            "text": "rubout g m e f three nine",
            "speaker": "fcaw",
        }
    ]
    assert [entry["text"] for entry in parts["train"]] == ["yes", "go"]
    samples, rate = soundfile.read(tmp_path / "audio" / parts["test"][0]["audio_filepath"], dtype="int16")
    assert (rate, samples.shape) == (16_000, (8000,))
    assert hashlib.sha256(samples.tobytes()).hexdigest() == digest


def test_a_wav_file_beside_the_sphere_file_it_was_made_of_is_the_one_used(tmp_path: Path) -> None:
    root = an4(tmp_path / "corpus")
    tone(root / "wav" / "an4_clstk" / "fash" / "an251-fash-b.wav", seconds=0.7)
    assert preprocess(root, tmp_path)["train"][0]["duration"] == 0.7


def test_any_rate_and_number_of_channels_becomes_16_khz_mono_of_the_same_sound(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    for rate, channels, name in ((8000, 1, "a.wav"), (22_050, 2, "b.flac"), (44_100, 2, "c.wav"), (16_000, 1, "d.wav")):
        tone(corpus / name, rate=rate, channels=channels)
    write(corpus / "transcripts.tsv", *(f"{name}\t{name[0]}" for name in ("a.wav", "b.flac", "c.wav", "d.wav")))
    entries = [entry for part in preprocess(corpus, tmp_path).values() for entry in part]
    assert len(entries) == 4
    for entry in entries:
        path = tmp_path / "audio" / entry["audio_filepath"]
        info = soundfile.info(path)
        assert (info.samplerate, info.channels, info.subtype, info.frames) == (16_000, 1, "PCM_16", 8000)
        samples = soundfile.read(path)[0]
        assert np.abs(np.fft.rfft(samples)).argmax() * 2 == 440
        assert np.abs(samples[1000:-1000]).max() == pytest.approx(0.5, abs=0.01)


def test_manifests_say_by_their_names_what_is_for_the_test(tmp_path: Path) -> None:
    tone(tmp_path / "elsewhere" / "x.wav")
    corpus = tmp_path / "corpus"
    tone(corpus / "wavs" / "ann" / "1.wav")
    tone(corpus / "wavs" / "bob" / "1.wav")
    outside = str(tmp_path / "elsewhere" / "x.wav")
    write(
        corpus / "train_manifest.json",
        {"audio_filepath": "wavs/ann/1.wav", "text": "  Hello \t World ", "speaker": "ann", "duration": 99},
        "",
        {"audio_filepath": outside, "text": "far"},
    )
    write(corpus / "test_manifest.json", {"audio_filepath": "wavs/bob/1.wav", "text": "hello", "speaker": 7})
    parts = preprocess(corpus, tmp_path)
    for entry in (*parts["train"], *parts["test"]):
        assert entry.pop("duration") == 0.5
        del entry["audio_sha256"]
    assert parts == {
        "train": [
            {"audio_filepath": "wav/corpus/wavs/ann/1.wav", "text": "hello world", "speaker": "ann"},
            {"audio_filepath": "wav/elsewhere/x.wav", "text": "far"},
        ],
        "test": [{"audio_filepath": "wav/corpus/wavs/bob/1.wav", "text": "hello", "speaker": "7"}],
    }


def test_where_nothing_names_a_test_part_whole_texts_are_drawn_for_it(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    tone(corpus / "1.wav", seconds=0.1)
    entries = [{"audio_filepath": "1.wav", "text": f"Text {index % 10}"} for index in range(40)]
    write(corpus / "all.jsonl", *entries)
    parts = preprocess(corpus, tmp_path / "one", test_fraction=0.2)
    texts = {part: {entry["text"] for entry in entries} for part, entries in parts.items()}
    assert texts["train"] & texts["test"] == set()
    assert {part: len(entries) for part, entries in parts.items()} == {"train": 32, "test": 8}
    assert preprocess(corpus, tmp_path / "two", test_fraction=0.2) == parts
    assert preprocess(corpus, tmp_path / "other", test_fraction=0.2, seed=43) != parts


def test_a_second_run_gives_the_same_bytes_in_place_of_the_first(tmp_path: Path) -> None:
    corpus = an4(tmp_path / "corpus")

    def content() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}

    preprocess(corpus, tmp_path / "out")
    first = content()
    write(tmp_path / "out" / "audio" / "wav" / "stale.wav", "of a run before")
    preprocess(corpus, tmp_path / "out")
    assert content() == first


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, "{corpus} holds a.wav; it must hold etc/*.transcription (AN4's layout), "),
        ({"transcripts.tsv": ["\n"]}, "{corpus} lists no utterance"),
        ({"transcripts.tsv": ["a.wav yes"]}, "{corpus}/transcripts.tsv, line 1: 'a.wav yes' has no tab between "),
        ({"transcripts.tsv": ["b.wav\tyes"]}, "{corpus}/b.wav is listed but missing"),
        ({"transcripts.tsv": ["a.wav\tyes"]}, "no utterance to train with, of 1"),
        (
            {"transcripts.tsv": ["a.wav\tyes", "transcripts.tsv\tno"]},
            "{corpus}/transcripts.tsv cannot be read as audio",
        ),
        ({"m.json": ['{"text": "yes"}']}, "{corpus}/m.json, line 1 must be an object with the texts audio_filepath "),
        ({"m.json": ["[1]"]}, "{corpus}/m.json, line 1 must be an object with the texts audio_filepath "),
        ({"m.json": ["", "yes"]}, "{corpus}/m.json, line 2 is not JSON: "),
        (
            {"m.json": ['{"audio_filepath": "a.wav", "text": "yes", "offset": 1.5}']},
            "{corpus}/m.json, line 1: offset is not supported; cut the recording into a file an utterance",
        ),
        (
            {"etc/an4_train.transcription": ["<s> YES </s> (an1-x-b)"]},
            "{corpus}/etc/an4_train.transcription, line 1: {corpus}/wav has no an1-x-b as .wav or .flac or .sph",
        ),
        (
            {"etc/an4_train.transcription": ["<s> YES </s>"]},
            "{corpus}/etc/an4_train.transcription, line 1: '<s> YES </s>' is not of the form: TEXT (identifier)",
        ),
        (
            {"one/etc/a.transcription": [""], "two/etc/a.transcription": [""]},
            "more than one corpus: {corpus}/one, {corpus}/two; give the folder of one",
        ),
    ],
)
def test_a_corpus_that_cannot_be_used_is_refused_whole(
    tmp_path: Path, files: dict[str, list[str]], reason: str
) -> None:
    corpus = tmp_path / "corpus"
    tone(corpus / "a.wav")
    for name, lines in files.items():
        write(corpus / name, *lines)
    assert refusal(corpus, tmp_path / "out").startswith(reason.format(corpus=corpus))


def test_two_recordings_that_would_become_one_are_refused(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    tone(corpus / "a.wav")
    tone(corpus / "a.flac")
    write(corpus / "transcripts.tsv", "a.wav\tyes", "a.flac\tno")
    assert "would both become wav/a.wav; rename one" in refusal(corpus, tmp_path / "out")


def test_two_recordings_with_one_identifier_are_refused(tmp_path: Path) -> None:
    root = an4(tmp_path / "corpus")
    tone(root / "wav" / "other" / "an251-fash-b.sph")
    assert "an251-fash-b.sph have the same identifier; rename one" in refusal(root, tmp_path / "out")


def test_a_list_made_on_windows_is_read_alike(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    for name in ("a", "b"):
        tone(corpus / f"{name}.wav", seconds=0.1)
    (corpus / "transcripts.tsv").write_bytes("\ufeffa.wav\tyes\r\nb.wav\tno\u2028way\r\n".encode())
    entries = [entry for part in preprocess(corpus, tmp_path).values() for entry in part]
    assert sorted(entry["text"] for entry in entries) == ["no way", "yes"]


def test_a_folder_that_is_not_there_and_samples_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none", tmp_path / "out").startswith(f"{tmp_path}/none holds nothing; it must hold ")
    corpus = tmp_path / "corpus"
    tone(corpus / "a.wav")
    soundfile.write(corpus / "b.wav", np.full(100, np.nan), 16_000, subtype="FLOAT")
    write(corpus / "transcripts.tsv", "a.wav\tyes", "b.wav\tno")
    assert refusal(corpus, tmp_path / "again") == f"{corpus}/b.wav has samples that are no numbers"
