"""Files and folders that are published before a stack is deployed."""

from collections.abc import Sequence
from pathlib import Path
from weakref import WeakKeyDictionary

from aws_cdk import IgnoreMode, Stack
from aws_cdk import aws_s3_assets as assets
from constructs import IConstruct

from modelyard.constructs.part import stack_of

__all__ = ["file_asset"]


def file_asset(
    scope: IConstruct, path: Path, *, exclude: Sequence[str] = (), digest: str | None = None
) -> assets.Asset:
    """A file, or a folder as a zip file, of the stack of `scope`, which has each of them once.

    Args:
        scope: of whatever needs it.
        path: of the file or folder.
        exclude: what to leave out of a folder, in the notation of .gitignore. Default: nothing.
        digest: a hash of the content. Default: made of it.
    """
    stack = stack_of(scope)
    known = _OF_STACKS.setdefault(stack, {})
    key = path, tuple(exclude)
    if key not in known:
        known[key] = assets.Asset(
            stack,
            f"ModelyardAsset{len(known)}",
            path=str(path.absolute()),
            exclude=list(exclude) or None,
            ignore_mode=IgnoreMode.GIT if exclude else None,
            asset_hash=digest,
        )
    return known[key]


_OF_STACKS: WeakKeyDictionary[Stack, dict[tuple[Path, tuple[str, ...]], assets.Asset]] = WeakKeyDictionary()
