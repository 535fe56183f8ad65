"""Makes a speech corpus into 16 kHz mono wav files of 16 bits and NeMo manifests, `train.json` and `test.json`.

The input folder holds one of these; audio is wav, flac or NIST sphere, of any rate and number of channels:

- AN4's layout, at its top or one folder below: `etc/*_train.transcription` and `etc/*_test.transcription` with lines
  `<s> TEXT </s> (identifier)`, and `<identifier>.wav|flac|sph` anywhere below `wav/`;
- NeMo manifests, `*.json` or `*.jsonl` at its top: a JSON object a line with `audio_filepath` (relative to the
  manifest) and `text`, perhaps `speaker`; files whose names begin with `test` are the test part, all others the
  training part;
- `transcripts.tsv` at its top: a line a recording with its path, a tab and its text.

Where nothing says what the test part is, `--test-fraction` of the utterances are, whole texts at a time.

An entry of a manifest has `audio_filepath` (relative to the folder of `--output-audio`), `duration` in seconds, `text`
in lower case, `speaker` where known, and `audio_sha256` of the samples. Input that cannot be used ends it with code 1
and one line that says where and why, and leaves nothing behind.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import sys
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

SAMPLE_RATE = 16_000
SUFFIXES = (".wav", ".flac", ".sph")
PARTS = ("train", "test")
TRANSCRIPTS = "transcripts.tsv"
AN4_LINE = re.compile(r"(?:<s>)?(?P<text>.*?)(?:</s>)?\s*\((?P<identifier>[^()]+)\)")
FORMS = f"etc/*.transcription (AN4's layout), *.json or *.jsonl (NeMo manifests) or {TRANSCRIPTS}"


@dataclass(frozen=True)
class Utterance:
    """A recording and what is said in it; `part` is None where the corpus does not say."""

    audio: Path
    text: str
    speaker: str | None
    part: str | None


def read_corpus(folder: Path) -> list[Utterance]:
    """Every utterance of `folder`, in the order of its lists.

    Raises:
        ValueError: the folder is in none of the known forms, or a line cannot be used.
    """
    folder = folder.resolve()
    lists = [*sorted(folder.glob("etc/*.transcription")), *sorted(folder.glob("*/etc/*.transcription"))]
    manifests = sorted(path for suffix in ("json", "jsonl") for path in folder.glob(f"*.{suffix}"))
    table = folder / TRANSCRIPTS
    if lists:
        utterances = read_an4(lists)
    elif manifests:
        utterances = [utterance for path in manifests for utterance in read_manifest(path)]
    elif table.is_file():
        utterances = read_table(table)
    else:
        found = ", ".join(sorted(path.name for path in folder.iterdir())[:5]) if folder.is_dir() else ""
        raise ValueError(f"{folder} holds {found or 'nothing'}; it must hold {FORMS}")
    if not utterances:
        raise ValueError(f"{folder} lists no utterance")
    for utterance in utterances:
        if not utterance.audio.is_file():
            raise ValueError(f"{utterance.audio} is listed but missing")
    return utterances


def part_of(name: str, test: bool) -> str | None:
    """The part that a list's name says; None where `test` says that no list is of the test."""
    return None if not test else "test" if name.startswith("test") else "train"


def read_an4(lists: list[Path]) -> list[Utterance]:
    """Utterances of AN4's layout; a speaker is what an identifier has between its first and its last dash."""
    roots = {path.parent.parent for path in lists}
    if len(roots) > 1:
        raise ValueError(f"more than one corpus: {', '.join(sorted(map(str, roots)))}; give the folder of one")
    (root,) = roots
    audio = recordings(root / "wav")
    test = any(path.stem.endswith("test") for path in lists)
    utterances = []
    for path in lists:
        for where, line in lines(path):
            match = AN4_LINE.fullmatch(line)
            if not match:
                raise ValueError(f"{where}: {line!r} is not of the form: TEXT (identifier)")
            identifier = match["identifier"]
            if identifier not in audio:
                raise ValueError(f"{where}: {root / 'wav'} has no {identifier} as {' or '.join(SUFFIXES)}")
            speaker = identifier.partition("-")[2].rpartition("-")[0] or None
            part = part_of(path.stem.rpartition("_")[2], test)
            utterances.append(Utterance(audio[identifier], match["text"], speaker, part))
    return utterances


def recordings(folder: Path) -> dict[str, Path]:
    """Every recording below `folder` by its identifier, as wav where it is there in several formats."""
    result: dict[str, Path] = {}
    # The last format wins: a sphere file is often kept beside the wav file that was made of it.
    for suffix in reversed(SUFFIXES):
        found: dict[str, Path] = {}
        for path in sorted(folder.rglob(f"*{suffix}")):
            if path.stem in found:
                raise ValueError(f"{found[path.stem]} and {path} have the same identifier; rename one")
            found[path.stem] = path
        result.update(found)
    return {identifier: path.resolve() for identifier, path in result.items()}


def read_manifest(path: Path) -> list[Utterance]:
    """Utterances of a NeMo manifest."""
    test = any(other.name.startswith("test") for other in path.parent.glob("*.json*"))
    utterances = []
    for where, line in lines(path):
        try:
            entry: Any = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"{where} is not JSON: {error}") from error
        if not isinstance(entry, dict) or not all(
            isinstance(entry.get(key), str) for key in ("audio_filepath", "text")
        ):
            raise ValueError(f"{where} must be an object with the texts audio_filepath and text, and is {line[:80]}")
        if entry.get("offset"):
            raise ValueError(f"{where}: offset is not supported; cut the recording into a file an utterance")
        speaker = entry.get("speaker")
        audio = Path(path.parent, entry["audio_filepath"]).resolve()
        utterances.append(
            Utterance(audio, entry["text"], None if speaker is None else str(speaker), part_of(path.name, test))
        )
    return utterances


