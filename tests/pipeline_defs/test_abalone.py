"""The abalone project: its definition, and its scripts on the real data."""

import csv
import json
import math
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelyard.lambdas.delivery.examples import parse
from modelyard.pipeline_defs.compiler import CompiledPipeline
from tests.containers.server import Answer, Server
from tests.pipeline_defs.abalone import COLUMNS, FOLDER, Run, train
from tests.pipeline_defs.definitions import steps
from tests.tabular import IMAGE

ROW = "M,0.455,0.365,0.095,0.514,0.2245,0.101,0.15"


def test_the_definition_goes_from_data_to_a_registered_version_or_a_refusal(abalone: CompiledPipeline) -> None:
    assert {name: step["Type"] for name, step in steps(abalone).items()} == {
        "Preprocess": "Processing",
        "Train": "Training",
        "Evaluate": "Processing",
        "CheckRmse": "Condition",
        "Register": "RegisterModel",
        "Refuse": "Fail",
    }


def test_what_a_stage_may_set_is_a_parameter(abalone: CompiledPipeline) -> None:
    assert {name: (parameter.type, parameter.default) for name, parameter in abalone.parameters.items()} == {
        "InputDataUri": ("String", "s3://${DataBucket}/abalone/"),
        "ProcessingInstanceType": ("String", "ml.m5.large"),
        "TrainingInstanceType": ("String", "ml.m5.large"),
        "RmseThreshold": ("Float", 2.6),
        "ModelApprovalStatus": ("String", "PendingManualApproval"),
        "MaxDepth": ("Integer", 5),
        "Eta": ("Float", 0.1),
        "NumRound": ("Integer", 200),
        "Subsample": ("Float", 0.8),
        "MinChildWeight": ("Float", 6.0),
    }


def test_every_job_is_cached_and_tried_again_and_the_check_is_not(abalone: CompiledPipeline) -> None:
    for name, step in steps(abalone).items():
        job = step["Type"] in ("Processing", "Training")
        assert ("CacheConfig" in step) == job, name
        assert ("RetryPolicies" in step) == (job or name == "Register"), name


def test_no_volume_has_a_key_and_every_output_has(abalone: CompiledPipeline) -> None:
    assert "VolumeKmsKeyId" not in abalone.body
    for name, outputs in {
        "Preprocess": "ProcessingOutputConfig",
        "Train": "OutputDataConfig",
        "Evaluate": "ProcessingOutputConfig",
    }.items():
        assert steps(abalone)[name]["Arguments"][outputs]["KmsKeyId"] == "${KmsKeyArn}"


def test_a_version_carries_its_evaluation(abalone: CompiledPipeline) -> None:
    package = steps(abalone)["Register"]["Arguments"]
    evaluation = {"Get": "Steps.Evaluate.ProcessingOutputConfig.Outputs['evaluation'].S3Output.S3Uri"}
    assert package["CustomerMetadataProperties"]["evaluation"] == evaluation
    statistics_uri = package["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"]
    assert statistics_uri == {"Std:Join": {"On": "/", "Values": [evaluation, "evaluation.json"]}}
    assert package["ModelApprovalStatus"] == {"Get": "Parameters.ModelApprovalStatus"}


def test_the_refusal_gives_the_measured_value_and_the_threshold(abalone: CompiledPipeline) -> None:
    message = steps(abalone)["Refuse"]["Arguments"]["ErrorMessage"]["Std:Join"]
    rmse = {"PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.Evaluation"}, "Path": "regression_metrics.rmse.value"}
    assert message["On"] == " "
    assert message["Values"] == [
        "RMSE",
        {"Std:JsonGet": rmse},
        "is above the threshold",
        {"Get": "Parameters.RmseThreshold"},
    ]


def rows(path: Path) -> list[list[str]]:
    """The lines of a CSV file, its header first."""
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_the_split_is_a_partition_of_the_data(abalone_run: Run) -> None:
    header, *source = rows(abalone_run.data / "abalone.csv")
    parts = {name: rows(abalone_run.split / name / f"{name}.csv") for name in ("train", "validation", "test")}
    assert {name: len(part) - 1 for name, part in parts.items()} == {"train": 2923, "validation": 627, "test": 627}
    assert all(part[0] == header for part in parts.values())
    assert sorted(row for part in parts.values() for row in part[1:]) == sorted(source)


