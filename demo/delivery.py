"""Runs `make demo-delivery`: from a commit to production, in four accounts of a local AWS."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from functools import partial

from botocore.exceptions import ClientError
from rich.markup import escape

from demo.accounts import Accounts
from demo.endpoint import DemoFailed, package_of, predict, wait_until_serving
from demo.executions import Action, Follower
from demo.leftovers import leftovers
from demo.objects import read_csv, read_object
from demo.performance import ROOT, perform, start_local_aws, tell_how_to_stop
from demo.repository import Repository
from demo.screen import Screen
from demo.shell import Shell
from modelyard import names
from modelyard.settings import Settings, Stage, load_settings

__all__ = ["Delivery", "run"]

HOME = ROOT / ".cache" / "demo-delivery"
PROJECT, SECOND = "abalone", "rings"
EXECUTION_POLICY = "arn:aws:iam::aws:policy/AdministratorAccess"
# Minutes of watching a rollout pass in as many seconds.
CLOCK_FACTOR = "60"
# What takes most of the verification of a commit.
QUICKER = {"FAST := ": "FAST := tests/settings #", "ruff check . && ruff format": "true || ruff format"}
QUICKER |= {"--compile-bytecode ": ""}
SERVICES = ("cloudformation", "dynamodb", "ecr", "s3", "sagemaker", "ssm")


class Delivery:
    """The delivery of `demo/delivery.yaml`, with a repository of its own."""

    def __init__(self, screen: Screen, shell: Shell, settings: Settings) -> None:
        self.screen = screen
        self.settings = settings
        assert settings.delivery is not None
        self.tools = settings.delivery.account
        self.region = settings.delivery.region
        self.accounts = Accounts(shell, self.tools, self.region)
        self.repository = Repository(ROOT, HOME / "repository")
        self.shell = shell.inside(folder=self.repository.folder)
        self.follower = Follower(screen, self.accounts.client(self.tools, "codepipeline"), names.delivery_pipeline())
        self.known: set[str] = set()
        self.uploaded = False

    def prepare_repository(self, quick: bool = False) -> None:
        """Give the copy the demo's settings, and a second project with an image of its own.

        With `quick` its commits are verified by few tests, and without lint.
        """
        self.repository.copy("demo/delivery.yaml", "platform.yaml")
        for folder in ("pipeline_defs", "containers"):
            source = {"pipeline_defs": PROJECT, "containers": "tabular"}[folder]
            self.repository.copy(f"modelyard/{folder}/{source}", f"modelyard/{folder}/{SECOND}")
        self.repository.replace(f"modelyard/pipeline_defs/{SECOND}/pipeline.py", '"tabular"', f'"{SECOND}"')
        if quick:
            for old, new in QUICKER.items():
                self.repository.replace("Makefile", old, new)

    def bootstrap(self) -> None:
        """Bootstrap the tools account, and the stages' accounts with trust in it."""
        places = {self.tools: ()} | {
            stage.account: ("--trust", self.tools, "--cloudformation-execution-policies", EXECUTION_POLICY)
            for stage in self.settings.stages
        }
        # Where there is no app, and so none is synthesised first.
        shells = {account: self.shell.inside(self.accounts.environment(account), HOME) for account in places}
        commands = {
            account: ("cdk", "bootstrap", f"aws://{account}/{self.region}", *options)
            for account, options in places.items()
        }
        running = {account: shells[account].start(*words) for account, words in commands.items()}
        for account, process in running.items():
            shells[account].end(process, commands[account], code=0)

    def deploy(self) -> None:
        """Deploy the pipeline, the last stack that a person deploys."""
        self.shell.run("cdk", "deploy", names.delivery_stack(), "--exclusively", "--require-approval", "never")
        self.known = {found["pipelineExecutionId"] for found in self.follower.executions()}

    def push(self) -> str:
        """Put the repository into the source bucket; the id of the execution that this starts."""
        source = self.repository.zip(HOME / "source.zip")
        bucket = names.delivery_bucket("source", self.tools, self.region)
        self.shell.run("aws", "s3", "cp", "--only-show-errors", str(source), f"s3://{bucket}/source.zip")
        execution = self.follower.await_new(self.known)
        self.known |= {found["pipelineExecutionId"] for found in self.follower.executions()}
        self.screen.say(f"execution {execution}")
        return execution

    def run_to_gate(self, execution: str) -> str:
        """Follow an execution to its next manual approval, and the reviews of versions that it awaits.

        Returns the execution, or the one that took its place when the pipeline updated itself.
        """
        while True:
            status, said = self.follower.follow(execution, until=self._at_gate, meanwhile=self.upload)
            waiting = [action for action in self.follower.actions(execution) if self._at_gate(action)]
            if waiting:
                return execution
            if status == "Succeeded":
                return execution
            later = [found["pipelineExecutionId"] for found in self.follower.executions()]
            if status in ("Stopped", "Superseded", "Cancelled") and later[0] != execution:
                self.screen.say(f"the pipeline updated itself and goes on as execution {later[0]}")
                execution = later[0]
                self.known |= set(later)
                continue
            raise DemoFailed(f"the execution ended {status}: {said}")

    def upload(self) -> None:
        """Put the data into the first stage's bucket as soon as that is there."""
        if self.uploaded:
            return
        stage = self.settings.stages[0]
        bucket = names.bucket_name(stage.name, "data", stage.account, stage.region)
        try:
            self.accounts.client(stage.account, "s3").head_bucket(Bucket=bucket)
        except ClientError:
            return
        data = HOME / f"{PROJECT}.csv"
        self.shell.run("modelyard", "data", PROJECT, str(data))
        uri = f"s3://{bucket}/{PROJECT}/{data.name}"
        self.accounts.run(stage.account, "aws", "s3", "cp", "--only-show-errors", str(data), uri)
        self.uploaded = True

    def approve_gate(self, execution: str, approved: bool = True) -> None:
        """Answer the manual approval that waits, with the aws command."""
        (gate,) = (action for action in self.follower.actions(execution) if self._at_gate(action))
        words = {True: ("Approved", "evaluation and plan are as expected"), False: ("Rejected", "enough for a demo")}
        result, summary = words[approved]
        self.accounts.run(
            self.tools,
            *("aws", "codepipeline", "put-approval-result", "--pipeline-name", names.delivery_pipeline()),
            *("--stage-name", gate.stage, "--action-name", gate.name),
            *("--result", f"summary={summary},status={result}"),
            *("--token", self.follower.token(gate.stage, gate.name)),
        )

    def show_gate(self, execution: str) -> None:
        """Show what a reviewer sees at the gate that waits."""
        state = self.accounts.client(self.tools, "codepipeline").get_pipeline(name=names.delivery_pipeline())
        (gate,) = (action for action in self.follower.actions(execution) if self._at_gate(action))
        details = self.accounts.client(self.tools, "codepipeline").list_action_executions(
            pipelineName=state["pipeline"]["name"], filter={"pipelineExecutionId": execution}
        )["actionExecutionDetails"]
        (seen,) = (each for each in details if (each["stageName"], each["actionName"]) == (gate.stage, gate.name))
        for name, value in seen["input"].get("resolvedConfiguration", {}).items():
            self.screen.say(f"[bold]{name}[/]: {escape(value)}")

    def approve_version(self, stage: Stage, wait: bool = True) -> str:
        """Approve the version of the project that awaits review in a stage, with the aws command; its ARN."""
        name = names.resource_name(stage.name, PROJECT)
        sagemaker = self.accounts.client(stage.account, "sagemaker")
        (version,) = sagemaker.list_model_packages(
            ModelPackageGroupName=name, ModelApprovalStatus="PendingManualApproval"
        )["ModelPackageSummaryList"]
        package = str(version["ModelPackageArn"])
        self.accounts.run(
            stage.account,
            *("aws", "sagemaker", "update-model-package"),
            *("--model-package-arn", package, "--model-approval-status", "Approved"),
        )
        if wait:
            wait_until_serving(self.screen, sagemaker, name, package)
        return package

    def await_review(self, execution: str, stage: Stage) -> None:
        """Follow an execution until it awaits a review of the version that it registered in a stage."""
        name = names.resource_name(stage.name, PROJECT)
        sagemaker = self.accounts.client(stage.account, "sagemaker")

        def asked(_: Action) -> bool:
            try:
                found = sagemaker.list_model_packages(
                    ModelPackageGroupName=name, ModelApprovalStatus="PendingManualApproval"
                )
            except ClientError:
                return False
            return bool(found["ModelPackageSummaryList"])

        status, said = self.follower.follow(execution, until=asked)
        if status != "InProgress":
            raise DemoFailed(f"the execution ended {status}: {said}")

    def compare(self) -> None:
        """Show what every stage serves; raises `DemoFailed` where they differ."""
        rows = [self._served(stage) for stage in self.settings.stages]
        self.screen.table("Served", ["stage", "account", "version", "sha256 of the model", "image", "answer"], rows)
        if any(row[3:] != rows[0][3:] for row in rows):
            raise DemoFailed("the stages do not serve the same model")

    def builds(self) -> list[str]:
        """The images that were built so far, the oldest first."""
        codebuild = self.accounts.client(self.tools, "codebuild")
        found = [
            build
            for project in codebuild.list_projects()["projects"]
            for id in codebuild.list_builds_for_project(projectName=project, sortOrder="ASCENDING")["ids"]
            for build in codebuild.batch_get_builds(ids=[id])["builds"]
        ]
        variables = [
            {item["name"]: item["value"] for item in build["environment"].get("environmentVariables", [])}
            for build in sorted(found, key=lambda build: build["startTime"])
        ]
        return [each["IMAGE"] for each in variables if "IMAGE" in each]

    def destroy(self) -> None:
        """Destroy every stack and show that nothing is left in any account."""
        self.shell.run("cdk", "destroy", "--all", "--force")
        left: dict[str, list[str]] = {}
        for account in (self.tools, *(stage.account for stage in self.settings.stages)):
            clients = {service: self.accounts.client(account, service) for service in SERVICES}
            for what, found in leftovers(clients).items():
                left[what] = left.get(what, []) + found
        self.screen.table("Left behind", ["what", "count"], [[what, str(len(found))] for what, found in left.items()])
        if any(left.values()):
            raise DemoFailed(f"left behind: {json.dumps({what: found for what, found in left.items() if found})}")

    def _served(self, stage: Stage) -> list[str]:
        sagemaker = self.accounts.client(stage.account, "sagemaker")
        name = names.resource_name(stage.name, PROJECT)
        config = sagemaker.describe_endpoint(EndpointName=name)["EndpointConfigName"]
        package = package_of(sagemaker, config)
        described = sagemaker.describe_model_package(ModelPackageName=package)
        (container,) = described["InferenceSpecification"]["Containers"]
        model = read_object(self.accounts.client(stage.account, "s3"), container["ModelDataUrl"])
        image = container["Image"].partition("@")[2][:19]
        answer = predict(self.accounts.client(stage.account, "sagemaker-runtime"), name, [self._row()])
        digest = hashlib.sha256(model).hexdigest()[:12]
        return [stage.name, stage.account, package.rpartition("/")[2], digest, image, f"{answer[0]:.4f}"]

    def _row(self) -> list[str]:
        stage = self.settings.stages[0]
        bucket = names.bucket_name(stage.name, "data", stage.account, stage.region)
        s3 = self.accounts.client(stage.account, "s3")
        header, first, *_ = read_csv(s3, f"s3://{bucket}/{PROJECT}/{PROJECT}.csv")
        return [value for name, value in zip(header, first, strict=True) if name != "rings"]

    @staticmethod
    def _at_gate(action: Action) -> bool:
        return action.name == "Gate" and action.status == "InProgress"


