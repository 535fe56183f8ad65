"""Trains gradient-boosted trees on the number of rings.

Reads the channels train, validation and transform; leaves in the model folder the booster, the transform it was
trained with, and `code/`, which serves the two together.
"""

import argparse
import csv
import os
import shutil
from pathlib import Path

import numpy as np
import xgboost
from features import TARGET, Transform, read_row
from numpy.typing import NDArray

CODE = ("inference.py", "features.py")


def read(path: Path, transform: Transform) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Features and target of a CSV file."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    target = np.array([float(row[TARGET]) for row in rows], dtype=np.float32)
    return transform.apply([read_row(row, f"{path.name}, line {line}") for line, row in enumerate(rows, 2)]), target


def parser() -> argparse.ArgumentParser:
    """Hyperparameters by the names that XGBoost gives them, and the folders of the training contract."""
    result = argparse.ArgumentParser(description=__doc__)
    result.add_argument("--max_depth", type=int, default=5)
    result.add_argument("--eta", type=float, default=0.1)
    result.add_argument("--num_round", type=int, default=200)
    result.add_argument("--subsample", type=float, default=0.8)
    result.add_argument("--min_child_weight", type=float, default=6)
    result.add_argument("--early_stopping_rounds", type=int, default=20)
    result.add_argument("--seed", type=int, default=42)
    for channel in ("train", "validation", "transform"):
        folder = os.environ.get(f"SM_CHANNEL_{channel.upper()}", f"/opt/ml/input/data/{channel}")
        result.add_argument(f"--{channel}", type=Path, default=Path(folder))
    result.add_argument("--model_dir", type=Path, default=Path(os.environ.get("SM_MODEL_DIR", "/opt/ml/model")))
    return result


def main() -> None:
    """Command line."""
    arguments = parser().parse_args()
    transform_file = arguments.transform / "transform.json"
    transform = Transform.load(transform_file)
    train = xgboost.DMatrix(*read(arguments.train / "train.csv", transform))
    validation = xgboost.DMatrix(*read(arguments.validation / "validation.csv", transform))
    parameters = {
        "objective": "reg:squarederror",
        "tree_method": "hist",
        "nthread": int(os.environ.get("OMP_NUM_THREADS", "0")),
        **{name: getattr(arguments, name) for name in ("max_depth", "eta", "subsample", "min_child_weight", "seed")},
    }
    booster = xgboost.train(
        parameters,
        train,
        num_boost_round=arguments.num_round,
        evals=[(train, "train"), (validation, "validation")],
        early_stopping_rounds=arguments.early_stopping_rounds,
        verbose_eval=25,
    )
    print(f"best round {booster.best_iteration}: validation-rmse:{booster.best_score:.5f}")
    code = arguments.model_dir / "code"
    code.mkdir(parents=True, exist_ok=True)
    booster[: booster.best_iteration + 1].save_model(arguments.model_dir / "model.json")
    shutil.copy(transform_file, arguments.model_dir)
    for name in CODE:
        shutil.copy(Path(__file__).with_name(name), code)


if __name__ == "__main__":
    main()