def test_the_transform_is_fitted_on_the_training_rows_alone(abalone_run: Run) -> None:
    _, *training = rows(abalone_run.split / "train" / "train.csv")
    transform = json.loads((abalone_run.split / "transform" / "transform.json").read_text())
    assert transform["sexes"] == ["F", "I", "M"]
    for column, mean, deviation in zip(range(1, 8), transform["means"], transform["deviations"], strict=True):
        values = [float(row[column]) for row in training]
        assert mean == pytest.approx(statistics.fmean(values))
        assert deviation == pytest.approx(statistics.pstdev(values))


def test_the_model_carries_the_transform_it_was_trained_with(abalone_run: Run) -> None:
    model = abalone_run.training / "model"
    assert (model / "transform.json").read_bytes() == (abalone_run.split / "transform" / "transform.json").read_bytes()
    assert sorted(path.name for path in (model / "code").iterdir()) == ["features.py", "inference.py"]


def test_training_twice_gives_the_same_model_and_other_hyperparameters_another(
    abalone_run: Run, abalone: CompiledPipeline, tmp_path: Path
) -> None:
    source = abalone.code["CodeTrain"].path
    train(abalone_run, source, tmp_path / "again")
    train(abalone_run, source, tmp_path / "other", max_depth="3", eta="0.3")
    first, again, other = (
        (base / "model" / "model.json").read_bytes()
        for base in (abalone_run.training, tmp_path / "again", tmp_path / "other")
    )
    assert first == again
    assert first != other


def test_the_report_has_sagemakers_form_and_plausible_values(abalone_run: Run) -> None:
    report = json.loads((abalone_run.evaluation / "evaluation.json").read_text())
    metrics = report["regression_metrics"]
    assert set(metrics) == {"rmse", "mae"}
    assert all(set(metric) == {"value", "standard_deviation"} for metric in metrics.values())
    _, rings = abalone_run.test_rows()
    assert 1.8 < metrics["rmse"]["value"] < 0.85 * statistics.pstdev(rings)
    assert 0 < metrics["mae"]["value"] < metrics["rmse"]["value"]
    assert 0 < metrics["rmse"]["standard_deviation"] < 0.3


