"""Kills runs at named points and at random moments, and says what must be true afterwards.

Production code has no hook for it: in a fork (`tests.warm`) `watch` patches `LocalStorage`, through which every byte
of a dataset goes. Each operation is an event with a name, in a log that all processes of a run share; at the event
that is asked for, SIGKILL ends the process, the whole run, or its launcher alone. Half-written files are really
half-written: the kill comes between two calls of the operating system.

    python -m tests.kills --kills 200 --seed 1           # a campaign (`make kills`) and its figures
"""

import argparse
import builtins
import ctypes
import functools
import hashlib
import io
import json
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from pipeline.dataset import local, tiers
from pipeline.dataset.local import LocalStorage
from tests.datasets import digests
from tests.warm import Ended, Prepare, Warm

WORKERS = "--direct_num_workers=2"

Victim = Literal["run", "launcher", "process"]
"""Who is killed: every process of the run, the one that began it, or the one in which the event happens."""

# Events


@dataclass(frozen=True, slots=True, order=True)
class Point:
    """A moment of an operation on a kind of file: before it, half-way, complete but without its name, after it."""

    operation: str
    kind: str
    moment: str

    def __str__(self) -> str:
        return f"{self.operation} {self.kind} {self.moment}"


@dataclass(frozen=True, slots=True)
class Kill:
    """When a run is killed: at the first event `point` of batch number `batch`, at event number `count`, or by time."""

    point: Point | None = None
    batch: int | None = None
    count: int | None = None
    seconds: float | None = None
    victim: Victim = "run"

    def __str__(self) -> str:
        who = "" if self.victim == "run" else f" ({self.victim})"
        if self.point is not None:
            return f"{self.point}, batch {self.batch}{who}"
        return (f"event {self.count}" if self.count is not None else f"after {self.seconds:.3f} s") + who


_WRITTEN = ("before", "half", "unnamed", "after")
_KINDS = {
    r"_lock": "lock",
    r"_staging/.+/dead-[^/]+": "staged dead letters",
    r"_staging/.+/[^/]+\.marks": "marks",
    r"_staging/.+/[^/]+\.entities": "entities",
    r"_staging/.+/[^/.]+": "block",
    r"_index/.+": "segment",
    r"_commits/.+": "manifest",
    r"(articles|duplicates|revisions|links|dead_letters|runs)/.+": r"\1",
    r"_staging(/[^/]+)?": "staging",
}

POINTS = tuple(
    Point(operation, kind, moment)
    for operation, kinds, moments in (
        ("create", ("lock",), _WRITTEN),
        ("clear", ("staging",), ("before", "after")),
        ("write", ("block", "staged dead letters", "marks", "segment", "links"), _WRITTEN),
        ("write", ("articles", "duplicates", "revisions", "dead_letters"), _WRITTEN),
        ("create", ("manifest",), _WRITTEN),
        ("write", ("runs",), _WRITTEN),
        ("delete", ("staging",), ("before", "half", "after")),
        ("delete", ("lock",), ("before", "after")),
    )
    for kind in kinds
    for moment in moments
)
"""Every point of a run over the corpus, in its order; a test holds it equal to what an undisturbed run goes through."""

MERGING = [
    Kill(Point("create", "manifest", "after"), batch=2),
    Kill(Point("delete", "segment", "before"), batch=3),
]
"""Where index segments have been merged into one and are not deleted yet."""


def kind_of(name: str) -> str:
    """What a file of a dataset is to a run."""
    for pattern, kind in _KINDS.items():
        found = re.fullmatch(pattern, name)
        if found:
            return found.expand(kind)
    raise AssertionError(f"a file of no known kind: {name}")


_RECORD_BYTES = 96


