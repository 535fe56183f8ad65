"""Who may do what for a delivery: the pipeline, its actions, its builds and its functions, here and in the stages."""

import json
import re
from typing import Any

import pytest

from modelyard import names
from modelyard.constructs.delivery_access import PERMISSIONS, function_of, purposes_of
from tests.stacks.deliveries import DELIVERY, actions, pipeline
from tests.synthesis import Templates, listed

TOOLS = "222233334444"
DEPLOY_ROLES = {
    f"arn:aws:iam::{account}:role/cdk-hnb659fds-deploy-role-{account}-{region}"
    for account, region in (
        ("111122223333", "us-east-1"),
        ("444455556666", "us-east-1"),
        ("777788889999", "eu-central-1"),
        (TOOLS, "us-east-1"),
        (TOOLS, "eu-central-1"),
    )
}


def _allowed(templates: Templates, stack: str, policy: str) -> dict[str, list[Any]]:
    """The resources of each action that a policy allows."""
    found: dict[str, list[Any]] = {}
    for statement in templates.statements(stack, policy):
        assert statement["Effect"] == "Allow"
        for name in listed(statement["Action"]):
            found.setdefault(name, []).extend(listed(statement["Resource"]))
    return found


def _arn(logical_id: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [logical_id, "Arn"]}


def _logical_id(templates: Templates, type: str, prefix: str) -> str:
    resources = templates.template(DELIVERY)["Resources"].items()
    (found,) = [id for id, item in resources if item["Type"] == type and id.startswith(prefix)]
    return str(found)


def test_the_pipeline_may_assume_the_roles_of_its_actions_and_copy_artifacts(delivery: Templates) -> None:
    allowed = _allowed(delivery, DELIVERY, "RolesPipeline")
    assert {name.partition(":")[0] for name in allowed} == {"sts", "s3", "kms"}
    own = [
        _arn(_logical_id(delivery, "AWS::IAM::Role", f"Roles{kind}"))
        for kind in ("Source", "Build", "Invoke", "Approve")
    ]
    found = [role for role in allowed["sts:AssumeRole"] if isinstance(role, dict)]
    assert sorted(found, key=str) == sorted(own, key=str)
    assert {role for role in allowed["sts:AssumeRole"] if isinstance(role, str)} == DEPLOY_ROLES
    used = {json.dumps(action["RoleArn"]) for action in actions(delivery)}
    assert used == {json.dumps(role) for role in allowed["sts:AssumeRole"]}


def test_the_pipeline_may_copy_artifacts_to_other_regions_with_the_keys_there(delivery: Templates) -> None:
    statements = delivery.statements(DELIVERY, "RolesPipeline")
    allowed = _allowed(delivery, DELIVERY, "RolesPipeline")
    own, far = _arn(_logical_id(delivery, "AWS::S3::Bucket", "StoreArtifacts")), _far_bucket()
    assert sorted(allowed["s3:GetBucketLocation"], key=str) == sorted([own, far], key=str)
    objects = sorted([{"Fn::Join": ["", [own, "/*"]]}, f"{far}/*"], key=str)
    assert sorted(allowed["s3:PutObject"], key=str) == sorted(allowed["s3:GetObject"], key=str) == objects
    assert not [name for name in allowed if "Delete" in name]
    of_keys = [item for item in statements if "kms:Decrypt" in item["Action"]]
    keys = {json.dumps(item["Resource"]): item.get("Condition") for item in of_keys}
    assert keys == {
        json.dumps(_arn(_logical_id(delivery, "AWS::KMS::Key", "StoreKey"))): None,
        f'"arn:aws:kms:eu-central-1:{TOOLS}:key/*"': {
            "ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/modelyard-delivery"}
        },
    }


def _far_bucket() -> str:
    return f"arn:aws:s3:::{names.delivery_bucket('artifacts', TOOLS, 'eu-central-1')}"


def test_the_role_of_each_kind_of_action_may_do_that(delivery: Templates) -> None:
    build = _allowed(delivery, DELIVERY, "RolesBuildPermissions")
    assert set(build) == {"codebuild:BatchGetBuilds", "codebuild:StartBuild", "codebuild:StopBuild"}
    projects = [
        f"arn:aws:codebuild:us-east-1:{TOOLS}:project/modelyard-delivery-{each}" for each in ("assets", "verify")
    ]
    assert sorted(build["codebuild:StartBuild"]) == projects
    invoke = _allowed(delivery, DELIVERY, "RolesInvokePermissions")
    assert sorted(invoke["lambda:InvokeFunction"]) == sorted(
        f"arn:aws:lambda:us-east-1:{TOOLS}:function:{names.delivery_function(purpose)}"
        for purpose in names.DELIVERY_PURPOSES
    )
    assert set(invoke) == {"lambda:InvokeFunction", "s3:GetObject", "s3:GetObjectVersion", "kms:Decrypt"}
    approve = _allowed(delivery, DELIVERY, "RolesApprovePermissions")
    assert set(approve) == {"sns:Publish", "kms:Decrypt", "kms:GenerateDataKey"}