def read_table(path: Path) -> list[Utterance]:
    """Utterances of a table: path, tab, text."""
    utterances = []
    for where, line in lines(path):
        name, tab, text = line.partition("\t")
        if not tab:
            raise ValueError(f"{where}: {line!r} has no tab between the path and the text")
        utterances.append(Utterance(Path(path.parent, name).resolve(), text, None, None))
    return utterances


def lines(path: Path) -> list[tuple[str, str]]:
    """The lines of a file that are not blank, each with what an error calls it."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8: byte {error.start}") from error
    return [(f"{path}, line {number}", line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]


def split(utterances: list[Utterance], test_fraction: float, seed: int) -> dict[str, list[Utterance]]:
    """Train and test. Where the corpus does not say, whole texts are drawn for the test by a hash of text and seed."""
    parts: dict[str, list[Utterance]] = {part: [each for each in utterances if each.part == part] for part in PARTS}
    undecided: dict[str, list[Utterance]] = defaultdict(list)
    for utterance in utterances:
        if utterance.part is None:
            undecided[normalised(utterance.text)].append(utterance)
    wanted = test_fraction * sum(map(len, undecided.values()))
    taken: set[str] = set()
    count = 0
    for text in sorted(undecided, key=lambda text: hashlib.sha256(f"{seed} {text}".encode()).digest()):
        if count >= wanted:
            break
        taken.add(text)
        count += len(undecided[text])
    for utterance in utterances:
        if utterance.part is None:
            parts["test" if normalised(utterance.text) in taken else "train"].append(utterance)
    for part, members in parts.items():
        if not members:
            raise ValueError(f"no utterance to {part} with, of {len(utterances)}")
    return parts


def normalised(text: str) -> str:
    """Lower case, with single spaces between words."""
    return " ".join(text.lower().split())


def convert(source: Path, target: Path) -> dict[str, Any]:
    """Write `source` as 16 kHz mono wav of 16 bits; its duration and the SHA-256 of its samples."""
    try:
        samples, rate = soundfile.read(source, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, TypeError) as error:
        raise ValueError(f"{source} cannot be read as audio: {getattr(error, 'error_string', error)}") from error
    mono = samples.mean(axis=1)
    if not np.isfinite(mono).all():
        raise ValueError(f"{source} has samples that are no numbers")
    if rate != SAMPLE_RATE:
        mono = soxr.resample(mono, rate, SAMPLE_RATE)
    pcm = (np.clip(mono, -1, 1) * 32_767).round().astype("<i2")
    target.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(target, pcm, SAMPLE_RATE, subtype="PCM_16")
    return {
        "duration": round(len(pcm) / SAMPLE_RATE, 4),
        "audio_sha256": hashlib.sha256(pcm.tobytes()).hexdigest(),
    }


def names(sources: list[Path]) -> dict[Path, str]:
    """Where each source's wav file goes: below `wav/` as the sources lie below the folder that holds them all."""
    base = Path(os.path.commonpath([source.parent for source in sources]))
    result: dict[Path, str] = {}
    taken: dict[str, Path] = {}
    for source in sources:
        name = Path("wav", source.relative_to(base)).with_suffix(".wav").as_posix()
        if name in taken:
            raise ValueError(f"{taken[name]} and {source} would both become {name}; rename one")
        taken[name] = source
        result[source] = name
    return result


def preprocess(source: Path, audio: Path, manifests: Path, test_fraction: float, seed: int) -> None:
    """Read `source`, write `audio` and `manifests`; ValueError for a corpus that cannot be used."""
    parts = split(read_corpus(source), test_fraction, seed)
    targets = names(list(dict.fromkeys(utterance.audio for part in PARTS for utterance in parts[part])))
    aside = audio / ".incomplete"
    shutil.rmtree(aside, ignore_errors=True)
    try:
        with ProcessPoolExecutor(os.cpu_count()) as pool:
            converted = pool.map(convert, targets, [aside / name for name in targets.values()], chunksize=8)
            made = dict(zip(targets, converted, strict=True))
        shutil.rmtree(audio / "wav", ignore_errors=True)
        (aside / "wav").rename(audio / "wav")
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    manifests.mkdir(parents=True, exist_ok=True)
    for part, utterances in parts.items():
        entries = [
            {
                "audio_filepath": targets[utterance.audio],
                "duration": made[utterance.audio]["duration"],
                "text": normalised(utterance.text),
                **({"speaker": utterance.speaker} if utterance.speaker else {}),
                "audio_sha256": made[utterance.audio]["audio_sha256"],
            }
            for utterance in utterances
        ]
        (manifests / f"{part}.json").write_text("".join(f"{json.dumps(entry)}\n" for entry in entries))
        print(f"{part}: {len(entries)} utterances, {sum(entry['duration'] for entry in entries):.0f} s")


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--output-audio", type=Path, required=True)
    parser.add_argument("--output-manifests", type=Path, required=True)
    parser.add_argument("--test-fraction", type=float, default=0.125)
    parser.add_argument("--seed", type=int, default=42)
    arguments = parser.parse_args()
    try:
        preprocess(
            arguments.input,
            arguments.output_audio,
            arguments.output_manifests,
            arguments.test_fraction,
            arguments.seed,
        )
    except ValueError as error:
        print(f"cannot use the corpus: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
