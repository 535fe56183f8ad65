"""What `make demo-delivery` deploys: the stacks of demo/delivery.yaml, in accounts that are bootstrapped."""

from __future__ import annotations

import shutil
from pathlib import Path

from demo.delivery import PROJECT, SECOND
from modelyard.settings import load_settings
from tests.policies.bootstrap import bootstrapped
from tests.policies.deployment import Deployment, stacks_of
from tests.synthesis import ROOT, build

__all__ = ["SETTINGS", "delivered"]

SETTINGS = ROOT / "demo" / "delivery.yaml"


def delivered(folder: Path, settings_file: Path = SETTINGS) -> Deployment:
    """The deployment of `settings_file`; `folder` holds its cloud assembly, in `cdk.out`, and the second project."""
    settings = load_settings(settings_file)
    build(settings_file, folder / "cdk.out", **_second_project(folder)).synth()
    delivery = settings.delivery
    assert delivery is not None
    places = dict.fromkeys((stage.account, stage.region) for stage in settings.delivered_stages())
    stages = [bootstrapped(*place, [delivery.account]) for place in places if place[0] != delivery.account]
    return Deployment([bootstrapped(delivery.account, delivery.region), *stages, *stacks_of(folder / "cdk.out")])


def _second_project(folder: Path) -> dict[str, Path]:
    """The folders that the demo makes of the first project's."""
    definitions, containers = folder / "pipeline_defs", folder / "containers"
    source = ROOT / "modelyard" / "pipeline_defs" / PROJECT
    for name in (PROJECT, SECOND):
        shutil.copytree(source, definitions / name, ignore=shutil.ignore_patterns("__pycache__"))
    pipeline = definitions / SECOND / "pipeline.py"
    pipeline.write_text(pipeline.read_text().replace('"tabular"', f'"{SECOND}"'))
    shutil.copytree(ROOT / "modelyard" / "containers" / "tabular", containers / SECOND)
    return {"pipeline_defs": definitions, "containers": containers}
