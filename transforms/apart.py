"""A function run in a process of its own, so that a record on which it takes too long can be given up.

A thread cannot be stopped while it is in C, where parsers are slow (libxml2 takes minutes for an element with 300,000
attributes, and so does the regular expression for some texts), and a signal reaches the main thread alone, which no
runner lets us have. A process has both: it sets the kernel's timer for itself before each call, and ends by it.

What a record gives must not depend on the speed of the machine: the limit is far above what the caps of a reader let
through, and is there for what nobody thought of.
"""

import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from functools import cache
from multiprocessing.connection import Connection, Pipe
from threading import Lock
from typing import Any, Generic, ParamSpec, TypeVar

from transforms.text.errors import BadInput, ReaderStopped

_Words = ParamSpec("_Words")
_Answer = TypeVar("_Answer")


class Apart(Generic[_Words, _Answer]):
    """Calls a function in a process of its own, as `function(*words)`.

    The process starts with the first call, and again after one that ended it; it ends with `close`, with this object or
    with its launcher (a launcher that is killed leaves it behind for `seconds` at most). Pickles without the process:
    whatever is unpickled in one process shares one, so that a bundle or a batch does not start its own.
    Calls from several threads wait for each other. Function, words and answer must pickle.

    Raises `ReaderStopped` where a call takes longer than `seconds` or its process dies, the function's `BadInput` as
    it is, and `RuntimeError` with the traceback of whatever else it raises.
    """

    def __init__(self, function: Callable[_Words, _Answer], seconds: float) -> None:
        """Keeps what pickles; starts nothing."""
        self.function = function
        self.seconds = seconds
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return _shared, (self.function, self.seconds)

    def __call__(self, *words: _Words.args, **named: _Words.kwargs) -> _Answer:
        """The function's answer."""
        with self._lock:
            connection = self._connection or self._start()
            try:
                connection.send((words, named))
                good, answer = connection.recv()
            except (EOFError, OSError):
                raise self._stopped() from None
            except BaseException:  # The answer is still to come, and would be taken for that of the next call.
                self._end()
                raise
        if not good:
            raise answer
        return answer  # type: ignore[no-any-return]  # It came through a pipe.

    def close(self) -> None:
        """Ends the process, if there is one."""
        with self._lock:
            self._end()

    def __del__(self) -> None:
        self._end()

    def _start(self) -> Connection:
        ours, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", f"from {__name__} import serve; serve({theirs.fileno()}, {self.seconds})"],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
            )
        self._connection = ours
        try:
            ours.send(self.function)
            ours.recv()  # What it imports does not count for the first call.
        except (EOFError, OSError):
            raise RuntimeError(f"a process of its own could not be started for {self.function}") from None
        return ours

    def _end(self) -> None:
        connection, self._connection = self._connection, None
        process, self._process = self._process, None
        if connection is not None:
            connection.close()
        if process is not None:
            process.kill()
            process.wait()

    def _stopped(self) -> ReaderStopped:
        status = None if self._process is None else self._process.wait()
        self._end()
        if status == -signal.SIGALRM:
            return ReaderStopped(f"not read within {self.seconds:g} seconds")
        return ReaderStopped(f"the process that read it ended with status {status}")


@cache
def _shared(function: Callable[..., Any], seconds: float) -> Apart[..., Any]:
    return Apart(function, seconds)


def serve(descriptor: int, seconds: float) -> None:
    """What the process does until its launcher lets it go: first the function, then its words, each answered."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the launcher alone answers it.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # Ends the process, in C or not.
    with Connection(descriptor) as connection:
        try:
            function = connection.recv()
            connection.send(None)
            while True:
                words, named = connection.recv()
                signal.setitimer(signal.ITIMER_REAL, seconds)
                answer = _answer(function, words, named)
                signal.setitimer(signal.ITIMER_REAL, 0)
                connection.send(answer)
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return


def _answer(function: Callable[..., Any], words: tuple[Any, ...], named: dict[str, Any]) -> tuple[bool, Any]:
    try:
        return True, function(*words, **named)
    except BadInput as failure:
        return False, failure
    except Exception as error:
        return False, RuntimeError("".join(traceback.format_exception(error)))
