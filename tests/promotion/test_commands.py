"""What `modelyard promote` and `modelyard smoke-test` print, and that it is so."""

from __future__ import annotations

import json
from typing import Any

import pytest

from modelyard.lambdas.delivery import copying
from modelyard.promotion import commands
from tests.cli_page import Recorder, check_options, documented
from tests.lambdas.delivery.stages import archive, image
from tests.promotion.conftest import Counter

# By which action IAM allows a call that has another name.
ACTIONS = {
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:CreateMultipartUpload": "s3:PutObject",
    "s3:UploadPart": "s3:PutObject",
    "s3:CompleteMultipartUpload": "s3:PutObject",
    "s3:ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "s3:ListParts": "s3:ListMultipartUploadParts",
    "runtime.sagemaker:InvokeEndpoint": "sagemaker:InvokeEndpoint",
}


def test_a_version_is_promoted_told_and_found_again(counter: Counter) -> None:
    counter.source.register()
    done = counter.call("promote", "abalone", "1", "--to", counter.target.name)
    (arn,) = counter.target.versions()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f"version 1 of abalone is version 1 in {counter.target.name} and awaits its approval\n{arn}\n"
        f"next: modelyard approve abalone 1 --stage {counter.target.name}\n"
    )
    counter.target.review(arn, "Approved")
    endpoint = f"modelyard-{counter.source.name}-abalone"
    again = counter.call("promote", endpoint, "1", "--to", counter.target.name, "--stage", counter.source.name)
    told = f"version 1 of abalone is version 1 in {counter.target.name} and was there already: Approved\n{arn}\n"
    assert again.stdout == told


def test_as_json_it_tells_the_version_and_where_it_came_from(counter: Counter) -> None:
    source = counter.source.register()
    done = counter.call("promote", "abalone", "1", "--to", counter.target.name, "--json")
    (arn,) = counter.target.versions()
    assert json.loads(done.stdout) == {
        "arn": arn,
        "approval": "PendingManualApproval",
        "source": source,
        "created": True,
    }


def test_a_smoke_test_says_what_it_found_and_its_exit_code_whether_that_is_well(counter: Counter) -> None:
    stage = counter.target
    stage.put("abalone/endpoint-name", stage.group)
    version = stage.register("PendingManualApproval", **stage.evaluate())
    call = ("smoke-test", "abalone", "--stage", stage.name)
    early = counter.call(*call)
    command = f"modelyard approve abalone 1 --stage {stage.name}"
    assert (early.returncode, early.stdout) == (1, "")
    assert early.stderr == f"modelyard: version 1 of abalone awaits approval in {stage.name}: {command}\n"
    stage.review(version, "Approved")
    stage.serve(version)
    assert counter.call(*call).stdout == "abalone: version 1 answers 1 examples as recorded\n"
    stage.serve(version, VERSION="8")
    wrong = counter.call("smoke-test", stage.group)
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert 'expected "7.0\\n", received "8"' in wrong.stderr


def test_the_page_lists_exactly_the_actions_that_each_command_needs(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = counter.source, counter.target
    types = {"SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"]}
    for number, container in enumerate(({"Image": image(source.aws)}, {"Image": "x@sha256:" + "ab" * 32})):
        container["ModelDataUrl"] = source.object(f"{number}.tar.gz", archive(2_000))
        specification: dict[str, Any] = {"InferenceSpecification": {"Containers": [container], **types}}
        source.register(**source.evaluate(), **specification)
    recorder, asks = Recorder(source.aws.env, counter.folder, monkeypatch), documented()

    def actions(*arguments: str) -> set[str]:
        found = recorder.actions(commands.app, *arguments)
        return {ACTIONS.get(action, action) for action in found}

    assert actions("promote", "abalone", "2", "--to", target.name) == asks["promote"][0]
    monkeypatch.setattr(copying, "PART", 1_500)
    assert actions("promote", "abalone", "1", "--to", target.name) == set.union(*asks["promote"])
    target.put("abalone/endpoint-name", target.group)
    target.serve(version := target.register(**target.evaluate()))
    assert target.describe(version)["ModelPackageVersion"] == 3
    assert actions("smoke-test", "abalone", "--stage", target.name) == asks["smoke-test"][0]


def test_the_page_names_every_command_and_its_options() -> None:
    check_options(commands.app)
