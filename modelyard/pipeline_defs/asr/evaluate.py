"""Measures the model on the held-out utterances.

The word error rate (WER) is the number of words that have to be inserted, deleted or replaced to make the transcripts
of all utterances into what is said in them, over the number of words said: long utterances count for more, and it can
be above 1. The character error rate (CER) is the same of characters, spaces between words included. Both come with
their standard deviation over bootstrap resamples of the utterances.

Reads model.tar.gz and test.json with its audio; writes `evaluation.json` with both rates and the worst utterances,
`hypotheses.jsonl` with every utterance, `wer_by_duration.png`, and `examples.json`: the shortest recordings with their
transcripts, which the smoke test of a stage asks of its endpoint.
"""

import argparse
import base64
import json
import logging
import tarfile
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import quiet  # noqa: F401

# isort: split
import numpy as np
import torch
from matplotlib.figure import Figure
from nemo.collections.asr.models import ASRModel
from nemo.utils import logging as nemo_logging
from numpy.typing import NDArray

BINS = 5
RESAMPLES = 200
SEED = 42
WORST = 20
EXAMPLES = 3
# Of base64, so that the file stays below the 256 KiB that a smoke test reads.
EXAMPLES_BYTES = 240 * 1024
# Another batch, or another device, may turn a word that the model is unsure of.
TOLERANCE = {"word_error_rate": 0.25}


@dataclass(frozen=True)
class Utterance:
    """What was said, what was heard, and by how much they differ."""

    audio_filepath: str
    duration: float
    text: str
    hypothesis: str
    words: int
    word_errors: int
    characters: int
    character_errors: int

    @property
    def wer(self) -> float:
        """Word errors over words; over one where nothing was said."""
        return self.word_errors / max(1, self.words)


def distance(said: list[str] | str, heard: list[str] | str) -> int:
    """The fewest insertions, deletions and replacements that make `heard` into `said` (Levenshtein's distance)."""
    row = list(range(len(heard) + 1))
    for index, unit in enumerate(said, 1):
        before, row[0] = row[0], index
        for column, other in enumerate(heard, 1):
            before, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, before + (unit != other))
    return row[-1]


def compare(entry: dict[str, Any], hypothesis: str) -> Utterance:
    """An entry of the manifest with the model's answer."""
    said, heard = entry["text"].split(), hypothesis.split()
    return Utterance(
        audio_filepath=entry["audio_filepath"],
        duration=entry["duration"],
        text=entry["text"],
        hypothesis=hypothesis,
        words=len(said),
        word_errors=distance(said, heard),
        characters=len(" ".join(said)),
        character_errors=distance(" ".join(said), " ".join(heard)),
    )


def transcribe(archive: Path, files: list[Path], batch_size: int) -> list[str]:
    """The model's text for each file."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
        model = ASRModel.restore_from(
            f"{folder}/model.nemo", map_location="cuda" if torch.cuda.is_available() else "cpu"
        )
    model.eval()
    answers = model.transcribe([str(path) for path in files], batch_size=batch_size, verbose=False)
    return [answer.text for answer in answers]


def rate(utterances: list[Utterance], errors: str, units: str) -> dict[str, float]:
    """Errors over units, and the standard deviation over resamples."""
    counts = np.array([[getattr(each, errors), getattr(each, units)] for each in utterances])
    generator = np.random.default_rng(SEED)
    resamples = [counts[generator.integers(len(counts), size=len(counts))].sum(axis=0) for _ in range(RESAMPLES)]
    return {"value": quotient(counts.sum(axis=0)), "standard_deviation": float(np.std(list(map(quotient, resamples))))}


def quotient(counts: NDArray[np.int64]) -> float:
    """Errors over units."""
    return float(counts[0] / max(1, counts[1]))


def report(utterances: list[Utterance]) -> dict[str, Any]:
    """The content of evaluation.json."""
    worst = sorted(utterances, key=lambda each: (-each.wer, -each.character_errors, each.audio_filepath))
    return {
        "speech_recognition_metrics": {
            "wer": rate(utterances, "word_errors", "words"),
            "cer": rate(utterances, "character_errors", "characters"),
        },
        "utterances": len(utterances),
        "words": sum(each.words for each in utterances),
        "seconds": round(sum(each.duration for each in utterances), 1),
        "utterances_without_error": sum(each.word_errors == 0 for each in utterances),
        "worst": [{**asdict(each), "wer": each.wer} for each in worst[:WORST] if each.word_errors],
    }


def examples(utterances: list[Utterance], audio: Path) -> dict[str, Any]:
    """Requests with the shortest recordings in which the model heard something, and the text that it heard."""
    recorded, size = [], 0
    for each in sorted(utterances, key=lambda each: (not each.hypothesis, each.duration, each.audio_filepath))[
        :EXAMPLES
    ]:
        content = base64.b64encode((audio / each.audio_filepath).read_bytes()).decode()
        size += len(content)
        if size > EXAMPLES_BYTES:
            break
        request = {"content_type": "audio/wav", "accept": "text/plain", "body_base64": content}
        recorded.append({"name": each.audio_filepath, **request, "answer": each.hypothesis})
    return {"version": 1, "tolerance": TOLERANCE, "examples": recorded}


def plot(utterances: list[Utterance], path: Path) -> None:
    """WER of the utterances in bins of duration, each with as many of them, as near as can be."""
    ordered = sorted(utterances, key=lambda each: each.duration)
    bins = [[ordered[index] for index in part] for part in np.array_split(np.arange(len(ordered)), BINS) if len(part)]
    labels = [f"{part[0].duration:.1f} to {part[-1].duration:.1f} s\n{len(part)} utterances" for part in bins]
    rates = [sum(each.word_errors for each in part) / max(1, sum(each.words for each in part)) for part in bins]
    figure = Figure(figsize=(9, 4))
    axes = figure.subplots()
    axes.bar(range(len(bins)), rates)
    axes.set_xticks(range(len(bins)), labels)
    axes.set(ylabel="word error rate", ylim=(0, None if any(rates) else 1))
    overall = rate(utterances, "word_errors", "words")["value"]
    axes.axhline(overall, color="black", linewidth=1, linestyle="--")
    figure.suptitle(f"{len(utterances)} held-out utterances, WER {overall:.3f}")
    figure.savefig(path, dpi=100, bbox_inches="tight", metadata={"Software": None})


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--audio", type=Path, required=True)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--batch_size", type=int, default=16)
    arguments = parser.parse_args()
    nemo_logging.setLevel(logging.ERROR)
    entries = [json.loads(line) for line in arguments.manifest.read_text().splitlines()]
    files = [arguments.audio / entry["audio_filepath"] for entry in entries]
    hypotheses = transcribe(arguments.model, files, arguments.batch_size)
    utterances = [compare(entry, hypothesis) for entry, hypothesis in zip(entries, hypotheses, strict=True)]
    arguments.output.mkdir(parents=True, exist_ok=True)
    result = report(utterances)
    (arguments.output / "evaluation.json").write_text(json.dumps(result, indent=1))
    lines = [json.dumps(asdict(each)) + "\n" for each in utterances]
    (arguments.output / "hypotheses.jsonl").write_text("".join(lines))
    recorded = examples(utterances, arguments.audio)
    (arguments.output / "examples.json").write_text(json.dumps(recorded, indent=1))
    plot(utterances, arguments.output / "wer_by_duration.png")
    print(json.dumps({name: value for name, value in result.items() if name != "worst"}))


if __name__ == "__main__":
    main()
