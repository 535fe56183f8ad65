"""State on disk: whole or not at all, only what changed, and back again."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from modelyard.local import snapshots
from modelyard.local.errors import LocalError
from modelyard.local.snapshots import Snapshot, SnapshotStore
from tests.local.functions import make_function
from tests.local_aws import LocalAws

LONG = bytes(range(256)) * 8


def encode(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    raise TypeError(type(value).__name__)


def decode(value: dict[str, Any]) -> Any:
    return bytes.fromhex(value["hex"]) if "hex" in value else value


@pytest.fixture
def store(tmp_path: Path) -> SnapshotStore:
    return SnapshotStore(tmp_path, encode, decode)


def files(folder: Path) -> dict[str, int]:
    return {file.name: file.stat().st_mtime_ns for file in (folder / "blobs").iterdir()}


def test_a_snapshot_comes_back_as_it_was(store: SnapshotStore, tmp_path: Path) -> None:
    parts = {"s3": {"body": LONG, "short": b"\x00\xff", "n": 1.5, "none": None}, "sqs": [1, "ä"]}
    store.save(Snapshot(12.5, parts))
    assert SnapshotStore(tmp_path, encode, decode).load() == Snapshot(12.5, parts)


def test_there_is_no_snapshot_at_first(store: SnapshotStore) -> None:
    assert store.load() is None


def test_what_did_not_change_is_not_written_again(store: SnapshotStore, tmp_path: Path) -> None:
    store.save(Snapshot(1, {"s3": {"body": LONG}, "sqs": [1]}))
    before = files(tmp_path)
    store.save(Snapshot(2, {"s3": {"body": LONG}, "sqs": [1, 2]}))
    after = files(tmp_path)
    assert len(before.keys() & after.keys()) == 2
    assert all(before[name] == after[name] for name in before.keys() & after.keys())


def test_equal_objects_are_kept_once_and_replaced_ones_are_removed(store: SnapshotStore, tmp_path: Path) -> None:
    store.save(Snapshot(1, {"s3": [LONG, bytes(bytearray(LONG))]}))
    assert len(files(tmp_path)) == 2
    store.save(Snapshot(2, {"s3": []}))
    assert len(files(tmp_path)) == 1


@pytest.mark.parametrize("failing", range(4))
def test_an_end_at_any_moment_of_saving_leaves_the_snapshot_before(
    store: SnapshotStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    first = Snapshot(1, {"a": ["one", LONG], "b": "one"})
    store.save(first)
    written: list[Path] = []
    write = snapshots._write_whole

    def write_until_the_end(path: Path, content: bytes) -> None:
        if len(written) == failing:
            path.with_suffix(".new").write_bytes(content[: len(content) // 2])
            raise KeyboardInterrupt
        written.append(path)
        write(path, content)

    monkeypatch.setattr(snapshots, "_write_whole", write_until_the_end)
    with pytest.raises(KeyboardInterrupt):
        store.save(Snapshot(2, {"a": ["two", LONG[1:]], "b": "two"}))
    monkeypatch.undo()
    again = SnapshotStore(tmp_path, encode, decode)
    assert again.load() == first
    again.save(Snapshot(3, {"a": "three"}))
    assert len(files(tmp_path)) == 1


def damage_manifest(folder: Path) -> None:
    (folder / "snapshot.json").write_text("{")


def change_format(folder: Path) -> None:
    (folder / "snapshot.json").write_text('{"format": 99}')


def damage_part(folder: Path) -> None:
    next((folder / "blobs").iterdir()).write_text("[]")


def remove_part(folder: Path) -> None:
    next((folder / "blobs").iterdir()).unlink()


@pytest.mark.parametrize("damage", [damage_manifest, change_format, damage_part, remove_part])
def test_a_damaged_snapshot_is_one_clear_error(
    store: SnapshotStore, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    store.save(Snapshot(1, {"a": 1}))
    damage(tmp_path)
    with pytest.raises(LocalError, match=r"the kept state cannot be read: .*; `modelyard local reset` starts afresh"):
        store.load()


def test_up_refuses_a_damaged_snapshot_and_leaves_it(own_local_aws: LocalAws) -> None:
    own_local_aws.down()
    manifest = own_local_aws.paths.state / "snapshot.json"
    manifest.write_text("{")
    with pytest.raises(LocalError, match="the kept state cannot be read"):
        own_local_aws.up()
    assert manifest.read_text() == "{"


class Contents:
    """One of many things, made in a local AWS and looked at again."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws

    def make(self) -> None:
        aws = self.aws
        s3 = aws.client("s3")
        s3.create_bucket(Bucket="things", CreateBucketConfiguration={"LocationConstraint": aws.region})
        s3.put_bucket_versioning(Bucket="things", VersioningConfiguration={"Status": "Enabled"})
        s3.put_object(Bucket="things", Key="a/b", Body=LONG, Metadata={"k": "v"}, Tagging="t=1")
        s3.put_object(Bucket="things", Key="a/b", Body=b"newer")
        s3.put_object(Bucket="things", Key="gone", Body=b"x")
        s3.delete_object(Bucket="things", Key="gone")
        aws.client("ssm").put_parameter(Name="/a/b", Value="1", Type="String", Tags=[{"Key": "k", "Value": "v"}])
        key = aws.client("kms").create_key()["KeyMetadata"]["KeyId"]
        aws.client("kms").create_alias(AliasName="alias/things", TargetKeyId=key)
        self.secret = aws.client("kms").encrypt(KeyId=key, Plaintext=b"secret")["CiphertextBlob"]
        aws.client("sqs").create_queue(QueueName="things.fifo", Attributes={"FifoQueue": "true"})
        aws.client("sqs").send_message(
            QueueUrl=self._queue(), MessageBody="hello", MessageGroupId="g", MessageDeduplicationId="d"
        )
        aws.client("dynamodb").create_table(
            TableName="things",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self.item = {"pk": {"S": "a"}, "n": {"N": "1.5"}, "b": {"B": LONG}, "l": {"L": [{"BOOL": True}]}}
        aws.client("dynamodb").put_item(TableName="things", Item=self.item)
        aws.client("iam").create_role(RoleName="things", AssumeRolePolicyDocument="{}")
        aws.client("ecr").create_repository(repositoryName="things", tags=[{"Key": "k", "Value": "v"}])
        aws.client("logs").create_log_group(logGroupName="things")
        aws.client("cloudwatch").put_metric_alarm(
            AlarmName="things",
            MetricName="m",
            Namespace="n",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
        )
        make_function(aws, "things", "def handler(event, context):\n    return event\n")
        group = {"ModelPackageGroupName": "things"}
        aws.client("sagemaker").create_model_package_group(**group)

    def _queue(self) -> str:
        return str(self.aws.client("sqs").get_queue_url(QueueName="things.fifo")["QueueUrl"])

    def look(self) -> dict[str, Any]:
        aws = self.aws
        s3 = aws.client("s3")
        newest = s3.get_object(Bucket="things", Key="a/b")
        versions = s3.list_object_versions(Bucket="things")
        oldest = next(v for v in versions["Versions"] if v["Key"] == "a/b" and not v["IsLatest"])
        old = s3.get_object(Bucket="things", Key="a/b", VersionId=oldest["VersionId"])
        messages = aws.client("sqs").receive_message(QueueUrl=self._queue(), VisibilityTimeout=0)["Messages"]
        return {
            "newest": newest["Body"].read(),
            "versions": [(v["Key"], v["VersionId"], v["IsLatest"]) for v in versions["Versions"]],
            "deleted": [v["Key"] for v in versions["DeleteMarkers"]],
            "old": (old["Body"].read(), old["Metadata"]),
            "parameter": aws.client("ssm").get_parameter(Name="/a/b")["Parameter"]["Value"],
            "tags": aws.client("ssm").list_tags_for_resource(ResourceType="Parameter", ResourceId="/a/b")["TagList"],
            "secret": aws.client("kms").decrypt(CiphertextBlob=self.secret)["Plaintext"],
            "messages": [message["Body"] for message in messages],
            "item": aws.client("dynamodb").get_item(TableName="things", Key={"pk": {"S": "a"}})["Item"],
            "role": aws.client("iam").get_role(RoleName="things")["Role"]["Arn"],
            "repository": aws.client("ecr").describe_repositories()["repositories"][0]["repositoryArn"],
            "logs": [group["logGroupName"] for group in aws.client("logs").describe_log_groups()["logGroups"]],
            "alarm": aws.client("cloudwatch").describe_alarms()["MetricAlarms"][0]["AlarmArn"],
            "function": aws.client("lambda").invoke(FunctionName="things", Payload=b'{"a": 1}')["Payload"].read(),
            "groups": aws.client("sagemaker").list_model_package_groups()["ModelPackageGroupSummaryList"],
        }


def test_down_and_up_keep_everything(own_local_aws: LocalAws) -> None:
    contents = Contents(own_local_aws)
    contents.make()
    before = contents.look()
    assert before["newest"] == b"newer"
    assert before["old"] == (LONG, {"k": "v"})
    assert before["messages"] == ["hello"]
    for _ in range(2):
        own_local_aws.down()
        own_local_aws.up()
        assert contents.look() == {**before, "logs": contents.look()["logs"]}
        assert set(before["logs"]) <= set(contents.look()["logs"])


def kill(aws: LocalAws) -> None:
    os.kill(aws.instance.pid, signal.SIGKILL)


def test_after_kill_9_the_last_snapshot_is_there_and_its_age_is_told(own_local_aws: LocalAws) -> None:
    aws = own_local_aws
    aws.client("ssm").put_parameter(Name="/before", Value="1", Type="String")
    queue = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "before"}}}}
    began = time.time()
    aws.client("cloudformation").create_stack(StackName="before", TemplateBody=json.dumps(queue))
    taken_at = aws.snapshot_after(began)
    aws.client("ssm").put_parameter(Name="/after", Value="1", Type="String")
    kill(aws)
    done = aws.modelyard("local", "up", "--account", aws.account, "--region", aws.region)
    assert "The one before did not end in order; restored the snapshot taken 0:00:" in done.stdout
    aws.up()
    assert aws.instance.restored_from == taken_at
    assert aws.client("ssm").get_parameter(Name="/before")["Parameter"]["Value"] == "1"
    assert aws.client("cloudformation").describe_stacks()["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"
    assert "before" in aws.client("sqs").get_queue_url(QueueName="before")["QueueUrl"]
    with pytest.raises(ClientError, match="ParameterNotFound"):
        aws.client("ssm").get_parameter(Name="/after")


def test_a_registry_write_is_kept_across_kill_9(own_local_aws: LocalAws) -> None:
    began = time.time()
    own_local_aws.client("sagemaker").create_model_package_group(ModelPackageGroupName="kept")
    own_local_aws.snapshot_after(began)
    kill(own_local_aws)
    own_local_aws.up()
    groups = own_local_aws.client("sagemaker").list_model_package_groups()["ModelPackageGroupSummaryList"]
    assert [group["ModelPackageGroupName"] for group in groups] == ["kept"]
