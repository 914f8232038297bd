"""What the steps of a run cost: seconds, and the most memory that its processes held.

Seconds come from Beam, which looks five times a second at what each bundle is at, so those of a run of a few seconds
are rough; they are added up over processes, and waiting for a processor counts. What is done outside of Beam is timed.
Memory is sampled by a thread of the launcher, over itself and all its descendants. Fused steps work side by side, so
one peak is that of all of them.

    with Meter() as meter:                           # starts a thread: after workers were forked
        with meter.phase("Read", "Parse", "Normalize", "Stage"):
            …
        meter.add(beam_seconds(result))              # a dict, which also travels from a worker
        with meter.step("Deduplicate"):              # at work here: its seconds are those that pass
            …
        costs = meter.take()                         # at each commit
"""

import os
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import psutil

SAMPLE_SECONDS = 0.1
_SHARED_SECONDS = 10.0
"""How often it is looked up how much memory processes share: that takes 20 µs a megabyte, and it changes slowly."""

_BEAM_SECONDS = "beam:metric:ptransform_execution_time:total_msecs:v1"


@dataclass(frozen=True, slots=True)
class StepCost:
    """What a step cost: seconds at work, added up over processes, and the most memory while it was at work.

    `peak_bytes` is of all processes of the run together. None stands where nobody knows.
    """

    seconds: float | None = None
    peak_bytes: int | None = None


class Meter:
    """Adds up what steps cost. Its thread ends with the context; whatever goes wrong in it never fails the run."""

    def __init__(self, memory: Callable[[], int] | None = None, clock: Callable[[], float] = time.perf_counter) -> None:
        self._memory = TreeMemory(os.getpid()) if memory is None else memory
        self._clock = clock
        self._seconds: dict[str, float] = defaultdict(float)
        self._peaks: dict[str, int] = {}
        self._steps: tuple[str, ...] = ()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample_on, name="meter", daemon=True)

    def __enter__(self) -> "Meter":
        """Starts sampling."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Ends it."""
        self._stop.set()
        self._thread.join()

    @contextmanager
    def phase(self, *steps: str) -> Iterator[None]:
        """These steps are at work, somewhere; their seconds are told with `add`."""
        before, self._steps = self._steps, steps
        self._sample()
        try:
            yield
        finally:
            self._sample()
            self._steps = before

    @contextmanager
    def step(self, step: str) -> Iterator[None]:
        """This step is at work here: its seconds are taken, too."""
        started = self._clock()
        try:
            with self.phase(step):
                yield
        finally:
            self.add({step: self._clock() - started})

    def add(self, seconds: Mapping[str, float]) -> None:
        """Further seconds of steps, as `beam_seconds` found them in this process or in another."""
        with self._lock:
            for step, spent in seconds.items():
                self._seconds[step] += spent

    def take(self) -> dict[str, StepCost]:
        """What the steps cost since the last time."""
        with self._lock:
            seconds, self._seconds = self._seconds, defaultdict(float)
            peaks, self._peaks = self._peaks, {}
        return {step: StepCost(seconds.get(step), peaks.get(step)) for step in sorted({*seconds, *peaks})}

    def _sample(self) -> None:
        steps = self._steps
        if not steps:
            return
        with suppress(Exception), self._lock:
            held = self._memory()
            for step in steps:
                self._peaks[step] = max(self._peaks.get(step, 0), held)

    def _sample_on(self) -> None:
        while not self._stop.wait(SAMPLE_SECONDS):
            self._sample()


def beam_seconds(result: Any) -> dict[str, float]:
    """The seconds of each step in a pipeline that has ended; nothing where the runner does not tell them.

    A step is the first part of a transform's label: "Parse/ReadEntries/…" is of Parse.
    """
    seconds: dict[str, float] = defaultdict(float)
    if hasattr(result, "monitoring_infos"):
        from apache_beam.metrics.monitoring_infos import extract_counter_value

        for info in result.monitoring_infos():
            if info.urn == _BEAM_SECONDS:
                seconds[info.labels["PTRANSFORM"].partition("/")[0]] += extract_counter_value(info) / 1000
    return dict(seconds)


class TreeMemory:
    """Memory of a process and all its descendants, now. A page that several of them share counts once.

    Where the system tells it (Linux). Elsewhere a shared page counts once a process.
    """

    def __init__(self, pid: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._pid = pid
        self._clock = clock
        self._shared: dict[int, int] = {}
        self._due = 0.0

    def __call__(self) -> int:
        """Bytes."""
        if sys.platform != "linux":
            root = psutil.Process(self._pid)
            return sum(_resident(it.pid) for it in (root, *root.children(recursive=True)))
        pids = list(_descendants(self._pid))
        now = self._clock()
        if now >= self._due or self._shared.keys() != set(pids):
            self._due = now + _SHARED_SECONDS
            self._shared = {pid: _shared(pid) for pid in pids}
        return sum(max(0, _resident(pid) - self._shared[pid]) for pid in pids)


def _descendants(pid: int) -> Iterator[int]:
    """The process and all below it. Each thread has its own children."""
    yield pid
    with suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with suppress(OSError), open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as file:
                for child in file.read().split():
                    yield from _descendants(int(child))


def _resident(pid: int) -> int:
    """All pages of a process; 0 where it has ended."""
    with suppress(psutil.Error):
        return int(psutil.Process(pid).memory_info().rss)
    return 0


def _shared(pid: int) -> int:
    """How much of its pages is others', where each page is divided by the number of processes that share it."""
    with suppress(OSError, KeyError), open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        sizes = {line.split(":")[0]: int(line.split()[1]) << 10 for line in file if line.startswith(("Rss:", "Pss:"))}
        return sizes["Rss"] - sizes["Pss"]
    return 0
