"""A process that has imported all of beamwire and forks the commands of tests, so that each costs its own work alone.

A command runs in a session of its own with a folder for temporary files, and can be prepared by a function that runs
in the fork before it: `tests.faults` patches there, and production code holds no hook for tests.

    with Warm() as warm:
        ended = warm.run("run", "seeds", "--output", "news", prepare=Prepare("tests.faults:watch", {…}))
"""

import contextlib
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NoReturn

import psutil
import pytest

ROOT = Path(__file__).resolve().parent.parent
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}
"""Libraries that start threads when they are imported do not: what has threads is not forked safely."""

_EMULATOR = ("STORAGE_EMULATOR_HOST", "NO_GCE_CHECK")
"""Variables of a test that its commands get, for the emulator of an object store."""

_LIMIT_SECONDS = 240.0
_GRACE_SECONDS = 20.0
_POLL_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class Prepare:
    """What happens in the fork before the command: a function as module:name, and its arguments in plain JSON."""

    function: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Command:
    """A command to fork: its words, what prepares it, and after how many seconds its whole session is killed."""

    words: Sequence[str | Path]
    prepare: Prepare | None = None
    kill_after: float | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its exit code (negative: by that signal), what it printed and said, and who still lives."""

    code: int
    printed: str
    said: str
    left: tuple[str, ...]
    seconds: float


class Warm:
    """The process that forks. It has one thread, and so has each fork when it begins."""

    def __enter__(self) -> "Warm":
        """Starts it; it imports while the test goes on."""
        environment = os.environ | _ONE_THREAD | {"PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "tests.warm"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends it."""
        self._process.terminate()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def run(
        self,
        *words: str | Path,
        prepare: Prepare | None = None,
        kill_after: float | None = None,
        expect: int | None = 0,
    ) -> Ended:
        """Runs a command to its end and checks its exit code."""
        (ended,) = self.run_together([Command(words, prepare, kill_after=kill_after)])
        assert expect is None or ended.code == expect, f"exit code {ended.code}\n{ended.printed}\n{ended.said}"
        return ended

    def run_together(self, commands: Sequence[Command]) -> list[Ended]:
        """Runs commands at the same time, until all have ended."""
        assert self._process.stdin is not None and self._process.stdout is not None
        emulator = {name: os.environ[name] for name in _EMULATOR if name in os.environ}
        asked = [asdict(it) | {"words": list(map(str, it.words)), "env": emulator} for it in commands]
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the warm process has ended"
        return [Ended(**it | {"left": tuple(it["left"])}) for it in json.loads(answer)]


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    """The session's warm process."""
    with Warm() as process:
        yield process


def serve(requests: IO[str], answers: IO[str]) -> None:
    """Answers requests, a line each, until there are no more."""
    _import_everything()
    for line in requests:
        answers.write(json.dumps(_run_together(json.loads(line))) + "\n")
        answers.flush()


def _import_everything() -> None:
    from pipeline.quiet import quiet_beam

    quiet_beam()
    for name in (
        "pipeline.cli",
        "pipeline.config_file",
        "pipeline.launch",
        "pipeline.dataset.query",
        "pyarrow.parquet",
        "pyarrow.compute",
        "pyarrow.dataset",
        "tests.faults",
        "tests.races",
    ):
        importlib.import_module(name)
    from pipeline.dataset.gcs import _google

    _google()


@dataclass(slots=True)
class _Forked:
    pid: int
    folder: str
    started: float
    due: float | None
    status: int | None = None
    seconds: float = 0.0


def _run_together(commands: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    forked = [_fork(command) for command in commands]
    try:
        while any(it.status is None for it in forked):
            time.sleep(_POLL_SECONDS)
            for it in forked:
                _look_after(it)
        return [_ended(it) for it in forked]
    finally:
        for it in forked:
            shutil.rmtree(it.folder, ignore_errors=True)


def _fork(command: Mapping[str, Any]) -> _Forked:
    folder = tempfile.mkdtemp(prefix="beamwire-test-")
    os.mkdir(os.path.join(folder, "temporary"))
    now = time.monotonic()
    pid = os.fork()
    if not pid:
        _be(command, folder)
    return _Forked(pid, folder, now, None if command["kill_after"] is None else now + command["kill_after"])


def _be(command: Mapping[str, Any], folder: str) -> NoReturn:
    """What the fork does: it becomes the command."""
    code = 70
    try:
        os.setsid()
        for name, stream in (("null", 0), ("printed", 1), ("said", 2)):
            os.dup2(os.open(os.path.join(folder, name), os.O_RDWR | os.O_CREAT, 0o600), stream)
        os.environ.update(command["env"], TMPDIR=os.path.join(folder, "temporary"))
        tempfile.tempdir = None
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if command["prepare"] is not None:
            module, _, name = command["prepare"]["function"].partition(":")
            getattr(importlib.import_module(module), name)(**command["prepare"]["arguments"])
        from pipeline.cli import main

        sys.argv = ["beamwire", *command["words"]]
        code = main()
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _look_after(it: _Forked) -> None:
    if it.status is not None:
        return
    now = time.monotonic()
    if (it.due is not None and now >= it.due) or now > it.started + _LIMIT_SECONDS:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(it.pid, signal.SIGKILL)
        it.due = None
    pid, status = os.waitpid(it.pid, os.WNOHANG)
    if pid:
        it.status, it.seconds = os.waitstatus_to_exitcode(status), now - it.started


def _ended(it: _Forked) -> dict[str, Any]:
    deadline = time.monotonic() + _GRACE_SECONDS
    while (left := _members(it.pid)) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    if left:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(it.pid, signal.SIGKILL)
    printed, said = (
        Path(it.folder, name).read_text("utf-8", "replace") if Path(it.folder, name).exists() else ""
        for name in ("printed", "said")
    )
    return {"code": it.status, "printed": printed, "said": said, "left": left, "seconds": it.seconds}


def _members(session: int) -> list[str]:
    """The processes of a session that live."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError, PermissionError):
            if os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE:
                found.append(f"{process.pid} {process.name()}")
    return found


if __name__ == "__main__":
    serve(sys.stdin, sys.stdout)
