"""Runs that are stopped, killed or out of room in the middle: what they say, and that the same command goes on."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.datasets import COMMAND, ROOT, beamwire, digests
from tests.warm import Prepare, Warm

WORKERS = "--direct_num_workers=2"
GENEROUS_SECONDS = 10
"""A run that is stopped ends in a fraction of a second; a machine that does much else may need longer."""


@dataclass(frozen=True, slots=True)
class Wire:
    """An input of two batches, the second of which takes a while, and the dataset of an undisturbed run over it."""

    folder: Path
    dataset: Path

    def words(self, output: Path, *further: str) -> list[str]:
        """The command line that makes the two batches."""
        settings = ["--set", "enrich.enabled=false", "--set", "batch.max_mebibytes=0.05"]
        return ["run", str(self.folder), "--output", str(output), *settings, *further]


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Wire:
    folder = tmp_path_factory.mktemp("wire")
    for name, stories in (("1-small.jsonl", 60), ("2-large.jsonl", 1200)):
        lines = (json.dumps(story(f"{name}/{number}")) for number in range(stories))
        (folder / name).write_text("\n".join([*lines, "no JSON"]), encoding="utf-8")
    made = Wire(folder, tmp_path_factory.mktemp("undisturbed") / "dataset")
    beamwire(*made.words(made.dataset))
    assert committed(made.dataset) == 2
    return made


def story(name: str) -> dict[str, str]:
    """A story like no other, which compresses badly."""
    words = [hashlib.sha256(f"{name} {number}".encode()).hexdigest()[:7] for number in range(150)]
    return {"url": f"https://wire.example/{name}", "title": f"Story {name}", "text": " ".join(words)}


def committed(output: Path) -> int:
    return len(list((output / "_commits").glob("*.json")))


@dataclass(frozen=True, slots=True)
class Running:
    """A run in a process group of its own, whose temporary files go into a folder of its own."""

    process: subprocess.Popen[str]
    command: list[str]
    output: Path
    temporary: Path

    def workers(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def wait_for(self, reached: Callable[[], bool]) -> None:
        """Waits for a point in the middle of the run."""
        deadline = time.monotonic() + 120
        while not reached():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def wait_for_second_batch(self, workers: int) -> None:
        """The first batch is committed, the second is under way and has nothing to show yet."""
        self.wait_for(lambda: committed(self.output) == 1 and (self.output / "_staging").exists())
        self.wait_for(lambda: len(self.workers()) == workers)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Callable[[list[str], Path], Running]]:
    started: list[subprocess.Popen[str]] = []

    def start(words: list[str], output: Path) -> Running:
        temporary = tmp_path / "temporary"
        temporary.mkdir()
        process = subprocess.Popen(
            [*COMMAND, *words],
            env=os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return Running(process, words, output, temporary)

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def is_gone(process: psutil.Process) -> bool:
    """Whether it has ended; one that nobody has waited for yet counts as such."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize(
    ("sent", "to_group", "workers", "goes_on"),
    [
        pytest.param(signal.SIGINT, False, 0, False, id="SIGINT-one-process"),
        pytest.param(signal.SIGINT, True, 0, True, id="SIGINT-group-one-process"),
        pytest.param(signal.SIGTERM, False, 0, False, id="SIGTERM-one-process"),
        pytest.param(signal.SIGINT, False, 2, False, id="SIGINT-launcher-of-workers"),
        pytest.param(signal.SIGINT, True, 2, True, id="SIGINT-group-with-workers"),
    ],
)
def test_a_run_that_is_stopped_ends_at_once_and_the_same_command_goes_on(
    wire: Wire,
    running: Callable[[list[str], Path], Running],
    tmp_path: Path,
    sent: signal.Signals,
    to_group: bool,
    workers: int,
    goes_on: bool,
) -> None:
    output = tmp_path / "dataset"
    words = wire.words(output, *([WORKERS] if workers else []))
    run = running(words, output)
    run.wait_for_second_batch(workers)
    its_workers = run.workers()
    before = time.monotonic()
    (os.killpg if to_group else os.kill)(run.process.pid, sent)
    printed, said = run.process.communicate(timeout=60)
    seconds = time.monotonic() - before
    assert run.process.returncode == 128 + sent
    assert seconds < GENEROUS_SECONDS
    assert printed == ""
    assert said.endswith(
        "\nbeamwire: stopped. What is committed stays; the same command goes on after it:\n"
        f"  beamwire {' '.join(words)}\n"
    )
    assert "Traceback" not in said
    assert len(its_workers) == workers
    assert [worker for worker in its_workers if not is_gone(worker)] == []
    assert list(run.temporary.iterdir()) == []
    assert not (output / "_lock").exists()
    assert committed(output) == 1

    if goes_on:  # the others leave the same behind
        assert "1 batch" in beamwire(*words).stdout
        assert digests(output) == digests(wire.dataset)


