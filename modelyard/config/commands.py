"""``modelyard config get | set | unset | list``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from modelyard.config.errors import ConfigError
from modelyard.terminal import print_json

__all__ = ["ERRORS", "app"]

ERRORS = (ConfigError,)

app = typer.Typer(help="Read and change platform.yaml key by key.", no_args_is_help=True)

Key = Annotated[str, typer.Argument(help="Names with dots between: projects.abalone.endpoint.instance_type.")]
File = Annotated[Path, typer.Option("--file", help="The settings file.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]
HERE = Path("platform.yaml")


@app.command()
def get(key: Key, file: File = HERE, as_json: AsJson = False) -> None:
    """Print the value of a key; of a section, its keys with their values."""
    with _explained():
        from modelyard.config import keys
        from modelyard.config.file import SettingsFile

        path = keys.split(key)
        value = SettingsFile.read(file).get(path)
    if as_json:
        print_json(value)
    elif isinstance(value, dict):
        _print_lines(value, path)
    else:
        typer.echo(value if isinstance(value, str) else _spelt(value))


@app.command("list")
def list_(
    prefix: Annotated[str, typer.Argument(help="Only the keys below this one.")] = "",
    file: File = HERE,
    as_json: AsJson = False,
) -> None:
    """Print every key with its value, in the order of the file."""
    with _explained():
        from modelyard.config import keys
        from modelyard.config.file import SettingsFile

        path = keys.split(prefix) if prefix else ()
        values = SettingsFile.read(file).get(path)
    if as_json:
        print_json({keys.dotted(name): value for name, value in keys.entries(values, path) if name})
    else:
        _print_lines(values, path)


@app.command("set")
def set_(
    words: Annotated[list[str], typer.Argument(metavar="KEY VALUE [KEY VALUE]...", help="A key and its new value.")],
    file: File = HERE,
    unset: Annotated[list[str], typer.Option("--unset", metavar="KEY", help="Take this key out as well.")] = [],  # noqa: B006
) -> None:
    """Change values, all of them or none; comments, quotes and the order of everything else stay."""
    with _explained():
        if len(words) % 2:
            raise ConfigError(f"{words[-1]}: a value is missing; write modelyard config set KEY VALUE")
        _change(file, list(zip(words[::2], words[1::2], strict=True)), unset)


@app.command("unset")
def unset_(
    keys: Annotated[list[str], typer.Argument(metavar="KEY...", help="What to take out.")], file: File = HERE
) -> None:
    """Take keys out, all of them or none; a section that is left empty goes with its last key."""
    with _explained():
        _change(file, [], keys)


def _change(file: Path, given: list[tuple[str, str]], unset: list[str]) -> None:
    from modelyard.config.file import SettingsFile
    from modelyard.config.keys import split
    from modelyard.config.values import read_value

    before = SettingsFile.read(file)
    changes = [(path, read_value(path, text)) for path, text in ((split(key), text) for key, text in given)]
    after = before.change(changes, [split(key) for key in unset])
    if after.text != before.text:
        after.write()
    for path, value in changes:
        typer.echo(f"{'.'.join(path)} = {_spelt(value)}")
    for key in unset:
        typer.echo(f"{key} is not set")


@contextmanager
def _explained() -> Iterator[None]:
    """Turn the settings' own errors into one of this group."""
    from modelyard.settings.errors import SettingsError

    try:
        yield
    except SettingsError as error:
        raise ConfigError(str(error)) from error


def _print_lines(values: Any, path: tuple[str, ...]) -> None:
    from modelyard.config.keys import dotted, entries

    for name, value in entries(values, path):
        if name:
            typer.echo(f"{dotted(name)} = {_spelt(value)}")


def _spelt(value: Any) -> str:
    from modelyard.config.values import spell

    return spell(value)
