"""The abalone features: reading rows, and the one fitted transform that training and serving share."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SEX = "sex"
SEXES = ("F", "I", "M")
MEASURES = ("length", "diameter", "height", "whole_weight", "shucked_weight", "viscera_weight", "shell_weight")
COLUMNS = (SEX, *MEASURES)
TARGET = "rings"

Row = tuple[str, tuple[float, ...]]


def read_row(values: Sequence[Any] | Mapping[str, Any], where: str) -> Row:
    """A row as (sex, measures).

    Args:
        values: the values in the order of COLUMNS, or by name.
        where: how an error names the row, such as "row 3".

    Raises:
        ValueError: a value is missing, too many or unreadable; the text names row and column.
    """
    if isinstance(values, Mapping):
        missing = [name for name in COLUMNS if name not in values]
        if missing:
            raise ValueError(f"{where}: column {missing[0]} is missing")
        values = [values[name] for name in COLUMNS]
    if isinstance(values, str) or not isinstance(values, Sequence) or len(values) != len(COLUMNS):
        found = len(values) if isinstance(values, list | tuple) else "no list"
        raise ValueError(f"{where}: expected {len(COLUMNS)} values ({', '.join(COLUMNS)}), found {found}")
    if values[0] not in SEXES:
        raise ValueError(f"{where}: {SEX} is {values[0]!r}; it must be one of {', '.join(SEXES)}")
    return values[0], tuple(number(value, f"{where}: {name}") for name, value in zip(MEASURES, values[1:], strict=True))


def number(value: Any, where: str) -> float:
    """`value` as a finite number; ValueError names `where` and the value."""
    try:
        result = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        result = math.nan
    if not math.isfinite(result):
        raise ValueError(f"{where} is {value!r}; it must be a number")
    return result


@dataclass(frozen=True)
class Transform:
    """What was fitted on the training rows: the sexes that occur, and each measure's mean and standard deviation."""

    sexes: tuple[str, ...]
    means: tuple[float, ...]
    deviations: tuple[float, ...]

    @classmethod
    def fit(cls, rows: Sequence[Row]) -> "Transform":
        """Fit on training rows."""
        measures = np.array([measures for _, measures in rows])
        deviations = measures.std(axis=0)
        return cls(
            sexes=tuple(sorted({sex for sex, _ in rows})),
            means=tuple(measures.mean(axis=0).tolist()),
            deviations=tuple(np.where(deviations > 0, deviations, 1.0).tolist()),
        )

    def apply(self, rows: Sequence[Row]) -> NDArray[np.float32]:
        """The rows as a matrix: a column for each sex, then the standardised measures."""
        one_hot = np.array([[sex == known for known in self.sexes] for sex, _ in rows], dtype=np.float32)
        measures = (np.array([measures for _, measures in rows]) - self.means) / self.deviations
        return np.hstack([one_hot, measures]).astype(np.float32)

    def save(self, path: Path) -> None:
        """Write as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1))

    @classmethod
    def load(cls, path: Path) -> "Transform":
        """Read what `save` wrote."""
        return cls(**{name: tuple(values) for name, values in json.loads(path.read_text()).items()})
