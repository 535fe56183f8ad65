"""Splits the data into train, validation and test, and fits the transform on the training rows.

Reads every CSV file of the input folder (header row with the columns of `features` and `rings`); writes
train/train.csv, validation/validation.csv, test/test.csv and transform/transform.json to the output folder. Bad data
ends it with code 1 and one line that names file, row and column.
"""

import argparse
import csv
import random
import sys
from collections.abc import Sequence
from pathlib import Path

from features import COLUMNS, TARGET, Transform, number, read_row

MIN_ROWS = 10


def read_file(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file, each checked.

    Raises:
        ValueError: the file is empty, lacks a column, or holds an unusable value.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            rows, header = list(reader), list(reader.fieldnames or [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path.name} is no CSV file: {error}") from error
    missing = [name for name in (*COLUMNS, TARGET) if name not in header]
    if missing:
        raise ValueError(
            f"{path.name}: column {missing[0]} is missing; the header has {', '.join(header) or 'nothing'}"
        )
    for line, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise ValueError(f"{path.name}, line {line}: more values than the header has columns")
        read_row(row, f"{path.name}, line {line}")
        number(row[TARGET], f"{path.name}, line {line}: {TARGET}")
    return rows


def split(rows: Sequence[dict[str, str]], shares: tuple[float, float], seed: int) -> dict[str, list[dict[str, str]]]:
    """Shuffle by `seed` and cut: validation and test get `shares` of the rows, train the rest."""
    shuffled = list(rows)
    random.Random(seed).shuffle(shuffled)
    validation, test = (round(share * len(rows)) for share in shares)
    return {
        "test": shuffled[:test],
        "validation": shuffled[test : test + validation],
        "train": shuffled[test + validation :],
    }


def write(rows: Sequence[dict[str, str]], path: Path) -> None:
    """Write the known columns, target last."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, (*COLUMNS, TARGET), extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def preprocess(source: Path, target: Path, shares: tuple[float, float], seed: int) -> None:
    """Read `source`, write `target`; ValueError for data that cannot be used."""
    files = sorted(source.glob("*.csv"))
    rows = [row for path in files for row in read_file(path)]
    if len(rows) < MIN_ROWS:
        names = ", ".join(path.name for path in files) or f"no *.csv in {source}"
        raise ValueError(f"{len(rows)} rows of data ({names}); at least {MIN_ROWS} are needed")
    parts = split(rows, shares, seed)
    for name, part in parts.items():
        write(part, target / name / f"{name}.csv")
        print(f"{name}: {len(part)} rows")
    (target / "transform").mkdir(parents=True, exist_ok=True)
    Transform.fit([read_row(row, "row") for row in parts["train"]]).save(target / "transform" / "transform.json")


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--validation-share", type=float, default=0.15)
    parser.add_argument("--test-share", type=float, default=0.15)
    parser.add_argument("--seed", type=int, default=42)
    arguments = parser.parse_args()
    try:
        preprocess(
            arguments.input, arguments.output, (arguments.validation_share, arguments.test_share), arguments.seed
        )
    except ValueError as error:
        print(f"cannot use the input data: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
