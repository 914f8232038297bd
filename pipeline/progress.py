"""How far a run is, while it runs, on every local runner.

Beam's metrics come at the end. So steps tell a `Tally` what is done, each instance of a step in a file of its own in
a local folder: 1.3 µs an item, no locks, nothing late in a buffer. A thread of the launcher adds the files up four
times a second. Items have numbers, so a bundle that is done twice counts once.

    with Progress([batch_bytes, …]) as progress:
        with progress.batch(1, folder, [Phase("read", "Read", "bytes", sizes), …]):
            …                                           # the steps hold FileTally(folder)

Only the launcher needs rich; a worker imports this module for `FileTally`.
"""

import json
import os
import struct
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Protocol, TextIO

from pipeline.report import duration_text, size_text

_RECORD = struct.Struct("<q")
_SUFFIX = ".tally"
_SIZES_SUFFIX = ".sizes"
_POLL_SECONDS = 0.25
_LINE_SECONDS = 5.0

Sizes = Mapping[int, int]
"""What a phase has to do: the number of each item, and its size in the phase's unit."""


class NoTally:
    """A tally that nobody reads: where steps do not run on this machine, or nothing is shown."""

    def done(self, phase: str, item: int) -> None:
        """Does nothing."""

    def expect(self, phase: str, weights: Sizes) -> None:
        """Does nothing."""


