"""The simulation asks every policy that AWS would ask, and says which one does not allow."""

from __future__ import annotations

from typing import Any

import pytest

from tests.policies.calls import Call
from tests.policies.deployment import Deployment, Stack
from tests.policies.record import made_of
from tests.policies.simulation import Simulation

HERE, THERE = "111122223333", "222233334444"
READER = f"arn:aws:iam::{HERE}:role/Here-Reader"
WORKER = f"arn:aws:iam::{THERE}:role/worker"
BUCKET = "arn:aws:s3:::data-222233334444"
KEY = f"arn:aws:kms:eu-west-1:{THERE}:key/There-Key"


def statement(action: Any, resource: Any = "*", principal: Any = None, **more: Any) -> dict[str, Any]:
    given = {"Principal": principal} if principal else {}
    return {"Effect": "Allow", "Action": action, "Resource": resource, **given, **more}


def document(*statements: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def role(trust: Any, *statements: Any, **more: Any) -> dict[str, Any]:
    policies = [{"PolicyName": "own", "PolicyDocument": document(*statements)}]
    trusted = document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": trust})
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {"AssumeRolePolicyDocument": trusted, "Policies": policies, **more},
    }


def simulated(lacking: str = "") -> Simulation:
    """A role here, and there a role and a bucket with a key for both; `lacking` one of the policies."""

    def unless(name: str, *statements: Any) -> list[Any]:
        return [] if name == lacking else list(statements)

    here = {
        "Reader": role({"Service": "lambda.amazonaws.com"}, statement("sts:AssumeRole", WORKER)),
        "Permissions": {
            "Type": "AWS::IAM::Policy",
            "Properties": {
                "Roles": [{"Ref": "Reader"}],
                "PolicyDocument": document(
                    *unless("identity", statement("s3:GetObject", f"{BUCKET}/*")),
                    *unless("identity for the key", statement("kms:Decrypt", KEY)),
                ),
            },
        },
    }
    there = {
        "Worker": role({"AWS": HERE if lacking != "trust" else THERE}, RoleName="worker"),
        "Key": {
            "Type": "AWS::KMS::Key",
            "Properties": {
                "KeyPolicy": document(
                    statement("kms:*", principal={"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}}),
                    *unless(
                        "key policy",
                        statement(
                            "kms:Decrypt",
                            principal={"AWS": READER},
                            Condition={"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}},
                        ),
                    ),
                )
            },
        },
        "Bucket": {
            "Type": "AWS::S3::Bucket",
            "Properties": {
                "BucketName": {"Fn::Join": ["-", ["data", {"Ref": "AWS::AccountId"}]]},
                "BucketEncryption": {
                    "ServerSideEncryptionConfiguration": [
                        {"ServerSideEncryptionByDefault": {"KMSMasterKeyID": {"Fn::GetAtt": ["Key", "Arn"]}}}
                    ]
                },
            },
        },
        "BucketPolicy": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {
                "Bucket": {"Ref": "Bucket"},
                "PolicyDocument": document(
                    *unless(
                        "bucket policy",
                        statement(
                            "s3:GetObject",
                            {"Fn::Sub": ["${Place}/*", {"Place": {"Fn::GetAtt": ["Bucket", "Arn"]}}]},
                            {"AWS": READER},
                        ),
                    )
                ),
            },
        },
    }
    stacks = [
        Stack(name, account, "eu-west-1", {"Resources": resources})
        for name, account, resources in (("Here", HERE, here), ("There", THERE, there))
    ]
    return Simulation(Deployment(stacks))


@pytest.mark.parametrize(
    ("lacking", "said"),
    [
        ("", []),
        ("identity", [f"the identity policy of {READER} does not allow s3:GetObject on {BUCKET}/a"]),
        ("bucket policy", [f"the policy of {BUCKET} does not allow s3:GetObject on {BUCKET}/a"]),
        (
            "identity for the key",
            [f"the identity policy of {READER} does not allow kms:Decrypt on {KEY}, the key of {BUCKET}"],
        ),
        ("key policy", [f"the policy of {KEY} does not allow kms:Decrypt on {KEY}, the key of {BUCKET}"]),
    ],
)
def test_an_object_of_another_account_takes_four_policies(lacking: str, said: list[str]) -> None:
    assert simulated(lacking).missing(READER, "s3:GetObject", f"{BUCKET}/a") == said


def test_an_upload_takes_the_keys_use_as_well() -> None:
    said = simulated().missing(READER, "s3:PutObject", f"{BUCKET}/a")
    assert [line for line in said if "kms:GenerateDataKey" in line]
    assert len(said) == 4, "the identity's and the bucket's, the identity's for the key and the key's"


@pytest.mark.parametrize(("lacking", "said"), [("", []), ("trust", [f"the trust policy of {WORKER}"])])
def test_a_role_is_assumed_by_whom_it_trusts(lacking: str, said: list[str]) -> None:
    found = simulated(lacking).missing(READER, "sts:AssumeRole", WORKER)
    assert [line.partition(" does not")[0] for line in found] == said


def test_a_role_that_no_template_has_may_do_nothing() -> None:
    (said,) = simulated().missing("arn:aws:iam::111122223333:role/gone", "s3:GetObject", BUCKET)
    assert said.startswith("no template has the role")


def test_a_policy_is_read_with_its_values_of_other_stacks() -> None:
    values = {"Outputs": {"Arn": {"Value": {"Fn::GetAtt": "Table.Arn"}, "Export": {"Name": "table"}}}}
    table = {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": {"Ref": "Name"}}}
    given = {"Parameters": {"Name": {"Type": "String", "Default": "ledger"}}, "Resources": {"Table": table}, **values}
    other = Stack("Given", HERE, "eu-west-1", given)
    told = {"Type": "AWS::SSM::Parameter", "Properties": {"Name": "/a/uri", "Value": "repository"}}
    stack = Stack("Using", HERE, "eu-west-1", {"Resources": {"Told": told}})
    Deployment([other, stack])
    arn = f"arn:aws:dynamodb:eu-west-1:{HERE}:table/ledger"
    assert stack.resolve({"Fn::ImportValue": "table"}) == arn
    assert stack.resolve({"Fn::GetStackOutput": {"StackName": "Given", "OutputName": "Arn"}}) == arn
    assert stack.resolve(["{{resolve:ssm:/a/uri}}", {"Ref": "AWS::NoValue"}]) == ["repository"]
    assert stack.resolve({"Fn::Select": [1, {"Fn::Split": [":", {"Fn::ImportValue": "table"}]}]}) == "aws"
    with pytest.raises(ValueError, match="Fn::Cidr"):
        stack.resolve({"Fn::Cidr": ["10.0.0.0/16", 1, 8]})


def test_a_record_holds_each_call_of_a_role_once_and_nothing_that_was_drawn() -> None:
    def call(action: str, resource: str, role: str = READER, error: str = "") -> Call:
        return Call(1.0, role, role, HERE, "eu-west-1", action, [resource], 200, error)

    drawn = "Modelyard-dev-Foundation-RolesJob-0123456789ABC"
    cut_off = "Modelyard-dev-Foundation-AVeryLongNameOfARol0123456789ABC"
    calls = [
        call("s3:GetObject", f"{BUCKET}/{'ab' * 32}.zip", f"arn:aws:iam::{HERE}:role/{drawn}"),
        call("s3:GetObject", f"{BUCKET}/{'cd' * 32}.zip", f"arn:aws:iam::{HERE}:role/{drawn}"),
        call("sagemaker:CreateTrainingJob", "job"),
        call("iam:PassRole", f"arn:aws:iam::{HERE}:role/{cut_off}"),
        call("s3:GetObject", "a", error="AccessDenied"),
        call("s3:GetObject", "a", f"arn:aws:iam::{HERE}:root"),
    ]
    names = ("Modelyard-dev-Foundation-RolesJob", "Modelyard-dev-Foundation-AVeryLongNameOfARole1")
    generated = [f"arn:aws:iam::{HERE}:role/{name}" for name in names]
    assert made_of(calls, generated) == {
        READER: {
            "iam:PassRole to sagemaker.amazonaws.com": [generated[1]],
            "sagemaker:CreateTrainingJob": ["job"],
        },
        generated[0]: {"s3:GetObject": [f"{BUCKET}/00000000.zip"]},
    }
