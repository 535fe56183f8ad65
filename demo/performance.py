"""What every demo does around its stages: a local AWS of its own, errors in a line, nothing left running."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
from rich.text import Text

from demo.endpoint import DemoFailed
from demo.screen import Screen
from demo.shell import CommandFailed, Shell
from modelyard.settings import ConfigurationError, Delivery, Stage

__all__ = ["ROOT", "perform", "start_local_aws", "tell_how_to_stop"]

ROOT = Path(__file__).resolve().parents[1]


def perform(
    arguments: list[str], *, name: str, description: str, home: Path, run: Callable[[Screen, Shell, bool], None]
) -> int:
    """Run a demo's stages with the local AWS in ``home``; 0 where all went as promised."""
    parser = argparse.ArgumentParser(prog=name, description=description)
    parser.add_argument("--keep", action="store_true", help="leave the local AWS and the endpoint running")
    options = parser.parse_args(arguments)
    screen = Screen()
    home.mkdir(parents=True, exist_ok=True)
    log = home / "demo.log"
    log.unlink(missing_ok=True)
    shell = Shell(screen, dict(os.environ), log)
    # Ends like Ctrl-C, so that what was started is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        run(screen, shell, options.keep)
    except (CommandFailed, DemoFailed, ClientError, BotoCoreError, ConfigurationError) as error:
        screen.console.print("\n[bold red]The demo failed:[/]", Text(str(error)))
        return 1
    except KeyboardInterrupt:
        screen.console.print("\nStopped.")
        return 130
    finally:
        if not options.keep:
            subprocess.run(["modelyard", "local", "down", "--project", str(home)], stdout=subprocess.DEVNULL)
    screen.summary()
    return 0


def start_local_aws(screen: Screen, shell: Shell, place: Stage | Delivery, home: Path, *options: str) -> None:
    """A fresh one, for the account and region of `place`; commands of ``shell`` speak to it from then on."""
    shell.run("modelyard", "local", "reset", "--yes", "--project", str(home))
    where = ("--account", place.account, "--region", place.region, "--project", str(home))
    screen.say(shell.run("modelyard", "local", "up", *options, *where).splitlines()[0])
    shell.env |= json.loads(shell.run("modelyard", "local", "env", "--json", "--project", str(home)))


def tell_how_to_stop(screen: Screen, home: Path) -> None:
    """Say how to use, and to end, the local AWS that was left running in ``home``."""
    place = home.relative_to(ROOT)
    screen.say(f'It is still running: eval "$(modelyard local env --project {place})"')
    screen.say(f"Stop it with: modelyard local down --project {place}")
