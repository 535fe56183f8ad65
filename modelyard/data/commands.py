"""``modelyard data``: writes data for the example projects."""

from pathlib import Path
from typing import Annotated

import typer

from modelyard.data.an4_like import FEWEST, make_an4_like
from modelyard.data.errors import DataError
from modelyard.data.wheels import fetch

__all__ = ["ERRORS", "app"]

app = typer.Typer(help="Data for the example projects.", no_args_is_help=True)
ERRORS = (DataError, OSError)


@app.command()
def abalone(destination: Annotated[Path, typer.Argument(help="File or folder to write abalone.csv to.")]) -> None:
    """4,177 abalones: sex, seven measures, and the rings that tell their age."""
    print(fetch("abalone", destination))


@app.command("an4-like")
def an4_like(
    destination: Annotated[Path, typer.Argument(help="Folder to write the corpus to; new or empty.")],
    utterances: Annotated[int, typer.Option(min=FEWEST, help="How many; one in eight is for the test.")] = 1000,
    seed: Annotated[int, typer.Option(help="Another seed gives other texts and other voices for them.")] = 7,
) -> None:
    """Synthetic speech in the layout of CMU's AN4 corpus: spelled names, digits, codes, dates and commands.

    Word error rates on it are not comparable with those on AN4, whose speakers are people.
    """
    corpus = make_an4_like(destination, utterances=utterances, seed=seed)
    print(f"{corpus.folder}: {corpus.train} utterances to train on, {corpus.test} to test with, {corpus.seconds:.0f} s")
