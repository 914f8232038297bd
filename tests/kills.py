"""Kills runs at named points and at random moments, and says what must be true afterwards.

How a run is killed at an event is in `tests.faults`.

    python -m tests.kills --kills 200 --seed 1           # a campaign (`make kills`) and its figures
"""

import argparse
import hashlib
import json
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from tests.datasets import digests
from tests.faults import WRITTEN, Kill, Point, Victim, events
from tests.warm import Ended, Prepare, Warm

WORKERS = "--direct_num_workers=2"

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
    seconds: float = 0.0

    def words(self, output: Path) -> list[str]:
        """The command line."""
        return ["run", str(self.corpus), "--output", str(output), *self.settings]

    def with_words(self, *further: str) -> "Undisturbed":
        """The same for runs with further words, which must give the same bytes."""
        return replace(self, settings=(*self.settings, *further))

    @classmethod
    def make(cls, warm: Warm, folder: Path, batches: int = 3, entities: bool = False) -> "Undisturbed":
        """Writes the corpus and runs over it."""
        settings = ("--set", f"enrich.enabled={entities}".lower(), "--set", f"batch.max_mebibytes={BATCH_MEBIBYTES}")
        made = cls(folder / "corpus", folder / "undisturbed", folder / "undisturbed.log", settings)
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
        arguments = {"root": str(output), "log": str(log), "kill": asked}
        return warm.run(
            *self.words(output),
            prepare=Prepare("tests.faults:watch", arguments),
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


TAKEOVER = [
    Kill(Point("create", "lock", "after"), batch=1),
    *(Kill(Point("write", "lock", moment), batch=1) for moment in WRITTEN),
]
"""Where the lock of a killed run is taken over."""

ALONE = [
    Kill(Point("write", "block", "half"), batch=1, victim="process"),
    Kill(Point("write", "marks", "after"), batch=1, victim="launcher"),
    Kill(Point("write", "articles", "unnamed"), batch=2, victim="process"),
    Kill(Point("write", "revisions", "before"), batch=3, victim="launcher"),
]
"""Where one process of several is killed: a worker, or the launcher while workers are busy or idle."""


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
            }
            kinds["worker processes"] = kinds["one process"].with_words(WORKERS)
            points = {name: list(dict.fromkeys(it for it, _, _ in events(of.log))) for name, of in kinds.items()}
            plans = [
                (name, chain) for name in ("one process", "worker processes") for chain in named_chains(points[name])
            ]
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
