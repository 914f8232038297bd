"""What goes wrong with a run on purpose: kills at events that have names, damaged files, permission that is lost.

Production code has no hook for it: these functions run in a fork (`tests.warm`) and patch `LocalStorage`, through which
every byte of a dataset goes. Half-written files are really half-written: the kill comes between two calls of the
operating system.
"""

import builtins
import ctypes
import functools
import io
import os
import re
import shutil
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipeline.dataset import local, tiers
from pipeline.dataset.local import LocalStorage
from pipeline.dataset.storage import StorageError

Victim = Literal["run", "launcher", "process"]
"""Who is killed: every process of the run, the one that began it, or the one in which the event happens."""


@dataclass(frozen=True, slots=True, order=True)
class Point:
    """A moment of an operation on a kind of file: before it, half-way, complete but without its name, after it."""

    operation: str
    kind: str
    moment: str

    def __str__(self) -> str:
        return f"{self.operation} {self.kind} {self.moment}"


@dataclass(frozen=True, slots=True)
class Kill:
    """When a run is killed: at the first event `point` of batch number `batch`, at event number `count`, or by time."""

    point: Point | None = None
    batch: int | None = None
    count: int | None = None
    seconds: float | None = None
    victim: Victim = "run"

    def __str__(self) -> str:
        who = "" if self.victim == "run" else f" ({self.victim})"
        if self.point is not None:
            return f"{self.point}, batch {self.batch}{who}"
        return (f"event {self.count}" if self.count is not None else f"after {self.seconds:.3f} s") + who


WRITTEN = ("before", "half", "unnamed", "after")
"""The moments of a file that is written: it gets its name when it is complete."""

_KINDS = {
    r"_lock": "lock",
    r"_staging/.+/dead-[^/]+": "staged dead letters",
    r"_staging/.+/[^/]+\.marks": "marks",
    r"_staging/.+/[^/]+\.entities": "entities",
    r"_staging/.+/[^/.]+": "block",
    r"_index/.+": "segment",
    r"_removed/.+": "removed",
    r"_commits/.+": "manifest",
    r"(articles|duplicates|revisions|links|dead_letters|runs)/.+": r"\1",
    r"_staging": "staging",
}

POINTS = tuple(
    Point(operation, kind, moment)
    for operation, kinds, moments in (
        ("create", ("lock",), WRITTEN),
        ("clear", ("staging",), ("before", "after")),
        ("write", ("block", "staged dead letters", "marks", "segment", "links"), WRITTEN),
        ("write", ("articles", "duplicates", "revisions", "dead_letters"), WRITTEN),
        ("create", ("manifest",), WRITTEN),
        ("delete", ("segment",), ("before", "after")),
        ("write", ("runs",), WRITTEN),
        ("delete", ("staging",), ("before", "half", "after")),
        ("delete", ("lock",), ("before", "after")),
    )
    for kind in kinds
    for moment in moments
)
"""Every point of a run over the corpus, in its order; a test holds it equal to what an undisturbed run goes through."""


def kind_of(name: str) -> str:
    """What a file of a dataset is to a run."""
    for pattern, kind in _KINDS.items():
        found = re.fullmatch(pattern, name)
        if found:
            return found.expand(kind)
    raise AssertionError(f"a file of no known kind: {name}")


_RECORD_BYTES = 96


class _Watch:
    """Writes each event into the log, and kills at the one that is asked for."""

    def __init__(self, root: str, log: str, kill: Mapping[str, Any] | None) -> None:
        self._root = root
        self._log = log
        self._kill = kill
        self._lock = threading.Lock()
        self._opened: tuple[int, int] | None = None
        self._has_committed = False
        self.writing = threading.local()

    def event(self, operation: str, name: str, moment: str) -> None:
        """Something happens to a file."""
        kind = kind_of(name)
        if (operation, kind, moment) == ("create", "manifest", "after"):
            self._has_committed = True
        if operation == "delete" and kind == "staging" and not self._has_committed:
            operation = "clear"
        committed = len(list(Path(self._root, "_commits").glob("*.json")))
        is_after = operation == "delete" or kind == "runs" or (kind, moment) == ("manifest", "after")
        batch = committed if is_after else committed + 1
        number = self._write(f"{operation}/{kind}/{moment}/{batch}")
        kill = self._kill
        if kill is None:
            return
        if kill["count"] == number or (kill["point"] == [operation, kind, moment] and kill["batch"] == batch):
            self._end(kill["victim"])

    def _write(self, text: str) -> int:
        """Appends a record; answers its number, from 1, over all processes."""
        with self._lock:
            if self._opened is None or self._opened[0] != os.getpid():  # a fork shares the offset of its parent
                self._opened = os.getpid(), os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            descriptor = self._opened[1]
            os.write(descriptor, f"{text}/{os.getpid()}".ljust(_RECORD_BYTES - 1).encode() + b"\n")
            return os.lseek(descriptor, 0, os.SEEK_CUR) // _RECORD_BYTES

    def _end(self, victim: Victim) -> None:
        launcher = os.getsid(0)
        if victim == "run":
            os.killpg(launcher, signal.SIGKILL)
        os.kill(launcher if victim == "launcher" else os.getpid(), signal.SIGKILL)
        time.sleep(60)  # the signal is on its way


