"""Runs the same commands that a user would type."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from demo.screen import Screen

__all__ = ["CommandFailed", "Shell"]


class CommandFailed(Exception):
    """A command ended with a code other than 0; the message holds its last lines."""


class Shell:
    """Commands in the checkout, with ``env``; whatever they print goes to ``log``."""

    def __init__(self, screen: Screen, env: Mapping[str, str], log: Path, folder: Path | None = None) -> None:
        self.screen = screen
        self.env = dict(env)
        self.log = log
        self.folder = folder

    def inside(self, env: Mapping[str, str] | None = None, folder: Path | None = None) -> Shell:
        """The same with another environment, or in another folder than the checkout."""
        return Shell(self.screen, self.env if env is None else env, self.log, folder or self.folder)

    def run(self, *words: str) -> str:
        """Show and run a command; its standard output. Raises `CommandFailed` with the last lines of what it said."""
        self.screen.command(list(words))
        with self.screen.console.status("running"):
            done = subprocess.run(
                words, env=self.env, cwd=self.folder, capture_output=True, text=True, stdin=subprocess.DEVNULL
            )
        self._check(words, done.returncode, 0, done.stdout, done.stderr)
        return done.stdout

    def show(self, *words: str) -> None:
        """Show a command and what it prints, as it prints it to a terminal."""
        self.screen.command(list(words))
        self.screen.console.file.flush()
        done = subprocess.run(words, env=self.env, cwd=self.folder, stdin=subprocess.DEVNULL)
        self._check(words, done.returncode, 0, "", "")

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Show and start a command that says little; `end` must follow."""
        self.screen.command(list(words))
        pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
        return subprocess.Popen(
            words, env=self.env, cwd=self.folder, stdin=nothing, stdout=pipe, stderr=subprocess.STDOUT, text=True
        )

    def end(self, running: subprocess.Popen[str], words: Sequence[str], code: int) -> str:
        """All that a started command said; raises `CommandFailed` if it ends with another code."""
        said, _ = running.communicate()
        self._check(words, running.returncode, code, said, "")
        return said

    def _check(self, words: Sequence[str], code: int, expected: int, out: str, err: str) -> None:
        with self.log.open("a") as log:
            log.write(f"$ {' '.join(words)}\n{out}{err}\n")
        if code != expected:
            last = "\n".join((out + err).strip().splitlines()[-25:])
            raise CommandFailed(f"{words[0]} ended with code {code}; all output is in {self.log}\n{last}")

    def aws(self, *words: str) -> Any:
        """Run an ``aws`` command; its JSON answer."""
        out = self.run("aws", *words)
        return json.loads(out) if out.strip() else {}
