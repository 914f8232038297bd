"""Wall, CPU and memory of a command and of every process that it starts.

- **Wall**: from start to the end of the command.
- **CPU**: user and system seconds of the command and of all descendants that were waited for, from `wait4`. Those that
  nobody waited for are missing there, so the tree is also sampled, and the larger of both sums is given.
- **Peak memory**: the largest sum over the living tree in one sample, of PSS (each page divided by the number of
  processes that share it) where the system has it (Linux), else of RSS, which counts shared pages once a process.
  Samples are 50 ms apart, or as far as keeps sampling under a tenth of one core; a shorter peak can be missed.
"""

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

SAMPLE_SECONDS = 0.05
_SAMPLING_SHARE = 0.1
_POLL_SECONDS = 0.005  # how late the end of a command is noticed at most
MEMORY_KIND = "PSS" if sys.platform == "linux" else "RSS"


class CommandFailed(Exception):
    """The command ended with another code than 0; its log is named."""


@dataclass(frozen=True)
class Measured:
    """One run of a command. Bytes of `memory_kind`."""

    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int
    processes: int
    memory_kind: str = MEMORY_KIND


def measure(command: Sequence[str], log: Path, directory: Path | None = None) -> Measured:
    """Runs a command to its end, its output going to a log file.

    Raises CommandFailed if it fails, OSError if it cannot be started. Interrupted, it ends the command first.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as sink:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=sink, stderr=subprocess.STDOUT, cwd=directory, start_new_session=True
        )
        tree = _Tree(process.pid)
        due = started
        try:
            while True:
                pid, status, usage = os.wait4(process.pid, os.WNOHANG)
                if pid:
                    break
                if time.perf_counter() >= due:
                    due = time.perf_counter() + max(SAMPLE_SECONDS, tree.sample() / _SAMPLING_SHARE)
                time.sleep(_POLL_SECONDS)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise CommandFailed(f"code {process.returncode}: {' '.join(command)}\n{_tail(log)}(all of it: {log})")
    cpu = max(usage.ru_utime + usage.ru_stime, tree.cpu_seconds)
    return Measured(wall, cpu, tree.peak_bytes, tree.processes)


def median(runs: Sequence[Measured]) -> Measured:
    """The median of several runs of one command, figure by figure."""
    return Measured(
        statistics.median(run.wall_seconds for run in runs),
        statistics.median(run.cpu_seconds for run in runs),
        int(statistics.median(run.peak_bytes for run in runs)),
        max(run.processes for run in runs),
    )


class _Tree:
    """A process and its descendants, as last seen."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._cpu: dict[tuple[int, float], float] = {}
        self.peak_bytes = 0

    @property
    def cpu_seconds(self) -> float:
        return sum(self._cpu.values())

    @property
    def processes(self) -> int:
        return len(self._cpu)

    def sample(self) -> float:
        """Looks at the tree once and says how many seconds that took."""
        started = time.perf_counter()
        total = 0
        try:
            root = psutil.Process(self._pid)
            members = [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            members = []
        for member in members:
            try:
                times = member.cpu_times()
                self._cpu[member.pid, member.create_time()] = times.user + times.system
                total += _memory(member)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        self.peak_bytes = max(self.peak_bytes, total)
        return time.perf_counter() - started


def _memory(process: psutil.Process) -> int:
    if MEMORY_KIND == "PSS":
        return int(process.memory_full_info().pss)
    return int(process.memory_info().rss)


def _tail(log: Path, lines: int = 12) -> str:
    return "".join(f"  {line}\n" for line in log.read_text(errors="replace").splitlines()[-lines:])