def test_what_takes_the_source_may_read_that_and_write_artifacts(
    delivery: Templates, in_one_account: Templates
) -> None:
    zip_file = _allowed(delivery, DELIVERY, "RolesSourcePermissions")
    assert str(zip_file["s3:GetObjectVersion"]).endswith("'/source.zip']]}]")
    assert {name.partition(":")[0] for name in zip_file} == {"s3", "kms"}
    assert not [name for name in zip_file if "Delete" in name]
    connected = _allowed(in_one_account, DELIVERY, "RolesSourcePermissions")
    connection = "arn:aws:codeconnections:us-east-1:111122223333:connection/0a1b2c3d-0000-1111-2222-333344445555"
    assert connected["codeconnections:UseConnection"] == [connection]
    assert set(connected) - set(zip_file) == {"codeconnections:UseConnection", "s3:PutObjectAcl"}
    bucket = _arn(_logical_id(in_one_account, "AWS::S3::Bucket", "StoreArtifacts"))
    assert connected["s3:GetObject"] == connected["s3:PutObjectAcl"] == [{"Fn::Join": ["", [bucket, "/*"]]}]
    assert connected["s3:GetBucketLocation"] == connected["s3:ListBucket"] == [bucket]


def test_the_build_that_verifies_may_assume_no_role(delivery: Templates) -> None:
    allowed = _allowed(delivery, DELIVERY, "BuildsVerifyRolePermissions")
    assert {name.partition(":")[0] for name in allowed} == {"logs", "s3", "kms"}


def test_the_build_that_publishes_assets_may_do_so_in_each_account_and_region(delivery: Templates) -> None:
    allowed = _allowed(delivery, DELIVERY, "BuildsAssetsRolePermissions")
    expected = {role.replace("deploy-role", "file-publishing-role") for role in DEPLOY_ROLES}
    assert set(allowed["sts:AssumeRole"]) == expected | set(DEPLOY_ROLES)
    assert {name.partition(":")[0] for name in allowed} == {"logs", "s3", "kms", "sts"}
    manifests = [json.loads(path.read_text()) for path in delivery.folder.glob("*.assets.json")]
    named = {
        destination["assumeRoleArn"].replace("${AWS::Partition}", "aws")
        for manifest in manifests
        for file in manifest["files"].values()
        for destination in file["destinations"].values()
    }
    assert named == expected, "the roles that the assembly's manifests name"


def test_a_function_may_tell_its_result_and_assume_its_roles_in_the_stages(delivery: Templates) -> None:
    roles = {
        purpose: _allowed(delivery, DELIVERY, f"Functions{''.join(map(str.capitalize, purpose.split('-')))}Role")
        for purpose in names.DELIVERY_PURPOSES
    }
    for allowed in roles.values():
        assert set(allowed) - {"sts:AssumeRole", "logs:CreateLogStream", "logs:PutLogEvents"} == {
            "codepipeline:PutJobFailureResult",
            "codepipeline:PutJobSuccessResult",
        }
    dev, staging, prod = "111122223333", "444455556666", "777788889999"
    assert {purpose: sorted(allowed.get("sts:AssumeRole", [])) for purpose, allowed in roles.items()} == {
        "verdict": [],
        "plan": sorted(role for role in DEPLOY_ROLES if TOOLS not in role and dev not in role),
        "train": [f"arn:aws:iam::{dev}:role/modelyard-dev-delivery-train"],
        "promote": [
            f"arn:aws:iam::{dev}:role/modelyard-dev-delivery-promote-from",
            f"arn:aws:iam::{staging}:role/modelyard-staging-delivery-promote-from",
            f"arn:aws:iam::{staging}:role/modelyard-staging-delivery-promote-to",
            f"arn:aws:iam::{prod}:role/modelyard-prod-delivery-promote-to",
        ],
        "smoke-test": [
            f"arn:aws:iam::{staging}:role/modelyard-staging-delivery-smoke-test",
            f"arn:aws:iam::{prod}:role/modelyard-prod-delivery-smoke-test",
        ],
    }


