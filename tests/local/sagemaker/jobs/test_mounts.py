from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from modelyard.local import children
from modelyard.local.sagemaker.jobs import mounts


def run(folder: Path, script: str) -> str:
    mounted = mounts.mount(folder, ["/bin/sh", "-c", script], {"PATH": "/usr/bin:/bin", "DATA": "/opt/ml/data"})
    process = children.spawn(mounted.command, env=mounted.environment, preexec=mounted.preexec, stdout=subprocess.PIPE)
    output = process.communicate()[0].decode()
    assert process.returncode == 0
    return output


@pytest.mark.parametrize("namespaces", [True, False])
def test_a_process_sees_its_folder_as_opt_ml(namespaces: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not namespaces:
        monkeypatch.setattr(mounts, "namespaces_available", lambda: False)
    (tmp_path / "data").mkdir()

    output = run(tmp_path, 'echo given > /opt/ml/data/file; cat "$DATA/file"')

    assert output == "given\n"
    assert (tmp_path / "data/file").read_text() == "given\n"


def test_two_processes_see_each_its_own_folder(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)

    assert [run(tmp_path / name, "cat /opt/ml/file") for name in ("one", "two")] == ["one", "two"]


def test_what_else_is_in_opt_stays_visible(tmp_path: Path) -> None:
    names = {path.name for path in Path("/opt").iterdir()}

    assert set(run(tmp_path, "ls /opt").split()) == names | {"ml"}


def test_without_namespaces_paths_are_rewritten_where_they_are_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mounts, "namespaces_available", lambda: False)

    mounted = mounts.mount(tmp_path, ["--in=/opt/ml/x", "/opt/mlflow"], {"A": "/opt/ml"})

    assert mounted.command == [f"--in={tmp_path}/x", "/opt/mlflow"]
    assert mounted.environment == {"A": str(tmp_path), "SAGEMAKER_BASE_DIR": str(tmp_path)}


def test_without_namespaces_a_program_that_has_the_path_written_into_it_gets_an_explanation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mounts, "namespaces_available", lambda: False)
    mounted = mounts.mount(tmp_path, ["true"], {})

    assert "SAGEMAKER_BASE_DIR" in mounted.explain("No such file or directory: '/opt/ml/model'")
    assert mounted.explain("ZeroDivisionError") == ""
