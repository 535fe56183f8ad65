"""A folder with the settings of two stages, and both stages in the local AWS."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lambdas.delivery.stages import Stage, push
from tests.local_aws import LocalAws

STAGE = """\
  {name}:
    account: "{account}"
    region: {region}
"""


@dataclass
class Counter:
    """Where a person stands: the folder, the stages, and the `modelyard` command."""

    folder: Path
    source: Stage
    target: Stage

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.source.aws.run(sys.executable, "-m", "modelyard", *arguments, cwd=self.folder, check=False)


def settings(**stages: tuple[str, str]) -> str:
    """A platform.yaml with stages: name, account and region of each."""
    listed = [STAGE.format(name=name, account=place[0], region=place[1]) for name, place in stages.items()]
    return "".join(["stages:\n", *listed])


@pytest.fixture(scope="session")
def digest(local_aws: LocalAws) -> str:
    """The digest of the stub's image."""
    return push(local_aws)


@pytest.fixture
def counter(local_aws: LocalAws, digest: str, tmp_path: Path) -> Iterator[Counter]:
    source, target = Stage(local_aws, "dev"), Stage(local_aws, "stg")
    place = local_aws.account, local_aws.region
    (tmp_path / "platform.yaml").write_text(settings(**{source.name: place, target.name: place}))
    yield Counter(tmp_path, source, target)
    source.close()
    target.close()
