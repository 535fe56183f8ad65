"""The runtime: InvokeEndpoint, see
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
"""

from __future__ import annotations

import http.client
import json
import re
import time
from dataclasses import dataclass
from urllib.parse import unquote

from modelyard.local import metrics
from modelyard.local.sagemaker.context import Context
from modelyard.local.sagemaker.hosting.fleet import Fleet, NoInstance, Retired, UnknownVariant
from modelyard.local.sagemaker.hosting.instance import log_group
from modelyard.local.sagemaker.hosting.plans import VariantPlan
from modelyard.local.sagemaker.hosting.route import Route
from modelyard.local.sagemaker.protocol import Answer

__all__ = ["handle_runtime"]

_PATH = re.compile(r"/endpoints/([^/]+)/(invocations|async-invocations|invocations-response-stream)")
# In lower case: the server would take "Content-Type" for that of SageMaker's control plane and correct it.
_CONTENT_TYPE = "content-type"
_LONGEST_BODY = 6_291_456
_ANSWER_SECONDS = 60.0

# Headers of the request that the container sees, in the spelling of the request.
_PASSED_ON = ("content-type", "accept", "x-amzn-sagemaker-custom-attributes")
_UNSUPPORTED = {
    "x-amzn-sagemaker-target-model": "TargetModel",
    "x-amzn-sagemaker-target-container-hostname": "TargetContainerHostname",
    "x-amzn-sagemaker-enable-explanations": "EnableExplanations",
    "x-amzn-sagemaker-inference-component": "InferenceComponentName",
    "x-amzn-sagemaker-session-id": "SessionId",
}


@dataclass
class _RuntimeError(Exception):
    status: int
    code: str
    body: dict[str, object]


@dataclass
class _Response:
    status: int
    headers: dict[str, str]
    body: bytes


def handle_runtime(context: Context, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
    """Answer one request of the SageMaker runtime; the keys of ``headers`` are in lower case."""
    try:
        return _invoke(context, method, path, headers, body)
    except _RuntimeError as error:
        kind = {"x-amzn-ErrorType": error.code} if error.code else {}
        return error.status, {_CONTENT_TYPE: "application/json", **kind}, json.dumps(error.body).encode()


def _invoke(context: Context, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
    match = _PATH.fullmatch(path)
    if match is None or method != "POST":
        raise _refused(f"{method} {path} is not supported by the local AWS.")
    if match[2] != "invocations":
        operation = "InvokeEndpointAsync" if match[2] == "async-invocations" else "InvokeEndpointWithResponseStream"
        raise _refused(f"{operation} is not supported by the local AWS.")
    for header, member in _UNSUPPORTED.items():
        if header in headers:
            raise _refused(f"{member} is not supported by the local AWS.")
    if len(body) > _LONGEST_BODY:
        message = f"HTTP content length exceeded {_LONGEST_BODY} bytes."
        raise _RuntimeError(413, "", {"message": message})
    name = unquote(match[1])
    plan, response = _ask_fleet(context, name, headers, body)
    if response.status >= 400:
        raise _model_error(context, name, response.status, response.body.decode(errors="replace"))
    passed = {"x-Amzn-Invoked-Production-Variant": plan.name}
    if "content-type" in response.headers:
        passed[_CONTENT_TYPE] = response.headers["content-type"]
    if "x-amzn-sagemaker-custom-attributes" in response.headers:
        passed["X-Amzn-SageMaker-Custom-Attributes"] = response.headers["x-amzn-sagemaker-custom-attributes"]
    return 200, passed, response.body


def _ask_fleet(context: Context, name: str, headers: dict[str, str], body: bytes) -> tuple[VariantPlan, _Response]:
    began, target = time.perf_counter(), headers.get("x-amzn-sagemaker-target-variant")
    asked: set[Fleet] = set()
    while True:
        route: Route | None = context.component("hosting").route(context, name)
        if route is None:
            raise _refused(f"Endpoint {name} of account {context.account} not found.")
        fleets = route.next()
        # Those that were asked in vain may have been replaced meanwhile; if not, there is nobody to answer.
        if asked.issuperset(fleets):
            raise _no_response(name)
        asked.update(fleets)
        for fleet in fleets:
            try:
                with fleet.serving(target) as (instance, plan):
                    return plan, _measured(context, name, plan, began, instance.port, headers, body)
            except (Retired, NoInstance):
                continue
            except UnknownVariant:
                raise _refused(f"Variant {target} of endpoint {name} not found.") from None
            except TimeoutError:
                raise _model_error(context, name, 0, _TIMED_OUT) from None
            except (OSError, http.client.HTTPException):
                raise _no_response(name) from None


def _measured(
    context: Context, name: str, plan: VariantPlan, began: float, port: int, headers: dict[str, str], body: bytes
) -> _Response:
    # Latency is the model's own time, overhead what the way to it took.
    asked, response = time.perf_counter(), None
    try:
        response = _ask(port, headers, body)
        return response
    finally:
        metrics.record(
            context,
            name,
            plan.name,
            plan.config,
            status=response.status if response is not None else 0,
            model_latency_us=1e6 * (time.perf_counter() - asked) if response is not None else None,
            overhead_us=1e6 * (asked - began),
            instances=plan.instances,
        )


def _ask(port: int, headers: dict[str, str], body: bytes) -> _Response:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_SECONDS)
    try:
        passed = {name: headers[name] for name in _PASSED_ON if name in headers}
        connection.request("POST", "/invocations", body=body, headers=passed)
        response = connection.getresponse()
        return _Response(
            response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
        )
    finally:
        connection.close()


_TIMED_OUT = (
    "Your invocation timed out while waiting for a response from container primary. Review the latency metrics for "
    "each container in Amazon CloudWatch, resolve the issue, and try again."
)
_NO_RESPONSE = (
    "Amazon SageMaker could not get a response from the {name} endpoint. Its server process is being started again; "
    "see its logs in Amazon CloudWatch Logs."
)


def _no_response(name: str) -> _RuntimeError:
    return _RuntimeError(503, "ServiceUnavailable", {"Message": _NO_RESPONSE.format(name=name)})


def _refused(message: str) -> _RuntimeError:
    return _RuntimeError(400, "ValidationError", {"Message": message})


def _model_error(context: Context, name: str, status: int, answer: str) -> _RuntimeError:
    group, region = log_group(name), context.region
    kind = "client" if 400 <= status < 500 else "server"
    message = (
        f'Received {kind} error ({status}) from primary with message "{answer}". See '
        f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}#logEventViewer:group={group} "
        f"in account {context.account} for more information."
    )
    return _RuntimeError(
        424,
        "ModelError",
        {
            "ErrorCode": f"{kind.upper()}_ERROR_FROM_MODEL",
            "LogStreamArn": f"arn:aws:logs:{region}:{context.account}:log-group:{group}",
            "Message": message,
            "OriginalMessage": answer,
            "OriginalStatusCode": status,
        },
    )
