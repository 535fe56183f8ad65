"""What a stage keeps."""

from typing import Any

import pytest

from tests.synthesis import Templates, policy_documents

DEV, PROD, AGAIN = "Modelyard-dev-Foundation", "Modelyard-prod-Foundation", "Modelyard-again-Foundation"
TABLE = "AWS::DynamoDB::Table"
KEPT = ["AWS::KMS::Key", "AWS::KMS::Alias", "AWS::S3::Bucket", "AWS::S3::BucketPolicy", TABLE]


def _buckets(templates: Templates, stack: str) -> dict[str, dict[str, Any]]:
    found = (bucket["Properties"] for bucket in templates.resources(stack, "AWS::S3::Bucket"))
    return {properties["BucketName"].split("-")[2]: properties for properties in found}


def test_every_bucket_is_versioned_and_closed_to_the_public(templates: Templates) -> None:
    buckets = _buckets(templates, PROD)
    assert buckets.keys() == {"data", "artifacts", "capture", "logs"}
    for properties in buckets.values():
        assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
        assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}


def test_buckets_are_encrypted_with_the_key_of_the_stage_and_logs_by_s3(templates: Templates) -> None:
    for name, properties in _buckets(templates, PROD).items():
        (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        algorithm = rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"]
        assert algorithm == ("AES256" if name == "logs" else "aws:kms")


def test_buckets_refuse_requests_without_tls_1_2(templates: Templates) -> None:
    policies = templates.resources(PROD, "AWS::S3::BucketPolicy")
    assert len(policies) == 4
    for policy in policies:
        denied = [
            statement["Condition"]
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]
            if statement["Effect"] == "Deny"
        ]
        assert {"Bool": {"aws:SecureTransport": "false"}} in denied
        assert {"NumericLessThan": {"s3:TlsVersion": 1.2}} in denied


def test_no_life_cycle_expires_a_current_object_but_an_access_log(templates: Templates) -> None:
    for name, properties in _buckets(templates, PROD).items():
        for rule in properties["LifecycleConfiguration"]["Rules"]:
            expires = {key for key in rule if key.startswith(("Expiration", "Transition"))}
            assert expires == ({"ExpirationInDays"} if name == "logs" else set())


def test_the_key_rotates_and_lets_only_events_and_alarms_of_the_account_use_it(templates: Templates) -> None:
    properties = templates.resource(PROD, "AWS::KMS::Key")["Properties"]
    assert properties["EnableKeyRotation"] is True
    services = [
        statement for statement in properties["KeyPolicy"]["Statement"] if "Service" in statement.get("Principal", {})
    ]
    assert [statement["Principal"]["Service"] for statement in services] == [
        ["cloudwatch.amazonaws.com", "events.amazonaws.com"]
    ]
    assert services[0]["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
    assert services[0]["Condition"] == {"StringEquals": {"aws:SourceAccount": "444455556666"}}


def test_the_ledger_can_be_restored_to_any_point_in_time(templates: Templates) -> None:
    properties = templates.resource(PROD, "AWS::DynamoDB::Table")["Properties"]
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["SSESpecification"]["SSEType"] == "KMS"
    assert properties["DeletionProtectionEnabled"] is True
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert properties["KeySchema"] == [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ]


@pytest.mark.parametrize(("stack", "policy", "protected"), [(DEV, "Delete", False), (PROD, "Retain", True)])
def test_what_has_state_is_retained_unless_the_stage_is_disposable(
    templates: Templates, stack: str, policy: str, protected: bool
) -> None:
    # A deployment that makes it and fails takes it away again, if nothing protects it.
    deleted = {type: "RetainExceptOnCreate" if protected and type != TABLE else policy for type in KEPT}
    for type in KEPT:
        for resource in templates.resources(stack, type):
            assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == (deleted[type], policy)
    assert templates.manifest(stack)["properties"].get("terminationProtection", False) is protected


def test_an_adopting_stage_refers_to_what_a_retained_one_keeps(templates: Templates) -> None:
    for type in KEPT:
        assert templates.resources(AGAIN, type) == []
    values = {
        parameter["Properties"]["Name"].rpartition("/")[2]: parameter["Properties"]["Value"]
        for parameter in templates.resources(AGAIN, "AWS::SSM::Parameter")
    }
    assert values["artifacts-bucket"] == "modelyard-again-artifacts-777788889999-eu-west-1"
    assert values["ledger-table"] == "modelyard-again-ledger"
    assert values["key-arn"] == "arn:aws:kms:eu-west-1:777788889999:alias/modelyard-again"


def test_an_adopted_key_is_granted_by_its_alias_alone(templates: Templates) -> None:
    statements = templates.statements(AGAIN, "RolesJob")
    (kms,) = [statement for statement in statements if "kms:Decrypt" in statement["Action"]]
    assert kms["Condition"] == {"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/modelyard-again"}}


def test_only_a_disposable_stage_has_an_emptier_for_its_buckets(templates: Templates) -> None:
    emptied = templates.resources(DEV, "Custom::ModelyardEmptied")
    assert len(emptied) == 4
    assert {resource["Properties"]["Kind"] for resource in emptied} == {"bucket"}
    for bucket in templates.resources(DEV, "AWS::S3::Bucket"):
        assert {"Key": "modelyard:disposable", "Value": "true"} in bucket["Properties"]["Tags"]
    assert templates.resources(PROD, "Custom::ModelyardEmptied") == []


def test_every_role_of_a_bounded_stage_has_its_boundary(templates: Templates) -> None:
    for stack in (PROD, "Modelyard-prod-Serving", "Modelyard-prod-Abalone"):
        for role in templates.resources(stack, "AWS::IAM::Role"):
            assert role["Properties"]["PermissionsBoundary"] == "arn:aws:iam::444455556666:policy/Boundary"


def test_roles_make_network_interfaces_only_in_a_vpc(templates: Templates) -> None:
    for stack, expected in ((DEV, False), (PROD, True)):
        for role in ("Job", "Endpoint"):
            actions = [statement["Action"] for statement in templates.statements(stack, f"Roles{role}")]
            assert any("ec2:CreateNetworkInterface" in action for action in actions) is expected


def test_no_role_has_a_managed_policy(templates: Templates) -> None:
    for template in templates.stacks().values():
        for resource in template["Resources"].values():
            if resource["Type"] == "AWS::IAM::Role":
                assert "ManagedPolicyArns" not in resource["Properties"]


def test_roles_are_passed_to_sagemaker_alone_and_by_name(templates: Templates) -> None:
    passed = [
        (stack, statement)
        for stack, template in templates.stacks().items()
        for resource in template["Resources"].values()
        for document in policy_documents(resource)
        for statement in document["Statement"]
        if "iam:PassRole" in statement["Action"]
    ]
    assert len(passed) == 6
    for _, statement in passed:
        assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
        assert "*" not in str(statement["Resource"])


def test_a_pipeline_registers_in_the_groups_of_its_stage_alone(templates: Templates) -> None:
    for stack, stage in ((DEV, "dev"), (PROD, "prod")):
        statements = templates.statements(stack, "RolesPipeline")
        (registers,) = [item for item in statements if "sagemaker:CreateModelPackage" in item["Action"]]
        assert {arn.split(":")[-1] for arn in map(_text, registers["Resource"])} == {
            f"model-package/modelyard-{stage}-*",
            f"model-package-group/modelyard-{stage}-*",
        }


def _text(arn: dict[str, Any] | str) -> str:
    return arn if isinstance(arn, str) else "".join(part for part in arn["Fn::Join"][1] if isinstance(part, str))
