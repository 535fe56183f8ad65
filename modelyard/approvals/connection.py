"""A stage as one session sees it: clients, parameters, ledger, who asks, and what time it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any
from uuid import uuid4

import boto3
from botocore.config import Config

from modelyard import names
from modelyard.approvals.errors import ApprovalError
from modelyard.approvals.place import Place
from modelyard.lambdas.serving import declaration, wake
from modelyard.lambdas.serving.instants import instant, whole_second
from modelyard.lambdas.serving.runtime import Runtime
from modelyard.parameters import ParameterError, ParameterStore

__all__ = ["Connection"]

_CONFIG = Config(retries={"mode": "standard", "max_attempts": 4}, connect_timeout=5, read_timeout=30)
# STS is asked first: whoever is offline, or whose local AWS is down, is told so at once.
_FIRST_CONFIG = _CONFIG.merge(Config(retries={"mode": "standard", "max_attempts": 1}))
_TOLERATED_SKEW = timedelta(seconds=2)  # AWS tells its time in whole seconds


class Connection:
    """A stage in AWS.

    Args:
        place: which stage, and where.
        session: a boto3 session. Default: one with the environment's credentials.

    Raises:
        ApprovalError: the credentials are of another account than the stage.
    """

    def __init__(self, place: Place, session: Any = None) -> None:
        self.stage = place.stage
        self._session = session or boto3.Session()
        self._region = place.region or self._session.region_name or None
        self._clients: dict[str, Any] = {}
        if place.account and place.account != self.account:
            raise ApprovalError(
                f"these credentials are of account {self.account}, and stage {place.stage} is in {place.account}: "
                "use credentials of that account"
            )

    def client(self, service: str) -> Any:
        """The boto3 client of a service."""
        if service not in self._clients:
            config = _FIRST_CONFIG if service == "sts" else _CONFIG
            self._clients[service] = self._session.client(service, region_name=self._region, config=config)
        return self._clients[service]

    @property
    def who(self) -> str:
        """ARN of whoever asks, as STS tells it."""
        return str(self._caller["Arn"])

    @property
    def account(self) -> str:
        """The session's account."""
        return str(self._caller["Account"])

    @cached_property
    def runtime(self) -> Runtime:
        """What the approval hook's own code runs with, on this session; without a queue, see `wake`.

        Raises:
            ApprovalError: the stage is not deployed here.
        """
        try:
            table = self._parameters.get("ledger-table")
        except ParameterError:
            raise ApprovalError(
                f"stage {self.stage!r} is not deployed in account {self.account}, {self._region} (no parameter "
                f"{names.parameter_path(self.stage, names.PLATFORM, 'ledger-table')}): run `cdk deploy --all`"
            ) from None
        return Runtime(
            ledger_table=table,
            declarations_path=names.parameter_path(self.stage) + "/",
            queue_url="",
            client=self.client,
            now=self.moment,
        )

    def declarations(self) -> dict[str, str]:
        """The SSM parameter of each declared endpoint, by project."""
        found = declaration.texts(self.client("ssm"), self.runtime.declarations_path)
        parameters = [name for name, _ in found]
        return {parameter.split("/")[-2]: parameter for parameter in sorted(parameters)}

    def wake(self, endpoint_name: str, parameter_name: str, detail_type: str) -> None:
        """Have the approval hook look at an endpoint now; `detail_type` says why."""
        why = {"event_id": str(uuid4()), "detail_type": detail_type, "time": self.moment(), "source": wake.OWN_SOURCE}
        runtime = replace(self.runtime, queue_url=self._parameters.get("queue-url"))
        wake.send(runtime, endpoint_name, parameter_name, why)

    def moment(self, after: str = "") -> str:
        """The time, by AWS's clock where this machine's is off; later than the second of `after`.

        The ledger orders what people and SageMaker's events say by time, and events tell whole seconds.
        """
        now = instant(datetime.now(UTC) + self._skew)
        if not after:
            return now
        return max(now, instant(datetime.fromisoformat(whole_second(after)) + timedelta(seconds=1)))

    @cached_property
    def _parameters(self) -> ParameterStore:
        return ParameterStore(self.stage, client=self.client("ssm"))

    @cached_property
    def _caller(self) -> dict[str, Any]:
        answer = self.client("sts").get_caller_identity()
        return {**answer, "Here": datetime.now(UTC)}

    @cached_property
    def _skew(self) -> timedelta:
        there = parsedate_to_datetime(self._caller["ResponseMetadata"]["HTTPHeaders"]["date"])
        skew: timedelta = there - self._caller["Here"]
        return skew if abs(skew) > _TOLERATED_SKEW else timedelta()
