"""The library as another repository has it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.wheel.environment import WheelEnvironment, build_wheel, environment_in


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def wheel_environment(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[WheelEnvironment]:
    """The wheel, installed outside the checkout once a session, however many processes it has."""
    worker = getattr(request.config, "workerinput", {}).get("workerid", "")
    base = tmp_path_factory.getbasetemp()
    with environment_in((base.parent if worker else base) / "wheel-environment", worker or "alone") as environment:
        yield environment
