"""What IAM calls a request: its action, and the resources that policies name, as far as the request tells them.

See the Service Authorization Reference, https://docs.aws.amazon.com/service-authorization/latest/reference/.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

from ministack.core import iam_actions, router

__all__ = ["Request", "checks"]

Resources = Mapping[str, str]

# Services whose IAM prefix is not the name that requests are signed for.
_PREFIXES = {"monitoring": "cloudwatch"}
# Operations that IAM knows by another name.
_ACTIONS = {
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "sns:PublishBatch": "sns:Publish",
}
_SAGEMAKER = {
    "ModelPackageGroupName": "model-package-group/{}",
    "ModelPackageName": "model-package/{}",
    "ModelPackageArnList": "{}",
    "PipelineName": "pipeline/{}",
    "PipelineExecutionArn": "{}",
    "TrainingJobName": "training-job/{}",
    "ProcessingJobName": "processing-job/{}",
    "ModelName": "model/{}",
    "EndpointName": "endpoint/{}",
    "EndpointConfigName": "endpoint-config/{}",
    "ResourceArn": "{}",
}
# By prefix: the members of a request that name a resource, with the end of its ARN. What is an ARN stays one, and of
# several members each counts. Other services are left to ministack.
_MEMBERS: Mapping[str, Resources] = {
    "sagemaker": _SAGEMAKER,
    "ssm": {"Name": "parameter/{}", "Names": "parameter/{}", "Path": "parameter/{}"},
    "ecr": {"repositoryName": "repository/{}", "repositoryNames": "repository/{}"},
    "codebuild": {"projectName": "project/{}", "names": "project/{}", "ids": "project/{}", "id": "project/{}"},
    "codepipeline": {"pipelineName": "{}", "name": "{}"},
    "states": {"stateMachineArn": "{}", "executionArn": "{}"},
    "cloudformation": {"StackName": "stack/{}/*"},
    "sts": {"RoleArn": "{}"},
    "application-autoscaling": {},
}
# By prefix: the members by which a caller gives a service a role to work with, for which IAM asks iam:PassRole.
_PASSED = {
    "sagemaker": ("RoleArn", "ExecutionRoleArn"),
    "cloudformation": ("RoleARN",),
    "codebuild": ("serviceRole", "serviceRoleOverride"),
    "states": ("roleArn",),
}
# What the id of a build has besides its project.
_TAILS = {"codebuild": re.compile(r":[0-9a-f-]{36}$")}
_CBOR = re.compile(r"/service/[^/]+/operation/(\w+)")
_INVOKE = re.compile(r"/endpoints/([^/]+)/(invocations|async-invocations|invocations-response-stream)")
_INVOCATIONS = {
    "invocations": "InvokeEndpoint",
    "async-invocations": "InvokeEndpointAsync",
    "invocations-response-stream": "InvokeEndpointWithResponseStream",
}


@dataclass(frozen=True)
class Request:
    """A signed request to a service."""

    method: str
    path: str
    headers: Mapping[str, str]
    query: Mapping[str, list[str]]
    body: bytes
    account: str

    @property
    def scope(self) -> tuple[str, str]:
        """The region and the service that it is signed for; empty where it is not."""
        found = re.search(r"Credential=[^/]+/[^/]+/([^/]+)/([^/]+)/", self.headers.get("authorization", ""))
        given = found.groups() if found else self.query.get("X-Amz-Credential", [""])[0].split("/")[2:4]
        return (given[0], given[1]) if len(given) == 2 else ("", "")


def checks(request: Request) -> Iterator[tuple[str, list[str]]]:
    """The actions that IAM judges for ``request``, each with the ARNs of its resources, ``*`` where it names none."""
    region, service = request.scope
    prefix = _PREFIXES.get(service, service)
    invoked = _INVOKE.fullmatch(request.path) if prefix == "sagemaker" else None
    if invoked is not None:
        arn = f"arn:aws:sagemaker:{region}:{request.account}:endpoint/{unquote(invoked.group(1))}"
        yield f"sagemaker:{_INVOCATIONS[invoked.group(2)]}", [arn]
        return
    action = _action(request, prefix)
    yield action, _resources(request, prefix, region)
    members = _members(request) if prefix in _PASSED else {}
    yield from (("iam:PassRole", [str(members[name])]) for name in _PASSED.get(prefix, ()) if members.get(name))
    if prefix == "s3":
        form = dict(request.query)
        more = iam_actions.s3_additional_checks(request.method, request.path, request.headers, request.body, form)
        yield from ((further, [arn]) for further, arn in more)


def _action(request: Request, prefix: str) -> str:
    cbor = _CBOR.fullmatch(request.path)
    if cbor is not None:
        return f"{prefix}:{cbor.group(1)}"
    target = request.headers.get("x-amz-target", "").rpartition(".")[2]
    if target:
        return _ACTIONS.get(f"{prefix}:{target}", f"{prefix}:{target}")
    name = router.detect_service(request.method, request.path, dict(request.headers), dict(request.query))
    arguments = (request.method, request.path, dict(request.headers), request.body, dict(request.query))
    found = iam_actions.extract_iam_action(name, *arguments) or f"{prefix}:{request.method} {request.path}"
    return _ACTIONS.get(found, found)


def _resources(request: Request, prefix: str, region: str) -> list[str]:
    if prefix in _MEMBERS:
        return list(dict.fromkeys(_named(request, prefix, region))) or ["*"]
    if prefix == "logs":
        return [_log_group(_members(request), region, request.account)]
    name = router.detect_service(request.method, request.path, dict(request.headers), dict(request.query))
    form = {**request.query, **_form(request)}
    arguments = (request.method, request.path, dict(request.headers), request.body, form)
    return [iam_actions.extract_resource_arn(name, *arguments, region, request.account)]


def _named(request: Request, prefix: str, region: str) -> Iterator[str]:
    members, tail = _members(request), _TAILS.get(prefix)
    for member, end in _MEMBERS[prefix].items():
        given = members.get(member)
        for value in (given if isinstance(given, list) else [given]) if given else ():
            text = tail.sub("", str(value)) if tail else str(value)
            own = f"arn:aws:{prefix}:{region}:{request.account}:{end.format(text.removeprefix('/'))}"
            yield text if text.startswith("arn:") else own


def _log_group(members: Mapping[str, Any], region: str, account: str) -> str:
    given = members.get("logGroupIdentifier") or members.get("logGroupName")
    if not given:
        return "*"
    group = given if str(given).startswith("arn:") else f"arn:aws:logs:{region}:{account}:log-group:{given}"
    return f"{group}:log-stream:{members['logStreamName']}" if members.get("logStreamName") else str(group)


def _members(request: Request) -> dict[str, Any]:
    """The top members of a request of the JSON or the query protocol."""
    if request.headers.get("x-amz-target"):
        try:
            found = json.loads(request.body or b"{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}
    return {name: values[0] for name, values in {**request.query, **_form(request)}.items() if values}


def _form(request: Request) -> dict[str, list[str]]:
    if "x-www-form-urlencoded" not in request.headers.get("content-type", ""):
        return {}
    return parse_qs(request.body.decode("utf-8", "replace"), keep_blank_values=True)
