"""What each role did when a commit was delivered, held against every policy that AWS would have asked.

`delivery_calls.json` is the record of a `make demo-delivery`; docs/delivery.md tells how to renew it.
"""

from __future__ import annotations

import json

from tests.policies.deployment import Deployment
from tests.policies.record import RECORD, idle, read_record
from tests.policies.simulation import Simulation


def test_each_recorded_call_is_allowed(simulation: Simulation) -> None:
    missing = [
        line
        for role, action, resource, service in read_record()
        for line in simulation.missing(role, action, resource, {"iam:PassedToService": service} if service else {})
    ]
    assert not missing, "\n".join(missing)


def test_the_record_is_of_a_whole_delivery(deployment: Deployment) -> None:
    assert idle(deployment, json.loads(RECORD.read_text())) == []
