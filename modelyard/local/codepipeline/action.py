"""One run of an action: what it is given, the clients of its role, its artifacts, and how it ends."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from modelyard.local.codepipeline.api import IN_PROGRESS
from modelyard.local.codepipeline.roles import SESSION, RoleRefused, require_action_role, require_service_role
from modelyard.local.codepipeline.variables import Unresolved, resolve
from modelyard.local.sagemaker.context import Context, Record

__all__ = ["Abandoned", "Action", "ActionFailed", "ActionType", "Configuration", "Outcome", "anything", "store_of"]

Configuration = Mapping[str, str]

_SHORTEST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 1.0


class ActionFailed(Exception):
    """The end of an action: CodePipeline's code and message of it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Abandoned(Exception):
    """The execution no longer waits for this action."""


@dataclass(frozen=True)
class Outcome:
    """How an action ended well: its output variables, and what it says of itself."""

    variables: Mapping[str, str] = field(default_factory=dict)
    summary: str = ""
    revision: Mapping[str, Any] | None = None


def anything(configuration: Configuration, inputs: list[str]) -> Iterator[str]:
    """A check that finds nothing."""
    return iter(())


@dataclass(frozen=True)
class ActionType:
    """A kind of action that runs here.

    ``keys`` are the keys of its configuration with their supported values, none meaning any value. ``check`` finds what
    else is wrong with a configuration. ``run`` runs it, on a thread of its own; None from it means that its result
    comes by ``PutApprovalResult``.
    """

    categories: tuple[str, ...]
    provider: str
    keys: Mapping[str, tuple[str, ...]]
    required: tuple[str, ...]
    inputs: tuple[int, int]
    outputs: tuple[int, int]
    run: Callable[[Action], Outcome | None]
    check: Callable[[Configuration, list[str]], Iterator[str]] = anything
    refused: Mapping[str, str] = field(default_factory=dict)
    configurable_timeout: bool = False
    in_any_region: bool = False


class Action:
    """An action of ``execution`` that runs now, recorded in ``record``."""

    def __init__(self, context: Context, execution: Record, declaration: Record, record: Record) -> None:
        self.context = context
        self.execution = execution
        self.declaration = declaration
        self.record = record
        self.configuration: dict[str, str] = {}
        self._pause = _SHORTEST_PAUSE_SECONDS
        pipeline = execution["_declaration"]
        self.pipeline_role: str = pipeline["roleArn"]
        self.role: str = declaration.get("roleArn") or pipeline["roleArn"]
        self.region: str = declaration.get("region") or context.region
        self.store: Record = store_of(pipeline, self.region)

    @property
    def inputs(self) -> list[Record]:
        """The input artifacts: name and location of each."""
        return list(self.record["input"]["inputArtifacts"])

    @property
    def outputs(self) -> list[Record]:
        """The output artifacts: name and location of each."""
        return list(self.record["output"]["outputArtifacts"])

    @property
    def key(self) -> str | None:
        """The KMS key of the artifact store."""
        key = self.store.get("encryptionKey")
        return None if key is None else str(key["id"])

    def prepare(self) -> None:
        """Assume the roles and resolve the configuration; raises ``ActionFailed``."""
        try:
            require_service_role(self.context, self.pipeline_role)
            if self.role != self.pipeline_role:
                require_action_role(self.context, self.role, self.pipeline_role)
        except RoleRefused as error:
            raise ActionFailed("PermissionError", str(error)) from None
        for name, value in (self.declaration.get("configuration") or {}).items():
            try:
                self.configuration[name] = resolve(value, self.execution["_variables"])
            except Unresolved as error:
                raise ActionFailed("InvalidConfiguration", f"{name}: {error}") from None
        with self.context.service.lock:
            self.record["input"]["resolvedConfiguration"] = dict(self.configuration)
        if self.region != self.context.region:
            self._bring_inputs()

    def _bring_inputs(self) -> None:
        """Copy the input artifacts to the store of the action's region, as CodePipeline does.

        See https://docs.aws.amazon.com/codepipeline/latest/userguide/actions-create-cross-region.html.
        """
        for item in self.inputs:
            place = item["s3location"]
            here = self.client("s3", role=self.pipeline_role, region=self.context.region)
            content = here.get_object(Bucket=place["bucket"], Key=place["key"])["Body"].read()
            there = self.client("s3", role=self.pipeline_role)
            there.put_object(Bucket=self.store["location"], Key=place["key"], Body=content, **self.encryption())
            with self.context.service.lock:
                item["s3location"] = {"bucket": self.store["location"], "key": place["key"]}

    def client(self, service: str, *, role: str | None = None, region: str | None = None) -> Any:
        """A client in the account of the action's role."""
        emulator = self.context.service.emulator
        return emulator.client_as(role or self.role, SESSION, service, region or self.region)

    def read(self, artifact: str, file: str) -> bytes:
        """A file of an input artifact; raises ``ActionFailed``."""
        location = next(item["s3location"] for item in self.inputs if item["name"] == artifact)
        uri = f"s3://{location['bucket']}/{location['key']}"
        try:
            answer = self.client("s3").get_object(Bucket=location["bucket"], Key=location["key"])
            with zipfile.ZipFile(io.BytesIO(answer["Body"].read())) as archive:
                return archive.read(file)
        except (ClientError, BotoCoreError) as error:
            raise ActionFailed("PermissionError", f"The artifact {artifact} ({uri}) cannot be read: {error}") from None
        except zipfile.BadZipFile:
            raise ActionFailed("JobFailed", f"The artifact {artifact} ({uri}) is no ZIP file") from None
        except KeyError:
            raise ActionFailed("JobFailed", f"The artifact {artifact} has no file {file}") from None

    def encryption(self) -> dict[str, str]:
        """The arguments of PutObject that encrypt as the artifact store says."""
        return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.key} if self.key else {}

    def report(self, **result: Any) -> None:
        """Say in the record what runs: members of ``executionResult``."""
        with self.context.service.lock:
            known = {name: value for name, value in result.items() if value}
            self.record["output"]["executionResult"].update(known)
            self.record["lastUpdateTime"] = self.context.now()

    def pause(self, seconds: float | None = None) -> None:
        """Wait, each time a little longer; raises ``Abandoned`` where nobody waits for the action any more."""
        deadline = time.monotonic() + (self._pause if seconds is None else seconds)
        self._pause = min(1.1 * self._pause, _LONGEST_PAUSE_SECONDS)
        while True:
            if self.record["status"] != IN_PROGRESS:
                raise Abandoned
            left = deadline - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, _SHORTEST_PAUSE_SECONDS))


def store_of(pipeline: Record, region: str) -> Record:
    """The artifact store of a pipeline for actions in ``region``."""
    return dict(pipeline["artifactStore"] if "artifactStore" in pipeline else pipeline["artifactStores"][region])
