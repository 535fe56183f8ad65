"""What an endpoint runs: reads rows, applies the training's own transform, predicts the number of rings."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import xgboost
from features import Row, Transform, read_row
from numpy.typing import NDArray

Model = tuple[xgboost.Booster, Transform]


def model_fn(model_dir: str) -> Model:
    """The booster and the transform it was trained with."""
    folder = Path(model_dir)
    return xgboost.Booster(model_file=folder / "model.json"), Transform.load(folder / "transform.json")


def input_fn(body: str, content_type: str) -> list[Row]:
    """Rows of CSV without a header, or JSON: a list of rows or {"instances": rows}, a row a list or an object."""
    rows = read_json(body) if content_type == "application/json" else read_csv(body)
    if not isinstance(rows, list) or not rows:
        raise ValueError("the body holds no rows")
    return [read_row(row, f"row {number}") for number, row in enumerate(rows, start=1)]


def read_csv(body: str) -> Any:
    """The values of each line."""
    try:
        return list(csv.reader(body.splitlines()))
    except csv.Error as error:
        raise ValueError(f"the body is no CSV: {error}") from error


def read_json(body: str) -> Any:
    """The list of rows, bare or as `instances`."""
    try:
        content = json.loads(body)
    except RecursionError as error:
        raise ValueError("the body is nested too deeply") from error
    except ValueError as error:
        raise ValueError(f"the body is no JSON: {error}") from error
    return content.get("instances") if isinstance(content, dict) else content


def predict_fn(rows: list[Row], model: Model) -> NDArray[np.float32]:
    """Rings, one number a row."""
    booster, transform = model
    predictions: NDArray[np.float32] = booster.inplace_predict(transform.apply(rows))
    return predictions