def run(screen: Screen, shell: Shell, keep: bool, quick: bool = False) -> None:
    """The stages of the demo, in their order."""
    settings = load_settings(ROOT / "demo" / "delivery.yaml")
    assert settings.delivery is not None
    with screen.stage("Start a local AWS with four accounts"):
        start_local_aws(screen, shell, settings.delivery, HOME, "--clock-factor", CLOCK_FACTOR, "--record-calls")
    delivery = Delivery(screen, shell, settings)
    first, *later = settings.delivered_stages()
    with screen.stage("Make a repository of two projects"):
        delivery.prepare_repository(quick)
    with screen.stage("Bootstrap the accounts"):
        delivery.bootstrap()
    with screen.stage("Deploy the pipeline"):
        delivery.deploy()
    with screen.stage(f"Commit: it is tested, its images are built, {first.name} is deployed and trained"):
        execution = delivery.run_to_gate(delivery.push())
    with screen.stage(f"Approve version 1 in {first.name}"):
        delivery.approve_version(first)
    for stage in later:
        with screen.stage(f"Approve the gate before {stage.name}: it is deployed, and the version registered there"):
            delivery.show_gate(execution)
            delivery.approve_gate(execution)
            delivery.await_review(execution, stage)
        with screen.stage(f"Approve the version in {stage.name}: it serves and is tested there"):
            delivery.approve_version(stage)
            execution = delivery.run_to_gate(execution)
    with screen.stage("Compare what the stages serve"):
        delivery.compare()
    with screen.stage("Commit a mistake: it stops at the tests"):
        broken(delivery)
    with screen.stage("Commit a change of one image: no other is built"):
        one_image(delivery)
    if keep:
        tell_how_to_stop(screen, HOME)
        return
    with screen.stage("Destroy everything"):
        delivery.destroy()


