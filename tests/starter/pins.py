"""What a new repository pins as this one does: `python -m tests.starter.pins` writes it from this one's own files."""

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
COMMON = ROOT / "modelyard" / "starter" / "common"
# What draws this repository's own pictures.
NOT_FOR_PROJECTS = "@viz-js/viz"
NAME = "platform"


def written() -> dict[str, Any]:
    """The content of the files by name."""
    package, lock = (json.loads((ROOT / name).read_text()) for name in ("package.json", "package-lock.json"))
    package["name"] = lock["name"] = lock["packages"][""]["name"] = NAME
    for pinned in (package["devDependencies"], lock["packages"][""]["devDependencies"]):
        del pinned[NOT_FOR_PROJECTS]
    del lock["packages"][f"node_modules/{NOT_FOR_PROJECTS}"]
    context = json.loads((ROOT / "cdk.json").read_text())
    return {"package.json": package, "package-lock.json": lock, "cdk.json": context}


if __name__ == "__main__":
    for name, content in written().items():
        (COMMON / name).write_text(json.dumps(content, indent=2) + "\n")
