"""`modelyard init`: what it writes, and what it refuses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from modelyard import __version__
from modelyard.settings import load_settings
from modelyard.starter import Choices, StarterError, commands, write_repository
from tests.e2e.checkout import ROOT

ABALONE = ROOT / "modelyard" / "pipeline_defs" / "abalone"


def init(*arguments: str | Path) -> str:
    """What the command prints."""
    done = CliRunner().invoke(commands.app, list(map(str, arguments)))
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def files(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()
    }


@pytest.fixture
def written(tmp_path: Path) -> Path:
    init(tmp_path / "new", "--project", "house-prices", "--account", "222233334444", "--region", "eu-central-1")
    return tmp_path / "new"


def test_it_writes_a_whole_repository_and_says_what_next(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    assert init(folder).splitlines() == [
        f"{folder} holds the project abalone. What next:  cd {folder} && make verify",
        f"Where your package index does not have modelyard, copy its wheel to {folder}/wheels/ first.",
    ]
    assert {name for name in files(folder) if not name.startswith(("pipelines/", "tests/"))} == {
        *(".github/workflows/ci.yml", ".gitignore", "Makefile", "README.md", "app.py", "cdk.json", "package.json"),
        *("package-lock.json", "platform.yaml", "pyproject.toml", "requirements.txt"),
    }
    assert [path.name for path in tmp_path.iterdir()] == ["new"]
    assert folder.stat().st_mode & 0o777 == 0o755


def test_nothing_is_left_to_be_filled_in(written: Path) -> None:
    assert {name: found for name, text in files(written).items() if (found := re.findall("@[A-Z]+@", text))} == {}


def test_its_settings_are_valid_with_what_is_commented_out_and_without(written: Path) -> None:
    settings = load_settings(written / "platform.yaml")
    (stage,), (project,) = settings.stages, settings.projects
    assert (stage.account, stage.region, stage.disposable) == ("222233334444", "eu-central-1", True)
    assert (project.name, project.pipeline_folder) == ("house-prices", "house_prices")
    text = (written / "platform.yaml").read_text()
    (written / "platform.yaml").write_text(re.sub(r"(?m)^#(?! )|^#(?=  )", "", text))
    more = load_settings(written / "platform.yaml")
    assert [stage.name for stage in more.delivered_stages()] == ["dev", "staging", "production"]
    assert [stage.disposable for stage in more.stages] == [True, False, False]


def test_its_pipeline_is_the_librarys_with_the_projects_name(written: Path) -> None:
    own = files(written / "pipelines" / "house_prices")
    assert set(own) == {path.name for path in ABALONE.glob("*.py")}
    changed = {name for name, text in own.items() if text != (ABALONE / name).read_text()}
    assert changed == {"pipeline.py"}
    assert "/house-prices/" in own["pipeline.py"]
    assert "abalone" not in own["pipeline.py"]


def test_it_is_pinned_to_the_library_that_wrote_it(written: Path) -> None:
    assert f"modelyard=={__version__}" in (written / "requirements.txt").read_text().splitlines()
    assert f"modelyard[cdk,pipelines,local,test]=={__version__}" in (written / "pyproject.toml").read_text()


def test_its_workflow_verifies_and_has_no_more_rights_than_to_read(written: Path) -> None:
    workflow = YAML(typ="safe").load(written / ".github" / "workflows" / "ci.yml")
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["jobs"]["verify"]["steps"][-1] == {"run": "make verify"}


@pytest.mark.parametrize("entries", [(), (".git",)])
def test_an_empty_folder_or_a_new_clone_is_written_to(tmp_path: Path, entries: tuple[str, ...]) -> None:
    for name in entries:
        (tmp_path / "there" / name).mkdir(parents=True)
    (tmp_path / "there").mkdir(exist_ok=True)
    init(tmp_path / "there")
    assert {"app.py", ".gitignore", *entries} <= {path.name for path in (tmp_path / "there").iterdir()}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["there"], "there: holds notes.txt already; name a folder that is new or empty"),
        (["there/notes.txt"], "there/notes.txt: is a file; name a folder that is new or empty"),
        (["nowhere/new"], "nowhere/new: there is no folder {here}/nowhere; make it first"),
        (["new", "--template", "abalon"], "--template: received abalon; allowed: abalone; did you mean abalone?"),
        (
            ["new", "--project", "House"],
            "--project: received House; allowed: a project name: lower-case letters, digits and single hyphens, a "
            "letter first, at most 37",
        ),
        (
            ["new", "--project", "serving"],
            "--project: received this name, which the platform uses itself; choose another",
        ),
        (
            ["new", "--account", "1"],
            '--account: received 1; allowed: 12 digits in quotes, such as "111122223333"',
        ),
        (["new", "--region", "Mars"], "--region: received Mars; allowed: an AWS region, such as us-east-1"),
    ],
)
def test_what_cannot_be_written_is_refused_in_a_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], reason: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "notes.txt").write_text("mine")
    with pytest.raises(StarterError) as caught:
        init(*arguments)
    assert str(caught.value) == reason.format(here=tmp_path.resolve())
    assert files(tmp_path) == {"there/notes.txt": "mine"}


def test_what_fails_half_way_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, moved = Path.rename, []

    def rename(self: Path, target: Path) -> Path:
        if target.parent.name == "there":
            moved.append(target)
            if len(moved) == 3:
                raise OSError("no space left on device")
        return real(self, target)

    (tmp_path / "there").mkdir()
    monkeypatch.setattr(Path, "rename", rename)
    choices = Choices(template="abalone", project="abalone", account="111122223333", region="us-east-1")
    with pytest.raises(OSError, match="no space left"):
        write_repository(tmp_path / "there", choices)
    assert list(tmp_path.rglob("*")) == [tmp_path / "there"]


def test_the_page_shows_the_command_with_all_of_its_options() -> None:
    page = (ROOT / "docs" / "own-repository.md").read_text()
    (shown,) = re.findall(r"^`modelyard init DIR (.+?)`", page, re.MULTILINE)
    offered = set(re.findall(r"--\w+", init("--help"))) - {"--help", "--install", "--show"}
    assert set(re.findall(r"--\w+", shown)) == offered
