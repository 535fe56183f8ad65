"""Several accounts in one local AWS: who calls, what roles they may assume, and whose buckets they may use.

ministack keeps the accounts apart; it asks trust policies nothing unless it checks every policy, and takes whoever
comes from another account for that account's root. This is put right here, with private names of ministack as in
``emulator.py``.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import os
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from ministack import app
from ministack.core import iam_evaluator, responses, router
from ministack.services import iam, s3, sts

__all__ = ["ORGANIZATION_ROLE", "Accounts", "role_of"]

Answer = tuple[int, dict[str, str], bytes]
Asgi = Callable[..., Awaitable[None]]

ORGANIZATION_ROLE = "OrganizationAccountAccessRole"
"""The role that AWS Organizations makes in every account; here the instance's key may assume it in any account."""
_TARGET = "AWSSecurityTokenServiceV20110615."


class Accounts:
    """Puts ``application`` right for several accounts; ``access_key`` is the one of the instance."""

    def __init__(self, application: Asgi, access_key: str) -> None:
        self._application = application
        self._access_key = access_key
        self._assume = app.SERVICE_HANDLERS["sts"]
        app.SERVICE_HANDLERS["sts"] = self._sts
        _install()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """Serve a request with its caller noted."""
        if scope["type"] == "http":
            headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
            query = parse_qs(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
            iam_evaluator._request_caller_arn.set(self.caller(headers, query) or "")
        await self._application(scope, receive, send)

    def caller(self, headers: Mapping[str, str], query: Mapping[str, list[str]]) -> str | None:
        """The ARN of the user or the role's session that signed a request; the account's root for the instance's key.

        None for a request that no key of this local AWS signed.
        """
        key = router.extract_access_key_id(headers, query)
        if key == self._access_key:
            return f"arn:aws:iam::{os.environ.get('MINISTACK_ACCOUNT_ID', '000000000000')}:root"
        account = responses._account_from_sts_session(key) if key else None
        if account is None:
            return None
        with responses.request_scope(account, responses.get_region()):
            identity = iam_evaluator.resolve_caller_identity(key)
        return str(identity["userArn"]) if identity else None

    async def _sts(self, method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Answer:
        parameters = _parameters(headers, body, query)
        if parameters.get("Action") == "AssumeRole":
            caller = self.caller(headers, query) or ""
            refused = self._refused(caller, router.extract_access_key_id(headers, query), parameters)
            if refused is not None:
                return _refusal(headers, f"User: {caller} is not authorized to perform: {refused}")
        answer: Answer = await self._assume(method, path, headers, body, query)
        return answer

    def _refused(self, caller: str, key: str, parameters: Mapping[str, Any]) -> str | None:
        """What the caller may not do with the role that it wants to assume, in STS's words."""
        arn = str(parameters.get("RoleArn", ""))
        account, role = _role(arn)
        if not account or (arn.endswith(f":role/{ORGANIZATION_ROLE}") and key == self._access_key):
            # What is no ARN of a role is refused by ministack.
            return None
        tags = sts._session_tags({name: [value] for name, value in parameters.items()}, check=False)[0]
        context = iam_evaluator.EvalContext(
            principal_arn=caller,
            principal_type="AssumedRole" if ":assumed-role/" in caller else "User",
            principal_account=caller.split(":")[4] if caller else "",
            action="sts:AssumeRole",
            resource_arn=arn,
            region=responses.get_region(),
            request_tags={tag["Key"]: tag["Value"] for tag in tags},
            tag_keys=[tag["Key"] for tag in tags],
            service_context={
                "sts:externalid": parameters.get("ExternalId"),
                "sts:rolesessionname": parameters.get("RoleSessionName"),
            },
        )
        for action in ("sts:AssumeRole", *(["sts:TagSession"] if tags else [])):
            if role is None or not _trusts(role, caller, dataclasses.replace(context, action=action)):
                return f"{action} on resource: {arn}"
        return None


def role_of(session_arn: str) -> str:
    """The ARN of the role of a role's session; any other ARN as it is."""
    parts = session_arn.split(":", 5)
    if len(parts) < 6 or parts[2] != "sts" or not parts[5].startswith("assumed-role/"):
        return session_arn
    name = parts[5].split("/")[1]
    role = iam._roles.get_scoped(parts[4], None, name)
    return str(role["Arn"]) if role else f"arn:aws:iam::{parts[4]}:role/{name}"


def _role(arn: str) -> tuple[str, dict[str, Any] | None]:
    """Account and record of a role; its path must be right, as for STS."""
    assumed, _error = sts._assumed_role_arn(arn, "session")
    if assumed is None:
        return "", None
    account = arn.split(":")[4]
    role = iam._roles.get_scoped(account, None, arn.rpartition("/")[2])
    return account, role if role is not None and role["Arn"] == arn else None


def _trusts(role: Mapping[str, Any], caller: str, context: Any) -> bool:
    document = role.get("AssumeRolePolicyDocument") or "{}"
    document = copy.deepcopy(json.loads(document) if isinstance(document, str) else document)
    statements = document.get("Statement", [])
    for statement in [statements] if isinstance(statements, dict) else statements:
        # For ministack a root is any service; no caller of STS is one.
        if isinstance(statement.get("Principal"), dict):
            statement["Principal"].pop("Service", None)
    return bool(iam_evaluator.evaluate_trust_policy(document, caller, context))


def _parameters(headers: Mapping[str, str], body: bytes, query: Mapping[str, Any]) -> dict[str, Any]:
    target = headers.get("x-amz-target", "")
    if target.startswith(_TARGET):
        return {**json.loads(body or b"{}"), "Action": target.removeprefix(_TARGET)}
    form = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    return {name: values[0] if isinstance(values, list) else values for name, values in {**query, **form}.items()}


def _refusal(headers: Mapping[str, str], message: str) -> Answer:
    answer: Answer
    if headers.get("x-amz-target", "").startswith(_TARGET):
        answer = responses.error_response_json("AccessDenied", message, 403)
    else:
        answer = sts._error(403, "AccessDenied", escape(message), ns="sts")
    return answer


# Requests stay on the loopback interface, where plain HTTP stands for what would be TLS on AWS: policies that refuse
# others would refuse everybody.
_TRANSPORT = {"aws:securetransport": "true", "s3:tlsversion": "1.3"}


def _install() -> None:
    account_of_session: Callable[[str], str | None] = responses._account_from_sts_session

    def account_of_key(key: str) -> str | None:
        # ministack serves the keys of users of any account in its own.
        return account_of_session(key) or iam_evaluator.find_iam_access_key_account(key)

    responses._account_from_sts_session = account_of_key
    condition_key = iam_evaluator._resolve_condition_key

    def condition_key_with_roles(key: str, context: Any) -> Any:
        if key.lower() in _TRANSPORT:
            return _TRANSPORT[key.lower()]
        value = condition_key(key, context)
        return role_of(value) if key.lower() == "aws:principalarn" and isinstance(value, str) else value

    iam_evaluator._resolve_condition_key = condition_key_with_roles
    evaluate = iam_evaluator.evaluate_resource_policy

    def evaluate_for_caller(document: Any, context: Any, *rest: Any, **named: Any) -> Any:
        caller = iam_evaluator._request_caller_arn.get()
        account = context.principal_account
        if caller and context.principal_arn == f"arn:aws:iam::{account}:root" and caller.split(":")[4] == account:
            context = dataclasses.replace(context, principal_arn=caller)
        return evaluate(document, context, *rest, **named)

    iam_evaluator.evaluate_resource_policy = evaluate_for_caller
    get_object_data: Callable[..., bytes | None] = s3._get_object_data

    def get_object_data_of_any_account(bucket: str, key: str, *rest: Any, **named: Any) -> bytes | None:
        # What CloudFormation and Lambda take from a bucket of another account, with the caller's right to read it.
        owner, caller = s3._bucket_owner_account(bucket), responses.get_account_id()
        if owner is None or owner == caller:
            return get_object_data(bucket, key, *rest, **named)
        if not s3._foreign_bucket_allows(owner, bucket, key, "GET", {}, caller):
            return None
        with responses.request_scope(owner, responses.get_region()):
            return get_object_data(bucket, key, *rest, **named)

    s3._get_object_data = get_object_data_of_any_account