def broken(delivery: Delivery) -> None:
    """Allow what SageMaker refuses, so that a test fails; then take it back."""
    rules, right, wrong = (
        "modelyard/settings/rollouts.py",
        '"canary": {"percent": (1, 50)',
        '"canary": {"percent": (1, 60)',
    )
    delivery.repository.replace(rules, right, wrong)
    status, said = delivery.follower.follow(delivery.push())
    delivery.repository.replace(rules, wrong, right)
    delivery.screen.say(escape(f"the execution {status}: {said}"))
    if status != "Failed" or "test_" not in said:
        raise DemoFailed(f"the execution should have failed at a test, and is {status}: {said}")


def one_image(delivery: Delivery) -> None:
    """Change one container, and compare what was built."""
    before = delivery.builds()
    serving = delivery.repository.folder / "modelyard" / "containers" / SECOND / "serving.py"
    serving.write_text(serving.read_text() + "\n\n# Changed.\n")
    execution = delivery.run_to_gate(delivery.push())
    built = delivery.builds()[len(before) :]
    delivery.screen.say(f"built: {', '.join(built)}")
    if len(built) != 1 or f"/{SECOND}:" not in built[0]:
        raise DemoFailed(f"one image should have been built anew, and there are {built}")
    delivery.approve_gate(execution, approved=False)
    deadline = time.monotonic() + 60
    while delivery.follower.status(execution)[0] == "InProgress" and time.monotonic() < deadline:
        time.sleep(0.5)


if __name__ == "__main__":
    told = {"name": "demo-delivery", "description": "From a commit to production, on this machine."}
    given = [word for word in sys.argv[1:] if word != "--quick"]
    sys.exit(perform(given, home=HOME, run=partial(run, quick="--quick" in sys.argv), **told))
