"""Steady load on an endpoint while a canary succeeds, and while one is rolled back by its alarm.

``--seconds`` and ``--rate`` (requests a second) say how much; the load goes on until the deployment has ended, too. The
requests are sent when they are due, not when the one before was answered. A minute of AWS's time passes in a second.
"""

from __future__ import annotations

import argparse
import os
import statistics
import uuid
from pathlib import Path
from typing import Any

from benchmarks.load import Load, Outcome, Request
from benchmarks.local import REGION, Local, local_aws
from modelyard.local.pace import VARIABLE
from modelyard.local.sagemaker.jobs.images import register_image

__all__ = ["FACTOR", "FROM_THE_BAD_MODEL", "main", "run"]

FACTOR = 60
PERCENT = 20
IMAGE = "benchmark/canary:1"
FROM_THE_BAD_MODEL = "error of the bad model"
SERVE = """#!/usr/bin/env python3
import asyncio, os
MODEL = os.environ["MODEL"].encode()
STATUS = b"500 Internal Server Error" if MODEL == b"bad" else b"200 OK"
def answer(status, body):
    return b"HTTP/1.1 %s\\r\\nContent-Length: %d\\r\\nConnection: close\\r\\n\\r\\n%s" % (status, len(body), body)
async def serve(reader, writer):
    head = await reader.readuntil(b"\\r\\n\\r\\n")
    length = [line for line in head.lower().split(b"\\r\\n") if line.startswith(b"content-length:")]
    if length:
        await reader.readexactly(int(length[0].split(b":")[1]))
    writer.write(answer(b"200 OK", b"") if head.startswith(b"GET /ping") else answer(STATUS, MODEL))
    await writer.drain()
    writer.close()
async def main():
    address = os.environ["SAGEMAKER_BIND_TO_HOST"], int(os.environ["SAGEMAKER_BIND_TO_PORT"])
    async with await asyncio.start_server(serve, *address) as server:
        await server.serve_forever()
asyncio.run(main())
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=200.0)
    options = parser.parse_args()
    os.environ[VARIABLE] = str(FACTOR)
    failed = 0
    with local_aws() as local:
        for model in ("good", "bad"):
            outcomes, ended_with = run(local, model, options.seconds, options.rate)
            failed += report(model, outcomes, ended_with, options.rate)
    raise SystemExit(1 if failed else 0)


def run(local: Local, model: str, seconds: float, rate: float) -> tuple[list[Outcome], str]:
    """Deploy ``model`` by a canary under load; what became of each request, and which model serves in the end."""
    sagemaker, name = local.client("sagemaker"), f"rollout-{uuid.uuid4().hex[:8]}"
    make_image(local)
    for config in ("old", model):
        make_config(local, f"{name}-{config}", config)
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=f"{name}-old")
    settled(sagemaker, name)
    make_alarm(local, name, f"{name}-{model}")
    with Load(Request.signed(local.instance, REGION, f"/endpoints/{name}/invocations"), rate) as load:
        load.wait(seconds * 0.2)
        # A canary that is to be taken back waits for its alarm, however long that takes.
        wait = round(seconds * 0.35 * FACTOR) if model == "good" else 3600
        update(sagemaker, name, model, wait=min(3600, wait), bake=min(3600, round(seconds * 0.2 * FACTOR)))
        config = settled(sagemaker, name)
        load.wait(max(seconds * 0.1, seconds - load.elapsed))
    sagemaker.delete_endpoint(EndpointName=name)
    return [classified(outcome) for outcome in load.outcomes], str(config).removeprefix(f"{name}-")


def update(sagemaker: Any, name: str, model: str, *, wait: int, bake: int) -> None:
    """Begin a canary that its alarm guards."""
    routing = {
        "Type": "CANARY",
        "WaitIntervalInSeconds": wait,
        "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": PERCENT},
    }
    sagemaker.update_endpoint(
        EndpointName=name,
        EndpointConfigName=f"{name}-{model}",
        DeploymentConfig={
            "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": bake},
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name}]},
        },
    )


def make_image(local: Local) -> None:
    """A server that answers with the name of its model, at once; ``bad`` answers nothing but errors."""
    folder: Path = local.paths.project / "canary"
    folder.mkdir(exist_ok=True)
    (folder / "serve").write_text(SERVE)
    (folder / "serve").chmod(0o755)
    (folder / "requirements.txt").write_text("")
    register_image(local.paths.sagemaker, IMAGE, folder)


def make_config(local: Local, name: str, model: str) -> None:
    """An endpoint configuration of two instances of ``model``."""
    sagemaker = local.client("sagemaker")
    container = {"Image": IMAGE, "Environment": {"MODEL": model}}
    role = f"arn:aws:iam::{local.instance.account}:role/none"
    sagemaker.create_model(
        ModelName=name, PrimaryContainer=container, ExecutionRoleArn=role, EnableNetworkIsolation=True
    )
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": name,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 2,
    }
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])


def make_alarm(local: Local, endpoint: str, config: str) -> None:
    """An alarm on more than 5 % server errors of the new fleet, for a minute."""
    dimensions = {"EndpointName": endpoint, "VariantName": "AllTraffic", "EndpointConfigName": config}
    local.client("cloudwatch").put_metric_alarm(
        AlarmName=endpoint,
        Namespace="AWS/SageMaker",
        MetricName="Invocation5XXErrors",
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        Statistic="Average",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0.05,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )


def settled(sagemaker: Any, name: str) -> str:
    """Wait until the endpoint is in service; its configuration."""
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 300})
    return str(sagemaker.describe_endpoint(EndpointName=name)["EndpointConfigName"])


def classified(outcome: Outcome) -> Outcome:
    """``outcome`` with the model that answered, or the cause of its failure."""
    if outcome.status == 424 and outcome.answer.get("OriginalMessage") == "bad":
        return outcome.of("bad", FROM_THE_BAD_MODEL)
    if outcome.status == 200:
        return outcome.of(str(outcome.answer), "")
    return outcome.of("", f"{outcome.status} {outcome.answer}")


def report(model: str, outcomes: list[Outcome], ended_with: str, rate: float) -> int:
    """Print what happened; how many requests failed by the deployment's fault."""
    lasted = max(outcome.sent for outcome in outcomes)
    print(f"\nA canary of {PERCENT} % with a {model} model: {ended_with} serves in the end")
    print(f"  {len(outcomes)} requests in {lasted:.1f} s: {len(outcomes) / lasted:.1f} a second (asked for {rate:g})")
    waits = statistics.quantiles((outcome.seconds * 1000 for outcome in outcomes), n=100)
    print(f"  answered after {waits[49]:.1f} ms (p50), {waits[98]:.1f} ms (p99)")
    causes = {cause: sum(outcome.cause == cause for outcome in outcomes) for cause in {o.cause for o in outcomes}}
    for cause, count in sorted(causes.items(), key=lambda item: -item[1]):
        print(f"  {count:7} {cause or 'answered'}")
    print("  share of the new model over time:")
    step = max(1.0, lasted / 20)
    for number in range(int(lasted / step) + 1):
        part = [outcome for outcome in outcomes if number * step <= outcome.sent < (number + 1) * step]
        if part:
            share = sum(outcome.model == model for outcome in part) / len(part)
            print(f"    {number * step:6.1f} s  {share:6.1%}  {'#' * round(40 * share)}")
    faults = sum(count for cause, count in causes.items() if cause not in ("", FROM_THE_BAD_MODEL))
    print(f"  => {faults} failed requests; target 0: {'MISSED' if faults else 'met'}")
    return faults


if __name__ == "__main__":
    main()
