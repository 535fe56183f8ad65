"""How the verification of a commit ended: `python -m modelyard.delivery.results [FOLDER]` says it in one line.

`make verify` leaves in the folder, by default `build/verify`, a file `failed` with a line for each part that failed,
and `tests.xml`, pytest's report in JUnit's format. The line is `passed`, or `failed: ` and what failed. It becomes a
variable of CodePipeline inside a JSON text, hence its length and its characters.
"""

import re
import sys
from pathlib import Path
from xml.etree import ElementTree

__all__ = ["FAILED", "REPORT", "result"]

FAILED, REPORT = "failed", "tests.xml"
FOLDER = Path("build/verify")
PASSED = "passed"
# UserParameters of a Lambda action take 1,000 characters.
MAX_LENGTH = 900
_TESTS = "tests"


def result(folder: Path) -> str:
    """The line for what `make verify` left in `folder`."""
    if not (folder / FAILED).is_file():
        return "failed: make verify did not come to its end; the log of the build says why"
    parts = (folder / FAILED).read_text().splitlines()
    tests = _failing_tests(folder / REPORT)
    found = [name for part in parts for name in (tests if part == _TESTS and tests else [part])]
    return _line([re.sub(r"[^\w .,:;/\[\]()=+*<>-]", "?", name) for name in found]) if found else PASSED


def _failing_tests(report: Path) -> list[str]:
    """The tests that failed, as pytest names them."""
    if not report.is_file():
        return []
    try:
        cases = list(ElementTree.parse(report).getroot().iter("testcase"))
    except ElementTree.ParseError:
        return []
    failing = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    return list(dict.fromkeys(_name(case) for case in failing))


def _name(case: ElementTree.Element) -> str:
    """`tests/stacks/test_rules.py::test_it`, of a case whose class is written `tests.stacks.test_rules`."""
    where, name = case.get("classname", ""), case.get("name", "")
    if not where:
        return name.replace(".", "/") + ".py"
    parts = where.split(".")
    module = next((index for index, part in enumerate(parts) if part.startswith("test_")), len(parts) - 1)
    file = "/".join(parts[: module + 1]) + ".py"
    return "::".join([file, *parts[module + 1 :], name])


def _line(found: list[str]) -> str:
    for count in range(len(found), 0, -1):
        more = f" and {len(found) - count} more" if count < len(found) else ""
        line = f"failed: {', '.join(found[:count])}{more}"
        if len(line) <= MAX_LENGTH:
            return line
    return f"failed: {found[0]}"[:MAX_LENGTH]


if __name__ == "__main__":
    print(result(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER))
