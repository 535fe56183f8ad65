"""``python -m modelyard.local.docker STATE_DIR IMAGES COMMAND …``, started by the ``docker`` of a build.

STATE_DIR is the local AWS's folder where contexts are kept, IMAGES the file of what the build has tagged. A command or
an option that is not supported is an error with exit code 2; what fails as it would in Docker has exit code 1.
"""

from __future__ import annotations

import sys
from pathlib import Path

from modelyard.local.docker.commands import COMMANDS, DockerError
from modelyard.local.docker.store import Store

__all__ = ["main"]


def main(arguments: list[str]) -> int:
    """Run one command; its exit code."""
    state_dir, images, *words = arguments
    if words[:2] == ["buildx", "build"]:
        words = words[1:]
    command = COMMANDS.get(words[0] if words else "")
    if command is None:
        supported = ", ".join([*COMMANDS, "buildx build"])
        print(f"docker {' '.join(words[:1])}: not supported by the local AWS; supported: {supported}", file=sys.stderr)
        return 2
    try:
        command(words[1:], Store(Path(state_dir), Path(images)))
    except DockerError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