def test_the_residual_plot_is_a_png(abalone_run: Run) -> None:
    assert (abalone_run.evaluation / "residuals.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


@pytest.fixture(scope="module")
def endpoint(abalone_run: Run) -> Iterator[Server]:
    with IMAGE.serving(abalone_run.training / "model") as server:
        yield server


def test_the_served_model_is_as_good_as_its_evaluation_says(abalone_run: Run, endpoint: Server) -> None:
    lines, rings = abalone_run.test_rows()
    predictions = [float(line) for line in endpoint.invoke("\n".join(lines)).body.splitlines()]
    errors = [(truth - prediction) ** 2 for truth, prediction in zip(rings, predictions, strict=True)]
    report = json.loads((abalone_run.evaluation / "evaluation.json").read_text())
    assert math.sqrt(statistics.fmean(errors)) == pytest.approx(report["regression_metrics"]["rmse"]["value"])


def test_the_endpoint_answers_the_recorded_examples_as_recorded(abalone_run: Run, endpoint: Server) -> None:
    examples = parse((abalone_run.evaluation / "examples.json").read_bytes())
    assert [each.name for each in examples] == ["row 1", "row 2", "row 3", "row 4", "rows as JSON"]
    assert [each.body.decode().strip() for each in examples[:4]] == abalone_run.test_rows()[0][:4]
    for each in examples:
        answer = endpoint.invoke(each.body, each.content_type, each.accept)
        assert (answer.status, answer.content_type) == (200, each.accept)
        assert each.tolerance.allows(each.answer, answer.body, each.accept)
        assert not each.tolerance.allows(each.answer.replace(".", "1."), answer.body, each.accept)


def test_csv_and_every_form_of_json_give_the_same_prediction(endpoint: Server) -> None:
    as_csv = float(endpoint.invoke(ROW).body)
    sex, *measures = ROW.split(",")
    values = [sex, *map(float, measures)]
    named = dict(zip(COLUMNS.split(","), values, strict=True))
    for body in ([values], [named], {"instances": [values]}, {"instances": [named]}):
        answer = endpoint.invoke(json.dumps(body), "application/json")
        assert answer.status == 200
        assert json.loads(answer.body) == {"predictions": [pytest.approx(as_csv)]}


JSON = "application/json"
EIGHT = "expected 8 values (sex, length, diameter, height, whole_weight, shucked_weight, viscera_weight, shell_weight)"


@pytest.mark.parametrize(
    ("body", "content_type", "reason"),
    [
        ("", "text/csv", "the body holds no rows"),
        ("M,0.4", "text/csv", f"row 1: {EIGHT}, found 2"),
        (f"{ROW},1", "text/csv", f"row 1: {EIGHT}, found 9"),
        (f"{ROW}\n{ROW.replace('M', 'male')}", "text/csv", "row 2: sex is 'male'; it must be one of F, I, M"),
        (ROW.replace("0.455", "long"), "text/csv", "row 1: length is 'long'; it must be a number"),
        (ROW.replace("0.455", ""), "text/csv", "row 1: length is ''; it must be a number"),
        (ROW.replace("0.514", "nan"), "text/csv", "row 1: whole_weight is 'nan'; it must be a number"),
        (ROW.replace("0.15", "1e999"), "text/csv", "row 1: shell_weight is '1e999'; it must be a number"),
        ("M" * 200_000, "text/csv", "the body is no CSV: field larger than field limit (131072)"),
        (b"\x89PNG\r\n", "text/csv", "the body is not UTF-8: byte 0 is 0x89"),
        ("{", JSON, "the body is no JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ("[" * 100_000, JSON, "the body is nested too deeply"),
        ("5", JSON, "the body holds no rows"),
        ("[]", JSON, "the body holds no rows"),
        ('{"rows": []}', JSON, "the body holds no rows"),
        ("[5]", JSON, f"row 1: {EIGHT}, found no list"),
        (f'["{ROW}"]', JSON, f"row 1: {EIGHT}, found no list"),
        ('[{"sex": "M"}]', JSON, "row 1: column length is missing"),
        ('[["M", null, 1, 1, 1, 1, 1, 1]]', JSON, "row 1: length is None; it must be a number"),
        ('[["M", true, 1, 1, 1, 1, 1, 1]]', JSON, "row 1: length is True; it must be a number"),
        ('[["M", NaN, 1, 1, 1, 1, 1, 1]]', JSON, "row 1: length is nan; it must be a number"),
        ('[[["M"], 1, 1, 1, 1, 1, 1, 1]]', JSON, "row 1: sex is ['M']; it must be one of F, I, M"),
    ],
)
def test_garbage_is_refused_with_the_reason_and_the_endpoint_lives_on(
    endpoint: Server, body: str | bytes, content_type: str, reason: str
) -> None:
    assert endpoint.invoke(body, content_type) == Answer(400, JSON, json.dumps({"error": reason}))
    assert endpoint.invoke(ROW).status == 200


HEADER = f"{COLUMNS},rings"
GOOD = f"{ROW},9"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "0 rows of data (no *.csv in {data}); at least 10 are needed"),
        ("", "data.csv: column sex is missing; the header has nothing"),
        (f"{HEADER}\n", "0 rows of data (data.csv); at least 10 are needed"),
        (f"{HEADER}\n{GOOD}\n", "1 rows of data (data.csv); at least 10 are needed"),
        (f"{COLUMNS}\n{ROW}\n", f"data.csv: column rings is missing; the header has {COLUMNS.replace(',', ', ')}"),
        (
            f"{HEADER}\n{GOOD}\n{GOOD.replace('0.365', 'NaN')}\n",
            "data.csv, line 3: diameter is 'NaN'; it must be a number",
        ),
        (f"{HEADER}\n{GOOD.replace('M', 'X')}\n", "data.csv, line 2: sex is 'X'; it must be one of F, I, M"),
        (f"{HEADER}\n{ROW},old\n", "data.csv, line 2: rings is 'old'; it must be a number"),
        (f"{HEADER}\n{ROW}\n", "data.csv, line 2: rings is None; it must be a number"),
        (f"{HEADER}\n{GOOD},1\n", "data.csv, line 2: more values than the header has columns"),
        (
            b"\xff\xfe",
            "data.csv is no CSV file: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte",
        ),
    ],
)
def test_bad_data_ends_preprocessing_with_one_line_and_no_output(
    tmp_path: Path, content: str | bytes | None, reason: str
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    if content is not None:
        (data / "data.csv").write_bytes(content.encode() if isinstance(content, str) else content)
    done = IMAGE.run(["python3", FOLDER / "preprocess.py", "--input", data, "--output", tmp_path / "out"])
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"cannot use the input data: {reason.format(data=data)}\n"
    assert not (tmp_path / "out").exists()
