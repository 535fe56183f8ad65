from __future__ import annotations

import io
import json
import tarfile

from tests.local.sagemaker.lab import Lab, unique

TRAIN = """
import json, os, pathlib
config = pathlib.Path("/opt/ml/input/config")
for name in ("hyperparameters", "inputdataconfig", "resourceconfig"):
    print(name, (config / f"{name}.json").read_text())
print("env", os.environ["TRAINING_JOB_NAME"], os.environ["AWS_REGION"])
print("epoch 1 rmse=4.5")
print("epoch 2 rmse=2.25")
pathlib.Path("/opt/ml/model/model.txt").write_text("weights")
pathlib.Path("/opt/ml/output/data/notes.txt").write_text("notes")
"""


def members(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        return {item.name: opened.extractfile(item).read() for item in opened if item.isfile()}  # type: ignore[union-attr]


def test_the_images_train_program_makes_a_model(lab: Lab) -> None:
    arguments = lab.training(TRAIN, hyperparameters={"depth": "3"})
    arguments["AlgorithmSpecification"]["MetricDefinitions"] = [{"Name": "rmse", "Regex": "rmse=([0-9.]+)"}]

    job = lab.run_training(**arguments)

    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Completed", job.get("FailureReason")
    output = f"{arguments['OutputDataConfig']['S3OutputPath']}/{job['TrainingJobName']}/output"
    assert job["ModelArtifacts"] == {"S3ModelArtifacts": f"{output}/model.tar.gz"}
    assert members(lab.get(f"{output}/model.tar.gz")) == {"model.txt": b"weights"}
    assert members(lab.get(f"{output}/output.tar.gz")) == {"notes.txt": b"notes"}
    assert [item["Status"] for item in job["SecondaryStatusTransitions"]] == [
        "Starting",
        "Downloading",
        "Training",
        "Uploading",
        "Completed",
    ]
    (metric,) = job["FinalMetricDataList"]
    assert (metric["MetricName"], metric["Value"]) == ("rmse", 2.25)
    lines = lab.log("Training", job["TrainingJobName"])
    assert lines[0] == 'hyperparameters {"depth": "3"}'
    assert json.loads(lines[1].partition(" ")[2])["code"]["S3DistributionType"] == "FullyReplicated"
    assert json.loads(lines[2].partition(" ")[2])["hosts"] == ["algo-1"]
    assert lines[3] == f"env {job['TrainingJobName']} {lab.aws.region}"


def test_a_job_is_described_with_what_was_not_asked_for(lab: Lab) -> None:
    job = lab.run_training(**{**lab.training(""), "StoppingCondition": {}})

    assert job["EnableManagedSpotTraining"] is job["EnableNetworkIsolation"] is False
    assert job["StoppingCondition"] == {"MaxRuntimeInSeconds": 86400}


def test_a_spot_job_runs_as_any_other_and_says_what_is_billed(lab: Lab) -> None:
    condition = {"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 600}

    job = lab.run_training(
        **{**lab.training(""), "EnableManagedSpotTraining": True, "StoppingCondition": condition},
    )

    assert (job["TrainingJobStatus"], job["EnableManagedSpotTraining"]) == ("Completed", True)
    assert job["StoppingCondition"] == condition
    assert job["BillableTimeInSeconds"] == job["TrainingTimeInSeconds"] >= 1


def test_the_job_reaches_the_local_aws_with_the_credentials_of_its_role(lab: Lab) -> None:
    script = """
import urllib.request, os
print(os.environ["AWS_ACCESS_KEY_ID"][:4], bool(os.environ["AWS_SESSION_TOKEN"]), os.environ["AWS_ENDPOINT_URL"])
"""

    job = lab.run_training(**lab.training(script))

    assert lab.log("Training", job["TrainingJobName"]) == [f"ASIA True {lab.aws.url}"]


def test_the_models_of_all_instances_are_one_archive(lab: Lab) -> None:
    script = """
import json, pathlib
host = json.load(open("/opt/ml/input/config/resourceconfig.json"))["current_host"]
pathlib.Path("/opt/ml/model", host).write_text(host)
"""

    job = lab.run_training(**lab.training(script, count=2))

    archive = lab.get(job["ModelArtifacts"]["S3ModelArtifacts"])
    assert members(archive) == {"algo-1": b"algo-1", "algo-2": b"algo-2"}


def test_the_reason_that_a_program_writes_becomes_the_failure_reason_and_its_output_is_kept(lab: Lab) -> None:
    script = """
import pathlib
pathlib.Path("/opt/ml/output/data/seen.txt").write_text("rows: 0")
pathlib.Path("/opt/ml/output/failure").write_text("no rows to train on")
raise SystemExit(7)
"""
    arguments = lab.training(script)

    job = lab.run_training(**arguments)

    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: no rows to train on, exit code: 7"
    output = f"{arguments['OutputDataConfig']['S3OutputPath']}/{job['TrainingJobName']}/output"
    assert members(lab.get(f"{output}/output.tar.gz")) == {"seen.txt": b"rows: 0"}


def test_a_job_that_runs_too_long_is_stopped_and_keeps_its_model(lab: Lab) -> None:
    script = """
import pathlib, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: (pathlib.Path("/opt/ml/model/half").write_text("half"), sys.exit(0)))
print("started")
time.sleep(600)
"""
    arguments = {**lab.training(script), "StoppingCondition": {"MaxRuntimeInSeconds": 1}}

    job = lab.run_training(**arguments)

    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert members(lab.get(job["ModelArtifacts"]["S3ModelArtifacts"])) == {"half": b"half"}


def test_a_manifest_names_the_objects_of_a_channel(lab: Lab) -> None:
    prefix = unique("parts")
    for name in ("a", "below/b", "c"):
        lab.put(f"{prefix}/{name}", name)
    manifest = lab.put(f"{prefix}.manifest", json.dumps([{"prefix": f"s3://{lab.bucket}/{prefix}/"}, "a", "below/b"]))
    arguments = lab.training(
        "import pathlib; data = pathlib.Path('/opt/ml/input/data/parts')\n"
        "print(sorted(str(path.relative_to(data)) for path in data.rglob('*') if path.is_file()))"
    )
    source = {"S3DataType": "ManifestFile", "S3Uri": manifest}
    arguments["InputDataConfig"].append({"ChannelName": "parts", "DataSource": {"S3DataSource": source}})

    job = lab.run_training(**arguments)

    assert lab.log("Training", job["TrainingJobName"]) == ["['a', 'below/b']"]


def test_a_model_that_is_not_to_be_compressed_is_a_folder(lab: Lab) -> None:
    arguments = lab.training("open('/opt/ml/model/weights', 'w').write('w')")
    arguments["OutputDataConfig"]["CompressionType"] = "NONE"

    artefacts = lab.run_training(**arguments)["ModelArtifacts"]["S3ModelArtifacts"]

    assert artefacts.endswith("/output/model/")
    assert lab.get(f"{artefacts}weights") == b"w"
