"""The stages of the demo, in their order."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from rich.markup import escape

from demo.endpoint import DemoFailed, predict, require_serving, wait_until_serving
from demo.hot_fix import register_hot_fix
from demo.leftovers import leftovers
from demo.objects import read_csv, read_json
from demo.pipeline import Execution, run_pipeline
from demo.rollout import Rollout
from demo.screen import Screen
from demo.shell import Shell
from demo.traffic import Traffic
from modelyard import names
from modelyard.settings import Stage

__all__ = ["PROJECT", "Loop"]

PROJECT = "abalone"
SHOWN_ROWS = 5
CLIENTS = ("s3", "ecr", "sagemaker", "sagemaker-runtime", "ssm", "cloudformation", "cloudwatch", "dynamodb")


@dataclass
class Loop:
    """The loop of one project in one stage of the local AWS."""

    screen: Screen
    shell: Shell
    stage: Stage
    data: Path
    project: str = PROJECT
    platform: str = "platform.yaml"

    def __post_init__(self) -> None:
        self.name = names.resource_name(self.stage.name, self.project)
        bucket = names.bucket_name(self.stage.name, "data", self.stage.account, self.stage.region)
        self.data_uri = f"s3://{bucket}/{self.project}/{self.data.name}"
        session = boto3.Session(
            aws_access_key_id=self.shell.env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.shell.env["AWS_SECRET_ACCESS_KEY"],
            region_name=self.stage.region,
        )
        url = self.shell.env["AWS_ENDPOINT_URL"]
        self.clients = {name: session.client(name, endpoint_url=url) for name in CLIENTS}
        once = Config(retries={"total_max_attempts": 1})
        self.impatient = session.client("sagemaker-runtime", endpoint_url=url, config=once)

    @property
    def sagemaker(self) -> Any:
        return self.clients["sagemaker"]

    def deploy(self) -> None:
        """Bootstrap the account and deploy every stack of the reference app."""
        settings = () if self.platform == "platform.yaml" else ("-c", f"platform={self.platform}")
        self.shell.run("cdk", "bootstrap", f"aws://{self.stage.account}/{self.stage.region}", *settings)
        self.shell.run("cdk", "deploy", "--all", "--require-approval", "never", *settings)
        pages = self.clients["cloudformation"].get_paginator("describe_stacks").paginate()
        stacks = sorted((stack["StackName"], stack["StackStatus"]) for page in pages for stack in page["Stacks"])
        self.screen.table("Stacks", ["stack", "status"], [list(stack) for stack in stacks])

    def upload(self) -> None:
        """Fetch the real data and put it where the pipeline reads it."""
        self.shell.run("modelyard", "data", PROJECT, str(self.data))
        self.shell.run("aws", "s3", "cp", "--only-show-errors", str(self.data), self.data_uri)
        self.screen.say(f"{len(self.data.read_text().splitlines()) - 1:,} rows at {self.data_uri}")

    def train(self, **parameters: str) -> Execution:
        """Run the pipeline; its execution, ended."""
        shown = " ".join(f"{key}={value}" for key, value in parameters.items())
        self.screen.say(f"pipeline [bold]{self.name}[/] {shown}")
        return run_pipeline(self.screen.console, self.sagemaker, self.name, parameters)

    def register(self, **parameters: str) -> Execution:
        """Run the pipeline to a registered version and show its evaluation."""
        execution = self.train(**parameters)
        if execution.status != "Succeeded":
            reasons = "\n".join([execution.reason, *execution.failures])
            raise DemoFailed(f"the pipeline ended {execution.status}: {reasons}")
        evaluation = execution.output(self.sagemaker, "Evaluate", "evaluation")
        self.show_evaluation(evaluation)
        package = self.sagemaker.describe_model_package(ModelPackageName=execution.package_arn)
        self.screen.say(f"registered {execution.package_arn} ([bold]{package['ModelApprovalStatus']}[/])")
        return execution

    def show_evaluation(self, evaluation: str) -> None:
        """Show the metrics at that place."""
        report = read_json(self.clients["s3"], f"{evaluation}/evaluation.json")
        rows = [[name, f"{metric['value']:.4f}"] for name, metric in report["regression_metrics"].items()]
        self.screen.table("Evaluation on held-out rows", ["metric", "value"], rows)
        self.screen.say(f"residual plot: {evaluation}/residuals.png")

    def approve(self, package_arn: str) -> None:
        """Approve a version with the aws command, as a reviewer would, and wait until exactly that version serves."""
        self.shell.run(
            *("aws", "sagemaker", "update-model-package"),
            *("--model-package-arn", package_arn, "--model-approval-status", "Approved"),
        )
        seconds = wait_until_serving(self.screen, self.sagemaker, self.name, package_arn)
        self.screen.say(f"version [bold]{_version(package_arn)}[/] serves, {seconds:.1f} s after the decision")

    def register_hot_fix(self, package_arn: str) -> str:
        """Register a version that was made by hand out of another; its ARN."""
        hot_fix = register_hot_fix(self.sagemaker, self.clients["s3"], package_arn)
        self.screen.say(f"registered {hot_fix}: version {_version(package_arn)} with demo/hot_fix/inference.py in it")
        return hot_fix

    def roll_out(self, *words: str, rows: list[list[str]], serves: str, goes_well: bool = True) -> None:
        """Run a command that moves the endpoint, with requests all the while; ``serves`` is what must serve then.

        Raises `DemoFailed` where another version serves, or a request failed other than by the new version's own error.
        """
        rollout = Rollout(self.screen, self.clients, self.name)
        running = self.shell.start(*words)
        with Traffic(self.impatient, self.name, rows) as traffic:
            rollout.watch(running, traffic)
        said = self.shell.end(running, words, code=0 if goes_well else 1)
        self.screen.say(escape(said.strip().splitlines()[-1]))
        table = rollout.who_answered(traffic.sent)
        self.screen.table(f"Who answered: {traffic}", ["version", "endpoint config", "requests", "errors"], table)
        require_serving(self.sagemaker, self.name, serves)
        self.screen.say(f"version [bold]{_version(serves)}[/] serves")
        if traffic.failures or bool(traffic.model_errors) == goes_well:
            raise DemoFailed(f"{traffic}, which is not what was to be shown: {traffic.failures[:3]}")

    def held_out(self, execution: Execution) -> tuple[list[str], list[list[str]], list[str]]:
        """What training never saw: the features' names, the rows of features, and the true rings of each."""
        uri = execution.output(self.sagemaker, "Preprocess", "test")
        header, *rows = read_csv(self.clients["s3"], f"{uri}/test.csv")
        truth = header.index("rings")
        features = [[value for index, value in enumerate(row) if index != truth] for row in (header, *rows)]
        return features[0], features[1:], [row[truth] for row in rows]

    def call(self, execution: Execution) -> None:
        """Invoke the endpoint on rows that training never saw, and print the truth beside the answers."""
        columns, rows, truth = self.held_out(execution)
        answers = predict(self.clients["sagemaker-runtime"], self.name, rows[:SHOWN_ROWS])
        shown = [
            [", ".join(row), f"{answer:.1f}", true] for row, answer, true in zip(rows, answers, truth, strict=False)
        ]
        self.screen.table("Held-out rows", [", ".join(columns), "predicted rings", "true rings"], shown)

    def history(self) -> None:
        """Show what the ledger tells of it all."""
        self.shell.show("modelyard", "history", PROJECT)

    def refused(self, **parameters: str) -> None:
        """Run the pipeline so that no model meets the threshold, and show that nothing is registered."""
        before = self._versions()
        execution = self.train(**parameters)
        by_the_gate = any("is above the threshold" in failure for failure in execution.failures)
        if not by_the_gate or self._versions() != before:
            reasons = "; ".join(execution.failures)
            raise DemoFailed(f"the pipeline should have refused the model, and ended {execution.status}: {reasons}")
        for failure in execution.failures:
            self.screen.say(f"[red]refused:[/] {failure}")

    def destroy(self) -> None:
        """Destroy every stack and show that nothing is left."""
        # The templates that were deployed are still in cdk.out: no need to synthesise them again.
        self.shell.run("cdk", "destroy", "--all", "--force", "--app", "cdk.out")
        left = leftovers(self.clients)
        self.screen.table("Left behind", ["what", "count"], [[what, str(len(found))] for what, found in left.items()])
        if any(left.values()):
            raise DemoFailed(f"left behind: {json.dumps({what: found for what, found in left.items() if found})}")

    def _versions(self) -> list[str]:
        pages = self.sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=self.name)
        return [package["ModelPackageArn"] for page in pages for package in page["ModelPackageSummaryList"]]


def _version(package_arn: str) -> str:
    return package_arn.rpartition("/")[2]
