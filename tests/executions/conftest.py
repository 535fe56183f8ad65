"""One stage for all tests, with projects of their own."""

from __future__ import annotations

from typing import Any

import pytest

from tests.executions.yard import FAILS, WRITES, Yard, parameter
from tests.local.sagemaker.lab import Lab, lab, unique

__all__ = ["lab"]


@pytest.fixture(scope="session")
def yard(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Yard:
    """A stage with pipelines: that of `snail` registers, those of `slug` and `clam` fail, that of `whelk` is unused."""
    made = Yard(lab, "runs", tmp_path_factory.mktemp("yard"))
    made.pipeline(
        "snail",
        [_report(made), _register(lab)],
        parameter("Limit", "Float", 2.5),
        parameter("Status", "String", "PendingManualApproval", "PendingManualApproval", "Approved"),
        parameter("Rounds", "Integer", 3),
        parameter("Fast", "Boolean", False),
        parameter("Note", "String", "none"),
    )
    for name in ("slug", "clam"):
        made.pipeline(name, [made.step("Look", FAILS), made.step("Never", "", after=("Look",))])
    made.pipeline("whelk", [made.step("Look", "")], parameter("Data", "String"))
    return made


def _report(yard: Yard) -> dict[str, Any]:
    report = yard.step("Report", WRITES, outputs=("report",), count=2)
    report["Arguments"]["AppSpecification"]["ContainerArguments"] = [
        {"Std:Join": {"On": "", "Values": [{"Get": "Parameters.Limit"}]}}
    ]
    return {**report, "CacheConfig": {"Enabled": True, "ExpireAfter": "P1D"}}


def _register(lab: Lab) -> dict[str, Any]:
    evaluation = {"Get": "Steps.Report.ProcessingOutputConfig.Outputs['report'].S3Output.S3Uri"}
    container = {"Image": lab.image, "ModelDataUrl": lab.put("model.tar.gz", "")}
    return {
        "Name": "Register",
        "Type": "RegisterModel",
        "Arguments": {
            "ModelPackageGroupName": unique("snails"),
            "ModelApprovalStatus": {"Get": "Parameters.Status"},
            "ModelMetrics": {"ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": evaluation}}},
            "InferenceSpecification": {
                "Containers": [container],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
        },
    }
