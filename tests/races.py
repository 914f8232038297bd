"""Runs that write into one dataset at the same time, without the lock, as on an object store.

In forks (`tests.warm`) the lock is patched away, and the runs wait for each other at two moments: before the first
staged block, and right before the first commit, which they then try at the same time.

    python -m tests.races --rounds 50
"""

import argparse
import contextlib
import json
import os
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from pipeline.dataset import lock
from pipeline.dataset.checksums import sha256
from pipeline.dataset.commits import read_state
from pipeline.dataset.gcs import GcsStorage
from pipeline.dataset.local import LocalStorage
from pipeline.dataset.storage import Storage
from pipeline.dataset.stores import open_storage
from tests.warm import Command, Ended, Prepare, Warm

_PATIENCE_SECONDS = 60.0


def meet(folder: str, writers: int) -> None:
    """Patches this process: no lock, and it waits for the others."""
    patched: Any = lock
    patched._held = lambda *_: contextlib.nullcontext()
    for storage in (LocalStorage, GcsStorage):
        _wait_in(storage, "write", "_staging/", lambda: _wait(folder, "staging", writers))
        _wait_in(storage, "create", "_commits/", lambda: _wait(folder, "commit", writers))


def hold(folder: str) -> None:
    """Patches this process: no lock, and with its first marks it waits until a run that can begin then has ended."""
    patched: Any = lock
    patched._held = lambda *_: contextlib.nullcontext()

    def wait() -> None:
        Path(folder, "waits").touch()
        _until(lambda: any(not psutil.pid_exists(int(it.suffix[1:])) for it in Path(folder).glob("follows.*")))

    for storage in (LocalStorage, GcsStorage):
        _wait_in(storage, "write", ".marks", wait)


def follow(folder: str) -> None:
    """Lets this process begin when the one that holds has come so far."""
    Path(folder, f"follows.{os.getpid()}").touch()
    _until(Path(folder, "waits").exists)


def _wait_in(storage: Any, method: str, part: str, wait: Callable[[], None]) -> None:
    """Before the first call of the method with a name that has this part."""
    original = getattr(storage, method)
    left = [wait]

    def waiting(self: Storage, name: str, *rest: Any, **named: Any) -> Any:
        if part in name and left:
            left.pop()()
        return original(self, name, *rest, **named)

    setattr(storage, method, waiting)


def _wait(folder: str, place: str, writers: int) -> None:
    Path(folder, f"{place}.{os.getpid()}").touch()
    _until(lambda: len(list(Path(folder).glob(f"{place}.*"))) >= writers)


def _until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not reached() and time.monotonic() < deadline:
        time.sleep(0.0005)


@dataclass(frozen=True, slots=True)
class Writer:
    """A run over an input of its own."""

    source: Path

    def words(self, output: str) -> list[str]:
        """The command line."""
        return ["run", str(self.source), "--output", output, "--set", "enrich.enabled=false", "--quiet"]


class Ordered:
    """What is committed when writers run one after the other, in any order that is asked for."""

    def __init__(self, warm: Warm, writers: Sequence[Writer], folder: Path) -> None:
        self._warm = warm
        self._writers = writers
        self._folder = folder
        self._made: dict[tuple[int, ...], dict[str, bytes]] = {}

    def __call__(self, *order: int) -> dict[str, bytes]:
        """The committed bytes."""
        if order not in self._made:
            output = str(self._folder / "-".join(map(str, order)))
            for number in order:
                self._warm.run(*self._writers[number].words(output))
            self._made[order] = committed_bytes(output)
        return self._made[order]


def write_inputs(folder: Path) -> list[Writer]:
    """Three inputs that share a story, and the runs over them."""
    made = []
    for name in "abc":
        lines = [
            json.dumps(
                {
                    "url": f"https://{name}.example/{story}",
                    "title": f"Story {story} of {name}",
                    "published": f"2024-05-0{1 + story % 2}T08:00:00Z",
                    "text": " ".join(f"{'all' if story == 0 else name}{story}{word}" for word in range(60)),
                }
            )
            for story in range(6)
        ]
        (folder / f"{name}.jsonl").write_text("\n".join([*lines, "no JSON"]), encoding="utf-8")
        made.append(Writer(folder / f"{name}.jsonl"))
    return made


def race(warm: Warm, writers: Sequence[Writer], output: str, folder: Path) -> list[Ended]:
    """Runs all writers at once, until each has ended."""
    folder.mkdir()
    prepare = Prepare("tests.races:meet", {"folder": str(folder), "writers": len(writers)})
    return warm.run_together([Command(writer.words(output), prepare) for writer in writers])


CONFLICT = re.compile(
    r"beamwire: (\S+000000000001\.json: )?batch ([0-9a-f]{16}) was committed by another run while batch ([0-9a-f]{16}) "
    r"was being made; nothing of the latter counts\. "
    r"Run the same command again: it goes on after what is committed\.\n"
)


def round_of_two(warm: Warm, writers: Sequence[Writer], output: str, folder: Path, ordered: Ordered) -> int:
    """Two commit at once; then the loser runs again. Asserts who wins, what is said and what is committed.

    Answers the number of the winner.
    """
    both = race(warm, writers[:2], output, folder)
    assert sorted(ended.code for ended in both) == [0, 1], [ended.said for ended in both]
    winner, loser = (next(i for i, ended in enumerate(both) if ended.code == code) for code in (0, 1))
    said = CONFLICT.match(both[loser].said)
    assert said, both[loser].said
    after = committed_bytes(output)
    manifest = json.loads(after["_commits/000000000001.json"])["manifest"]
    assert said[2] == manifest["batch"] != said[3]
    assert [unit["name"] for unit in manifest["units"]] == [writers[winner].source.name]
    assert after == ordered(winner)
    warm.run(*writers[loser].words(output))
    assert committed_bytes(output) == ordered(winner, loser)
    return winner


def committed_bytes(output: str) -> dict[str, bytes]:
    """Every manifest and every file that is committed; asserts that each is what its manifest says."""
    storage = open_storage(output)
    found = {file.name: storage.read(file.name) for file in storage.files("_commits")}
    for files in read_state(storage).files.values():
        for file in files:
            found[file.path] = storage.read(file.path)
            assert sha256(found[file.path]) == file.checksum, f"{file.path} has other bytes than were committed"
    return found


def main() -> None:
    """Runs many rounds and prints who won."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=50)
    rounds = parser.parse_args().rounds
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="beamwire-races-") as place, Warm() as warm:
        folder = Path(place)
        writers = write_inputs(folder)
        ordered = Ordered(warm, writers, folder)
        wins = Counter(
            round_of_two(warm, writers, str(folder / f"dataset-{number}"), folder / f"meeting-{number}", ordered)
            for number in range(rounds)
        )
    sys.stdout.write(
        f"{rounds} rounds of two runs that committed at once, {time.monotonic() - started:.0f} s: the first won "
        f"{wins[0]}, the second {wins[1]}. Each loser was named, and nothing was lost or doubled.\n"
    )


if __name__ == "__main__":
    main()
