"""Many endpoints of one stage: versions are approved at random while functions, queue and deployments go on."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass

from tests.lambdas.serving.expected import Expected
from tests.lambdas.serving.fake.stage import PATH, Stage
from tests.lambdas.serving.fake.world import PLAIN

_VERSIONS = range(1, 11)
_BROKEN = {5, 10}  # versions that never come up
_PARAMETERS = ("endpoint-name", "model-package-group", "pipeline")  # of a project, besides the declaration
_MOST_AT_ONCE = 12
_ROUNDS = 1_000_000


@dataclass(frozen=True)
class Outcome:
    """What a number of approvals took, from the first event until nothing moved any more, and what is wrong then."""

    approvals: int
    calls: Counter[str]
    deployments: int
    wrongs: list[str]

    @property
    def calls_a_change(self) -> float:
        return self.calls.total() / self.approvals


class Many(Stage):
    """A stage with declared endpoints, each of a model package group with ten versions that nobody has approved."""

    def __init__(self, endpoints: int) -> None:
        super().__init__()
        self.expected: dict[str, Expected] = {}
        for number in range(endpoints):
            self._add(f"project-{number:03d}")
        self.rest(_ROUNDS)
        self.wire.calls.clear()

    def approve(self, approvals: int, seed: int) -> Outcome:
        """Approve so many versions, picked by `seed`; then one heartbeat, which is not counted."""
        chosen = random.Random(seed)
        for _ in range(approvals):
            group, version = chosen.choice(list(self.expected)), chosen.choice(_VERSIONS)
            self.review_version(group, version, "Approved")
            self.expected[group].review(version, approved=True, at=self.clock.seconds)
            self.expected[group].tell(version, approved=True, at=self.clock.seconds)
            for _ in range(chosen.randrange(_MOST_AT_ONCE)):
                self.run()
            if chosen.random() < 0.5:
                self.sagemaker.advance()
        self.rest(_ROUNDS)
        calls = Counter(self.wire.calls)
        self.heartbeat()
        self.rest(_ROUNDS)
        deployments = calls["create_endpoint"] + calls["update_endpoint"]
        return Outcome(approvals, calls, deployments, list(self._wrongs()))

    def _add(self, project: str) -> None:
        name = f"modelyard-dev-{project}"
        for key in _PARAMETERS:
            self.ssm.put_parameter(Name=f"{PATH}{project}/{key}", Value=name)
        self.declare_endpoint(project, {**PLAIN, "endpoint_name": name, "model_package_group_name": name})
        for version in _VERSIONS:
            self.register_version(name, version, "broken" if version in _BROKEN else "good")
        self.expected[name] = Expected(bad=set(_BROKEN))

    def _wrongs(self) -> list[str]:
        found = [*self.sagemaker.wrongs, *(f"given up: {body}" for body in self.dead)]
        for name, expected in self.expected.items():
            served = self.served_version(name)
            if served != expected.answer:
                found.append(f"{name}: version {served} serves, not {expected.answer}")
            if self.ledger.read(name).open_attempt:
                found.append(f"{name}: an attempt is open")
        if self.sagemaker.configs.keys() != self.sagemaker.models.keys():
            found.append("configs and models without each other")
        return found
