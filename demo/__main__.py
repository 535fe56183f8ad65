"""Runs the demo: `python -m demo [--keep]`."""

from __future__ import annotations

import sys

from demo.loop import PROJECT, Loop
from demo.performance import ROOT, perform, start_local_aws
from demo.screen import Screen
from demo.shell import Shell
from modelyard.settings import load_settings

# A local AWS of the demo's own: one that the user has running in the checkout is left alone.
HOME = ROOT / ".cache" / "demo"
IMPOSSIBLE_RMSE = "0.5"
# Minutes of watching a rollout pass in as many seconds.
CLOCK_FACTOR = "60"


def run(screen: Screen, shell: Shell, keep: bool) -> None:
    stage = load_settings(ROOT / "platform.yaml").stages[0]
    with screen.stage("Start a local AWS"):
        start_local_aws(screen, shell, stage, HOME, "--clock-factor", CLOCK_FACTOR)
    loop = Loop(screen, shell, stage, HOME / "abalone.csv")
    with screen.stage("Stand up the platform with the CDK"):
        loop.deploy()
    with screen.stage("Fetch the data"):
        loop.upload()
    with screen.stage("Train, evaluate and register version 1"):
        first = loop.register()
    with screen.stage("Approve version 1: the endpoint comes into being"):
        loop.approve(first.package_arn)
    with screen.stage("Call the endpoint"):
        loop.call(first)
    with screen.stage("Train version 2 with other hyperparameters"):
        second = loop.register(MaxDepth="3", NumRound="200")
    _, rows, _ = loop.held_out(first)
    with screen.stage("Approve version 2: a canary first, then all of it"):
        loop.roll_out("modelyard", "approve", PROJECT, "2", rows=rows, serves=second.package_arn)
    with screen.stage("Approve a hot fix that was made by hand: its alarm takes it back"):
        loop.register_hot_fix(second.package_arn)
        words = ("modelyard", "approve", PROJECT, "3", "--reason", "urgent")
        loop.roll_out(*words, rows=rows, serves=second.package_arn, goes_well=False)
    with screen.stage("Reject version 2: version 1 is taken back"):
        words = ("modelyard", "reject", PROJECT, "2", "--reason", "worse on Mondays")
        loop.roll_out(*words, rows=rows, serves=first.package_arn)
        loop.call(first)
    with screen.stage("Read the history of the endpoint"):
        loop.history()
    with screen.stage(f"Ask for an RMSE of {IMPOSSIBLE_RMSE}: the model is refused"):
        loop.refused(RmseThreshold=IMPOSSIBLE_RMSE)
    if keep:
        tell_what_to_try(screen, loop)
        return
    with screen.stage("Destroy everything"):
        loop.destroy()
    with screen.stage("Stop the local AWS"):
        shell.run("modelyard", "local", "down", "--project", str(HOME))


def tell_what_to_try(screen: Screen, loop: Loop) -> None:
    home = HOME.relative_to(ROOT)
    screen.say("It is still running. Try:")
    for line in (
        "source .venv/bin/activate",
        f'eval "$(modelyard local env --project {home})"',
        f"aws sagemaker list-model-packages --model-package-group-name {loop.name}",
        f"aws sagemaker describe-endpoint --endpoint-name {loop.name}",
        f"modelyard approve {PROJECT} 2",
        f"aws sagemaker start-pipeline-execution --pipeline-name {loop.name}",
        "cdk diff --all",
        f"modelyard local status --project {home}",
        f"modelyard local down --project {home}     # everything is kept for the next `up`",
    ):
        screen.console.print(f"     {line}", markup=False, highlight=False)


if __name__ == "__main__":
    told = {"name": "demo", "description": "The whole loop on this machine."}
    sys.exit(perform(sys.argv[1:], home=HOME, run=run, **told))
