"""When a definition is compiled again, and what another machine, folder or day changes: nothing."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from modelyard.pipeline_defs.compiler import PipelineDefinitionError, compile_pipeline
from tests.pipeline_defs.compiler.pipelines import write_pipeline

# Refuses every socket before anything is imported, compiles, and tells what came of it.
COMPILE = """
import hashlib, json, socket, sys

def refuse(*_, **__):
    raise SystemExit("a socket was opened")

socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse
from modelyard.pipeline_defs.compiler import compile_pipeline

compiled = compile_pipeline(sys.argv[1], region="eu-central-1")
print(json.dumps({
    "body": compiled.body,
    "archives": {name: hashlib.sha256(bundle.path.read_bytes()).hexdigest() for name, bundle in compiled.code.items()},
    "digests": {name: bundle.digest for name, bundle in compiled.code.items()},
    "sdk imported": "sagemaker" in sys.modules,
}))
"""


def compile_apart(folder: Path, cache: Path, **environment: str) -> dict[str, Any]:
    """Compile in a process of its own, without PYTHONDONTWRITEBYTECODE."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-c", COMPILE, str(folder)],
        env={**kept, "XDG_CACHE_HOME": str(cache), **environment},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_folder_cache_configuration_and_hash_seed_change_no_byte_and_a_second_run_does_not_import_the_sdk(
    tmp_path: Path,
) -> None:
    one, two = write_pipeline(tmp_path / "one"), write_pipeline(tmp_path / "elsewhere" / "two")
    first = compile_apart(one, tmp_path / "cache", PYTHONHASHSEED="1")
    other = compile_apart(
        two, tmp_path / "other cache", PYTHONHASHSEED="2", AWS_PROFILE="nobody", AWS_REGION="us-west-2", TZ="Asia/Tokyo"
    )
    again = compile_apart(two, tmp_path / "cache")
    assert (first.pop("sdk imported"), other.pop("sdk imported"), again.pop("sdk imported")) == (True, True, False)
    assert first == other == again


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_pipeline(tmp_path / "small")


def compiled(folder: Path) -> Any:
    """Compile with a cache beside the folder."""
    return compile_pipeline(folder, region="eu-central-1", cache_dir=folder.parent / "cache")


def entries(folder: Path) -> list[str]:
    """What the cache holds."""
    return sorted(path.name for path in (folder.parent / "cache").iterdir())


def test_byte_code_beside_the_scripts_changes_nothing(folder: Path) -> None:
    before = compiled(folder)
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "step.cpython-311.pyc").write_bytes(b"byte code")
    (folder / "step.pyc").write_bytes(b"byte code")
    assert compiled(folder) == before
    assert len(entries(folder)) == 1


def test_an_edited_script_gets_another_bundle_and_the_same_definition(folder: Path) -> None:
    before = compiled(folder)
    (folder / "step.py").write_text("print('another step')\n")
    after = compiled(folder)
    assert after.body == before.body
    assert after.code["CodeStep"].digest != before.code["CodeStep"].digest


def test_a_file_of_no_step_changes_no_bundle(folder: Path) -> None:
    before = compiled(folder)
    (folder / "notes.txt").write_text("for the reader\n")
    assert compiled(folder).code["CodeStep"].digest == before.code["CodeStep"].digest


def test_an_edited_pipeline_is_compiled_again_in_the_same_process(folder: Path) -> None:
    compiled(folder)
    write_pipeline(folder, '"Size", default_value=3', '"Size", default_value=4')
    assert compiled(folder).parameters["Size"].default == 4


def test_the_bundle_holds_the_scripts_and_nothing_of_this_machine(folder: Path) -> None:
    with tarfile.open(compiled(folder).code["CodeStep"].path) as archive:
        (member,) = archive.getmembers()
    assert (member.name, member.mtime, member.uid, member.gid, member.uname, member.mode) == (
        "step.py",
        0,
        0,
        0,
        "",
        0o644,
    )


@pytest.mark.parametrize("lost", ["compiled.json", "CodeStep.tar.gz"])
def test_a_cache_that_lost_a_file_is_made_good(folder: Path, lost: str) -> None:
    before = compiled(folder)
    (entry,) = (folder.parent / "cache").iterdir()
    (entry / lost).unlink()
    assert compiled(folder) == before
    assert (entry / lost).is_file()
    assert len(entries(folder)) == 1


def test_an_entry_that_another_process_made_meanwhile_is_taken(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from modelyard.pipeline_defs.compiler import build

    before = compiled(folder)
    cache = folder.parent / "cache"
    cache.rename(folder.parent / "made by the other")
    original = build.build

    def slow(*arguments: Any, **named: Any) -> dict[str, bytes]:
        files = original(*arguments, **named)
        shutil.copytree(folder.parent / "made by the other", cache)
        return files

    monkeypatch.setattr(build, "build", slow)
    assert compiled(folder) == before
    assert len(entries(folder)) == 1


def test_without_the_sdk_the_message_names_the_extra_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from modelyard.pipeline_defs.compiler import cache

    monkeypatch.setattr(cache, "DISTRIBUTIONS", ("sagemaker-that-is-not-there",))
    cache._tools.cache_clear()
    with pytest.raises(PipelineDefinitionError) as refusal:
        compiled(folder)
    cache._tools.cache_clear()
    assert str(refusal.value) == (
        "the SageMaker SDK is not installed (no sagemaker-that-is-not-there); run: pip install 'modelyard[pipelines]'"
    )
