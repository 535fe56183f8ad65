"""1,000 approvals over 100 endpoints: does each serve the right version in the end, and what does a change cost?

The approval hook's functions run in this process against an AWS in memory that pages its answers as AWS does.
``--endpoints``, ``--approvals`` and ``--seed`` choose another run.
"""

from __future__ import annotations

import argparse
import time

from tests.lambdas.serving.many import Many, Outcome

__all__ = ["main", "steps"]

# How much dearer the last change may be than one of the first: most of those create an endpoint, later ones update it.
TARGET = 1.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoints", type=int, default=100)
    parser.add_argument("--approvals", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(f"\nApprovals over {options.endpoints} endpoints, seed {options.seed}")
    outcomes = [measured(options.endpoints, number, options.seed) for number in steps(options.approvals)]
    commonest = ", ".join(f"{call} {number}" for call, number in outcomes[-1].calls.most_common(8))
    print(f"  most of the last: {commonest}")
    wrongs = [wrong for outcome in outcomes for wrong in outcome.wrongs]
    for wrong in wrongs:
        print(f"  WRONG: {wrong}")
    growth = outcomes[-1].calls_a_change / outcomes[0].calls_a_change
    met = growth <= TARGET and not wrongs
    print(f"  => {growth:.2f} times the calls a change, {len(wrongs)} wrong; target ≤ {TARGET:g} and 0: ", end="")
    print("met" if met else "MISSED")
    raise SystemExit(0 if met else 1)


def steps(approvals: int) -> list[int]:
    """A hundredth, a tenth and all of so many approvals."""
    return [max(1, approvals // 100), max(1, approvals // 10), approvals]


def measured(endpoints: int, approvals: int, seed: int) -> Outcome:
    """Run one stage from its declaration on, and print what it took."""
    stage = Many(endpoints)
    started = time.perf_counter()
    outcome = stage.approve(approvals, seed)
    seconds = time.perf_counter() - started
    print(
        f"  {approvals:5} approvals, {outcome.deployments:4} deployments: {outcome.calls.total():6} AWS calls, "
        f"{outcome.calls_a_change:.1f} a change; {seconds:.1f} s"
    )
    return outcome


if __name__ == "__main__":
    main()
