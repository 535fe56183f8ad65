"""docs/cli.md against what the commands do."""

from __future__ import annotations

import pytest

from modelyard.executions import commands
from tests.cli_page import Recorder, check_options, documented
from tests.executions.yard import Yard
from tests.local.sagemaker.lab import unique


def test_the_page_lists_exactly_the_actions_that_each_command_needs(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = {"Name": "Train", "Type": "Training", "Arguments": yard.lab.training("open('/opt/ml/model/m', 'w')")}
    container = {"Image": yard.lab.image, "ModelDataUrl": {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"}}
    register = {
        "Name": "Register",
        "Type": "RegisterModel",
        "Arguments": {
            "ModelPackageGroupName": unique("limpets"),
            "InferenceSpecification": {
                "Containers": [container],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
        },
    }
    yard.pipeline("limpet", [yard.step("Look", "print('hello')"), train, register])
    recorder = Recorder(yard.lab.aws.env, yard.folder, monkeypatch)
    asks, elsewhere = documented(), {"sagemaker:DescribeTransformJob"}
    started = asks["run"][0]
    assert recorder.actions(commands.app, "run", "limpet", "--no-wait") == started
    yard.lab.execution_ended(yard.executions("modelyard-runs-limpet")[0]["PipelineExecutionArn"])
    assert recorder.actions(commands.app, "run", "limpet") == set.union(*asks["run"]) - elsewhere
    assert recorder.actions(commands.app, "executions", "limpet") == asks["executions"][0]
    assert recorder.actions(commands.app, "logs", "limpet") == asks["logs"][0] - elsewhere
    assert recorder.actions(commands.app, "logs", "limpet", "--follow") == set.union(*asks["logs"]) - elsewhere


def test_the_page_names_every_command_and_its_options() -> None:
    check_options(commands.app)
