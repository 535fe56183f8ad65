"""Histories: reviewers, operators, a bad day at AWS and a careless postman, in any order."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.lambdas.serving.expected import Expected
from tests.lambdas.serving.fake.client import Died, error
from tests.lambdas.serving.fake.world import NAME, WATCHED, World

_BEHAVIOURS = {1: "good", 2: "good", 3: "good", 4: "broken", 5: "alarming"}
_VERSIONS = st.sampled_from(list(_BEHAVIOURS))
_PACKAGE_EVENT = "SageMaker Model Package State Change"
_A_WHILE = 7200  # seconds, more than any back-off


class Histories(RuleBasedStateMachine):
    """One endpoint, five versions of which three work. After every history one heartbeat must make it right."""

    @initialize(watched=st.booleans())
    def begin(self, watched: bool) -> None:
        self.world = World(dict(WATCHED) if watched else {})
        self.expected = Expected({version for version, how in _BEHAVIOURS.items() if how != "good"})
        self.kept_back: list[dict[str, Any]] = []
        self.stands = True
        self.paused = False
        self.frozen: int | None = None
        self.world.declare()
        for behaviour in _BEHAVIOURS.values():
            self.world.register(behaviour)
        self.world.settle()

    # Reviewers

    @rule(version=_VERSIONS, approved=st.booleans(), times=st.sampled_from([0, 1, 1, 1, 2, 5]), late=st.booleans())
    def review(self, version: int, approved: bool, times: int, late: bool) -> None:
        """Told once, twice, five times, not at all, or only later."""
        self.world.review(version, "Approved" if approved else "Rejected")
        event = self.world.events.pop()
        self.expected.review(version, approved, self.world.clock.seconds)
        event["reviewed"] = (version, approved, self.world.clock.seconds)
        if late and times:
            self.kept_back.append(event)
        else:
            self._deliver([event] * times)

    @rule(version=_VERSIONS)
    def approve_and_wait(self, version: int) -> None:
        self.review(version, approved=True, times=1, late=False)
        self._settled()

    @rule(version=_VERSIONS, heartbeat=st.booleans())
    def change_ones_mind(self, version: int, heartbeat: bool) -> None:
        """Most of what happens to an endpoint is this."""
        self.approve_and_wait(version % 3 + 1)
        self.approve_and_wait(version)
        if heartbeat:
            self.heartbeat()

    @rule(version=_VERSIONS, other=_VERSIONS)
    def tell_in_the_wrong_order(self, version: int, other: int) -> None:
        self.review(version, approved=True, times=1, late=True)
        self.review(other, approved=True, times=1, late=False)
        self.deliver_what_was_kept_back(backwards=True)

    @rule(backwards=st.booleans())
    def deliver_what_was_kept_back(self, backwards: bool) -> None:
        events, self.kept_back = self.kept_back, []
        self._deliver(events[::-1] if backwards else events)

    # Operators

    @precondition(lambda self: self.stands and not self.paused and self.expected.pinned is None)
    @rule()
    def pause(self) -> None:
        self.frozen = self._settled()
        self.world.ledger.hold(NAME, at=self._now(), by="me", reason="audit")
        self.paused = True

    @precondition(lambda self: self.stands and not self.paused and self.expected.pinned is None)
    @rule(version=_VERSIONS)
    def pin(self, version: int) -> None:
        approvals = [item for item in self.world.records().approvals if item.version == version]
        if approvals:
            ledger = self.world.ledger
            ledger.hold(NAME, at=self._now(), by="me", reason="audit", version=approvals[-1])
            self.expected.pinned = version

    @precondition(lambda self: self.paused or self.expected.pinned is not None)
    @rule()
    def release(self) -> None:
        self.world.ledger.release(NAME, at=self._now(), by="me")
        self.paused, self.expected.pinned = False, None

    @precondition(lambda self: self.stands)
    @rule(
        instance_type=st.sampled_from(["ml.m5.large", "ml.c5.large"]),
        scaling=st.sampled_from([None, {"min": 2, "max": 3, "invocations_per_instance": 9}, WATCHED["scaling"]]),
    )
    def declare_anew(self, instance_type: str, scaling: dict[str, Any] | None) -> None:
        self.world.declare(instance_type=instance_type, scaling=scaling)
        self._tell_of_declaration()

    @precondition(lambda self: self.stands)
    @rule()
    def destroy(self) -> None:
        self.world.destroy()
        self.stands, self.frozen = False, None
        assert not self.world.problems()

    @precondition(lambda self: not self.stands)
    @rule()
    def declare_again(self) -> None:
        self.world.declare()
        self.stands = True
        self._tell_of_declaration()

    # AWS

    @rule()
    def arrive(self) -> None:
        self.world.sagemaker.advance()

    @rule()
    def run(self) -> None:
        self.world.run()

    @rule()
    def settle(self) -> None:
        self._settled()

    @rule()
    def heartbeat(self) -> None:
        self.world.heartbeat()
        self._settled()
        if self.stands:
            self.expected.compare()

    @rule()
    def lose_events_of_the_endpoint(self) -> None:
        self.world.events.clear()

    @rule(times=st.integers(1, 2))
    def lack_capacity(self, times: int) -> None:
        self.world.sagemaker.scarce += times

    @rule(number=st.integers(1, 25), times=st.integers(1, 3))
    def throttle(self, number: int, times: int) -> None:
        """So many calls in a row, from now on the `number`th."""
        left = [number + times]

        def before(call: str) -> None:
            left[0] -= 1
            if 0 <= left[0] < times:
                raise error("ThrottlingException", "Rate exceeded")

        self.world.wire.before = before

    @rule(number=st.integers(1, 25))
    def die(self, number: int) -> None:
        left = [number]

        def after(call: str) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise Died(call)

        self.world.wire.after = after

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        world = self.world
        world.wire.before = world.wire.after = lambda call: None
        world.sagemaker.scarce = 0
        world.settle()
        world.clock.pass_(_A_WHILE)
        world.heartbeat()
        served = world.settle()
        if self.stands:
            self.expected.compare()
        assert not world.problems(), world.problems()
        if not self.stands:
            assert served is None
        elif self.paused:
            assert served == self.frozen, f"paused at {self.frozen}, but {served} serves"
        elif self.expected.answer is not None:
            assert served == self.expected.answer, f"{served} serves, not {self.expected.answer}"

    def _deliver(self, events: list[dict[str, Any]]) -> None:
        for event in events:
            reviewed = event["reviewed"]
            self.world.deliver({key: item for key, item in event.items() if key != "reviewed"})
            if self.stands:
                self.expected.tell(*reviewed)

    def _tell_of_declaration(self) -> None:
        """What is declared is reconciled before anything else is done, thoroughly."""
        self._settled()
        self.expected.compare()

    def _settled(self) -> int | None:
        return self.world.settle()

    def _now(self) -> str:
        self.world.clock.pass_(1)
        return self.world.now()
