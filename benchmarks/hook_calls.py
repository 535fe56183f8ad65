"""How many AWS calls lie between an event and the accepted CreateEndpoint or UpdateEndpoint; what follows, apart.

The functions run in this process on the events that the local AWS sends, as their deployed twins would.
"""

from __future__ import annotations

import contextlib
import io
import json
import time
from typing import Any

from benchmarks.local import ACCOUNT, REGION, Local, local_aws
from benchmarks.stub import make_image, register_version
from modelyard.lambdas.serving import reconcile, wake
from modelyard.lambdas.serving.places import Place
from modelyard.lambdas.serving.runtime import Runtime

__all__ = ["main"]

TARGET = 15
STAGE = "benchmark"
NAME = f"{STAGE}-endpoint"
PARAMETER = f"/modelyard/{STAGE}/project/endpoint"
ACCEPTED = {"CreateEndpoint", "UpdateEndpoint"}


class Hook:
    """The hook's functions over a local AWS, counting their calls."""

    def __init__(self, local: Local) -> None:
        self.calls: list[str] = []
        self.local = local
        self.clients: dict[str, Any] = {}
        sqs = local.client("sqs")
        self.events_url = sqs.create_queue(QueueName="events")["QueueUrl"]
        queue_url = sqs.create_queue(QueueName="hook.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        keys = (("pk", "HASH"), ("sk", "RANGE"))
        local.client("dynamodb").create_table(
            TableName=STAGE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
        )
        events = local.client("events")
        events.put_rule(Name="all", EventPattern=json.dumps({"source": ["aws.sagemaker"]}))
        target = {"Id": "queue", "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:events"}
        events.put_targets(Rule="all", Targets=[target])
        self.runtime = Runtime(STAGE, f"/modelyard/{STAGE}/", queue_url, client=self.client)

    def client(self, service: str) -> Any:
        """A client that counts."""
        if service not in self.clients:
            client = self.local.client(service)
            client.meta.events.register("before-call.*.*", lambda model, **rest: self.calls.append(model.name))
            self.clients[service] = client
        return self.clients[service]

    def deliver(self, event: dict[str, Any]) -> list[str]:
        """Wake and reconcile for one event; the calls that this took."""
        self.calls.clear()
        message = {"endpoint_name": NAME, "parameter_name": PARAMETER, "cause": wake.cause(event)}
        # The functions' structured logs would hide the figures.
        with contextlib.redirect_stdout(io.StringIO()):
            wake.handle(event, self.runtime)
            reconcile.reconcile(message, self.runtime)
        return list(self.calls)

    def events(self, detail_type: str, ready: str) -> list[dict[str, Any]]:
        """Take events until one of that type holds the text ``ready``."""
        sqs = self.local.client("sqs")
        deadline = time.monotonic() + 60
        taken: list[dict[str, Any]] = []
        while time.monotonic() < deadline:
            for message in sqs.receive_message(QueueUrl=self.events_url, MaxNumberOfMessages=10).get("Messages", []):
                sqs.delete_message(QueueUrl=self.events_url, ReceiptHandle=message["ReceiptHandle"])
                taken.append(json.loads(message["Body"]))
            if any(event["detail-type"] == detail_type and ready in json.dumps(event) for event in taken):
                return taken
            time.sleep(0.02)
        raise SystemExit(f"no event {detail_type} with {ready} within a minute")


def main() -> None:
    with local_aws() as local:
        make_image(local)
        hook = Hook(local)
        sagemaker = local.client("sagemaker")
        sagemaker.create_model_package_group(ModelPackageGroupName=NAME)
        declare(local)
        hook.runtime.places.put(Place(NAME, NAME, PARAMETER))
        worst = 0
        for words in ("first approval (create)", "second approval (update)", "third approval (update)"):
            arn = register_version(sagemaker, NAME)
            hook.events("SageMaker Model Package State Change", arn)
            sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
            (approval,) = [
                event
                for event in hook.events("SageMaker Model Package State Change", arn)
                if event["detail-type"] == "SageMaker Model Package State Change"
            ]
            calls = hook.deliver(approval)
            accepted = 1 + next(index for index, call in enumerate(calls) if call in ACCEPTED)
            worst = max(worst, accepted)
            print(f"\n{words}: {accepted} calls to the accepted {calls[accepted - 1]}, then {len(calls) - accepted}")
            print("  " + ", ".join(calls))
            follow_ups = [
                hook.deliver(event)
                for event in hook.events("SageMaker Endpoint State Change", "IN_SERVICE")
                if event["detail-type"].startswith("SageMaker Endpoint")
            ]
            print(f"  {len(follow_ups)} events of the endpoint followed, with {sum(map(len, follow_ups))} calls")
        print(f"\n  => {worst} calls; target ≤ {TARGET}: {'met' if worst <= TARGET else 'MISSED'}")


def declare(local: Local) -> None:
    """The declaration of one endpoint, as its construct writes it."""
    declaration = {
        "version": 1,
        "endpoint_name": NAME,
        "model_package_group_name": NAME,
        "execution_role_arn": local.role(NAME),
        "instance_type": "ml.m5.large",
        "instance_count": 1,
        "kms_key_arn": None,
        "network": None,
        "environment": {},
        "tags": {},
        "health_check_timeout_seconds": None,
        "download_timeout_seconds": None,
        "rollout": {"type": "all_at_once"},
    }
    local.client("ssm").put_parameter(Name=PARAMETER, Type="String", Value=json.dumps(declaration))


if __name__ == "__main__":
    main()
