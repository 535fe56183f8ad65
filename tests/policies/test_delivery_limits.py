"""What no role of a delivery may do: each stage is its own, and no function of the delivery approves or reads data.

Asked of every role and every stage, in accounts of their own, where policies of resources keep stages apart too, and in
one account, where the identity policies alone do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from modelyard import names
from modelyard.constructs.delivery_access import function_of
from tests.policies.deployment import Deployment
from tests.policies.simulation import Role, Simulation

TOOLS = "111122223333"
REGION = "us-east-1"
# The stages that are delivered to, in their order, and their accounts.
SEVERAL = {"dev": "222233334444", "staging": "333344445555", "production": "444455556666"}
ONE = {"dev": TOOLS, "prod": TOOLS}

SETTINGS = [("simulation", SEVERAL), ("in_one_account", ONE)]
in_both = pytest.mark.parametrize(("fixture", "stages"), SETTINGS, ids=["several", "one"])


def _stage_of(role: Role, stages: dict[str, str]) -> str:
    """The stage that a role belongs to; empty for the delivery's own and for those of `cdk bootstrap`."""
    of_stage = [name for name in stages if role.resource.stack.name.startswith(names.stage_stacks(name))]
    return of_stage[0] if of_stage else ""


def _of_bootstrap(role: Role) -> bool:
    return role.resource.stack.name == "CDKToolkit"


def _of_delivery(simulation: Simulation) -> list[str]:
    """The roles of the pipeline, its actions, builds and functions, and those by which these work in stages."""
    return [
        arn
        for arn, role in simulation.roles.items()
        if role.resource.stack.name == names.delivery_stack() or "-delivery-" in role.resource.name
    ]


def _access(stages: dict[str, str], stage: str, purpose: str) -> str:
    return f"arn:aws:iam::{stages[stage]}:role/{names.delivery_role(stage, purpose)}"


def _bucket(stages: dict[str, str], stage: str, purpose: str) -> str:
    return f"arn:aws:s3:::{names.bucket_name(stage, purpose, stages[stage], REGION)}"


def _sagemaker(stages: dict[str, str], stage: str, kind: str) -> str:
    return f"arn:aws:sagemaker:{REGION}:{stages[stage]}:{kind}/{names.resource_name(stage, 'abalone')}"


def _uses(stages: dict[str, str], stage: str) -> Iterator[tuple[str, str, set[str]]]:
    """What there is to do in a stage: the action, the resource, and the purposes for which the delivery does it."""
    data, artifacts = _bucket(stages, stage, "data"), _bucket(stages, stage, "artifacts")
    account = stages[stage]
    package = _sagemaker(stages, stage, "model-package") + "/1"
    endpoint = _sagemaker(stages, stage, "endpoint")
    pipeline = _sagemaker(stages, stage, "pipeline")
    for action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"):
        yield action, f"{data}/abalone/abalone.csv", set()
        yield action, f"{_bucket(stages, stage, 'capture')}/a", set()
    yield "s3:GetObject", f"{artifacts}/abalone/model.tar.gz", {"train", "promote-from"}
    yield "s3:PutObject", f"{artifacts}/abalone/model.tar.gz", set()
    yield "s3:GetObject", f"{artifacts}/promoted/a", {"train", "promote-from", "promote-to", "smoke-test"}
    yield "s3:PutObject", f"{artifacts}/promoted/a", {"promote-to"}
    yield "s3:DeleteObject", f"{artifacts}/promoted/a", set()
    yield "sagemaker:UpdateModelPackage", package, set()
    yield "sagemaker:DeleteModelPackage", package, set()
    yield "sagemaker:CreateModelPackage", package, {"promote-to"}
    yield "sagemaker:InvokeEndpoint", endpoint, {"smoke-test"}
    yield "sagemaker:UpdateEndpoint", endpoint, set()
    yield "sagemaker:StartPipelineExecution", pipeline, {"train"}
    yield "sagemaker:UpdatePipeline", pipeline, set()
    yield "ssm:PutParameter", f"arn:aws:ssm:{REGION}:{account}:parameter/modelyard/{stage}/abalone/endpoint", set()
    yield "dynamodb:PutItem", f"arn:aws:dynamodb:{REGION}:{account}:table/{names.ledger_table(stage)}", set()
    yield "cloudformation:UpdateStack", f"arn:aws:cloudformation:{REGION}:{account}:stack/a/b", set()


@in_both
def test_the_delivery_does_in_a_stage_what_the_purposes_of_its_roles_say_and_no_more(
    fixture: str, stages: dict[str, str], request: pytest.FixtureRequest
) -> None:
    simulation: Simulation = request.getfixturevalue(fixture)
    roles = _of_delivery(simulation)
    assert len(roles) > 10
    for stage in stages:
        for action, resource, purposes in _uses(stages, stage):
            expected = {_access(stages, stage, purpose) for purpose in purposes} & set(simulation.roles)
            assert {role for role in roles if simulation.may(role, action, resource)} == expected, (action, resource)


