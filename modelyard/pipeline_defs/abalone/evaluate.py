"""Measures the model on the test rows, through the very code that will serve it.

Reads model.tar.gz and test.csv; writes evaluation.json, in the form of SageMaker's model quality reports
(https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-metrics.html), and residuals.png.
"""

import argparse
import csv
import importlib
import json
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

TARGET = "rings"
RESAMPLES = 200
SEED = 42


def predict(archive: Path, lines: list[str]) -> NDArray[np.float64]:
    """The model's answers to CSV lines without a header."""
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
        sys.path.insert(0, str(Path(folder, "code")))
        inference = importlib.import_module("inference")
        model = inference.model_fn(folder)
        return np.asarray(inference.predict_fn(inference.input_fn("\n".join(lines), "text/csv"), model), dtype=float)


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
    predictions = predict(arguments.model, [",".join(row[:target] + row[target + 1 :]) for row in rows])
    arguments.output.mkdir(parents=True, exist_ok=True)
    result = report(truth, predictions)
    (arguments.output / "evaluation.json").write_text(json.dumps(result, indent=1))
    plot(truth, predictions, arguments.output / "residuals.png")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
