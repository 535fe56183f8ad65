"""Mount namespaces: a folder shown as ``/opt/ml`` to one process and what it starts, on Linux."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import signal
import subprocess
import sys
from pathlib import Path

from modelyard.local import children

__all__ = ["ML_ROOT", "enter", "kill_namespace", "namespace_of", "namespaces_available"]

ML_ROOT = "/opt/ml"

_CLONE_NEWNS = 0x00020000
_CLONE_NEWUSER = 0x10000000
_MS_BIND = 0x1000
_MS_REC = 0x4000
_MS_PRIVATE = 0x40000
_O_PATH = 0o10000000

# PyDLL keeps the GIL: between fork and exec nothing may wait for another thread.
_libc = ctypes.PyDLL(None, use_errno=True) if sys.platform == "linux" else None


@functools.cache
def namespaces_available() -> bool:
    """Whether this system lets a process of this user have a mount namespace of its own."""
    if _libc is None or not Path("/opt").is_dir():
        return False
    try:
        process = children.spawn(["/bin/true"], preexec=functools.partial(enter, Path("/tmp")))
    except (OSError, subprocess.SubprocessError):
        return False
    return process.wait() == 0


def namespace_of(pid: int) -> str | None:
    """The mount namespace of the process ``pid``; None for a process that has ended, or that is not ours."""
    try:
        return str(Path(f"/proc/{pid}/ns/mnt").readlink())
    except OSError:
        return None


def kill_namespace(namespace: str, folder: Path) -> None:
    """Kill every process in the mount namespace where ``folder`` is ``/opt/ml``, whatever session it went to.

    The last three parts of ``folder`` must be its own: the system gives the name of a namespace that is gone to the
    next one, which may be another job's.
    """
    for entry in os.listdir("/proc"):  # noqa: PTH208 - a third of the time, at the end of each job
        if entry.isdigit() and namespace_of(int(entry)) == namespace:
            with contextlib.suppress(OSError):
                if "/".join(folder.parts[-3:]) in Path(f"/proc/{entry}/mountinfo").read_text():
                    os.kill(int(entry), signal.SIGKILL)


def enter(folder: Path) -> None:
    """Give this process a mount namespace where ``folder`` is ``/opt/ml``; for use between fork and exec."""
    user, group = os.getuid(), os.getgid()
    if _unshare(_CLONE_NEWNS):
        _check(_unshare(_CLONE_NEWNS | _CLONE_NEWUSER))
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
        # The kernel forgets it when credentials change.
        children.set_parent_death_signal()
    _mount("none", "/", _MS_REC | _MS_PRIVATE)
    handle = os.open(folder, _O_PATH)
    if not Path(ML_ROOT).is_dir():
        _remake_opt()
    _mount(f"/proc/self/fd/{handle}", ML_ROOT, _MS_BIND)
    os.close(handle)


def _remake_opt() -> None:
    # /opt cannot be given a new folder, so it is covered by an empty file system that shows all that was in it.
    entries = list(Path("/opt").iterdir())
    handle = os.open("/opt", _O_PATH)
    _mount("tmpfs", "/opt", 0, kind="tmpfs")
    for target in entries:
        source = Path(f"/proc/self/fd/{handle}/{target.name}")
        if source.is_symlink():
            target.symlink_to(source.readlink())
            continue
        if source.is_dir():
            target.mkdir()
        else:
            target.touch()
        _mount(str(source), str(target), _MS_BIND | _MS_REC)
    os.close(handle)
    Path(ML_ROOT).mkdir()


def _unshare(flags: int) -> int:
    assert _libc is not None
    return int(_libc.unshare(flags))


def _mount(source: str, target: str, flags: int, *, kind: str = "none") -> None:
    assert _libc is not None
    _check(_libc.mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), None))


def _check(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
