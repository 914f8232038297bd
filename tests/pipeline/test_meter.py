"""What steps cost: seconds out of Beam and from phases, and memory of a whole tree of processes."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from types import SimpleNamespace

import apache_beam as beam
import psutil
import pytest

from pipeline.meter import Meter, StepCost, TreeMemory, beam_seconds
from tests.articles import local_pipeline
from tests.datasets import ROOT

MEBIBYTE = 1 << 20


class Script:
    """A clock and a memory that a test moves on."""

    def __init__(self) -> None:
        self.now = 0.0
        self.held = 0

    def clock(self) -> float:
        return self.now

    def memory(self) -> int:
        return self.held

    def meter(self) -> Meter:
        return Meter(self.memory, self.clock)  # its thread is not started: phases sample at their ends


def test_the_seconds_of_a_phase_are_those_of_its_one_step() -> None:
    script = Script()
    meter = script.meter()
    with meter.step("Deduplicate"):
        script.now, script.held = 2.5, 70
    with meter.step("Deduplicate"):
        script.now, script.held = 3.0, 50
    assert meter.take() == {"Deduplicate": StepCost(3.0, 70)}


def test_steps_that_work_side_by_side_share_a_peak_and_their_seconds_are_told() -> None:
    script = Script()
    meter = script.meter()
    with meter.phase("Read", "Parse"):
        script.now, script.held = 9.0, 40
        meter.add({"Read": 1.0, "Parse": 2.0})
        meter.add({"Parse": 3.0})
    assert meter.take() == {"Read": StepCost(1.0, 40), "Parse": StepCost(5.0, 40)}


def test_a_batch_takes_its_costs_and_the_next_begins_with_none() -> None:
    script = Script()
    meter = script.meter()
    with meter.step("Commit"):
        script.now, script.held = 1.0, 70
    assert meter.take() == {"Commit": StepCost(1.0, 70)}
    script.held = 0
    with meter.step("Write"):
        script.now, script.held = 3.0, 50
    assert meter.take() == {"Write": StepCost(2.0, 50)}
    assert meter.take() == {}


def test_a_failure_passes_through_a_phase_and_what_it_cost_is_known() -> None:
    script = Script()
    meter = script.meter()
    with pytest.raises(ZeroDivisionError), meter.step("Write"):
        script.now = 4.0
        raise ZeroDivisionError
    assert meter.take() == {"Write": StepCost(4.0, 0)}


def test_a_memory_that_cannot_be_told_fails_nothing() -> None:
    def broken() -> int:
        raise OSError("no such process")

    with Meter(broken, lambda: 0.0) as meter, meter.step("Write"):
        pass
    assert meter.take() == {"Write": StepCost(0.0, None)}


def test_the_thread_samples_while_a_phase_lasts_and_ends_with_the_context() -> None:
    sampled = threading.Event()
    held = iter([1, 5, *[2] * 10**6])

    def memory() -> int:
        found = next(held)
        if found == 2:
            sampled.set()
        return found

    with Meter(memory) as meter, meter.phase("Write"):
        assert sampled.wait(10)
    assert meter.take()["Write"].peak_bytes == 5
    assert "meter" not in {thread.name for thread in threading.enumerate()}


def wait_a_little(number: int) -> int:
    threading.Event().wait(0.05)
    return number


def test_beam_tells_the_seconds_of_steps_that_are_fused() -> None:
    with local_pipeline() as pipeline:
        numbers = pipeline | "Numbers" >> beam.Create(range(10))
        _ = numbers | "Slow" >> Twice() | "Fast" >> beam.Map(abs)
    seconds = beam_seconds(pipeline.result)
    assert seconds["Slow"] > 0.5  # it waits for one second in all
    assert seconds["Fast"] < seconds["Slow"]


class Twice(beam.PTransform[beam.PCollection[int], beam.PCollection[int]]):
    """A step of two transforms."""

    def expand(self, numbers: beam.PCollection[int]) -> beam.PCollection[int]:
        waited: beam.PCollection[int] = (
            numbers | "One" >> beam.Map(wait_a_little) | "Two" >> beam.Map(wait_a_little).with_output_types(int)
        )
        return waited


def test_a_runner_that_tells_no_seconds_gives_none() -> None:
    assert beam_seconds(SimpleNamespace(state="DONE")) == {}


@pytest.fixture
def child() -> Iterator[int]:
    """A process below this one that holds 64 MiB."""
    script = "held = bytearray(b'x') * (64 << 20); print(flush=True); input()"
    process = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdin is not None
    process.stdout.readline()
    yield process.pid
    process.stdin.close()
    process.wait()
    process.stdout.close()


def test_memory_is_that_of_the_whole_tree(child: int) -> None:
    with_child = TreeMemory(os.getpid())()
    alone = psutil.Process().memory_info().rss
    assert TreeMemory(child)() > 64 * MEBIBYTE
    assert 64 * MEBIBYTE < with_child < alone + 128 * MEBIBYTE


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells which pages are shared")
def test_what_a_fork_shares_counts_once() -> None:
    script = (
        "import os, time\n"
        "held = bytearray(b'x') * (64 << 20)\n"
        "pids = [os.fork() or (time.sleep(60), os._exit(0)) for _ in range(3)]\n"
        "time.sleep(0.2)\n"
        "from pipeline.meter import TreeMemory\n"
        "print(TreeMemory(os.getpid())() >> 20)\n"
        "for pid in pids: os.kill(pid, 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert 64 < int(done.stdout) < 128
