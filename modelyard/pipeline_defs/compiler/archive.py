"""A source bundle's bytes. Apart from `bundles`, since a synthesis with cached definitions never packs one."""

import gzip
import io
import tarfile
from pathlib import Path


def archive(folder: Path, files: list[str]) -> bytes:
    """The tar.gz of the named files: names in order, no times, no owners, mode 0644."""
    tar_bytes = io.BytesIO()
    with tarfile.open(fileobj=tar_bytes, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted(files):
            content = (folder / name).read_bytes()
            member = tarfile.TarInfo(name)
            member.size = len(content)
            member.mode = 0o644
            tar.addfile(member, io.BytesIO(content))
    return gzip.compress(tar_bytes.getvalue(), mtime=0)
