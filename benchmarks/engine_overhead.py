"""What the pipeline engine adds to a step: five trivial scripts in a row, against the same as plain subprocesses."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

from benchmarks.local import Local, local_aws
from benchmarks.measure import in_turn, report, wall
from modelyard.local.sagemaker.jobs.environments import prepare_environment
from modelyard.local.sagemaker.jobs.images import register_image

__all__ = ["main"]

STEPS = 5
TARGET = 0.05
IMAGE = "benchmark/trivial:1"
SCRIPT = "import json, sys\nprint(json.dumps(sys.version))\n"
NAME = "benchmark"


def main() -> None:
    with local_aws() as local:
        folder = local.paths.project / "image"
        folder.mkdir()
        (folder / "requirements.txt").write_text("")
        (folder / "Dockerfile").write_text("FROM scratch\n")
        register_image(local.paths.sagemaker, IMAGE, folder)
        python = prepare_environment(folder, lambda line: None) / "bin" / "python3"
        script = folder / "step.py"
        script.write_text(SCRIPT)
        _prepare(local)
        sagemaker = local.client("sagemaker")
        times = in_turn(
            {
                f"engine, {STEPS} processing steps": lambda: wall(lambda: _execute(sagemaker)),
                f"{STEPS} plain subprocesses": lambda: wall(lambda: _plain(python, script)),
            }
        )
        engine, plain = times.values()
        report("Pipeline engine, wall", times, (engine.median - plain.median) / STEPS, "s a step", TARGET)


def _plain(python: Path, script: Path) -> None:
    for _ in range(STEPS):
        subprocess.run([python, script], check=True, capture_output=True)


def _prepare(local: Local) -> None:
    s3 = local.client("s3")
    s3.create_bucket(Bucket=NAME)
    s3.put_object(Bucket=NAME, Key="code/step.py", Body=SCRIPT.encode())
    role = local.role(NAME)
    steps = [_step(index, role) for index in range(STEPS)]
    definition = {"Version": "2020-12-01", "Parameters": [], "Steps": steps}
    local.client("sagemaker").create_pipeline(
        PipelineName=NAME, PipelineDefinition=json.dumps(definition), RoleArn=role, ClientRequestToken="0" * 32
    )


def _step(index: int, role: str) -> dict[str, Any]:
    cluster = {"InstanceType": "ml.t3.medium", "InstanceCount": 1, "VolumeSizeInGB": 1}
    source = {
        "S3Uri": f"s3://{NAME}/code/step.py",
        "LocalPath": "/opt/ml/processing/input/code",
        "S3DataType": "S3Prefix",
        "S3InputMode": "File",
    }
    return {
        "Name": f"Step{index}",
        "Type": "Processing",
        "DependsOn": [f"Step{index - 1}"] if index else [],
        "Arguments": {
            "ProcessingResources": {"ClusterConfig": cluster},
            "AppSpecification": {
                "ImageUri": IMAGE,
                "ContainerEntrypoint": ["python3", "/opt/ml/processing/input/code/step.py"],
            },
            "RoleArn": role,
            "ProcessingInputs": [{"InputName": "code", "AppManaged": False, "S3Input": source}],
        },
    }


def _execute(sagemaker: Any) -> None:
    arn = sagemaker.start_pipeline_execution(PipelineName=NAME)["PipelineExecutionArn"]
    while (found := sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn))[
        "PipelineExecutionStatus"
    ] == "Executing":
        time.sleep(0.01)
    if found["PipelineExecutionStatus"] != "Succeeded":
        raise SystemExit(f"the benchmark's pipeline ended {found}")


if __name__ == "__main__":
    main()
