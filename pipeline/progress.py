"""How far a run is, while it runs: bars in a terminal, lines elsewhere.

A thread of the launcher adds up what the steps tell the tally, four times a second.

    with Progress([batch_bytes, …]) as progress:
        with progress.batch(1, folder, [Phase("read", "Read", "bytes", sizes), …]):
            …                                           # the steps hold FileTally(folder)
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Protocol, TextIO

from pipeline.forecast import BatchCount, Forecast, Phase, PhaseCount, Remaining
from pipeline.report import duration_text, size_text

_POLL_SECONDS = 0.25
_LINE_SECONDS = 5.0


class _Display(Protocol):
    def show(self, number: int, batch: BatchCount, left: Remaining, now: float) -> None: ...

    def close(self) -> None: ...


class Progress:
    """Shows how far a run is: bars in a terminal, else a line every 5 seconds and at each end of a phase, on stderr.

    `batch_bytes` are the sizes of the batches to come; with `reads_ahead` each but the first is read while the one
    before it is at work. With `quiet` nothing is shown or read. Whatever goes wrong in
    here ends the display and never the run. The thread ends with the context.
    """

    def __init__(
        self,
        batch_bytes: Sequence[int],
        *,
        reads_ahead: bool = False,
        quiet: bool = False,
        file: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._batches = len(batch_bytes)
        self._forecast = Forecast(batch_bytes, reads_ahead)
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

        Each batch has a folder of its own, in which steps may have told before what they did ahead.
        """
        with self._harmless(), self._lock:
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
