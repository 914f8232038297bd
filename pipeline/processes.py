"""Worker processes of this machine: they do what they are asked, each one thing at a time, and end with the launcher.

They are forked from the launcher where that is safe (Linux, one thread): what it has imported costs them nothing.
Elsewhere they start as fresh interpreters. A worker that dies is noticed at once, whatever it was doing.
"""

import ctypes
import gc
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any, Self, cast

from pipeline.quiet import quiet_beam

_PARENT_CHECK_SECONDS = 0.5
_END_SECONDS = 5.0
_PR_SET_PDEATHSIG = 1
_NEW_OBJECTS, _YOUNG_COLLECTIONS = 100_000, 20


class WorkerFailed(Exception):
    """What a worker raised, as text with its traceback, whose last line is the error; or that a worker has died."""


class Processes:
    """So many worker processes. A context: at its end they are gone."""

    def __init__(self, count: int, folder: str | None = None) -> None:
        """Starts them; they wait. `folder` is where they put temporary files."""
        can_fork = sys.platform == "linux" and threading.active_count() == 1
        context = multiprocessing.get_context("fork") if can_fork else multiprocessing.get_context("spawn")
        self._workers: list[tuple[BaseProcess, Connection]] = []
        for _ in range(count):
            ours, theirs = context.Pipe()
            inherited = [connection for _, connection in self._workers] + [ours] if can_fork else []
            worker = context.Process(target=_serve, args=(theirs, os.getpid(), inherited, folder), daemon=True)
            worker.start()
            theirs.close()
            self._workers.append((worker, ours))

    def __len__(self) -> int:
        """How many there are."""
        return len(self._workers)

    def __enter__(self) -> Self:
        """Nothing to do: they run."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Lets the workers go; those that are still busy are killed."""
        for worker, connection in self._workers:
            connection.close()
            if error is not None:
                worker.kill()
        for worker, _ in self._workers:
            worker.join(_END_SECONDS)
            if worker.is_alive():
                worker.kill()
                worker.join()

    def each(self, work: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Starts the work and waits for all answers. Raises WorkerFailed as soon as a worker fails or dies."""
        return self.start(work, arguments).answers()

    def start(self, work: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> "Pending":
        """Begins `work(*arguments[i])` in worker i, all at once; at most as many as there are workers, who are idle.

        `work`, its arguments and its answer travel pickled.
        """
        for words, (_, connection) in zip(arguments, self._workers, strict=False):
            with suppress(BrokenPipeError):  # it has died: its end says so when the answer is asked for
                connection.send((work, words))
        return Pending(self._workers[: len(arguments)])


class Pending:
    """What workers are at."""

    def __init__(self, workers: Sequence[tuple[BaseProcess, Connection]]) -> None:
        """Keeps who is at work."""
        self._busy = {connection: number for number, (_, connection) in enumerate(workers)}
        self._processes = [process for process, _ in workers]
        self._answers: list[Any] = [None] * len(workers)
        self._failure: str | None = None

    def wait(self) -> None:
        """Waits until all are idle again; what one has raised, `answers` raises. Raises WorkerFailed where one dies."""
        while self._busy:
            self._hear()

    def answers(self) -> list[Any]:
        """Waits for all, and gives their answers in order. Raises WorkerFailed as soon as one fails or dies."""
        while self._busy and self._failure is None:
            self._hear()
        if self._failure is not None:
            raise WorkerFailed(self._failure)
        return self._answers

    def _hear(self) -> None:
        for ready in wait(list(self._busy)):
            connection = cast("Connection", ready)
            number = self._busy.pop(connection)
            try:
                is_done, answer = connection.recv()
            except (EOFError, ConnectionError):
                worker = self._processes[number]
                worker.join(_END_SECONDS)
                raise WorkerFailed(_cause_of_death(worker.exitcode)) from None
            if is_done:
                self._answers[number] = answer
            elif self._failure is None:
                self._failure = answer


def collect_seldom() -> None:
    """Tells the garbage collector that what is imported stays, and that many new objects are no sign of garbage.

    A run makes millions of small objects and few cycles: looking through all of them took a tenth of its time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, _YOUNG_COLLECTIONS, _YOUNG_COLLECTIONS)


def kill_workers() -> None:
    """Ends the workers of this process at once, before it ends itself."""
    workers = multiprocessing.active_children()
    for worker in workers:
        worker.kill()
    for worker in workers:
        worker.join(_END_SECONDS)


def _cause_of_death(status: int | None) -> str:
    if status == -signal.SIGKILL:
        return (
            "a worker process was killed: most likely memory ran out. "
            "Fewer workers (--direct_num_workers) or smaller batches (batch.max_mebibytes) need less"
        )
    return f"a worker process ended before its work was done (status {status}); what it said last stands above"


def _serve(connection: Connection, launcher: int, inherited: Sequence[Connection], folder: str | None) -> None:
    """What a worker does until the launcher lets it go or is gone."""
    for other in inherited:  # as long as one of us held the launcher's end of a pipe, its closing would not be seen
        other.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the launcher alone answers it
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _end_with(launcher)
    tempfile.tempdir = folder
    quiet_beam()
    collect_seldom()
    with suppress(EOFError, OSError):
        while True:
            work, words = connection.recv()
            connection.send(_answer_to(work, words))


def _answer_to(work: Callable[..., Any], words: Sequence[Any]) -> tuple[bool, Any]:
    try:
        return True, work(*words)
    except Exception as error:
        return False, "".join(traceback.format_exception(error))


def _end_with(launcher: int) -> None:
    """A busy worker must not outlive its launcher, however that ends: nobody would tidy up after it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    def watch() -> None:
        while os.getppid() == launcher:
            time.sleep(_PARENT_CHECK_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="launcher", daemon=True).start()
