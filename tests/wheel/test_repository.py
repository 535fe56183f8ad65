"""A repository that `modelyard init` wrote, on the installed wheel: it goes round the loop without an edit."""

from __future__ import annotations

import os
import re
import subprocess
from xml.etree import ElementTree

import pytest

from tests.e2e.checkout import ROOT
from tests.wheel.environment import WheelEnvironment

# The first test installs what a team does, gigabytes.
pytestmark = pytest.mark.timeout(1200)

LEFT = "aws cloudformation describe-stacks --query 'Stacks[].StackName' --output text > left.txt"


def test_it_passes_its_own_tests_and_the_guide_of_its_readme_runs_as_it_stands(
    wheel_environment: WheelEnvironment,
) -> None:
    folder = wheel_environment.project
    page = (folder / "README.md").read_text()
    commands = re.findall(r"^```bash\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    assert len(commands) == 6
    commands[-1] = commands[-1].replace("modelyard local down", f"{LEFT}\nmodelyard local down")
    script = "set -euo pipefail\n" + "".join(f"echo '== {index}'\n{block}" for index, block in enumerate(commands))
    try:
        done = wheel_environment.run("bash", "-c", script, env={"PATH": os.defpath})
    finally:
        wheel_environment.run("modelyard", "local", "down", check=False)
    assert "8 passed" in done.stdout, done.stdout[-4000:]
    assert (folder / "build" / "verify" / "failed").read_text() == ""
    assert ElementTree.parse(folder / "build" / "verify" / "tests.xml").getroot().find("testsuite") is not None
    assert (folder / "cdk.out" / "manifest.json").is_file()
    assert 3 < float((folder / "answer.csv").read_text()) < 25, "an abalone's rings"
    assert (folder / "left.txt").read_text().split() == ["CDKToolkit"]
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert [line for line in listed.stdout.splitlines() if str(folder) in line] == []


def test_nothing_of_it_comes_from_the_checkout(wheel_environment: WheelEnvironment) -> None:
    program = "import modelyard, modelyard.stacks, sys; print(modelyard.__file__, *sys.path, sep='\\n')"
    done = wheel_environment.run("python", "-c", program)
    assert str(ROOT) not in done.stdout
    assert done.stdout.startswith(str(wheel_environment.project / ".venv"))


def test_the_programs_of_images_are_executable_once_installed(wheel_environment: WheelEnvironment) -> None:
    program = (
        "from modelyard.image_folders import image_folders\n"
        "for folder in image_folders().values():\n"
        "    for name in ('train', 'serve'):\n"
        "        assert (folder / name).stat().st_mode & 0o111, folder / name\n"
        "        print(folder.name, name)\n"
    )
    assert len(wheel_environment.run("python", "-c", program).stdout.splitlines()) == 4