class _Watch:
    """Writes each event into the log, and kills at the one that is asked for."""

    def __init__(self, root: str, log: str, kill: Mapping[str, Any] | None) -> None:
        self._root = root
        self._log = log
        self._kill = kill
        self._lock = threading.Lock()
        self._opened: tuple[int, int] | None = None
        self._has_committed = False
        self.writing = threading.local()

    def event(self, operation: str, name: str, moment: str) -> None:
        """Something happens to a file."""
        kind = kind_of(name)
        if (operation, kind, moment) == ("create", "manifest", "after"):
            self._has_committed = True
        if operation == "delete" and kind == "staging" and not self._has_committed:
            operation = "clear"
        committed = len(list(Path(self._root, "_commits").glob("*.json")))
        is_after = operation == "delete" or kind == "runs" or (kind, moment) == ("manifest", "after")
        batch = committed if is_after else committed + 1
        number = self._write(f"{operation}/{kind}/{moment}/{batch}")
        kill = self._kill
        if kill is None:
            return
        if kill["count"] == number or (kill["point"] == [operation, kind, moment] and kill["batch"] == batch):
            self._end(kill["victim"])

    def _write(self, text: str) -> int:
        """Appends a record; answers its number, from 1, over all processes."""
        with self._lock:
            if self._opened is None or self._opened[0] != os.getpid():  # a fork shares the offset of its parent
                self._opened = os.getpid(), os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            descriptor = self._opened[1]
            os.write(descriptor, f"{text}/{os.getpid()}".ljust(_RECORD_BYTES - 1).encode() + b"\n")
            return os.lseek(descriptor, 0, os.SEEK_CUR) // _RECORD_BYTES

    def _end(self, victim: Victim) -> None:
        launcher = os.getsid(0)
        if victim == "run":
            os.killpg(launcher, signal.SIGKILL)
        os.kill(launcher if victim == "launcher" else os.getpid(), signal.SIGKILL)
        time.sleep(60)  # the signal is on its way


def watch(root: str, log: str, neighbours: int, kill: Mapping[str, Any] | None = None) -> None:
    """Patches the storage of this process and its forks; so many index segments become one."""
    it = _Watch(root, log, kill)
    storage: Any = LocalStorage
    rules: Any = tiers
    rules.NEIGHBOURS = neighbours

    def around(operation: str, method: Callable[..., Any], inner: bool) -> Callable[..., Any]:
        @functools.wraps(method)
        def watched(self: LocalStorage, name: str, *rest: Any, **named: Any) -> Any:
            it.event(operation, name, "before")
            it.writing.event = functools.partial(it.event, operation, name) if inner else None
            result = method(self, name, *rest, **named)
            it.writing.event = None
            it.event(operation, name, "after")
            return result

        return watched

    for operation, method, inner in (
        ("write", "write", True),
        ("create", "create", True),
        ("delete", "delete", False),
        ("delete", "delete_folder", True),
    ):
        setattr(storage, method, around(operation, getattr(storage, method), inner))
    module: Any = local
    module.open = functools.partial(_open, it)
    module.os = _Os(it)
    module.shutil = _Shutil(it)


