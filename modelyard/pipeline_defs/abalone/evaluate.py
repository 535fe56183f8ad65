"""Measures the model on the test rows, through the very code that will serve it.

Reads model.tar.gz and test.csv; writes evaluation.json, in the form of SageMaker's model quality reports
(https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-metrics.html), residuals.png, and
examples.json: a few test rows with the model's answers, which the smoke test of a stage asks of its endpoint.
"""

import argparse
import csv
import importlib
import json
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

TARGET = "rings"
RESAMPLES = 200
SEED = 42
CSV = "text/csv"
JSON = "application/json"
EXAMPLES = 4
# Another processor adds up a tree's 32 bit numbers in another order.
TOLERANCE = {"relative": 1e-4, "absolute": 1e-4}

Predict = Callable[[str, str], NDArray[np.float64]]


def load(archive: Path) -> Predict:
    """The model's predictions for a body of some content type."""
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
        sys.path.insert(0, str(Path(folder, "code")))
        inference = importlib.import_module("inference")
        model = inference.model_fn(folder)
    return lambda body, form: np.asarray(inference.predict_fn(inference.input_fn(body, form), model), dtype=float)


def rmse(residuals: NDArray[np.float64]) -> float:
    """Root of the mean squared residual."""
    return float(np.sqrt(np.mean(residuals**2)))


def mae(residuals: NDArray[np.float64]) -> float:
    """Mean absolute residual."""
    return float(np.mean(np.abs(residuals)))


def report(truth: NDArray[np.float64], predictions: NDArray[np.float64]) -> dict[str, object]:
    """The metrics, each with its standard deviation over bootstrap resamples of the rows."""
    residuals = truth - predictions
    generator = np.random.default_rng(SEED)
    resamples = [generator.choice(residuals, residuals.size) for _ in range(RESAMPLES)]
    metrics = {
        metric.__name__: {
            "value": metric(residuals),
            "standard_deviation": float(np.std([metric(resample) for resample in resamples])),
        }
        for metric in (rmse, mae)
    }
    return {"regression_metrics": metrics, "test_rows": residuals.size}


def examples(predict: Predict, lines: list[str]) -> dict[str, object]:
    """Requests with the first rows, each alone as CSV and all as JSON, and what the model answers."""
    rows = lines[:EXAMPLES]
    bodies = {f"row {number}": (f"{row}\n", CSV) for number, row in enumerate(rows, start=1)}
    bodies["rows as JSON"] = json.dumps({"instances": [row.split(",") for row in rows]}), JSON
    return {
        "version": 1,
        "tolerance": TOLERANCE,
        "examples": [recorded(predict, name, *bodies[name]) for name in bodies],
    }


def recorded(predict: Predict, name: str, body: str, form: str) -> dict[str, str]:
    """A request and its answer, as the endpoint's image writes it."""
    values = predict(body, form).tolist()
    answer = json.dumps({"predictions": values}) if form == JSON else "".join(f"{value}\n" for value in values)
    return {"name": name, "content_type": form, "accept": form, "body": body, "answer": answer}


def plot(truth: NDArray[np.float64], predictions: NDArray[np.float64], path: Path) -> None:
    """Residuals over predictions, and how they are distributed."""
    figure = Figure(figsize=(10, 4))
    scatter, histogram = figure.subplots(1, 2, width_ratios=(2, 1), sharey=True)
    scatter.scatter(predictions, truth - predictions, s=8, alpha=0.5, linewidths=0)
    scatter.axhline(0, color="black", linewidth=1)
    scatter.set(xlabel=f"predicted {TARGET}", ylabel="residual (truth minus prediction)")
    histogram.hist(truth - predictions, bins=30, orientation="horizontal")
    histogram.set(xlabel="rows")
    figure.suptitle(f"Test rows: {truth.size}, RMSE {rmse(truth - predictions):.3f}")
    figure.savefig(path, dpi=100, bbox_inches="tight", metadata={"Software": None})


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    with arguments.test.open(newline="") as file:
        header, *rows = csv.reader(file)
    target = header.index(TARGET)
    truth = np.array([float(row[target]) for row in rows])
    lines = [",".join(row[:target] + row[target + 1 :]) for row in rows]
    predict = load(arguments.model)
    predictions = predict("\n".join(lines), CSV)
    arguments.output.mkdir(parents=True, exist_ok=True)
    result = report(truth, predictions)
    (arguments.output / "evaluation.json").write_text(json.dumps(result, indent=1))
    (arguments.output / "examples.json").write_text(json.dumps(examples(predict, lines), indent=1))
    plot(truth, predictions, arguments.output / "residuals.png")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
