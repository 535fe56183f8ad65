"""The commands as a person calls them, against the local AWS with the approval hook at work."""

from __future__ import annotations

import re
import signal
import subprocess

from tests.approvals.desk import Desk

WHO = "arn:aws:iam::111122223333:root"


def test_approve_takes_the_newest_version_that_awaits_review_into_service(desk: Desk) -> None:
    done = desk.run("approve", "abalone", "--reason", "meets the target")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == f"version 2 of abalone is approved, by {WHO}"
    assert done.stdout.splitlines()[-1] == "version 2 serves"
    assert desk.abalone.served() == "2"
    package = desk.aws.client("sagemaker").describe_model_package(ModelPackageName=desk.abalone.arn(2))
    assert package["ApprovalDescription"] == f"Approved by {WHO}: meets the target"


def test_the_full_name_of_the_endpoint_names_stage_and_project(desk: Desk) -> None:
    (desk.folder / "platform.yaml").unlink()
    done = desk.run("approve", desk.abalone.name, "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert desk.abalone.served() == "2"


def test_approve_of_a_version_that_cannot_serve_tells_why_and_leaves_the_old_one_serving(desk: Desk) -> None:
    desk.abalone.register(BROKEN="1")
    done = desk.run("approve", "abalone", "3")
    assert done.returncode == 1
    assert done.stderr.startswith("modelyard: version 3 does not serve: rolled back: The primary container")
    assert "this version cannot load" in done.stderr
    assert desk.abalone.served() == "1"


def test_approve_of_a_version_that_had_failed_tries_it_again(desk: Desk) -> None:
    desk.abalone.register(BROKEN="1")
    desk.run("approve", "abalone", "3")
    again = desk.run("approve", "abalone", "3")
    assert again.returncode == 1
    assert again.stdout.splitlines()[0] == f"version 3 of abalone is approved anew, by {WHO}"
    assert desk.abalone.outcomes() == [(1, "succeeded"), (3, "failed"), (3, "failed")]


def test_reject_of_the_serving_version_brings_back_the_one_before(desk: Desk) -> None:
    desk.review(2, "Approved")
    done = desk.run("reject", "abalone", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "version 2 is rejected; version 1 serves"
    assert desk.abalone.served() == "1"


def test_reject_of_the_only_approved_version_says_that_it_serves_on(desk: Desk) -> None:
    done = desk.run("reject", "abalone", "1")
    assert done.returncode == 1
    assert done.stderr == "modelyard: version 1 is rejected and still serves: no other approved version is eligible\n"


def test_reject_takes_the_newest_version_that_awaits_review(desk: Desk) -> None:
    done = desk.run("reject", "abalone")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "version 2 is rejected; version 1 serves"


def test_rollback_twice_goes_back_two_versions(desk: Desk) -> None:
    desk.abalone.register()
    desk.review(2, "Approved")
    desk.review(3, "Approved")
    served = []
    for _ in range(2):
        done = desk.run("rollback", "abalone")
        assert (done.returncode, done.stderr) == (0, "")
        served.append(desk.abalone.served())
    assert served == ["2", "1"]


def test_rollback_at_the_very_moment_of_an_approval_wins_over_it(desk: Desk) -> None:
    desk.run("approve", "abalone", "2", "--no-wait")
    assert desk.run("rollback", "abalone", "--to", "1").returncode == 0
    assert desk.abalone.served() == "1"


def test_rollback_names_who_asked_and_why_in_the_history(desk: Desk) -> None:
    desk.review(2, "Approved")
    desk.run("rollback", "abalone", "--reason", "worse on Mondays")
    first, second, back = desk.tell("history", "abalone")
    assert [item["version"] for item in (first, second, back)] == [1, 2, 1]
    assert [item["outcome"] for item in (first, second, back)] == ["succeeded"] * 3
    assert (first["source"], first["by"]) == ("approval event", "")
    assert (back["source"], back["by"]) == ("approved anew", f"{WHO}: worse on Mondays")
    assert first["event_id"] and back["seconds"] >= 0


def test_an_approval_under_a_hold_waits_for_the_release(desk: Desk) -> None:
    assert desk.run("hold", "abalone", "--reason", "fair week").returncode == 0
    done = desk.run("approve", "abalone", "2")
    assert done.returncode == 1
    held = r"modelyard: the endpoint is held since \S+ \(fair week\): version 2 serves after its release\n"
    assert re.fullmatch(held, done.stderr)
    assert desk.abalone.served() == "1"
    assert desk.run("release", "abalone").returncode == 0
    assert desk.abalone.served() == "2"
    assert [item["outcome"] for item in desk.tell("history", "abalone")] == [
        "succeeded",
        "held",
        "released",
        "succeeded",
    ]


def test_a_pin_takes_the_endpoint_to_its_version_and_keeps_it_there(desk: Desk) -> None:
    desk.review(2, "Approved")
    done = desk.run("hold", "abalone", "--version", "1", "--reason", "audit")
    assert (
        done.stdout
        == f"{desk.abalone.name} is pinned to version 1; end that with: modelyard release {desk.abalone.name}\n"
    )
    assert desk.abalone.served() == "1"
    approved = desk.run("approve", "abalone", "2")
    assert approved.returncode == 1
    assert "pinned to version 1" in approved.stderr
    assert desk.abalone.served() == "1"


def test_no_wait_returns_before_the_hook_has_done_anything(desk: Desk) -> None:
    done = desk.call("approve", "abalone", "2", "--no-wait")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == f"look: modelyard status {desk.abalone.name}"
    assert desk.abalone.served() == "1"
    assert desk.abalone.settle() == "2"


def test_ctrl_c_leaves_the_rollout_running_and_says_so(desk: Desk) -> None:
    process = subprocess.Popen(
        desk.command("approve", "abalone", "2"),
        cwd=desk.folder,
        env=desk.aws.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A suite that runs in the background ignores SIGINT, and so would what it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    with process:
        assert process.stdout
        while "waiting until the approval hook hears of it" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, told = process.communicate()
    desk.stage.awaited += 1
    assert process.returncode == 130
    look = f"modelyard status {desk.abalone.name}"
    assert told == f"no longer looking; what was asked for goes on. Look again: {look}\n"
    assert desk.abalone.settle() == "2"


def test_a_hook_that_cannot_be_woken_takes_a_roll_back_up_at_its_next_heartbeat(desk: Desk) -> None:
    desk.review(2, "Approved")
    desk.put("platform/queue-url", desk.stage.runtime.queue_url.replace(".fifo", "-gone.fifo"))
    done = desk.call("rollback", "abalone")
    assert (done.returncode, done.stdout) == (2, "")
    written = "it is in the ledger, and the approval hook takes it up within 15 minutes, but was not woken"
    assert done.stderr.startswith(f"modelyard: {written}: SendMessage: ")
    assert desk.abalone.settle() == "2"
    desk.stage.heartbeat()
    assert desk.abalone.settle() == "1"


def test_status_tells_what_is_desired_what_serves_and_what_was_tried_last(desk: Desk) -> None:
    desk.abalone.register(BROKEN="1")
    desk.review(3, "Approved")
    desk.pretend_held(reason="fair week")
    (standing,) = desk.tell("status", "abalone")
    assert (standing["project"], standing["endpoint"]) == ("abalone", desk.abalone.name)
    assert (standing["state"], standing["desired"], standing["serving"]) == ("InService", 1, 1)
    assert (standing["hold"]["by"], standing["hold"]["reason"]) == ("somebody", "fair week")
    assert (standing["last_attempt"]["version"], standing["last_attempt"]["outcome"]) == (3, "failed")


def test_status_of_a_stage_shows_every_endpoint_and_one_that_cannot_be_read(desk: Desk) -> None:
    desk.project("whelk")
    desk.put("broken/endpoint", "{")
    told = {item["project"]: item for item in desk.tell("status")}
    assert {name: item["state"] for name, item in told.items()} == {
        "abalone": "InService",
        "broken": "",
        "whelk": "Absent",
    }
    assert told["broken"]["problem"].startswith(f"/modelyard/{desk.name}/broken/endpoint: not JSON")
    assert told["whelk"]["desired"] is None


def test_the_tables_hold_what_the_json_tells(desk: Desk) -> None:
    desk.review(2, "Approved")
    standing = desk.call("status").stdout.splitlines()
    assert standing[0].split() == ["project", "endpoint", "desired", "serves", "coming", "held", "last", "attempt"]
    assert standing[1].split() == ["abalone", "InService", "2", "2", "version", "2", "succeeded"]
    happened = desk.call("history", "abalone").stdout.splitlines()
    assert happened[0].split() == ["asked", "(UTC)", "version", "outcome", "took", "why", "by", "reason"]
    assert "succeeded" in happened[1]


def test_the_history_of_an_endpoint_outlives_its_declaration(desk: Desk) -> None:
    desk.abalone.destroy()
    assert [item["version"] for item in desk.tell("history", "abalone")] == [1]


def test_the_history_of_an_endpoint_before_its_first_version_is_empty(desk: Desk) -> None:
    desk.project("whelk")
    assert desk.call("history", "whelk").stdout == "nothing has happened to whelk yet\n"
