"""Runs a pipeline in worker processes of this machine, and notices when one of them dies.

Beam does it with `--direct_running_mode=multi_processing`. Three things are added here: workers say nothing about
themselves; they end when the launcher does, however it ends; and when one is killed (most often for memory) the run
fails, while Beam alone would wait for its answer for ever. What a step prints or logs as a warning is still shown.
"""

import os
import shlex
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psutil
from apache_beam import Pipeline
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions
from apache_beam.portability.api import beam_fn_api_pb2
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner, RunnerResult
from apache_beam.runners.portability.fn_api_runner.worker_handlers import (
    ControlFuture,
    SubprocessSdkWorkerHandler,
    WorkerHandler,
)
from apache_beam.runners.portability.local_job_service import SubprocessSdkWorker
from apache_beam.runners.worker import sdk_worker, sdk_worker_main
from apache_beam.transforms.environments import SubprocessSDKEnvironment, python_sdk_capabilities

_ENVIRONMENT = "beamwire:env:worker_process:v1"
_MAIN = "from pipeline.quiet import quiet_worker; quiet_worker(); from pipeline.workers import serve; serve({})"
_PARENT_CHECK_SECONDS = 0.5


class WorkerProcessRunner(FnApiRunner):
    """FnApiRunner on `direct_num_workers` processes, which import what the launcher imports, from the same places.

    A worker that dies makes the run fail with a RuntimeError that says so.
    """

    def __init__(self) -> None:
        super().__init__(default_environment=_WorkerEnvironment(_command(), capabilities=python_sdk_capabilities()))

    def run_pipeline(self, pipeline: Pipeline, options: PipelineOptions) -> RunnerResult:
        """Runs it to its end."""
        # With multi_processing Beam would replace our environment, with in_memory it would warn of idle workers.
        options.view_as(DirectOptions).direct_running_mode = None
        with _lost_streams_unsaid():
            return super().run_pipeline(pipeline, options)


def serve(launcher: int) -> None:
    """What a worker process does: it works for the launcher, until that lets it go or is gone."""
    threading.Thread(target=_end_with, args=(launcher,), name="launcher", daemon=True).start()
    vars(sdk_worker)["print"] = _say_nothing  # it prints every failure of a step, which the launcher gets and tells
    sdk_worker_main.main([])


def kill_workers() -> None:
    """Ends the workers of this process before it ends itself, so that none complains of it."""
    for worker in psutil.Process().children():
        with suppress(psutil.Error):
            worker.kill()


def _say_nothing(*words: object, file: object = None) -> None:
    """Takes the place of `print`."""


def _end_with(launcher: int) -> None:
    while os.getppid() == launcher:
        time.sleep(_PARENT_CHECK_SECONDS)
    os._exit(1)


def _command() -> str:
    """The shell line that starts a worker.

    trap: Ctrl-C reaches every process, and the launcher alone answers it. exec: the process that Beam starts is
    Python, not a shell around it. -P and the path: a folder `pipeline` where the command was typed is not taken for
    ours.
    """
    path = os.pathsep.join(place or os.getcwd() for place in sys.path)
    main = _MAIN.format(os.getpid())
    return f"trap '' INT; PYTHONPATH={shlex.quote(path)} exec {shlex.quote(sys.executable)} -P -c {shlex.quote(main)}"


class _WorkerEnvironment(SubprocessSDKEnvironment):
    def to_runner_api_parameter(self, context: Any) -> tuple[str, bytes]:
        return _ENVIRONMENT, self.command_string.encode()


class _WatchedWorker(SubprocessSdkWorkerHandler):
    """One worker process: its death answers every question that the runner has asked it, or will."""

    _is_dead = False

    def start_worker(self) -> None:
        self.worker = SubprocessSdkWorker(
            self._worker_command_line, self.control_address, self.provision_info, self.worker_id
        )
        self.worker_thread = threading.Thread(target=self._watch, name="worker", daemon=True)
        self.worker_thread.start()

    def _watch(self) -> None:
        try:
            self.worker.run()
        except RuntimeError as error:  # the exit status was not 0
            self._is_dead = True
            _answer_for_the_dead(self.control_conn, _cause_of_death(str(error)))

    def close(self) -> None:
        try:
            super().close()
        except Exception:
            if not self._is_dead:
                raise


@contextmanager
def _lost_streams_unsaid() -> Iterator[None]:
    """Beam's threads that listen to a dead worker die too, each with a traceback; the run's error tells it once."""
    say = threading.excepthook

    def say_other(failure: threading.ExceptHookArgs) -> None:
        if failure.exc_type.__module__.partition(".")[0] != "grpc":
            say(failure)

    threading.excepthook = say_other
    try:
        yield
    finally:
        threading.excepthook = say


def _cause_of_death(error: str) -> str:
    status = error.rsplit(" ", 1)[-1]
    if status == str(-signal.SIGKILL):
        return (
            "a worker process was killed: most likely memory ran out. "
            "Fewer workers (--direct_num_workers) or smaller batches (batch.max_mebibytes) need less"
        )
    return f"a worker process ended before its work was done (status {status}); what it said last stands above"


def _answer_for_the_dead(connection: Any, cause: str) -> None:
    def answer(instruction: str) -> beam_fn_api_pb2.InstructionResponse:
        return beam_fn_api_pb2.InstructionResponse(instruction_id=instruction, error=cause)

    push: Callable[[Any], Any] = connection.push

    def push_to_nobody(request: Any) -> Any:
        if not hasattr(request, "instruction_id"):  # the mark that ends the connection
            return push(request)
        return ControlFuture(request.instruction_id, answer(request.instruction_id))

    connection.push = push_to_nobody
    for instruction, question in list(connection._futures_by_id.items()):
        question.set(answer(instruction))


WorkerHandler.register_environment(_ENVIRONMENT, bytes)(_WatchedWorker)
