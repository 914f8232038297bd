"""The lock: one holder, named; a stale one is taken over by one only."""

import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pipeline.dataset.errors import DatasetLocked
from pipeline.dataset.local import LocalStorage
from pipeline.dataset.lock import dataset_lock, is_running, process_start
from pipeline.dataset.stores import open_storage


@pytest.fixture
def disk(tmp_path: Path) -> LocalStorage:
    return LocalStorage(str(tmp_path / "data"))


def silent(line: str) -> None:
    raise AssertionError(line)


def locked_by(disk: LocalStorage, **holder: object) -> None:
    known = {"pid": os.getpid(), "host": socket.gethostname(), "start": process_start(os.getpid()), "token": "x"}
    disk.write("_lock", json.dumps(known | holder).encode())


def dead_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_lock_is_held_and_let_go(disk: LocalStorage) -> None:
    with dataset_lock(disk, silent):
        holder = json.loads(disk.read("_lock"))
        assert (holder["pid"], holder["host"]) == (os.getpid(), socket.gethostname())
        with (
            pytest.raises(
                DatasetLocked, match=rf"locked, process {os.getpid()} on {socket.gethostname()} is working on it"
            ),
            dataset_lock(disk, silent),
        ):
            pass
        assert json.loads(disk.read("_lock")) == holder
    assert list(disk.files()) == []


def test_a_failure_lets_it_go(disk: LocalStorage) -> None:
    with pytest.raises(KeyboardInterrupt), dataset_lock(disk, silent):
        raise KeyboardInterrupt
    assert list(disk.files()) == []


def test_the_lock_of_a_dead_process_is_taken_over_with_a_line(disk: LocalStorage) -> None:
    pid = dead_process()
    locked_by(disk, pid=pid, start=None)
    said: list[str] = []
    with dataset_lock(disk, said.append):
        assert json.loads(disk.read("_lock"))["pid"] == os.getpid()
    assert said == [f"{disk.root}: taking over the lock of process {pid}, which is gone."]


@pytest.mark.skipif(process_start(os.getpid()) is None, reason="nobody knows starts here")
def test_a_process_that_got_the_number_of_a_dead_one_is_not_the_holder(disk: LocalStorage) -> None:
    locked_by(disk, start="another boot 1")
    said: list[str] = []
    with dataset_lock(disk, said.append):
        pass
    assert len(said) == 1


def test_a_process_that_ended_and_was_not_waited_for_is_gone() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    start = process_start(process.pid)
    assert is_running(process.pid, start)
    assert process.stdin is not None
    process.stdin.close()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not is_running(process.pid, start)
    process.wait()
    assert not is_running(process.pid, start)


def test_the_lock_of_another_host_is_named_with_a_remedy(disk: LocalStorage) -> None:
    locked_by(disk, host="elsewhere", pid=7)
    with (
        pytest.raises(DatasetLocked, match=r"by process 7 on the host elsewhere. Wait .* delete .*/_lock"),
        dataset_lock(disk, silent),
    ):
        pass


def test_a_host_with_control_characters_is_named_without_them(disk: LocalStorage) -> None:
    locked_by(disk, host="\x1b]0;x\x07", pid=7)
    with pytest.raises(DatasetLocked, match=r"on the host \\x1b\]0;x\\x07. Wait"), dataset_lock(disk, silent):
        pass


@pytest.mark.parametrize(
    "lock",
    [
        b"{",
        b"\xff",
        b"[" * 200_000,
        json.dumps({"pid": 10**30, "host": socket.gethostname(), "start": None, "token": "x"}).encode(),
        json.dumps({"pid": 1, "host": socket.gethostname(), "start": 7, "token": "x"}).encode(),
    ],
    ids=["half", "no text", "deep", "large", "of other types"],
)
def test_an_unreadable_lock_is_taken_over(disk: LocalStorage, lock: bytes) -> None:
    disk.write("_lock", lock)
    said: list[str] = []
    with dataset_lock(disk, said.append):
        pass
    assert said == [f"{disk.root}: taking over an unreadable lock."]


def test_a_stale_lock_is_taken_over_by_one_only(disk: LocalStorage) -> None:
    locked_by(disk, pid=dead_process(), start=None)
    held, refused = [], []
    everybody_tried = threading.Barrier(9)

    def take() -> None:
        try:
            with dataset_lock(disk, lambda line: None):
                held.append(1)
                everybody_tried.wait()
        except DatasetLocked:
            refused.append(1)
            everybody_tried.wait()

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    everybody_tried.wait(timeout=20)
    for thread in threads:
        thread.join()
    assert (len(held), len(refused)) == (1, 7)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_leaves_the_lock_to_its_parent(disk: LocalStorage) -> None:
    code = (
        "import os, sys\n"
        "from pipeline.dataset.local import LocalStorage\n"
        "from pipeline.dataset.lock import dataset_lock\n"
        "storage = LocalStorage(sys.argv[1])\n"
        "try:\n"
        "    with dataset_lock(storage, print):\n"
        "        child = os.fork()\n"
        "        if child == 0: raise SystemExit\n"
        "        os.waitpid(child, 0)\n"
        "        print(storage.size('_lock') is not None)\n"
        "finally: sys.stdout.flush()\n"
    )
    assert subprocess.run([sys.executable, "-c", code, disk.root], capture_output=True, text=True).stdout == "True\n"


def test_object_stores_have_no_lock() -> None:
    with dataset_lock(open_storage("gs://bucket/x"), silent):
        pass
