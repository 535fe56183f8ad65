"""A bad day at AWS, and a clock that can be put forward."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from botocore.exceptions import ClientError

from modelyard.lambdas.serving.instants import instant
from tests.lambdas.serving.hook import Stage


def refuse(stage: Stage, call: str, code: str, message: str = "", times: int = 1) -> None:
    """Let the next `times` calls of an operation fail as a service would."""
    left = [times]

    def before_call(name: str) -> None:
        if name == call and left[0]:
            left[0] -= 1
            raise ClientError({"Error": {"Code": code, "Message": message}}, call)

    stage.before_call = before_call


def later(stage: Stage, seconds: float) -> None:
    """Let the functions' clock show a time to come."""
    moment = instant(datetime.fromisoformat(stage.runtime.now()) + timedelta(seconds=seconds))
    stage.runtime = replace(stage.runtime, now=lambda: moment)
