"""What the demo shows: one timed heading a stage, and a table of the times at the end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table

__all__ = ["Screen"]


class Screen:
    """The console, and the seconds that each stage took."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        self.times: list[tuple[str, float]] = []

    @contextmanager
    def stage(self, title: str) -> Iterator[None]:
        """Show ``title`` and time what runs inside."""
        self.console.print(f"\n[bold cyan]{len(self.times) + 1}. {title}[/]")
        start = time.monotonic()
        yield
        self.times.append((title, time.monotonic() - start))
        self.console.print(f"   [green]done in {self.times[-1][1]:.1f} s[/]")

    def say(self, text: str) -> None:
        self.console.print(f"   {text}", soft_wrap=True)

    def command(self, words: list[str]) -> None:
        self.console.print(f"   [dim]$ {' '.join(words)}[/]", soft_wrap=True, markup=True)

    def table(self, title: str, columns: list[str], rows: list[list[str]]) -> None:
        table = Table(*columns, title=title, title_justify="left")
        for row in rows:
            table.add_row(*row)
        self.console.print(table)

    def summary(self) -> None:
        """The seconds of every stage."""
        rows = [[str(index), title, f"{seconds:.1f}"] for index, (title, seconds) in enumerate(self.times, 1)]
        rows.append(["", "in all", f"{sum(seconds for _, seconds in self.times):.1f}"])
        self.table("Seconds", ["", "stage", "s"], rows)
