"""Drops utterances that training or evaluation cannot use, and reports what was dropped and why.

Reads `train.json` and `test.json` of `--input-manifests`, writes those kept to `--output-manifests`. Reasons, the first
that applies: `empty_text`; `unknown_characters` (outside `--alphabet`); `too_short`, `too_long` (seconds);
`duplicate` (a path or samples kept before; what is in both parts stays in the test alone). `dropped.json` in the
folder of `--report` has the counts by reason, every utterance dropped, and the texts of the test that are trained on
too, which stay. Where a part would be left without utterances it ends with code 1 and the counts, and writes nothing.
"""

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

# The test first: what both parts have stays in the test.
PARTS = ("test", "train")
ALPHABET = " abcdefghijklmnopqrstuvwxyz'"

Entry = dict[str, Any]


def read(path: Path) -> list[Entry]:
    """The entries of a manifest; ValueError names the line that is none."""
    if not path.is_file():
        raise ValueError(f"{path} is missing")
    entries = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        try:
            entry: Any = json.loads(line)
            good = isinstance(entry["audio_filepath"], str) and isinstance(entry["text"], str)
            if not good or not isinstance(entry["duration"], int | float):
                raise TypeError("audio_filepath and text must be texts, duration a number")
        except json.JSONDecodeError as error:
            raise ValueError(f"{path}, line {number} is not JSON: {error}") from error
        except KeyError as error:
            raise ValueError(f"{path}, line {number}: {error.args[0]} is missing") from error
        except TypeError as error:
            raise ValueError(f"{path}, line {number} is no entry of a manifest: {error}") from error
        entries.append(entry)
    return entries


class Rules:
    """What makes an utterance unusable; it remembers those that were kept."""

    def __init__(self, min_duration: float, max_duration: float, alphabet: str) -> None:
        self._min = min_duration
        self._max = max_duration
        self._alphabet = set(alphabet)
        self._kept: dict[str, str] = {}

    def fault(self, entry: Entry, part: str) -> tuple[str, str] | None:
        """Reason and detail, or None for an utterance to keep."""
        duration = entry["duration"]
        unknown = sorted(set(entry["text"]) - self._alphabet)
        keys = [entry[key] for key in ("audio_filepath", "audio_sha256") if key in entry]
        kept = next((self._kept[key] for key in keys if key in self._kept), None)
        if not entry["text"].strip():
            return "empty_text", "nothing is said"
        if unknown:
            return "unknown_characters", " ".join(map(repr, unknown))
        if duration < self._min:
            return "too_short", f"{duration} s, less than {self._min}"
        if duration > self._max:
            return "too_long", f"{duration} s, more than {self._max}"
        if kept:
            return "duplicate", f"of {kept}"
        self._kept.update(dict.fromkeys(keys, f"{entry['audio_filepath']} ({part})"))
        return None


def clean(source: Path, target: Path, report: Path, rules: Rules) -> None:
    """Read, drop, write; ValueError for manifests that cannot be used."""
    kept: dict[str, list[Entry]] = {part: [] for part in PARTS}
    dropped: list[Entry] = []
    counts: dict[str, Counter[str]] = {part: Counter() for part in PARTS}
    for part in PARTS:
        for entry in read(source / f"{part}.json"):
            fault = rules.fault(entry, part)
            if fault is None:
                kept[part].append(entry)
                continue
            reason, detail = fault
            counts[part][reason] += 1
            shown = {key: entry[key] for key in ("audio_filepath", "duration", "text")}
            dropped.append({"part": part, **shown, "reason": reason, "detail": detail})
        if not kept[part]:
            reasons = ", ".join(f"{count} {reason}" for reason, count in counts[part].items())
            raise ValueError(f"nothing is left to {part} with; dropped: {reasons or 'none, the manifest is empty'}")
    trained = {entry["text"] for entry in kept["train"]}
    both = [entry["text"] for entry in kept["test"] if entry["text"] in trained]
    summary = {
        "kept": {part: len(entries) for part, entries in kept.items()},
        "dropped": {part: dict(sorted(counts[part].items())) for part in PARTS},
        "test_utterances_with_a_text_trained_on": len(both),
        "texts_in_both_parts": sorted(set(both)),
        "utterances": dropped,
    }
    target.mkdir(parents=True, exist_ok=True)
    report.mkdir(parents=True, exist_ok=True)
    for part, entries in kept.items():
        (target / f"{part}.json").write_text("".join(f"{json.dumps(entry)}\n" for entry in entries))
    (report / "dropped.json").write_text(json.dumps(summary, indent=1))
    print(json.dumps({key: summary[key] for key in ("kept", "dropped", "test_utterances_with_a_text_trained_on")}))


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input-manifests", type=Path, required=True)
    parser.add_argument("--output-manifests", type=Path, required=True)
    parser.add_argument("--report", type=Path, required=True)
    parser.add_argument("--min-duration", type=float, default=0.1)
    parser.add_argument("--max-duration", type=float, default=16.7)
    parser.add_argument("--alphabet", default=ALPHABET)
    arguments = parser.parse_args()
    rules = Rules(arguments.min_duration, arguments.max_duration, arguments.alphabet)
    try:
        clean(arguments.input_manifests, arguments.output_manifests, arguments.report, rules)
    except ValueError as error:
        print(f"cannot use the manifests: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
