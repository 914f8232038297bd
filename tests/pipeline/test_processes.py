"""Worker processes: they answer, they fail in words, they die noticed, and they never outlive their launcher."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import psutil
import pytest

from pipeline.processes import Processes, WorkerFailed
from tests.datasets import ROOT


def double(number: int) -> tuple[int, int]:
    return 2 * number, os.getpid()


def fail(what: str) -> None:
    raise ValueError(f"no {what}")


def die(status: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL) if status < 0 else os._exit(status)


def test_each_worker_does_its_part_and_is_used_again() -> None:
    with Processes(2) as processes:
        assert len(processes) == 2
        first = processes.each(double, [(1,), (2,)])
        second = processes.each(double, [(3,)])
    assert [answer for answer, _ in [*first, *second]] == [2, 4, 6]
    assert len({os.getpid(), *(process for _, process in first)}) == 3
    assert second[0][1] == first[0][1]


def test_nothing_to_do_is_done() -> None:
    with Processes(2) as processes:
        assert processes.each(double, []) == []


def test_what_a_worker_raises_comes_with_its_traceback_and_the_workers_go_on() -> None:
    with Processes(2) as processes:
        with pytest.raises(WorkerFailed) as failed:
            processes.each(fail, [("bread",)])
        assert str(failed.value).splitlines()[0] == "Traceback (most recent call last):"
        assert str(failed.value).splitlines()[-1] == "ValueError: no bread"
        assert processes.each(double, [(1,)])[0][0] == 2


def rest_or_fail(seconds: float) -> float:
    """Rests, or fails where there is nothing to rest."""
    if not seconds:
        fail("rest")
    time.sleep(seconds)
    return seconds


def test_who_waits_finds_all_idle_and_what_one_has_raised_is_raised_with_the_answers() -> None:
    with Processes(2) as processes:
        pending = processes.start(rest_or_fail, [(0,), (0.5,)])
        pending.wait()
        assert [answer for answer, _ in processes.each(double, [(1,), (2,)])] == [2, 4]
        with pytest.raises(WorkerFailed, match="ValueError: no rest"):
            pending.answers()


@pytest.mark.parametrize(
    ("status", "says"),
    [(-9, "a worker process was killed: most likely memory ran out. Fewer workers"), (3, r"ended .* \(status 3\)")],
)
def test_a_worker_that_dies_is_noticed_while_another_is_still_busy(status: int, says: str) -> None:
    with Processes(2) as processes, pytest.raises(WorkerFailed, match=says):
        processes.each(die, [(status,)])
    with pytest.raises(WorkerFailed, match=says), Processes(2) as processes:
        processes.each(die, [(status,)])


def test_where_threads_run_workers_are_started_afresh() -> None:
    thread = threading.Thread(target=time.sleep, args=(2,), daemon=True)
    thread.start()
    with Processes(1) as processes:
        assert processes.each(abs, [(-5,)]) == [5]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere they look twice a second")
def test_busy_workers_die_at_once_with_a_launcher_that_is_killed(tmp_path: Path) -> None:
    code = f"""
    import os, signal, threading, time
    from pipeline.processes import Processes
    with Processes(2) as processes:
        pids = [str(worker.pid) for worker, _ in processes._workers]
        open({str(tmp_path / "pids")!r}, "w").write(" ".join(pids))
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGKILL)).start()
        processes.each(time.sleep, [(60,), (60,)])
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (-signal.SIGKILL, "")
    for pid in map(int, (tmp_path / "pids").read_text(encoding="utf-8").split()):
        deadline = time.monotonic() + 10
        while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < deadline
            time.sleep(0.01)