class _HalfWay(io.FileIO):
    """A file whose first write takes half of the bytes, as the operating system may."""

    def __init__(self, descriptor: int, half: Callable[[], None]) -> None:
        super().__init__(descriptor, "wb")
        self._half: Callable[[], None] | None = half

    def write(self, data: Any, /) -> int:
        if self._half is None:
            return super().write(data)
        half, self._half = self._half, None
        written = super().write(memoryview(data)[: len(data) // 2])
        half()
        return written


def _open(watch: _Watch, file: Any, mode: str = "r", **named: Any) -> Any:
    event = getattr(watch.writing, "event", None)
    if mode == "wb" and event is not None:
        return _HalfWay(file, lambda: event("half"))
    return builtins.open(file, mode, **named)


class _Os:
    """The module `os` for `LocalStorage`: a file that gets its name is an event."""

    def __init__(self, watch: _Watch) -> None:
        self._watch = watch

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def replace(self, source: str, target: str) -> None:
        self._unnamed()
        os.replace(source, target)

    def link(self, source: str, target: str) -> None:
        self._unnamed()
        os.link(source, target)

    def _unnamed(self) -> None:
        event = getattr(self._watch.writing, "event", None)
        if event is not None:
            event("unnamed")


class _Shutil:
    """The module `shutil` for `LocalStorage`: half of the files of a tree are gone before the rest is."""

    def __init__(self, watch: _Watch) -> None:
        self._watch = watch

    def __getattr__(self, name: str) -> Any:
        return getattr(shutil, name)

    def rmtree(self, path: str) -> None:
        files = sorted(it for it in Path(path).rglob("*") if it.is_file())
        event = getattr(self._watch.writing, "event", None)
        if event is not None and len(files) > 1:
            for file in files[::2]:
                file.unlink()
            event("half")
        shutil.rmtree(path)


def damage(kind: str, how: str) -> None:
    """The first file of this kind that is written is damaged at once: one bit is turned, or its end is lost."""
    storage: Any = LocalStorage
    write = storage.write
    left = [True]

    def damaging(self: LocalStorage, name: str, *rest: Any, **named: Any) -> None:
        write(self, name, *rest, **named)
        if kind_of(name) == kind and left:
            left.pop()
            path = Path(self.where(name))
            data = bytearray(path.read_bytes())
            data[len(data) // 2] ^= 1
            path.write_bytes(data if how == "bit" else data[: len(data) // 2])

    storage.write = damaging


def lose_permission(root: str) -> None:
    """After the first commit the folders of articles cannot be written into, not even by root."""
    _give_up_powers()
    storage: Any = LocalStorage
    create = storage.create

    def creating(self: LocalStorage, name: str, data: bytes) -> None:
        create(self, name, data)
        if kind_of(name) == "manifest":
            for folder in (Path(root, "articles"), *Path(root, "articles").iterdir()):
                folder.chmod(0o555)

    storage.create = creating


def _give_up_powers() -> None:
    """Root may write everywhere; without these two powers (Linux) it may do what its files let it."""
    if os.geteuid():
        return
    version, powers = 0x20080522, 1 << 1 | 1 << 2  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    header = (ctypes.c_uint32 * 2)(version, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable, twice
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.capget(header, sets) or not sets[0]:
        raise OSError(ctypes.get_errno(), "capget")
    sets[0] &= ~powers
    sets[1] &= ~powers
    if libc.capset(header, sets):
        raise OSError(ctypes.get_errno(), "capset")


def events(log: Path) -> list[tuple[Point, int, int]]:
    """What has happened: point, batch and process of each event."""
    if not log.exists():
        return []
    found = []
    for line in log.read_text(encoding="utf-8").splitlines():
        operation, kind, moment, batch, process = line.strip().split("/")
        found.append((Point(operation, kind, moment), int(batch), int(process)))
    return found


# The corpus


def write_corpus(folder: Path, batches: int = 3) -> None:
    """Writes two files a batch, a feed and JSON lines; each batch has every kind of row and of failure."""
    folder.mkdir(parents=True)
    for number in range(1, batches + 1):
        (folder / f"{number:02}-feed.xml").write_text(_feed(number), encoding="utf-8")
        (folder / f"{number:02}-wire.jsonl").write_text(_wire(number), encoding="utf-8")


BATCH_MEBIBYTES = 0.03
"""A feed alone has not reached this size, with its JSON lines it has."""


def _words(name: str, count: int = 120) -> list[str]:
    """Words like no others, the same for the same name."""
    return [hashlib.sha256(f"{name} {number}".encode()).hexdigest()[:6] for number in range(count)]


def _edited(words: Sequence[str], how: str) -> list[str]:
    """The same text with three words changed: near, not equal."""
    return [f"{how}{word[:3]}" if number % 50 == 7 else word for number, word in enumerate(words)]


def _feed(batch: int) -> str:
    items = [_item(batch, number, _words(f"feed {batch} {number}")) for number in range(14)]
    if batch > 1:
        known = _words(f"feed {batch - 1} 3")
        items += [
            _item(batch - 1, 3, _edited(known, "r")),  # a revision
            _item(batch - 1, 4, _words(f"feed {batch - 1} 4")),  # seen before
            _item(batch - 1, 5, _words(f"feed {batch - 1} 5"), link="moved"),
        ]
    items += [
        _item(batch, 2, _edited(_words(f"feed {batch} 2"), "b")),  # a revision in the same batch
        _item(batch, 8, _words(f"feed {batch} 8"), link="moved"),  # another link: an alias
    ]
    items.append(f"<item><guid>none-{batch}</guid></item>")  # nothing can be read of it
    return (
        '<?xml version="1.0"?><rss version="2.0"><channel><title>Wire</title><link>https://feed.example/</link>'
        + "".join(items)
        + "</channel></rss>\n"
    )


def _item(batch: int, number: int, words: Sequence[str], link: str = "story") -> str:
    return (
        f"<item><link>https://feed.example/{link}/{batch}-{number}</link><guid>{batch}-{number}</guid>"
        f"<title>Headline {batch} {number} of the feed today</title>"
        f"<pubDate>{'Mon, 06' if number % 2 else 'Tue, 07'} May 2024 10:{batch:02}:{number:02} GMT</pubDate>"
        f"<description>{' '.join(words)}</description></item>\n"
    )


def _wire(batch: int) -> str:
    stories = [(f"wire {batch} {number}", _words(f"wire {batch} {number}")) for number in range(14)]
    stories += [
        (f"copy of the feed {batch}", _words(f"feed {batch} 1")),  # exact, within the batch
        (f"near copy {batch}", _edited(_words(f"wire {batch} 1"), "n")),
        (f"copy of the past {batch}", _words(f"feed {max(batch - 1, 1)} 6")),
        (f"near copy of the past {batch}", _edited(_words(f"wire {max(batch - 1, 1)} 7"), "p")),
    ]
    lines = [
        json.dumps(
            {
                "url": f"https://wire.example/{name.replace(' ', '-')}",
                "title": name,
                "published": f"2024-05-0{6 + number % 3}T09:{batch:02}:00Z",
                "text": " ".join(words),
            }
        )
        for number, (name, words) in enumerate(stories)
    ]
    return "\n".join([*lines[:5], '{"title": "cut off', *lines[5:], "[]"]) + "\n"


# Runs


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """A corpus, the settings of a run over it, and the dataset and the events of one that nothing disturbed."""

    corpus: Path
    dataset: Path
    log: Path
    settings: tuple[str, ...]
    neighbours: int
    seconds: float = 0.0

    def words(self, output: Path) -> list[str]:
        """The command line."""
        return ["run", str(self.corpus), "--output", str(output), *self.settings]

    def with_workers(self) -> "Undisturbed":
        """The same for runs in worker processes, which must give the same bytes."""
        return replace(self, settings=(*self.settings, WORKERS))

    @classmethod
    def make(
        cls, warm: Warm, folder: Path, batches: int = 3, entities: bool = False, neighbours: int = tiers.NEIGHBOURS
    ) -> "Undisturbed":
        """Writes the corpus and runs over it."""
        settings = ("--set", f"enrich.enabled={entities}".lower(), "--set", f"batch.max_mebibytes={BATCH_MEBIBYTES}")
        made = cls(folder / "corpus", folder / "undisturbed", folder / "undisturbed.log", settings, neighbours)
        write_corpus(made.corpus, batches)
        ended = made.run(warm, made.dataset, made.log)
        assert ended.code == 0, ended.said
        return replace(made, seconds=ended.seconds)

    def run(self, warm: Warm, output: Path, log: Path, kill: Kill | None = None) -> Ended:
        """One run, killed or not."""
        log.unlink(missing_ok=True)
        asked = None
        if kill is not None:
            point = kill.point and (kill.point.operation, kill.point.kind, kill.point.moment)
            asked = asdict(kill) | {"point": point}
        arguments = {"root": str(output), "log": str(log), "neighbours": self.neighbours, "kill": asked}
        return warm.run(
            *self.words(output),
            prepare=Prepare("tests.kills:watch", arguments),
            kill_after=None if kill is None else kill.seconds,
            expect=None,
        )


def survive(warm: Warm, undisturbed: Undisturbed, output: Path, kills: Sequence[Kill]) -> list[bool]:
    """Runs the command, killed at each of these moments in turn, then undisturbed; answers which kills hit.

    Asserts that what was committed stays as it is, and that in the end all is as if nothing had happened.
    """
    log = output.with_suffix(".log")
    expected = digests(undisturbed.dataset)
    committed: dict[str, tuple[int, int, bytes]] = {}
    hits = []
    for kill in (*kills, None):
        ended = undisturbed.run(warm, output, log, kill)
        when = f"{kill or 'the last run'}: exit code {ended.code}"
        if kill is not None:
            is_hit = ended.code == -signal.SIGKILL
            if kill.victim == "process" and ended.code == 1:  # it was a worker
                is_hit = "a worker process was killed" in ended.said
                assert is_hit, f"{when}\n{ended.said}"
            hits.append(is_hit)
            assert is_hit or ended.code == 0, f"{when}\n{ended.said}"
        else:
            assert ended.code == 0, f"{when}\n{ended.said}"
        assert ended.left == (), f"{when}: processes are left over: {ended.left}"
        committed = _checked(committed, output, expected, when)
    found = digests(output)
    assert found == expected, f"other files or bytes: {sorted(set(found.items()) ^ set(expected.items()))}"
    assert not (output / "_staging").exists()
    return hits


def manifests(output: Path) -> dict[str, tuple[int, int, bytes]]:
    """Each manifest: which file it is, when it was written, and what is in it."""
    return {
        path.name: (path.stat().st_ino, path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted((output / "_commits").glob("*.json"))
    }


def _checked(
    before: Mapping[str, tuple[int, int, bytes]], output: Path, expected: Mapping[str, str], when: str
) -> dict[str, tuple[int, int, bytes]]:
    """The manifests now. Those of before are the very same files, and all are those of the undisturbed run."""
    now = manifests(output)
    removed: set[str] = set()
    for name, (_, _, data) in now.items():
        assert before.get(name, now[name]) == now[name], f"{when}: {name} was written again"
        assert expected[f"_commits/{name}"] == hashlib.sha256(data).hexdigest(), f"{when}: another manifest {name}"
        removed.update(json.loads(data)["manifest"]["removed"])
    assert before.keys() <= now.keys(), f"{when}: a manifest is gone"
    for name, (_, _, data) in now.items():
        for file in json.loads(data)["manifest"]["added"]:
            path = output / file["path"]
            is_sound = path.exists() and f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}" == file["checksum"]
            assert is_sound or file["path"] in removed, f"{when}: {file['path']} of {name} is not there, or damaged"
    return now


# Plans of kills


def named_chains(points: Sequence[Point], batches: int = 3) -> list[list[Kill]]:
    """Kills at every one of these points, each chain with two in every batch of one dataset.

    What happens once a run comes first, at the start of the chain, or last, at its end.
    """
    first = [point for point in points if point.operation == "clear" or str(point).startswith("create lock")]
    last = [point for point in points if str(point).startswith("delete lock")]
    rest = [point for point in points if point not in first and point not in last]
    count = -(-len(points) // (2 * batches))
    chains: list[list[Kill]] = []
    for number in range(count):
        chosen = [*first[number::count], *rest[number::count], *last[number::count]]
        chains.append([Kill(point, batch=min(1 + place // 2, batches)) for place, point in enumerate(chosen)])
    return chains


def half_of(points: Sequence[Point]) -> list[Point]:
    """Every kind of file, at every other of its moments: now these, now those."""
    kinds: dict[tuple[str, str], list[Point]] = defaultdict(list)
    for point in points:
        kinds[point.operation, point.kind].append(point)
    return [point for number, of_kind in enumerate(kinds.values()) for point in of_kind[number % 2 :: 2]]


def random_chain(chance: random.Random, undisturbed: Undisturbed, victims: Sequence[Victim] = ("run",)) -> list[Kill]:
    """One to three kills in a row, by count of events or by time."""
    most = len(events(undisturbed.log))
    kills = []
    for _ in range(chance.randint(1, 3)):
        victim = chance.choice(victims)
        if victim == "run" and chance.random() < 0.5:
            kills.append(Kill(seconds=chance.uniform(0, undisturbed.seconds)))
        else:
            kills.append(Kill(count=chance.randint(1, most), victim=victim))
    return kills


# The campaign


@dataclass(slots=True)
class Campaign:
    """Kills until there were enough, one chain of them after the other."""

    seed: int
    hits: Counter[str] = field(default_factory=Counter)
    missed: int = 0
    chains: int = 0

    def run(self, wanted: int, say: Callable[[str], object]) -> None:
        """Raises AssertionError at the first chain after which something is not as it must be."""
        chance = random.Random(self.seed)
        with tempfile.TemporaryDirectory(prefix="beamwire-kills-") as folder, Warm() as warm:
            kinds = {
                "one process": Undisturbed.make(warm, Path(folder, "plain")),
                "with entities": Undisturbed.make(warm, Path(folder, "entities"), batches=2, entities=True),
                "merging segments": Undisturbed.make(warm, Path(folder, "merging"), batches=4, neighbours=2),
            }
            kinds["worker processes"] = kinds["one process"].with_workers()
            points = {name: list(dict.fromkeys(it for it, _, _ in events(of.log))) for name, of in kinds.items()}
            plans = [
                (name, chain) for name in ("one process", "worker processes") for chain in named_chains(points[name])
            ]
            plans.append(("merging segments", MERGING))
            while self.hits.total() < wanted:
                name, chain = plans.pop(0) if plans else self._plan(chance, kinds)
                output = Path(folder, f"dataset-{self.chains}")
                say(f"{self.hits.total():>4}  {name}: {'; '.join(map(str, chain))}")
                hits = survive(warm, kinds[name], output, chain)
                for kill, is_hit in zip(chain, hits, strict=True):
                    if is_hit:
                        self.hits[f"{name}: {self._kind(kill)}"] += 1
                self.missed += hits.count(False)
                self.chains += 1
                shutil.rmtree(output)

    def _plan(self, chance: random.Random, kinds: Mapping[str, Undisturbed]) -> tuple[str, list[Kill]]:
        name = chance.choice([*kinds, "worker processes"])
        victims: tuple[Victim, ...] = ("run", "launcher", "process") if name == "worker processes" else ("run",)
        return name, random_chain(chance, kinds[name], victims)

    @staticmethod
    def _kind(kill: Kill) -> str:
        if kill.point is not None:
            return "named point"
        when = "random event" if kill.count is not None else "random time"
        return when if kill.victim == "run" else f"{when}, {kill.victim} alone"


def main() -> None:
    """Runs a campaign and prints its figures."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    asked = parser.parse_args()
    campaign = Campaign(asked.seed)
    started = time.monotonic()
    sys.stdout.write(f"seed {asked.seed}\n")
    campaign.run(asked.kills, lambda line: sys.stdout.write(f"{line}\n") and sys.stdout.flush())
    sys.stdout.write(
        f"{campaign.hits.total()} kills in {campaign.chains} datasets, {time.monotonic() - started:.0f} s, "
        f"seed {asked.seed}; {campaign.missed} came too late. Every dataset ended as if nothing had happened.\n"
    )
    for kind, count in sorted(campaign.hits.items()):
        sys.stdout.write(f"{count:>5}  {kind}\n")


if __name__ == "__main__":
    main()
