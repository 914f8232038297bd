"""One run at a time on a local dataset: the file `_lock` names its holder by process and host.

A lock whose process is gone is taken over. Object stores have no lock: there the commit alone decides.
"""

import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.dataset.errors import DatasetLocked, printable
from pipeline.dataset.layout import LOCK
from pipeline.dataset.local import LocalStorage, folder_lock
from pipeline.dataset.storage import AlreadyExists, Storage

_ATTEMPTS = 100
_MOST_PROCESSES = 1 << 31


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lock. `start` tells a process from a later one with its number; None where nobody knows."""

    pid: int
    host: str
    start: str | None
    token: str


def dataset_lock(storage: Storage, say: Callable[[str], None]) -> AbstractContextManager[None]:
    """Holds the lock of the dataset; `say` gets one line where a stale one was taken over.

    Raises DatasetLocked, naming process and host, where another run holds it.
    """
    return _held(storage, say) if isinstance(storage, LocalStorage) else contextlib.nullcontext()


@contextlib.contextmanager
def _held(storage: LocalStorage, say: Callable[[str], None]) -> Iterator[None]:
    holder = Holder(os.getpid(), socket.gethostname(), process_start(os.getpid()), secrets.token_hex(8))
    data = json.dumps(asdict(holder), sort_keys=True).encode() + b"\n"
    _take(storage, data, say)
    try:
        yield
    finally:
        # A forked child runs this too, and must leave the lock to its parent.
        if os.getpid() == holder.pid and _content(storage) == data:
            storage.delete(LOCK)


def _take(storage: LocalStorage, data: bytes, say: Callable[[str], None]) -> None:
    for _ in range(_ATTEMPTS):
        with contextlib.suppress(AlreadyExists):
            storage.create(LOCK, data)
            return
        # Two runs may both find the same stale lock: who holds the folder's lock looks again, then replaces it.
        with folder_lock(storage.root):
            found = _content(storage)
            if found is None:  # let go in between
                continue
            holder = _holder(found)
            if holder is not None:
                _raise_if_alive(storage, holder)
            name = "an unreadable lock" if holder is None else f"the lock of process {holder.pid}, which is gone"
            say(printable(f"{storage.location}: taking over {name}."))
            storage.write(LOCK, data)
            return
    raise DatasetLocked(f"{storage.location}: locked, other runs come and go. Try again.")


def _raise_if_alive(storage: LocalStorage, holder: Holder) -> None:
    if holder.host != socket.gethostname():
        raise DatasetLocked(
            f"{storage.location}: locked by process {holder.pid} on the host {holder.host}. "
            f"Wait until it ends; if it has, or if that host is gone, delete {storage.where(LOCK)}."
        )
    if is_running(holder.pid, holder.start):
        raise DatasetLocked(
            f"{storage.location}: locked, process {holder.pid} on {holder.host} is working on it. "
            "Wait until it ends, or stop it."
        )


def _content(storage: LocalStorage) -> bytes | None:
    try:
        return storage.read(LOCK)
    except FileNotFoundError:
        return None


def _holder(data: bytes) -> Holder | None:
    """Who the file names; None where it names nobody that could be."""
    try:
        holder = Holder(**json.loads(data))
    except (ValueError, TypeError, RecursionError):
        return None
    is_whole = (
        type(holder.pid) is int
        and 0 < holder.pid < _MOST_PROCESSES
        and isinstance(holder.host, str)
        and isinstance(holder.start, str | None)
    )
    return holder if is_whole else None


def is_running(pid: int, start: str | None) -> bool:
    """Whether the process of that number and start is there. Where nobody can know, it is."""
    if sys.platform == "win32":  # there, a signal 0 is not a question
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's, so it is there
    now = process_start(pid)
    if now is None:
        return not _is_gone(pid)
    return start is None or start == now


def process_start(pid: int) -> str | None:
    """When a process started, in a form that no other process of this number shares; None where nobody knows.

    A process that has ended and was not waited for has none.
    """
    if sys.platform == "linux":
        try:
            fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
            boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        except OSError:
            return None
        state, ticks = fields[0], fields[19]
        return None if state in "ZX" else f"{boot} {ticks}"
    if sys.platform == "darwin":
        command = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]
        try:
            found = subprocess.run(command, capture_output=True, text=True, timeout=5, env={"LC_ALL": "C"}).stdout
        except (OSError, subprocess.SubprocessError):
            return None
        state, _, start = found.strip().partition(" ")
        return None if not start or state.startswith("Z") else start.strip()
    return None


def _is_gone(pid: int) -> bool:
    """Whether a process without a start has ended and was not waited for, or is hidden from us."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0] in "ZX"
    except (OSError, IndexError):
        return False