def test_a_run_that_is_stopped_before_it_begins_says_so_without_a_trace(
    wire: Wire, running: Callable[[list[str], Path], Running], tmp_path: Path
) -> None:
    run = running(wire.words(tmp_path / "dataset", WORKERS), tmp_path / "dataset")
    run.wait_for(lambda: "cygrpc" in libraries(run.process.pid))  # Beam is being loaded
    os.killpg(run.process.pid, signal.SIGINT)
    printed, said = run.process.communicate(timeout=60)
    assert (run.process.returncode, printed) == (130, "")
    assert said.startswith("\nbeamwire: stopped")


def libraries(pid: int) -> str:
    """The libraries that a process has loaded, where the system tells it."""
    return "".join(it.path for it in psutil.Process(pid).memory_maps())


def test_a_run_that_is_killed_leaves_a_lock_that_the_same_command_takes_over(
    wire: Wire, running: Callable[[list[str], Path], Running], tmp_path: Path
) -> None:
    output = tmp_path / "dataset"
    run = running(wire.words(output), output)
    run.wait_for_second_batch(workers=0)
    run.process.kill()
    run.process.communicate()
    assert (output / "_lock").exists()

    done = beamwire(*run.command)
    assert done.stderr.startswith(
        f"beamwire: {output}: taking over the lock of process {run.process.pid}, which is gone.\n"
    )
    assert not (output / "_lock").exists()
    assert not (output / "_staging").exists()
    assert digests(output) == digests(wire.dataset)


def test_workers_whose_launcher_is_killed_end_too(
    wire: Wire, running: Callable[[list[str], Path], Running], tmp_path: Path
) -> None:
    output = tmp_path / "dataset"
    run = running(wire.words(output, WORKERS), output)
    run.wait_for(lambda: len(run.workers()) == 2)  # they are not even done with their imports
    workers = run.workers()
    run.process.kill()
    _, said = run.process.communicate(timeout=60)  # the workers hold stderr as long as they live
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert alive == []
    assert said == ""


def test_workers_that_are_killed_fail_the_run_in_a_sentence_and_the_same_command_goes_on(
    wire: Wire, running: Callable[[list[str], Path], Running], tmp_path: Path
) -> None:
    output = tmp_path / "dataset"
    words = wire.words(output, WORKERS)
    run = running(words, output)
    run.wait_for(lambda: committed(output) == 1)
    workers = run.workers()
    for worker in workers:
        worker.kill()
    printed, said = run.process.communicate(timeout=60)
    lines = [line for line in said.splitlines() if not line.startswith("batch ")]
    assert (run.process.returncode, printed) == (1, "")
    assert "a worker process was killed: most likely memory ran out" in lines[0]
    assert lines[-1] == f"  beamwire {' '.join(words)}"
    assert "Traceback" not in said
    assert [worker for worker in workers if not is_gone(worker)] == []
    assert not (output / "_lock").exists()
    assert committed(output) == 1

    beamwire(*words)
    assert digests(output) == digests(wire.dataset)


@pytest.mark.parametrize("how", ["bit", "end"])
@pytest.mark.parametrize("kind", ["block", "staged dead letters", "marks"])
def test_a_staged_file_that_is_damaged_is_named_and_the_same_command_does_the_batch_again(
    warm: Warm, wire: Wire, tmp_path: Path, kind: str, how: str
) -> None:
    output = tmp_path / "dataset"
    words = wire.words(output, "--quiet")
    ended = warm.run(*words, prepare=Prepare("tests.faults:damage", {"kind": kind, "how": how}), expect=1)
    lines = ended.said.splitlines()
    assert lines[0].startswith(f"beamwire: {output}/_staging/")
    assert lines[0].endswith(
        ": damaged since it was written, so its batch was not committed. "
        "Run the same command again: it does the batch anew. Check the disk."
    )
    assert lines[1:] == [
        "What is committed stays. To go on, run the same command again:",
        f"  beamwire {' '.join(words)}",
    ]
    assert committed(output) == 0

    warm.run(*words)
    assert digests(output) == digests(wire.dataset)


