"""Runs the same commands that a user would type."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from demo.screen import Screen

__all__ = ["CommandFailed", "Shell"]


class CommandFailed(Exception):
    """A command ended with a code other than 0; the message holds its last lines."""


class Shell:
    """Commands in the checkout, with ``env``; whatever they print goes to ``log``."""

    def __init__(self, screen: Screen, env: Mapping[str, str], log: Path) -> None:
        self.screen = screen
        self.env = dict(env)
        self.log = log

    def run(self, *words: str) -> str:
        """Show and run a command; its standard output. Raises `CommandFailed` with the last lines of what it said."""
        self.screen.command(list(words))
        with self.screen.console.status("running"):
            done = subprocess.run(words, env=self.env, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        with self.log.open("a") as log:
            log.write(f"$ {' '.join(words)}\n{done.stdout}{done.stderr}\n")
        if done.returncode:
            last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-25:])
            raise CommandFailed(f"{words[0]} ended with code {done.returncode}; all output is in {self.log}\n{last}")
        return done.stdout

    def aws(self, *words: str) -> Any:
        """Run an ``aws`` command; its JSON answer."""
        out = self.run("aws", *words)
        return json.loads(out) if out.strip() else {}