class FileTally:
    """A tally in files under a local folder, which must exist. Picklable: each copy makes a file of its own.

    Where it cannot write (a full disk, a folder that is gone) it keeps silent: a display is no reason to fail.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._files: dict[str, int] = {}

    def done(self, phase: str, item: int) -> None:
        """Item number `item` of `phase` is finished. `phase` is fit for a file name."""
        try:
            os.write(self._files[phase], _RECORD.pack(item))
        except KeyError:
            self._files[phase] = self._open(phase)
            self.done(phase, item)
        except OSError:
            pass

    def expect(self, phase: str, weights: Sizes) -> None:
        """The items of a phase, now that they are known, each with its weight in the phase's unit."""
        path = _sizes_file(self._folder, phase)
        part = f"{path}.{uuid.uuid4().hex}"
        with suppress(OSError):
            with open(part, "w", encoding="utf-8") as file:
                json.dump(weights, file)
            os.replace(part, path)

    def _open(self, phase: str) -> int:
        name = f"{phase}.{uuid.uuid4().hex}{_SUFFIX}"
        try:
            return os.open(os.path.join(self._folder, name), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError:
            return -1  # writing to it is an OSError again

    def __reduce__(self) -> tuple[type["FileTally"], tuple[str]]:
        """Open files do not travel."""
        return FileTally, (self._folder,)

    def __del__(self) -> None:
        """Closes what is open."""
        for file in self._files.values():
            with suppress(OSError):
                os.close(file)


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of a batch that is counted: `name` is what steps tell the tally, `label` what people read.

    `sizes` may be a function where they become known only while the batch runs (`planned`): it is asked until then.
    """

    name: str
    label: str
    unit: Literal["bytes", "rows", "files"]
    sizes: Sizes | Callable[[], Sizes | None]


def planned(folder: str, phase: str) -> Callable[[], Sizes | None]:
    """Finds the sizes of a phase where a step tells `FileTally(folder)` to expect them."""

    def read() -> Sizes | None:
        try:
            with open(_sizes_file(folder, phase), encoding="utf-8") as file:
                return {int(item): size for item, size in json.load(file).items()}
        except OSError:  # not known yet
            return None

    return read


def _sizes_file(folder: str, phase: str) -> str:
    return os.path.join(folder, f"{phase}{_SIZES_SUFFIX}")


@dataclass(slots=True)
class PhaseCount:
    """How far a phase is. Times are of the clock that was passed; `total` is None until the sizes are known."""

    phase: Phase
    total: int | None = None
    done: int = 0
    began: float | None = None
    ended: float | None = None
    _sizes: Sizes | None = None
    _items: set[int] = field(default_factory=set)
    _left: int = 0

    def learn(self, sizes: Sizes) -> None:
        """Takes the sizes in; items told before count now."""
        self._sizes = sizes
        self.total = sum(sizes.values())
        self.done = sum(sizes.get(item, 0) for item in self._items)
        self._left = sum(item not in self._items for item in sizes)

    def tell(self, item: int) -> None:
        """Counts an item, once."""
        if item in self._items:
            return
        self._items.add(item)
        if self._sizes is not None and item in self._sizes:
            self.done += self._sizes[item]
            self._left -= 1

    def complete(self) -> None:
        """Counts every item as done."""
        if self.total is not None:
            self.done, self._left = self.total, 0

    @property
    def is_complete(self) -> bool:
        """Whether every item is done."""
        return self.total is not None and self._left == 0

    @property
    def has_items(self) -> bool:
        """Whether any item is done."""
        return bool(self._items)

    def seconds(self, now: float) -> float:
        """How long it has been at work."""
        return 0.0 if self.began is None else max((self.ended if self.ended is not None else now) - self.began, 0.0)

    def cost(self, now: float) -> float | None:
        """Seconds a unit, so far."""
        return self.seconds(now) / self.done if self.done else None


class BatchCount:
    """How far a batch is: polls its tally files and its phases, which follow one another."""

    def __init__(self, folder: str, phases: Sequence[Phase], now: float) -> None:
        self.folder = folder
        self.started = now
        self.counts = {phase.name: PhaseCount(phase) for phase in phases}
        self._offsets: dict[str, int] = {}
        self._free_since = now
        for phase in phases:
            if not callable(phase.sizes):
                self.counts[phase.name].learn(phase.sizes)

    def poll(self, now: float) -> None:
        """Reads what is new."""
        for phase, item in self._records():
            if phase in self.counts:
                self.counts[phase].tell(item)
        for name, count in self.counts.items():
            sizes = count.phase.sizes
            if count.total is None and callable(sizes):
                found = sizes()
                if found is not None:
                    self.learn(name, found, now)
        self._mark_times(now)

    def learn(self, phase: str, sizes: Sizes, now: float) -> None:
        """The sizes of a phase have become known: what was done before it ends here."""
        self.counts[phase].learn(sizes)
        self._free_since = now

    def complete(self, now: float) -> None:
        """The batch is through, so all its items are done, told or not."""
        for count in self.counts.values():
            count.complete()
        self._mark_times(now)

    def _mark_times(self, now: float) -> None:
        earlier_ended = True
        for count in self.counts.values():
            if count.began is None:
                if earlier_ended and count.total is not None:
                    count.began = self._free_since
                elif count.has_items:
                    count.began = now
            if count.ended is None and count.is_complete:
                count.ended = self._free_since = now
            earlier_ended = earlier_ended and count.ended is not None

    def _records(self) -> Iterator[tuple[str, int]]:
        try:
            with os.scandir(self.folder) as entries:
                files = sorted(
                    (entry.path, entry.name.partition(".")[0], entry.stat().st_size)
                    for entry in entries
                    if entry.name.endswith(_SUFFIX)
                )
        except FileNotFoundError:  # a folder that has gone with its batch
            return
        for path, phase, size in files:
            start = self._offsets.get(path, 0)
            end = size - size % _RECORD.size
            if end > start:
                try:
                    with open(path, "rb") as file:
                        file.seek(start)
                        data = file.read(end - start)
                except FileNotFoundError:
                    continue
                self._offsets[path] = start + len(data)
                for (item,) in _RECORD.iter_unpack(data):
                    yield phase, item


@dataclass(frozen=True, slots=True)
class Remaining:
    """Seconds until the run ends; a lower bound, where something that it depends on has not been seen yet."""

    seconds: float
    is_bound: bool


@dataclass(frozen=True, slots=True)
class _Past:
    """A finished batch: its bytes and seconds, and of each phase total and seconds."""

    bytes: int
    seconds: float
    phases: dict[str, tuple[int, float]]


class Forecast:
    """Learns from the batches of a run how long the rest will take.

    What is left of the batch at hand is, phase by phase, units left times seconds a unit, as seen in it, else in
    earlier batches; the batches to come take the seconds a byte of the earlier ones, else of this one. No guess is made
    for what was never seen: the answer is then a lower bound and says so.
    """

    def __init__(self, batch_bytes: Sequence[int]) -> None:
        self._batch_bytes = batch_bytes
        self._past: list[_Past] = []

    def finish(self, number: int, batch: BatchCount, now: float) -> None:
        """Batch `number` (from 1) is done."""
        phases = {name: (count.total or 0, count.seconds(now)) for name, count in batch.counts.items()}
        self._past.append(_Past(self._batch_bytes[number - 1], now - batch.started, phases))

    def remaining(self, number: int, batch: BatchCount, now: float) -> Remaining:
        """What is left of the run while batch `number` (from 1) is at work."""
        size = self._batch_bytes[number - 1]
        to_come = sum(self._batch_bytes[number:])
        past_bytes = sum(past.bytes for past in self._past)
        past_seconds = sum(past.seconds for past in self._past)
        left, is_bound = 0.0, False
        for name, count in batch.counts.items():
            cost = count.cost(now)
            total = count.total
            seen = sum(past.phases.get(name, (0, 0.0))[0] for past in self._past)
            if cost is None and seen:
                cost = sum(past.phases[name][1] for past in self._past) / seen
            if total is None and past_bytes:
                total = round(seen * size / past_bytes)
            if count.is_complete or total == 0:
                continue
            if cost is None or total is None:
                is_bound = True
            else:
                left += cost * max(total - count.done, 0)
        if past_bytes:  # what no phase counts: starting, deduplicating, committing
            uncounted = past_seconds - sum(seconds for past in self._past for _, seconds in past.phases.values())
            spent = now - batch.started - sum(count.seconds(now) for count in batch.counts.values())
            left += max(uncounted * size / past_bytes - max(spent, 0.0), 0.0)
            left += past_seconds * to_come / past_bytes
        elif to_come and size:
            left += (now - batch.started + left) * to_come / size
        return Remaining(left, is_bound)


class _Display(Protocol):
    def show(self, number: int, batch: BatchCount, left: Remaining, now: float) -> None: ...

    def close(self) -> None: ...


class Progress:
    """Shows how far a run is: bars in a terminal, else a line every 5 seconds and at each end of a phase, on stderr.

    `batch_bytes` are the sizes of the batches to come. With `quiet` nothing is shown or read. Whatever goes wrong in
    here ends the display and never the run. The thread ends with the context.
    """

    def __init__(
        self,
        batch_bytes: Sequence[int],
        *,
        quiet: bool = False,
        file: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._batches = len(batch_bytes)
        self._forecast = Forecast(batch_bytes)
        self._file = file if file is not None else sys.stderr
        self._quiet = quiet
        self._clock = clock
        self._display: _Display | None = None
        self._number = 0
        self._batch: BatchCount | None = None
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._poll_on, name="progress", daemon=True)

    def __enter__(self) -> "Progress":
        """Starts the display."""
        if not self._quiet:
            with self._harmless():
                shape = _Bars if _has_bars(self._file) else _Lines
                self._display = shape(self._file, self._batches, self._clock())
                self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Ends it."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=2.0)  # longer only where stderr does not take a line; it is a daemon then
        with self._harmless():
            self._close()

    @contextmanager
    def batch(self, number: int, folder: str, phases: Sequence[Phase]) -> Iterator[None]:
        """Batch `number` (from 1) is at work, its steps tell `FileTally(folder)`.

        The folder is made where it is missing, and cleared of the tally of the batch before.
        """
        with self._harmless():
            os.makedirs(folder, exist_ok=True)
            for name in os.listdir(folder):
                if name.endswith((_SUFFIX, _SIZES_SUFFIX)):
                    os.unlink(os.path.join(folder, name))
            with self._lock:
                self._number, self._batch = number, BatchCount(folder, phases, self._clock())
        try:
            yield
            with self._harmless(), self._lock:
                if self._batch is not None and self._display is not None:
                    self._poll(is_through=True)
                    self._forecast.finish(number, self._batch, self._clock())
        finally:
            with self._lock:
                self._batch = None

    def _poll_on(self) -> None:
        with self._harmless():
            while not self._stop.wait(_POLL_SECONDS):
                with self._lock:
                    if self._display is None:
                        return
                    self._poll()

    def _poll(self, is_through: bool = False) -> None:
        if self._batch is not None and self._display is not None:
            now = self._clock()
            self._batch.poll(now)
            if is_through:
                self._batch.complete(now)
            self._display.show(self._number, self._batch, self._forecast.remaining(self._number, self._batch, now), now)

    def _close(self) -> None:
        display, self._display = self._display, None
        if display is not None:
            display.close()

    @contextmanager
    def _harmless(self) -> Iterator[None]:
        try:
            yield
        except Exception:
            with suppress(Exception):
                self._close()


def _has_bars(file: TextIO) -> bool:
    return file.isatty() and os.environ.get("TERM", "") not in ("", "dumb", "unknown")


def _amount_text(count: PhaseCount) -> str:
    unit, total = count.phase.unit, count.total
    if total is None:
        return ""
    if unit == "bytes":
        return f"{size_text(count.done)} of {size_text(total)}"
    return f"{count.done:,} of {total:,} {unit}"


def _rate_text(count: PhaseCount, now: float) -> str:
    seconds = count.seconds(now)
    if not count.done or seconds <= 0:
        return ""
    rate = count.done / seconds
    if count.phase.unit == "bytes":
        return f"{size_text(round(rate))}/s"
    return f"{rate:,.0f} {count.phase.unit}/s" if rate >= 10 else f"{rate:.1f} {count.phase.unit}/s"


def _left_text(left: Remaining) -> str:
    if left.is_bound:
        return f"at least {duration_text(left.seconds)} left" if left.seconds >= 1 else ""
    return f"{duration_text(left.seconds)} left"


class _Lines:
    """Plain lines for a log."""

    def __init__(self, file: TextIO, batches: int, started: float) -> None:
        self._file = file
        self._batches = batches
        self._number = 0
        self._ended: set[str] = set()
        self._last = started

    def show(self, number: int, batch: BatchCount, left: Remaining, now: float) -> None:
        if number != self._number:
            self._number = number
            self._ended = set()
        for name, count in batch.counts.items():
            if count.ended is not None and name not in self._ended:
                self._ended.add(name)
                if count.total:
                    self._say(f"{count.phase.label} done: {_ended_text(count)}", now)
        if now - self._last >= _LINE_SECONDS:
            running = [it for it in batch.counts.values() if it.began is not None and it.ended is None and it.total]
            parts = [
                f"{it.phase.label} {_amount_text(it)}" + (f", {rate}" if (rate := _rate_text(it, now)) else "")
                for it in running
            ]
            text = "; ".join([*parts, _left_text(left)] if parts and _left_text(left) else parts)
            self._say(text or f"working for {duration_text(now - batch.started)}", now)

    def close(self) -> None:
        self._file.flush()

    def _say(self, text: str, now: float) -> None:
        batch = f"batch {self._number} of {self._batches}: " if self._batches > 1 else ""
        self._file.write(f"{batch}{text}\n")
        self._file.flush()
        self._last = now


def _ended_text(count: PhaseCount) -> str:
    total = count.total or 0
    amount = size_text(total) if count.phase.unit == "bytes" else f"{total:,} {count.phase.unit}"
    return f"{amount} in {duration_text(count.seconds(0.0))}"


class _Bars:
    """One bar a phase and one for the run, redrawn at each poll and gone at the end."""

    def __init__(self, file: TextIO, batches: int, started: float) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as RichProgress

        self._batches = batches
        self._started = started
        self._bars = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[amount]}"),
            TextColumn("{task.fields[rate]}"),
            console=Console(file=file),
            auto_refresh=False,
            transient=True,
        )
        self._tasks: dict[str, Any] = {}
        self._bars.start()

    def show(self, number: int, batch: BatchCount, left: Remaining, now: float) -> None:
        for name, count in batch.counts.items():
            self._bars.update(
                self._task(name, count.phase.label),
                total=None if count.total is None else max(count.total, 1),
                completed=1 if count.is_complete and not count.total else count.done,
                amount=_amount_text(count),
                rate=_rate_text(count, now),
            )
        elapsed = now - self._started
        self._bars.update(
            self._task("", "Run"),
            description=f"Batch {number} of {self._batches}" if self._batches > 1 else "Run",
            amount=_left_text(left),
            rate="",
            total=None if left.is_bound else max(elapsed + left.seconds, 0.001),
            completed=elapsed,
        )
        self._bars.refresh()

    def close(self) -> None:
        self._bars.stop()

    def _task(self, name: str, label: str) -> Any:
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(label, total=None, amount="", rate="")
        return self._tasks[name]