def watch(root: str, log: str, kill: Mapping[str, Any] | None = None) -> None:
    """Patches the storage of this process and its forks; from the second batch on each one merges index segments."""
    it = _Watch(root, log, kill)
    storage: Any = LocalStorage
    rules: Any = tiers
    rules.NEIGHBOURS = 2

    def around(method: str) -> Callable[..., Any]:
        original = getattr(storage, method)
        operation = method.partition("_")[0]

        @functools.wraps(original)
        def watched(self: LocalStorage, name: str, *rest: Any, **named: Any) -> Any:
            event = functools.partial(it.event, operation, "_staging" if method == "delete_folder" else name)
            event("before")
            it.writing.event = None if method == "delete" else event
            result = original(self, name, *rest, **named)
            it.writing.event = None
            event("after")
            return result

        return watched

    for method in ("write", "create", "delete", "delete_folder"):
        setattr(storage, method, around(method))
    module: Any = local
    module.open = functools.partial(_open, it)
    module.os = _Os(it)
    module.shutil = _Shutil(it)


class _HalfWay(io.FileIO):
    """A file whose first write takes half of the bytes, as the operating system may."""

    def __init__(self, descriptor: int, half: Callable[[], None]) -> None:
        super().__init__(descriptor, "wb")
        self._half: Callable[[], None] | None = half

    def write(self, data: Any, /) -> int:
        if self._half is None:
            return super().write(data)
        half, self._half = self._half, None
        written = super().write(memoryview(data)[: len(data) // 2])
        half()
        return written


def _open(watch: _Watch, file: Any, mode: str = "r", **named: Any) -> Any:
    event = getattr(watch.writing, "event", None)
    if mode == "wb" and event is not None:
        return _HalfWay(file, lambda: event("half"))
    return builtins.open(file, mode, **named)


class _Os:
    """The module `os` for `LocalStorage`: a file that gets its name is an event."""

    def __init__(self, watch: _Watch) -> None:
        self._watch = watch

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def replace(self, source: str, target: str) -> None:
        self._unnamed()
        os.replace(source, target)

    def link(self, source: str, target: str) -> None:
        self._unnamed()
        os.link(source, target)

    def _unnamed(self) -> None:
        event = getattr(self._watch.writing, "event", None)
        if event is not None:
            event("unnamed")


class _Shutil:
    """The module `shutil` for `LocalStorage`: half of the files of a tree are gone before the rest is."""

    def __init__(self, watch: _Watch) -> None:
        self._watch = watch

    def __getattr__(self, name: str) -> Any:
        return getattr(shutil, name)

    def rmtree(self, path: str) -> None:
        files = sorted(it for it in Path(path).rglob("*") if it.is_file())
        event = getattr(self._watch.writing, "event", None)
        if event is not None and len(files) > 1:
            for file in files[::2]:
                file.unlink()
            event("half")
        shutil.rmtree(path)


def damage(kind: str, how: str) -> None:
    """The first file of this kind that is written is damaged at once: one bit is turned, or its end is lost."""
    storage: Any = LocalStorage
    write = storage.write
    left = [True]

    def damaging(self: LocalStorage, name: str, *rest: Any, **named: Any) -> None:
        write(self, name, *rest, **named)
        if kind_of(name) == kind and left:
            left.pop()
            path = Path(self.where(name))
            data = bytearray(path.read_bytes())
            data[len(data) // 2] ^= 1
            path.write_bytes(data if how == "bit" else data[: len(data) // 2])

    storage.write = damaging


def lose_permission(root: str) -> None:
    """After the first commit the folders of articles cannot be written into, not even by root."""
    _give_up_powers()
    storage: Any = LocalStorage
    create = storage.create

    def creating(self: LocalStorage, name: str, data: bytes) -> None:
        create(self, name, data)
        if kind_of(name) == "manifest":
            for folder in (Path(root, "articles"), *Path(root, "articles").iterdir()):
                folder.chmod(0o555)

    storage.create = creating


def fail_to_stage_second() -> None:
    """No block can be staged but those of the first batch."""
    storage: Any = LocalStorage
    write = storage.write
    staged: set[str] = set()

    def writing(self: LocalStorage, name: str, *rest: Any, **named: Any) -> None:
        if kind_of(name) == "block":
            staged.add(os.path.dirname(name))
            if len(staged) > 1:
                raise StorageError(f"Cannot write {self.where(name)}: no room.")
        write(self, name, *rest, **named)

    storage.write = writing


def _give_up_powers() -> None:
    """Root may write everywhere; without these two powers (Linux) it may do what its files let it."""
    if os.geteuid():
        return
    version, powers = 0x20080522, 1 << 1 | 1 << 2  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    header = (ctypes.c_uint32 * 2)(version, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable, twice
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.capget(header, sets) or not sets[0]:
        raise OSError(ctypes.get_errno(), "capget")
    sets[0] &= ~powers
    sets[1] &= ~powers
    if libc.capset(header, sets):
        raise OSError(ctypes.get_errno(), "capset")


def events(log: Path) -> list[tuple[Point, int, int]]:
    """What has happened: point, batch and process of each event."""
    if not log.exists():
        return []
    found = []
    for line in log.read_text(encoding="utf-8").splitlines():
        operation, kind, moment, batch, process = line.strip().split("/")
        found.append((Point(operation, kind, moment), int(batch), int(process)))
    return found
