"""A stage of the hook for each test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from tests.lambdas.serving.hook import Project, Stage
from tests.local_aws import LocalAws

_NUMBERS = itertools.count(1)


@pytest.fixture
def stage(local_aws: LocalAws) -> Iterator[Stage]:
    """Table, queues and rule of its own."""
    stage = Stage(local_aws, f"hook-{next(_NUMBERS)}")
    yield stage
    stage.close()


@pytest.fixture
def project(stage: Stage) -> Project:
    """A declared endpoint whose group has two versions that nobody has reviewed."""
    project = stage.endpoint("project")
    project.declare()
    project.register()
    project.register()
    return project
