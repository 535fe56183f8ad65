"""The reference app as the CDK command line starts it: with the context in a variable."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.synthesis import ROOT, Templates, text

STACK = "Modelyard-dev-Asr"


def _synthesise(platform: str, outdir: Path) -> subprocess.CompletedProcess[str]:
    context = json.dumps({"platform": platform})
    env = {**os.environ, "CDK_CONTEXT_JSON": context, "CDK_OUTDIR": str(outdir), "CDK_VALIDATION": "false"}
    return subprocess.run([sys.executable, ROOT / "app.py"], env=env, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    """The speech demo's stage, which is without a GPU."""
    outdir = tmp_path_factory.mktemp("speech")
    done = _synthesise("demo/asr.yaml", outdir)
    assert done.returncode == 0, done.stderr
    return Templates(outdir)


def test_another_platform_file_is_a_context_value(speech: Templates) -> None:
    stacks = {name.rpartition("-")[2] for name in speech.stacks()}
    assert {"Asr", "Foundation", "Serving"} <= stacks
    assert "Abalone" not in stacks


def test_without_a_gpu_speech_trains_on_demand_in_the_jobs_role_and_without_a_volume_key(speech: Templates) -> None:
    definition, _ = speech.pipeline(STACK)
    defaults = {parameter["Name"]: parameter["DefaultValue"] for parameter in definition["Parameters"]}
    assert defaults["TrainingInstanceType"] == defaults["ProcessingInstanceType"] == "ml.m5.xlarge"
    jobs = {
        step["Name"]: step["Arguments"] for step in definition["Steps"] if step["Type"] in ("Processing", "Training")
    }
    assert set(jobs) == {"Preprocess", "Clean", "Train", "Evaluate"}
    assert {job["RoleArn"] for job in jobs.values()} == {"${JobRoleArn}"}
    assert jobs["Train"]["ResourceConfig"]["InstanceType"] == {"Get": "Parameters.TrainingInstanceType"}
    assert not {"EnableManagedSpotTraining", "MaxWaitTimeInSeconds"} & {
        *jobs["Train"],
        *jobs["Train"]["StoppingCondition"],
    }
    # Whoever starts the pipeline may choose an instance whose own disks take no key.
    assert "VolumeKmsKeyId" not in json.dumps(jobs)
    assert {_output(job)["KmsKeyId"] for job in jobs.values()} == {"${KmsKeyArn}"}


def _output(job: dict[str, Any]) -> dict[str, Any]:
    config: dict[str, Any] = job.get("OutputDataConfig") or job["ProcessingOutputConfig"]
    return config


def test_without_a_gpu_speech_runs_the_cpu_variant_of_the_image_by_digest(speech: Templates) -> None:
    definition, values = speech.pipeline(STACK)
    parameter = speech.template(STACK)["Parameters"][values["ImageAsr"]["Ref"]]
    assert parameter["Type"] == "AWS::SSM::Parameter::Value<String>"
    assert re.fullmatch(r"/modelyard/images/asr/cpu/[0-9a-f]{16}", parameter["Default"])
    assert parameter["Description"] == "URI of the image asr/cpu, by digest"
    images = {place for step in definition["Steps"] for place in re.findall(r"\$\{Image\w+\}", json.dumps(step))}
    assert images == {"${ImageAsr}"}


def test_without_a_gpu_speech_is_served_in_the_endpoints_role_on_an_encrypted_volume(speech: Templates) -> None:
    declared = speech.resource(STACK, "Custom::ModelyardEndpoint")["Properties"]["Declaration"]
    role, key = (part["Fn::GetStackOutput"]["OutputName"] for part in declared["Fn::Join"][1] if isinstance(part, dict))
    assert "RolesEndpoint" in role
    assert "StoreKey" in key
    declaration = json.loads(text(declared))
    assert (declaration["instance_type"], declaration["instance_count"]) == ("ml.m5.xlarge", 1)
    assert declaration["kms_key_arn"] == "<?>"


def test_a_platform_file_that_is_not_there_is_told_in_a_line(tmp_path: Path) -> None:
    done = _synthesise("nowhere.yaml", tmp_path)
    assert done.returncode == 2
    assert "nowhere.yaml" in done.stderr.splitlines()[-1]
