"""What Modelyard uses of ministack beyond its documented interface, in one place.

ministack is pinned exactly, and each private name used here is held by a contract test
(``tests/local/test_emulator.py``): a new version that moves one fails there, not in somebody's stack. Import this
module only after the environment that ministack reads at import is set (see ``server.py``).
"""

from __future__ import annotations

import copy
import json
import logging
import secrets
import threading
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from ministack import app
from ministack.core import lambda_runtime, responses, router
from ministack.core.iam_evaluator import AuthError
from ministack.services import cloudwatch, cloudwatch_logs, eventbridge, iam, lambda_svc, sts
from ministack.services.cloudformation import provisioners, stacks

from modelyard.local.accounts import Accounts
from modelyard.local.direct import Direct
from modelyard.local.recording import Recorder

__all__ = ["Emulator", "asgi_app", "refusal"]

log = logging.getLogger("modelyard.local")

Answer = tuple[int, dict[str, str], bytes]
Handler = Callable[[str, str, dict[str, str], bytes, Any], Awaitable[Answer]]
T = TypeVar("T")

asgi_app = app.app


class Emulator:
    """ministack with more services and resource types, the server's own clients, and keys that are really checked.

    ``endpoint_url`` is where this process listens, ``access_key`` the one key of the instance, ``calls`` the file that
    every call is written to, if any.
    """

    def __init__(self, endpoint_url: str, access_key: str, calls: Path | None = None) -> None:
        self.endpoint_url = endpoint_url
        self._access_key = access_key
        accounts = Accounts(asgi_app, access_key)
        self.application = accounts if calls is None else Recorder(accounts, calls)
        self.direct = Direct(self.application)
        self._clients: dict[tuple[str, str, str, str], Any] = {}
        self._clients_lock = threading.Lock()
        self._session = boto3.Session()
        self._keys: dict[tuple[str, str], dict[str, str]] = {}
        self._worker_types: set[str] = set()
        self._snapshot_wanted = threading.Event()
        self._install()

    # -- extension points -------------------------------------------------

    def register_service(
        self,
        name: str,
        *,
        target_prefixes: list[str],
        host_patterns: list[str],
        path_patterns: list[str],
        credential_scope: str,
        handler: Handler,
    ) -> None:
        """Route requests that match one of the patterns to ``handler(method, path, headers, body, query)``."""
        router.SERVICE_PATTERNS[name] = {
            "target_prefixes": target_prefixes,
            "host_patterns": host_patterns,
            "path_patterns": path_patterns,
            "credential_scope": credential_scope,
        }
        app.SERVICE_HANDLERS[name] = handler

    def register_resource_type(
        self,
        type_name: str,
        *,
        create: Callable[[str, dict[str, Any], str], tuple[str, dict[str, Any]]],
        update: Callable[[str, dict[str, Any], dict[str, Any], str], tuple[str, dict[str, Any]]],
        delete: Callable[[str, dict[str, Any]], None],
        tags_property: str | None = None,
    ) -> None:
        """Let CloudFormation provision ``type_name``. The functions run on worker threads and may call back:

        ``create(logical_id, properties, stack_name)`` and ``update(physical_id, old, new, stack_name)`` return
        (physical id, attributes); ``delete(physical_id, properties)``. An exception's text is the event's reason.
        The stack's tags are added to the list in the property ``tags_property``.
        """
        provisioners._RESOURCE_HANDLERS[type_name] = {"create": create, "update": update, "delete": delete}
        self._worker_types.add(type_name)
        if tags_property is not None:
            provisioners._STACK_TAG_PROPERTY[type_name] = (tags_property, "list")

    def register_event_target(self, service: str, deliver: Callable[[str, dict[str, Any]], None]) -> None:
        """Let rules and schedules have targets of ``service``: ``deliver(target_arn, target)`` is called for each.

        It is called in the target's account and region; what it raises is logged, as for any target.
        """
        invoke_target = eventbridge._invoke_target

        def invoke(target: dict[str, Any], event: dict[str, Any], rule: Any, view: Any = None) -> None:
            arn = str(target.get("Arn", ""))
            if arn.split(":")[2:3] != [service]:
                invoke_target(target, event, rule, view)
                return
            try:
                deliver(arn, target)
            except Exception:
                log.exception("target %s was not invoked", arn)

        eventbridge._invoke_target = invoke

    def put_events(self, account: str, region: str, entries: list[dict[str, Any]]) -> None:
        """Put events of an ``aws.*`` source on an event bus; raises RuntimeError for an entry that is refused."""
        _status, _headers, body = self.run_in_scope(
            account, region, lambda: eventbridge._put_events({"Entries": entries}, allow_aws_source=True)
        )
        if b'"FailedEntryCount": 0' not in body and b'"FailedEntryCount":0' not in body:
            raise RuntimeError(f"EventBridge refused an event: {body.decode()}")

    def client(self, service: str, account: str, region: str) -> Any:
        """A boto3 client of this server in ``account`` and ``region``, with the server's own credentials.

        Calls come back to this process: never call one on the event loop.
        """
        return self.client_as(f"arn:aws:iam::{account}:role/modelyard-local", "server", service, region)

    def client_as(self, role_arn: str, session_name: str, service: str, region: str) -> Any:
        """The same with credentials of ``role_arn``, for what a service does in the name of a role."""
        with self._clients_lock:
            key = (role_arn, session_name, service, region)
            if key not in self._clients:
                # One session for all: it reads the model of a service once.
                self._clients[key] = self._session.client(
                    service,
                    region_name=region,
                    **self._credentials(role_arn, session_name),
                    endpoint_url=self.endpoint_url,
                    config=Config(retries={"total_max_attempts": 2}, max_pool_connections=32),
                )
                self.direct.attach(self._clients[key])
            return self._clients[key]

    def account_and_region(self) -> tuple[str, str]:
        """Account and region of the request that is being served."""
        return responses.get_account_id(), responses.get_region()

    def run_in_scope(self, account: str, region: str, function: Callable[[], T]) -> T:
        """Call ``function`` as if a request in ``account`` and ``region`` had asked for it."""
        with responses.request_scope(account, region):
            return function()

    # -- snapshots --------------------------------------------------------

    def request_snapshot(self) -> None:
        """Ask for a snapshot soon; returns at once."""
        self._snapshot_wanted.set()

    def snapshot_wanted(self) -> bool:
        """Whether one was asked for since the last call."""
        wanted = self._snapshot_wanted.is_set()
        self._snapshot_wanted.clear()
        return wanted

    # -- metrics and alarms -----------------------------------------------

    def metric_alarms(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Every metric alarm, as (account, region, a copy of its description)."""
        alarms = list(cloudwatch._alarms._data.items())
        return [(account, region, copy.deepcopy(alarm)) for (account, region, _name), alarm in alarms]

    def metric_points(
        self, account: str, region: str, namespace: str, name: str, dimensions: Mapping[str, str]
    ) -> list[tuple[float, tuple[float, float, float, float], str]]:
        """What was published of exactly this metric, as (time, (count, sum, lowest, highest), unit), in no order."""
        key = (account, region, (namespace, name, cloudwatch._dims_key(dict(dimensions))))
        points = list(cloudwatch._metrics._data.get(key, ()))
        return [(point["Timestamp"], cloudwatch._point_stats(point), point["Unit"]) for point in points]

    def take_over_alarms(self, on_transition: Callable[[str, str, dict[str, Any], str], None]) -> None:
        """Leave the evaluation of alarms to us: ministack's own heeds neither dimensions nor missing data.

        ``on_transition(account, region, alarm, old_state)`` is called when an alarm has changed its state, by whatever
        means, on the thread of the request: it must return at once.
        """
        dispatch = cloudwatch._dispatch_alarm_actions

        def dispatch_and_tell(alarm: dict[str, Any], old_state: str, new_state: str, reason: str) -> None:
            dispatch(alarm, old_state, new_state, reason)
            on_transition(*self.account_and_region(), copy.deepcopy(alarm), old_state)

        cloudwatch._dispatch_alarm_actions = dispatch_and_tell
        cloudwatch._evaluate_alarm = lambda alarm: None
        self._keep_reason_data()

    def _keep_reason_data(self) -> None:
        """Let an alarm's history say by which datapoints it changed, as AWS's does; ministack's leaves them out."""
        record, kept = cloudwatch._record_history, dict[tuple[str, str, str], str]()

        def record_with_data(name: str, old: str, new: str, reason: str, *more: Any, **rest: Any) -> None:
            data = (cloudwatch._alarms.get(name) or {}).get("StateReasonData", "")
            key = (*self.account_and_region(), name)
            # A state that is set without data leaves the data of the state before.
            if data and kept.get(key) != data:
                kept[key] = data
                rest["reason_data"] = json.loads(data)
            record(name, old, new, reason, *more, **rest)

        cloudwatch._record_history = record_with_data

    # -- credentials ------------------------------------------------------

    def session_credentials(self, role_arn: str, session_name: str) -> dict[str, str]:
        """Credentials of ``role_arn`` for a process of ours (a job, an endpoint), as environment variables."""
        keys = self._credentials(role_arn, session_name)
        return {
            "AWS_ACCESS_KEY_ID": keys["aws_access_key_id"],
            "AWS_SECRET_ACCESS_KEY": keys["aws_secret_access_key"],
            "AWS_SESSION_TOKEN": keys["aws_session_token"],
        }

    def refuse_key(self, headers: Mapping[str, str], query: Mapping[str, list[str]]) -> tuple[str, str] | None:
        """Why the key that signed a request is not accepted, as (error code, message); None if it is.

        Accepted are the instance's own key, unexpired keys of sessions that the emulated STS issued, and active keys
        of IAM users made here; a 12-digit account id, which ministack would take for a key, is not.
        """
        key = router.extract_access_key_id(headers, query)
        if not key:
            return "MissingAuthenticationToken", "Request is missing Authentication Token"
        if secrets.compare_digest(key.encode(), self._access_key.encode()):
            return None
        session = sts._sessions.get(key)
        if session is not None:
            expired = "ExpiredTokenException", "The security token included in the request is expired"
            return expired if sts._session_expired(session) else None
        for (_account, user_key), record in list(iam._access_keys.to_dict().items()):
            if user_key == key and record.get("Status") == "Active":
                return None
        return "UnrecognizedClientException", "The security token included in the request is invalid."

    def _credentials(self, role_arn: str, session_name: str) -> dict[str, str]:
        account, role = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
        if (role_arn, session_name) not in self._keys:
            session = {
                "Arn": f"arn:aws:sts::{account}:assumed-role/{role}/{session_name}",
                "UserId": f"AROA{secrets.token_hex(8).upper()}:{session_name}",
                "SecretAccessKey": secrets.token_urlsafe(30),
                "SessionToken": secrets.token_urlsafe(60),
            }
            key = f"ASIA{secrets.token_hex(8).upper()}"
            sts.register_session(key, session)
            self._keys[role_arn, session_name] = {
                "aws_access_key_id": key,
                "aws_secret_access_key": session["SecretAccessKey"],
                "aws_session_token": session["SessionToken"],
            }
        return self._keys[role_arn, session_name]

    def _lambda_credentials(self, config: dict[str, Any]) -> dict[str, str]:
        # ministack gives a function its account id as the access key, which the gateway refuses.
        account, _region = lambda_runtime._account_region_from_function_config(config)
        role_arn = config.get("Role") or f"arn:aws:iam::{account}:role/none"
        return self.session_credentials(role_arn, config.get("FunctionName", "function")[:64])

    # -- hooks ------------------------------------------------------------

    def _install(self) -> None:
        lambda_runtime.execution_credentials = self._lambda_credentials
        lambda_svc.execution_credentials = self._lambda_credentials
        runs_on_worker_thread = stacks._runs_on_worker_thread
        stacks._runs_on_worker_thread = lambda name: name in self._worker_types or runs_on_worker_thread(name)
        functions = provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]
        delete_function = functions["delete"]

        def delete_function_and_processes(name: str, properties: dict[str, Any]) -> None:
            # ministack leaves the processes of a function that a stack deletes running.
            delete_function(name, properties)
            account, region = self.account_and_region()
            ending = {"account": account, "region": region}
            threading.Thread(target=lambda_runtime.invalidate_worker, args=(name,), kwargs=ending, daemon=True).start()

        functions["delete"] = delete_function_and_processes
        filter_events = cloudwatch_logs._filter_log_events

        def filter_events_by_prefix(data: dict[str, Any]) -> Answer:
            # ministack leaves out the prefix of streams, which `aws logs tail --log-stream-name-prefix` gives.
            prefix = data.get("logStreamNamePrefix")
            group = cloudwatch_logs._log_groups.get(cloudwatch_logs._resolve_log_group_name(data))
            if prefix and group:
                names = [name for name in group["streams"] if name.startswith(prefix)]
                # No name at all would mean every stream.
                data = {**data, "logStreamNames": names or [prefix]}
            answer: Answer = filter_events(data)
            return answer

        cloudwatch_logs._filter_log_events = filter_events_by_prefix
        add_event = stacks._add_event

        def add_event_and_keep(
            stack_id: str, stack_name: str, logical_id: str, kind: str, status: str, *rest: Any, **named: Any
        ) -> None:
            add_event(stack_id, stack_name, logical_id, kind, status, *rest, **named)
            if kind == "AWS::CloudFormation::Stack" and not status.endswith("_IN_PROGRESS"):
                self.request_snapshot()

        stacks._add_event = add_event_and_keep


def refusal(
    method: str, path: str, headers: dict[str, str], query: dict[str, list[str]], code: str, message: str
) -> Answer:
    """The answer of a failed authentication in the words and the wire format of the service that was addressed."""
    service = router.detect_service(method, path, headers, query)
    answer: Answer = app._credential_failure(service, "", responses.new_uuid(), AuthError(code, message), headers)
    return answer
