"""The stages of the demo, in their order."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from demo.endpoint import DemoFailed, predict, wait_until_serving
from demo.leftovers import leftovers
from demo.pipeline import Execution, read_json, read_object, run_pipeline
from demo.screen import Screen
from demo.shell import Shell
from modelyard import names
from modelyard.settings import Stage

__all__ = ["Loop"]

PROJECT = "abalone"
SHOWN_ROWS = 5
CLIENTS = ("s3", "ecr", "sagemaker", "sagemaker-runtime", "ssm", "cloudformation", "dynamodb")


@dataclass
class Loop:
    """The loop of one project in one stage of the local AWS."""

    screen: Screen
    shell: Shell
    stage: Stage
    data: Path

    def __post_init__(self) -> None:
        self.name = names.resource_name(self.stage.name, PROJECT)
        self.data_uri = (
            f"s3://{names.bucket_name(self.stage.name, 'data', self.stage.account, self.stage.region)}"
            f"/{PROJECT}/{PROJECT}.csv"
        )
        session = boto3.Session(
            aws_access_key_id=self.shell.env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.shell.env["AWS_SECRET_ACCESS_KEY"],
            region_name=self.stage.region,
        )
        self.clients = {name: session.client(name, endpoint_url=self.shell.env["AWS_ENDPOINT_URL"]) for name in CLIENTS}

    @property
    def sagemaker(self) -> Any:
        return self.clients["sagemaker"]

    def deploy(self) -> None:
        """Bootstrap the account and deploy every stack of the reference app."""
        self.shell.run("cdk", "bootstrap", f"aws://{self.stage.account}/{self.stage.region}")
        self.shell.run("cdk", "deploy", "--all", "--require-approval", "never")
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
        report = read_json(self.clients["s3"], f"{evaluation}/evaluation.json")
        rows = [[name, f"{metric['value']:.4f}"] for name, metric in report["regression_metrics"].items()]
        self.screen.table("Evaluation on held-out rows", ["metric", "value"], rows)
        self.screen.say(f"residual plot: {evaluation}/residuals.png")
        package = self.sagemaker.describe_model_package(ModelPackageName=execution.package_arn)
        self.screen.say(f"registered {execution.package_arn} ([bold]{package['ModelApprovalStatus']}[/])")
        return execution

    def decide(self, package_arn: str, status: str) -> None:
        """Approve or reject a version with the aws command, as a reviewer would."""
        self.shell.run(
            *("aws", "sagemaker", "update-model-package"),
            *("--model-package-arn", package_arn, "--model-approval-status", status),
        )

    def serving(self, package_arn: str) -> None:
        """Wait until exactly that version serves."""
        seconds = wait_until_serving(self.screen, self.sagemaker, self.name, package_arn)
        version = package_arn.rpartition("/")[2]
        self.screen.say(f"version [bold]{version}[/] serves, {seconds:.1f} s after the decision")

    def call(self, execution: Execution) -> None:
        """Invoke the endpoint on rows that training never saw, and print the truth beside the answers."""
        uri = execution.output(self.sagemaker, "Preprocess", "test")
        held_out = list(csv.reader(io.StringIO(read_object(self.clients["s3"], f"{uri}/test.csv").decode())))
        header, rows = held_out[0], held_out[1 : 1 + SHOWN_ROWS]
        truth = header.index("rings")
        features = [[value for index, value in enumerate(row) if index != truth] for row in rows]
        answers = predict(self.clients["sagemaker-runtime"], self.name, features)
        shown = [
            [", ".join(row), f"{answer:.1f}", full[truth]]
            for row, answer, full in zip(features, answers, rows, strict=True)
        ]
        names_shown = ", ".join(name for name in header if name != "rings")
        self.screen.table("Held-out rows", [names_shown, "predicted rings", "true rings"], shown)

    def refused(self, **parameters: str) -> None:
        """Run the pipeline with a threshold that no model meets, and show that nothing is registered."""
        before = self._versions()
        execution = self.train(**parameters)
        if execution.status != "Failed" or self._versions() != before:
            raise DemoFailed(f"the pipeline should have refused the model, and ended {execution.status}")
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
