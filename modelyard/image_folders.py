"""The folders that images are made from: the library's, and those of an app's own."""

from pathlib import Path

__all__ = ["CONTAINERS", "image_folders"]

CONTAINERS = Path(__file__).parent / "containers"
"""The library's own."""


def image_folders(own: Path = CONTAINERS) -> dict[str, Path]:
    """Each image's folder, one with a `Dockerfile`, by its name.

    Args:
        own: folder of images' folders; of equal names they win over the library's. It need not exist. Default: only the
            library's.
    """
    return {
        dockerfile.parent.name: dockerfile.parent
        for place in (CONTAINERS, own)
        for dockerfile in sorted(place.glob("*/Dockerfile"))
    }