@in_both
def test_no_role_of_a_stage_may_do_anything_in_another(
    fixture: str, stages: dict[str, str], request: pytest.FixtureRequest
) -> None:
    simulation: Simulation = request.getfixturevalue(fixture)
    for role in simulation.roles.values():
        home = _stage_of(role, stages)
        for stage in set(stages) - {home} if home else ():
            may = [use[:2] for use in _uses(stages, stage) if simulation.may(role.arn, *use[:2])]
            assert not may, role.arn


@in_both
def test_a_stage_uses_its_own_buckets(fixture: str, stages: dict[str, str], request: pytest.FixtureRequest) -> None:
    """The other way round: what is asked above is not refused to everybody."""
    simulation: Simulation = request.getfixturevalue(fixture)
    for stage in stages:
        data = f"{_bucket(stages, stage, 'data')}/abalone/abalone.csv"
        readers = [role for role in simulation.roles.values() if simulation.may(role.arn, "s3:GetObject", data)]
        assert {role.account for role in readers} == {stages[stage]}
        assert {_stage_of(role, stages) for role in readers if not _of_bootstrap(role)} == {stage}


def _assumed(simulation: Simulation) -> set[tuple[str, str]]:
    """Which role of the platform may assume which."""
    roles = simulation.roles
    own = [arn for arn, role in roles.items() if not _of_bootstrap(role)]
    return {(by, role) for by in own for role in roles if simulation.may(by, "sts:AssumeRole", role)}


def _expected(simulation: Simulation, stages: dict[str, str]) -> Iterator[tuple[str, str]]:
    own = f"arn:aws:iam::{TOOLS}:role/"
    (pipeline,) = [arn for arn in simulation.roles if arn.startswith(f"{own}Modelyard-Delivery-RolesPipeline")]
    for role in simulation.roles:
        if re.match(rf"{own}Modelyard-Delivery-Roles(Source|Build|Invoke|Approve)", role):
            yield pipeline, role
    for account in dict.fromkeys([TOOLS, *stages.values()]):
        bootstrap = f"arn:aws:iam::{account}:role/cdk-hnb659fds-{{}}-role-{account}-{REGION}"
        yield pipeline, bootstrap.format("deploy")
        for kind in ("deploy", "file-publishing"):
            yield f"{own}{names.delivery_project('assets')}", bootstrap.format(kind)
    for account in list(stages.values())[1:]:
        yield (
            f"{own}{names.delivery_function('plan')}",
            f"arn:aws:iam::{account}:role/cdk-hnb659fds-deploy-role-{account}-{REGION}",
        )
    for stage in stages:
        for purpose in names.ACCESS_PURPOSES:
            if _access(stages, stage, purpose) in simulation.roles:
                yield f"{own}{names.delivery_function(function_of(purpose))}", _access(stages, stage, purpose)


@in_both
def test_roles_are_assumed_by_the_pipeline_its_functions_and_its_build_of_assets_alone(
    fixture: str, stages: dict[str, str], request: pytest.FixtureRequest
) -> None:
    simulation: Simulation = request.getfixturevalue(fixture)
    assert _assumed(simulation) == set(_expected(simulation, stages))


@in_both
def test_the_delivery_may_change_no_role_and_pass_none(
    fixture: str, stages: dict[str, str], request: pytest.FixtureRequest
) -> None:
    simulation: Simulation = request.getfixturevalue(fixture)
    changes = ("CreateUser", "CreateRole", "PutRolePolicy", "AttachRolePolicy", "UpdateAssumeRolePolicy")
    services = ("sagemaker", "lambda", "cloudformation", "codebuild", "states")
    for role in _of_delivery(simulation):
        for other in simulation.roles:
            assert not [change for change in changes if simulation.may(role, f"iam:{change}", other)], role
            passed = [{"iam:PassedToService": f"{service}.amazonaws.com"} for service in services]
            assert not [to for to in passed if simulation.may(role, "iam:PassRole", other, to)], (role, other)


def test_the_pipelines_actions_deploy_by_what_the_stages_have_for_it(
    simulation: Simulation, deployment: Deployment
) -> None:
    (pipeline,) = deployment.of_type("AWS::CodePipeline::Pipeline")
    artifacts = f"arn:aws:s3:::{names.delivery_bucket('artifacts', TOOLS, REGION)}"
    actions = [action for stage in pipeline.properties["Stages"] for action in stage["Actions"]]
    deploying = [action for action in actions if action["ActionTypeId"]["Provider"] == "CloudFormation"]
    assert {action["RoleArn"].split(":")[4] for action in deploying} == {TOOLS, *SEVERAL.values()}
    for action in actions:
        assert simulation.missing(pipeline.properties["RoleArn"], "sts:AssumeRole", action["RoleArn"]) == []
    to_cloudformation = {"iam:PassedToService": "cloudformation.amazonaws.com"}
    for action in deploying:
        role, configuration = action["RoleArn"], action["Configuration"]
        assert simulation.missing(role, "s3:GetObject", f"{artifacts}/a") == []
        assert simulation.missing(role, "s3:GetBucketLocation", artifacts) == []
        if "RoleArn" in configuration:
            assert simulation.missing(role, "iam:PassRole", configuration["RoleArn"], to_cloudformation) == []


