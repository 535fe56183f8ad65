from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelyard.local.launching import KILLED, Launched, Launcher


@pytest.fixture
def launcher() -> Iterator[Launcher]:
    made = Launcher()
    yield made
    made.close()


def start(
    launcher: Launcher, *command: str, cwd: Path = Path("/"), folder: Path | None = None, **environment: str
) -> tuple[Launched, int]:
    """A process, and the descriptor that its output can be read from."""
    output, written = os.pipe()
    try:
        variables = {"PATH": "/usr/bin:/bin", **environment}
        return launcher.start(command, cwd=cwd, environment=variables, output=written, folder=folder), output
    finally:
        os.close(written)


def read(output: int) -> str:
    with os.fdopen(output) as file:
        return file.read()


def test_a_process_has_its_command_environment_folder_and_output(launcher: Launcher, tmp_path: Path) -> None:
    launched, output = start(
        launcher, "sh", "-c", 'pwd; echo "$WORD"; echo error >&2; cat; exit 3', cwd=tmp_path, WORD="hello"
    )

    assert read(output) == f"{tmp_path}\nhello\nerror\n"
    assert launched.code.result() == 3


def test_a_process_leads_a_session_of_its_own(launcher: Launcher) -> None:
    launched, output = start(launcher, "sleep", "600")

    assert os.getsid(launched.pid) == launched.pid != os.getsid(0)
    os.killpg(launched.pid, signal.SIGTERM)
    assert launched.code.result() == -signal.SIGTERM
    assert read(output) == ""


def test_a_broken_pipe_ends_a_process_as_it_does_elsewhere(launcher: Launcher) -> None:
    launched, output = start(launcher, "sh", "-c", "(yes; echo $? >&2) | head -1")

    # The two write at once.
    assert sorted(read(output).split()) == [str(128 + signal.SIGPIPE), "y"]
    assert launched.code.result() == 0


def test_a_folder_is_opt_ml_in_a_namespace_of_the_process(launcher: Launcher, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("given")

    launched, output = start(launcher, "cat", "/opt/ml/file", folder=tmp_path)

    assert read(output) == "given"
    assert launched.namespace is not None and launched.namespace != str(Path("/proc/self/ns/mnt").readlink())
    plain, output = start(launcher, "true")
    assert plain.namespace is None
    assert read(output) == ""


@pytest.mark.parametrize(
    ("command", "cwd", "error"),
    [
        ("no-such-program", "/", FileNotFoundError),
        ("true", "/no/such/folder", FileNotFoundError),
        ("/etc/passwd", "/", PermissionError),
    ],
)
def test_what_cannot_be_started_raises_the_systems_reason(
    command: str, cwd: str, error: type[OSError], launcher: Launcher
) -> None:
    with pytest.raises(error):
        start(launcher, command, cwd=Path(cwd))

    assert start(launcher, "true")[0].code.result() == 0


def test_a_long_environment_arrives_whole(launcher: Launcher) -> None:
    text = "x" * 100_000

    launched, output = start(launcher, "sh", "-c", 'echo "$ONE$TWO"', ONE=text, TWO=text)

    assert read(output) == f"{text}{text}\n"
    assert launched.code.result() == 0


def test_processes_end_with_the_launcher_and_the_next_one_starts_another(launcher: Launcher) -> None:
    launched, output = start(launcher, "sleep", "600")

    launcher.close()

    assert launched.code.result() == KILLED
    assert read(output) == ""
    assert start(launcher, "true")[0].code.result() == 0