def test_functions_and_their_roles_have_the_names_that_the_stages_trust(delivery: Templates) -> None:
    expected = {names.delivery_function(purpose) for purpose in names.DELIVERY_PURPOSES}
    functions = delivery.resources(DELIVERY, "AWS::Lambda::Function")
    assert {item["Properties"].get("FunctionName") for item in functions} == expected
    roles = delivery.resources(DELIVERY, "AWS::IAM::Role")
    builds = {names.delivery_project(purpose) for purpose in ("verify", "assets")}
    assert {item["Properties"].get("RoleName") for item in roles} - {None} == expected | builds
    assert {item["Properties"]["PermissionsBoundary"] for item in roles} == {f"arn:aws:iam::{TOOLS}:policy/Tools"}


@pytest.mark.parametrize(
    ("stage", "purposes"),
    [
        ("dev", ["promote-from", "train"]),
        ("staging", ["promote-from", "promote-to", "smoke-test"]),
        ("prod", ["promote-to", "smoke-test"]),
    ],
)
def test_a_stage_trusts_each_function_by_a_role_of_its_own(
    stage: str, purposes: list[str], delivery: Templates
) -> None:
    roles = {
        item["Properties"]["RoleName"]: item["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        for item in delivery.resources(f"Modelyard-{stage}-Foundation", "AWS::IAM::Role")
        if "RoleName" in item["Properties"]
    }
    assert sorted(roles) == [names.delivery_role(stage, purpose) for purpose in purposes]
    for purpose in purposes:
        (trust,) = roles[names.delivery_role(stage, purpose)]
        function = names.delivery_function(function_of(purpose))
        assert trust == {
            "Action": "sts:AssumeRole",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{TOOLS}:root"},
            "Condition": {"ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::{TOOLS}:role/{function}"}},
        }


@pytest.mark.parametrize("purpose", names.ACCESS_PURPOSES)
def test_a_role_in_a_stage_allows_what_its_function_does_there_and_no_more(purpose: str, delivery: Templates) -> None:
    stage = "dev" if purpose == "train" else "staging"
    policy = f"Delivery{''.join(map(str.capitalize, purpose.split('-')))}Permissions"
    allowed = _allowed(delivery, f"Modelyard-{stage}-Foundation", policy)
    if purpose != "train":  # whose permissions tests/lambdas/delivery/training holds against its calls
        assert set(allowed) == {name for each in PERMISSIONS[purpose] for name in each.actions.split()}
    for name, resources in allowed.items():
        if name == "sagemaker:ListModelPackages":
            assert resources == ["*"]
            continue
        for resource in resources:
            place = json.dumps(resource)
            assert '"*"' not in place, name
            own = f"modelyard-{stage}-" in place or f"/modelyard/{stage}" in place or "Fn::GetAtt" in place
            assert own or "repository/modelyard/*" in place, f"{name} on {place}"


def test_only_the_first_stage_trains_and_only_the_last_is_not_promoted_from() -> None:
    assert purposes_of("dev", ["dev"]) == ("train",)
    assert purposes_of("lab", ["dev", "prod"]) == ()


def test_only_the_roles_that_deploy_may_read_the_artifacts(delivery: Templates) -> None:
    for stack, region in ((DELIVERY, "us-east-1"), ("Modelyard-Delivery-eu-central-1", "eu-central-1")):
        expected = sorted(role for role in DEPLOY_ROLES if role.endswith(region))
        policy = delivery.resource(stack, "AWS::S3::BucketPolicy", "StoreArtifacts")["Properties"]["PolicyDocument"]
        granted = [item for item in policy["Statement"] if item["Effect"] == "Allow"]
        assert granted
        for statement in granted:
            assert sorted(statement["Principal"]["AWS"]) == expected
            assert not any("Put" in name or "Delete" in name for name in listed(statement["Action"]))
        key = delivery.resource(stack, "AWS::KMS::Key")["Properties"]["KeyPolicy"]["Statement"]
        (read,) = [item for item in key if isinstance(item["Principal"].get("AWS"), list)]
        assert sorted(read["Principal"]["AWS"]) == expected
        assert sorted(read["Action"]) == ["kms:Decrypt", "kms:DescribeKey"]


@pytest.mark.parametrize("fixture", ["delivery", "in_one_account"])
def test_there_are_no_long_lived_credentials(fixture: str, request: pytest.FixtureRequest) -> None:
    templates: Templates = request.getfixturevalue(fixture)
    kinds = {item["Type"] for template in templates.stacks().values() for item in template["Resources"].values()}
    assert kinds & {"AWS::IAM::User", "AWS::IAM::AccessKey", "AWS::CodeBuild::SourceCredential"} == set()
    written = json.dumps(templates.stacks())
    assert not re.search(r"\bA[KS]IA[A-Z0-9]{12,}|OAuthToken|SecretAccessKey|AWS_SECRET|secretsmanager", written)
    assert pipeline(templates)["Stages"]