def test_services_may_assume_the_roles_that_they_are_given(deployment: Deployment, simulation: Simulation) -> None:
    given = {
        "AWS::CodeBuild::Project": ("ServiceRole", "codebuild.amazonaws.com"),
        "AWS::CodePipeline::Pipeline": ("RoleArn", "codepipeline.amazonaws.com"),
        "AWS::Lambda::Function": ("Role", "lambda.amazonaws.com"),
        "AWS::SageMaker::Pipeline": ("RoleArn", "sagemaker.amazonaws.com"),
    }
    for type, (member, service) in given.items():
        assert deployment.of_type(type)
        for resource in deployment.of_type(type):
            assert simulation.serves(resource.properties[member], service), (resource.name, service)


def test_a_change_of_the_source_starts_the_pipeline(deployment: Deployment, simulation: Simulation) -> None:
    (pipeline,) = deployment.of_type("AWS::CodePipeline::Pipeline")
    rules = [rule for rule in deployment.of_type("AWS::Events::Rule") if rule.stack is pipeline.stack]
    (target,) = [target for rule in rules for target in rule.properties["Targets"] if "RoleArn" in target]
    assert target["Arn"] == pipeline.arn
    assert simulation.serves(target["RoleArn"], "events.amazonaws.com")
    assert simulation.missing(target["RoleArn"], "codepipeline:StartPipelineExecution", pipeline.arn) == []


@pytest.mark.parametrize("stage", SEVERAL)
def test_a_stage_pulls_the_images_of_the_delivery(stage: str, deployment: Deployment, simulation: Simulation) -> None:
    repositories = [
        repository
        for repository in deployment.of_type("AWS::ECR::Repository")
        if repository.stack.name == names.image_stack(REGION)
    ]
    assert {repository.stack.account for repository in repositories} == {TOOLS}
    running = [
        role for role in simulation.roles if re.search(f"Modelyard-{stage}-Foundation-Roles(Job|Endpoint)", role)
    ]
    assert len(running) == 2
    for role in running:
        for action in ("BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer"):
            for repository in repositories:
                assert simulation.missing(role, f"ecr:{action}", repository.arn) == []


def test_accounts_know_of_each_other_in_the_places_that_are_agreed(deployment: Deployment) -> None:
    found = {
        (resource.type.removeprefix("AWS::"), resource.name if "IAM" in resource.type else "", account)
        for resource in deployment.resources
        if resource.stack.name != "CDKToolkit"
        for account in _trusted_accounts(resource.properties)
        if account != resource.stack.account
    }
    expected = {("IAM::Role", names.delivery_role("dev", purpose), TOOLS) for purpose in ("train", "promote-from")}
    expected |= {
        ("IAM::Role", names.delivery_role("staging", purpose), TOOLS)
        for purpose in ("promote-from", "promote-to", "smoke-test")
    }
    expected |= {("IAM::Role", names.delivery_role("production", each), TOOLS) for each in ("promote-to", "smoke-test")}
    kinds = ("S3::BucketPolicy", "KMS::Key", "ECR::Repository")
    assert found == expected | {(kind, "", account) for kind in kinds for account in SEVERAL.values()}


def _trusted_accounts(properties: object) -> set[str]:
    """The accounts of the principals that a resource's policies allow something."""
    if isinstance(properties, list):
        return {account for item in properties for account in _trusted_accounts(item)}
    if not isinstance(properties, dict):
        return set()
    if properties.get("Effect") == "Allow" and "Principal" in properties:
        principal = json.dumps(properties["Principal"])
        assert "*" not in principal
        return set(re.findall(r"\b\d{12}\b", principal))
    return {account for item in properties.values() for account in _trusted_accounts(item)}


def test_no_build_and_no_function_is_given_a_secret(deployment: Deployment) -> None:
    environments = [
        *(
            project.properties["Environment"].get("EnvironmentVariables", [])
            for project in deployment.of_type("AWS::CodeBuild::Project")
        ),
        *(
            [{"Name": name, "Value": value} for name, value in variables.items()]
            for each in deployment.of_type("AWS::Lambda::Function")
            for variables in [each.properties.get("Environment", {}).get("Variables", {})]
        ),
    ]
    variables = [variable for environment in environments for variable in environment]
    assert variables
    for variable in variables:
        assert variable.get("Type", "PLAINTEXT") == "PLAINTEXT", variable
        assert not re.search("secret|token|password|access_?key|credential", variable["Name"], re.IGNORECASE)
    kinds = {resource.type for resource in deployment.resources}
    assert not kinds & {"AWS::IAM::User", "AWS::IAM::AccessKey", "AWS::IAM::Group", "AWS::SecretsManager::Secret"}