def test_permission_that_is_lost_half_way_fails_the_run_in_a_sentence_and_given_back_the_same_command_goes_on(
    warm: Warm, wire: Wire, tmp_path: Path
) -> None:
    if sys.platform != "linux" and os.geteuid() == 0:
        pytest.skip("root may write everywhere, and only Linux lets it give that up")
    output = tmp_path / "dataset"
    words = wire.words(output, "--quiet")
    ended = warm.run(*words, prepare=Prepare("tests.faults:lose_permission", {"root": str(output)}), expect=1)
    first = ended.said.splitlines()[0]
    assert first.startswith(f"beamwire: Cannot write {output}/articles/")
    assert first.endswith(": no permission. Give yourself access, or choose another directory.")
    assert committed(output) == 1
    assert not (output / "_lock").exists()

    for folder in (output / "articles", *(output / "articles").iterdir()):
        folder.chmod(0o755)
    warm.run(*words)
    assert digests(output) == digests(wire.dataset)


@pytest.mark.parametrize("further", [(), (WORKERS,)], ids=["one-process", "workers"])
def test_a_batch_that_cannot_be_staged_fails_in_its_turn_after_the_one_before_it_is_committed(
    warm: Warm, wire: Wire, tmp_path: Path, further: tuple[str, ...]
) -> None:
    output = tmp_path / "dataset"
    words = wire.words(output, "--quiet", *further)
    ended = warm.run(*words, prepare=Prepare("tests.faults:fail_to_stage_second"), expect=1)
    lines = ended.said.splitlines()
    assert lines[0].startswith(f"beamwire: Cannot write {output}/_staging/")
    assert lines[0].endswith(": no room.")
    assert committed(output) == 1
    assert ended.left == ()

    warm.run(*words)
    assert digests(output) == digests(wire.dataset)
    assert not (output / "_staging").exists()


def test_a_query_that_takes_long_can_be_stopped(wire: Wire, running: Callable[[list[str], Path], Running]) -> None:
    forever = "SELECT count(*) FROM range(100000000) a, range(100000) b WHERE a.range * b.range % 7 = 3"
    run = running(["query", str(wire.dataset), forever], wire.dataset)
    run.wait_for(lambda: psutil.Process(run.process.pid).cpu_times().user > 3)
    run.process.send_signal(signal.SIGINT)
    assert run.process.communicate(timeout=GENEROUS_SECONDS) == ("", "\nbeamwire: stopped\n")
    assert run.process.returncode == 130


class Disk:
    """A disk in memory, as small as a test wants it."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def mount(self, options: str) -> None:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.place)], capture_output=True, text=True
        )
        if done.returncode:
            pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")

    def remount(self, options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", str(self.place)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    if sys.platform != "linux":
        pytest.skip("a disk of a few kilobytes takes a tmpfs, which only Linux has")
    place = tmp_path / "disk"
    place.mkdir()
    yield Disk(place)
    if os.path.ismount(place):
        subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("further", [(), (WORKERS,)], ids=["one-process", "workers"])
def test_a_full_disk_fails_the_run_in_a_sentence_and_with_room_the_same_command_goes_on(
    wire: Wire, disk: Disk, further: tuple[str, ...]
) -> None:
    disk.mount("size=600k")
    output = disk.place / "dataset"
    failed = beamwire(*wire.words(output, *further), expect=1)
    lines = [line for line in failed.stderr.splitlines() if not line.startswith("batch ")]
    assert lines[0].startswith(f"beamwire: Cannot write {output}/")
    assert lines[0].endswith(
        ": the disk is full. Make room, then run the same command again: it goes on where it stopped."
    )
    assert lines[1:] == [
        "What is committed stays. To go on, run the same command again:",
        f"  beamwire {' '.join(wire.words(output, *further))}",
    ]
    assert committed(output) == 1
    assert not (output / "_lock").exists()

    if not further:  # worker processes leave the same behind
        disk.remount("size=20m")
        beamwire(*wire.words(output))
        assert digests(output) == digests(wire.dataset)


def test_a_disk_that_is_full_from_the_start_is_something_to_mend_first(wire: Wire, disk: Disk) -> None:
    disk.mount("size=8k")
    (disk.place / "filler").write_bytes(bytes(8192))
    output = disk.place / "dataset"
    done = beamwire(*wire.words(output), expect=2)
    assert done.stderr == (
        f"beamwire: Cannot write {output}/_lock: the disk is full. "
        "Make room, then run the same command again: it goes on where it stopped.\n"
    )


def test_a_read_only_output_is_named_with_the_cause(wire: Wire, disk: Disk) -> None:
    disk.mount("size=1m,ro")
    output = disk.place / "dataset"
    done = beamwire(*wire.words(output), expect=2)
    assert done.stderr == (
        f"beamwire: Cannot write {output}/_lock: the file system is read-only. "
        "Choose a directory that can be written to.\n"
    )
