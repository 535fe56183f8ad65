"""What a compiled definition is."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from modelyard.pipeline_defs.compiler import CompiledPipeline, Parameter, compile_pipeline
from tests.pipeline_defs.compiler.pipelines import write_pipeline


def compiled(folder: Path, **arguments: Any) -> CompiledPipeline:
    """The small pipeline, compiled without the user's cache."""
    return compile_pipeline(folder, region="eu-central-1", cache_dir=folder.parent / "cache", **arguments)


def substituted(pipeline: CompiledPipeline, values: dict[str, str]) -> dict[str, Any]:
    """The definition after CloudFormation's Fn::Sub."""

    def replace(match: re.Match[str]) -> str:
        return f"${{{match[1][1:]}}}" if match[1].startswith("!") else values[match[1]]

    definition: dict[str, Any] = json.loads(re.sub(r"\$\{([^}]+)\}", replace, pipeline.body))
    return definition


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> CompiledPipeline:
    return compiled(write_pipeline(tmp_path_factory.mktemp("small") / "small"))


def test_the_variables_are_exactly_those_of_the_body(small: CompiledPipeline) -> None:
    assert set(small.sentinels) == set(re.findall(r"\$\{(\w+)\}", small.body))
    assert set(small.sentinels) == {"Bucket", "JobRoleArn", "ImageTabular", "CodeStep"}
    assert small.images == {"ImageTabular": "tabular"}
    assert set(small.code) == {"CodeStep"}


def test_nothing_of_the_stand_ins_is_left(small: CompiledPipeline) -> None:
    assert "sentinel" not in small.body
    assert "000000000000" not in small.body


def test_the_users_own_dollar_brace_survives_the_substitution(small: CompiledPipeline) -> None:
    definition = substituted(small, dict.fromkeys(small.sentinels, "x"))
    assert definition["Steps"][0]["Arguments"]["Environment"]["HOME_IS"] == "${HOME}"


def test_each_variable_stands_where_its_value_belongs(small: CompiledPipeline) -> None:
    definition = substituted(
        small,
        {"Bucket": "art", "JobRoleArn": "arn:role", "ImageTabular": "uri:tag", "CodeStep": "s3://assets/1.tar.gz"},
    )
    first = definition["Steps"][0]["Arguments"]
    assert first["RoleArn"] == "arn:role"
    assert first["AppSpecification"]["ImageUri"] == "uri:tag"
    assert first["ProcessingInputs"][0]["S3Input"]["S3Uri"] == "s3://assets/1.tar.gz"
    assert first["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"] == "s3://art/report"


def test_parameters_are_listed_with_type_and_default(small: CompiledPipeline) -> None:
    assert small.parameters == {
        "Size": Parameter("Integer", 3),
        "Mode": Parameter("String", "fast"),
        "InstanceType": Parameter("String", "ml.m5.large"),
    }


def test_settings_replace_the_defaults_of_parameters(tmp_path: Path) -> None:
    pipeline = compiled(write_pipeline(tmp_path / "small"), parameters={"Size": 7, "Mode": "slow"})
    defaults = {p["Name"]: p["DefaultValue"] for p in json.loads(pipeline.body)["Parameters"]}
    assert defaults == {"Size": 7, "Mode": "slow", "InstanceType": "ml.m5.large"}


def test_the_network_of_the_stage_holds_for_every_job(tmp_path: Path) -> None:
    pipeline = compiled(write_pipeline(tmp_path / "small"), subnets=2, security_groups=1, network_isolation=True)
    network = {"SubnetId0": "subnet-a", "SubnetId1": "subnet-b", "SecurityGroupId0": "sg-a"}
    definition = substituted(pipeline, {**dict.fromkeys(pipeline.sentinels, "x"), **network})
    vpc = {"Subnets": ["subnet-a", "subnet-b"], "SecurityGroupIds": ["sg-a"]}
    first, check = definition["Steps"]
    assert first["Arguments"]["NetworkConfig"] == {"EnableNetworkIsolation": True, "VpcConfig": vpc}
    (train,) = check["Arguments"]["IfSteps"]
    assert train["Arguments"]["VpcConfig"] == vpc
    assert train["Arguments"]["EnableNetworkIsolation"] is True


def test_without_a_network_no_job_has_one(small: CompiledPipeline) -> None:
    assert "VpcConfig" not in small.body
    assert "SubnetId0" not in small.sentinels


def test_a_pipeline_may_import_from_its_own_folder(tmp_path: Path) -> None:
    folder = write_pipeline(tmp_path / "small", "def get_pipeline", "from . import names\n\n\ndef get_pipeline")
    (folder / "names.py").write_text("SIZE = 3\n")
    assert compiled(folder).parameters["Size"].default == 3
