"""A million articles: what a run over them costs, and then a small batch on top of them. As Markdown.

    make bench BENCH=scale [ARGS="--steps grow batch"]
    python -m tests.benchmarks.scale [--articles 100000 1000000] [--steps grow small compact batch] [--again]

Steps, in this order; each leaves its figures in the build directory, and what is not asked for is shown as it was
measured last, with its commit:

- grow      runs beamwire over a corpus of each size. Takes ten minutes a million; the corpus, made once, half an hour.
            A dataset that is there is kept, unless `--again` is said. All further steps start from the largest one, and
            work on copies of it, whose files are hard links: beamwire replaces files and never changes one.
- small     commits `--small-batches` batches of a few articles each on top, in one run
- compact   `beamwire compact`
- batch     adds `--added` articles, a fifth of them copies of articles of the corpus, to each dataset that there is
            (as grown, after the small batches, compacted), each time to a new copy. Of `--repeats` runs the median
            counts. One more run in a process of its own, `lookups`, says what part the index has.

Wall, CPU and memory are those of the process tree, start included. Inputs, index and manifests are in the page cache:
they are read once beforehand.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipeline.dataset.commits import read_manifests, read_state
from pipeline.dataset.layout import COMMITS, INDEX, RUNS
from pipeline.dataset.stores import open_storage
from tests.benchmarks.additions import write_additions
from tests.benchmarks.bench import (
    BEAMWIRE,
    BUILD,
    ROOT,
    at_most,
    commit,
    corpus_folder,
    heading,
    markdown,
    read_once,
    say,
    words_of,
)
from tests.benchmarks.lookups import read_lookups
from tests.benchmarks.measure import MEMORY_KIND, CommandFailed, Measured, measure, median

STEPS = ("grow", "small", "compact", "batch")
BASES = ("grown", "small", "compacted")
SMALL_ENTRIES = 4
SEED = 1

_ADDED_AFTER = 10_000  # articles of the batch are numbered from here, those of the small batches from 0
_ONE_UNIT_A_BATCH = " --set batch.max_mebibytes=0.000001"


@dataclass(frozen=True)
class Facts:
    """What is committed in a dataset."""

    rows: int
    sequence: int
    segments: int
    index_bytes: int
    files: int
    bytes: int


def facts_of(dataset: Path) -> Facts:
    """Reads them off the manifests."""
    state = read_state(open_storage(str(dataset)))
    segments = state.segments()
    files = [file for table in state.files.values() for file in table]
    return Facts(
        state.rows,
        state.sequence,
        len(segments),
        sum(file.bytes for file in segments),
        len(files),
        sum(file.bytes for file in files),
    )


def link_copy(source: Path, target: Path) -> None:
    """A copy whose files are hard links to those of the source; what was at the target is gone."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, copy_function=os.link)


class Figures:
    """What was measured, by name: kept in a file, so that each step can be done alone."""

    def __init__(self, path: Path) -> None:
        """Reads what is there."""
        self._path = path
        self._all: dict[str, dict[str, Any]] = json.loads(path.read_text()) if path.exists() else {}

    def get(self, name: str) -> dict[str, Any] | None:
        """The figures of this name, None where nothing was measured."""
        return self._all.get(name)

    def put(self, name: str, **figures: Any) -> None:
        """Keeps figures, with the commit they were made with, in place of what had the name."""
        self._all[name] = figures | {"commit": commit()}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        part = self._path.with_suffix(".part")
        part.write_text(json.dumps(self._all, indent=1) + "\n")
        part.replace(self._path)

    def forget(self, names: Sequence[str]) -> None:
        """Forgets what was measured on something that is gone."""
        self._all = {name: figures for name, figures in self._all.items() if name not in names}


@dataclass(frozen=True)
class Scale:
    """One size: its corpus, its datasets, and how they are made."""

    articles: int
    home: Path
    corpus: Path
    beamwire: str
    figures: Figures

    def name(self, step: str) -> str:
        """The name of the figures of a step."""
        return f"{self.corpus.name} {step}"

    def measured(self, step: str) -> dict[str, Any] | None:
        """The figures of a step, if it was done."""
        return self.figures.get(self.name(step))

    def grow(self, again: bool) -> None:
        """The dataset of the whole corpus."""
        dataset = self.home / "grown"
        if self.measured("grown") is not None and dataset.is_dir() and not again:
            say(f"{dataset}: kept")
            return
        shutil.rmtree(self.home, ignore_errors=True)
        self.figures.forget([self.name(step) for step in (*BASES, *(f"batch on {base}" for base in BASES))])
        inputs = self.corpus / "feeds"
        read_once(inputs)
        cost = self._run(inputs, dataset, "grow")
        records = json.loads((self.corpus / "corpus.json").read_text())["records"]
        self.figures.put(self.name("grown"), **asdict(cost), **asdict(facts_of(dataset)), articles=records)

    def commit_small(self, batches: int) -> None:
        """So many batches of a few articles, one after the other."""
        inputs = self._additions(batches * SMALL_ENTRIES, SMALL_ENTRIES, 0, "small")[0]
        dataset = self.home / "small"
        link_copy(self.home / "grown", dataset)
        _warm(dataset, inputs)
        cost = self._run(inputs, dataset, "small", _ONE_UNIT_A_BATCH)
        seconds = seconds_of_batches(dataset)
        self.figures.put(
            self.name("small"),
            **asdict(cost),
            **asdict(facts_of(dataset)),
            batches=len(seconds),
            first=statistics.median(seconds[:10]),
            last=statistics.median(seconds[-10:]),
        )

    def compact(self) -> None:
        """The dataset, compacted."""
        dataset = self.home / "compacted"
        link_copy(self.home / "grown", dataset)
        words = words_of("{beamwire} compact {output}", output=dataset)
        cost = measure(words, self.home / "compact.log", ROOT)
        self.figures.put(self.name("compacted"), **asdict(cost), **asdict(facts_of(dataset)))

    def add_batch(self, articles: int, repeats: int) -> None:
        """A batch on top of every dataset that there is."""
        inputs, copies = self._additions(articles, 30, _ADDED_AFTER, "added")
        for base in BASES:
            if self.measured(base) is None or not (self.home / base).is_dir():
                continue
            before = facts_of(self.home / base)
            copy, log = self.home / "copy", self.home / "lookups.jsonl"
            runs = []
            for _ in range(repeats):
                link_copy(self.home / base, copy)
                _warm(copy, inputs)
                runs.append(self._run(inputs, copy, f"batch-{base}"))
            counts = next(read_manifests(open_storage(str(copy)), after=before.sequence)).counts
            link_copy(self.home / base, copy)
            watched = self.beamwire.replace("{beamwire}", f"{{python}} -m tests.benchmarks.lookups {log}")
            measure(words_of(watched, corpus=inputs, output=copy), self.home / "lookups.log", ROOT)
            shutil.rmtree(copy)
            took: dict[str, float] = defaultdict(float)
            for one in read_lookups(log):
                took[one.name] += one.seconds
            self.figures.put(
                self.name(f"batch on {base}"),
                **asdict(median(runs)),
                **asdict(before),
                articles=articles,
                copies=copies,
                found=sum(count for name, count in counts.items() if name.startswith("duplicates")),
                lookups=took,
            )

    def _run(self, inputs: Path, dataset: Path, step: str, more: str = "") -> Measured:
        command = words_of(self.beamwire + more, corpus=inputs, output=dataset)
        cost = measure(command, self.home.with_name(f"{self.home.name}-{step}.log"), ROOT)
        say(f"{self.corpus.name} {step}: {cost.wall_seconds:.1f} s")
        return cost

    def _additions(self, articles: int, entries_a_file: int, first: int, name: str) -> tuple[Path, int]:
        folder = self.home / f"{name}-{articles}"
        shutil.rmtree(folder, ignore_errors=True)
        copies = write_additions(folder, self.articles, SEED, articles, entries_a_file, first, name)
        return folder, copies


def _warm(dataset: Path, inputs: Path) -> None:
    read_once(dataset / INDEX, dataset / COMMITS, inputs)


def seconds_of_batches(dataset: Path) -> list[float]:
    """How long each batch of the last run took."""
    last = max((dataset / RUNS).glob("*.parquet"))
    return [batch["seconds"] for batch in pq.read_table(last).to_pylist()[0]["batches"]]


# Showing.


def tables(sizes: Sequence[Scale]) -> Iterator[str]:
    """All that was measured, as Markdown."""
    grown = [(one, figures) for one in sizes if (figures := one.measured("grown")) is not None]
    if grown:
        yield from markdown(
            ["a run over", *(f"{one.articles:,}" for one, _ in grown), "ratio", "goal"], list(_growth(grown))
        )
        yield ""
    largest = sizes[-1]
    small = largest.measured("small")
    if small is not None:
        yield (
            f"{small['batches']:,} batches of {SMALL_ENTRIES} articles on top of {largest.articles:,}: "
            f"{small['wall_seconds']:,.0f} s; the first ten took {small['first']:.2f} s each, the last ten "
            f"{small['last']:.2f} s (medians); {small['segments']:,} live segments; peak "
            f"{small['peak_bytes'] / 1e6:,.0f} MB; commit {small['commit']}"
        )
        yield ""
    batches = [(base, figures) for base in BASES if (figures := largest.measured(f"batch on {base}")) is not None]
    if batches:
        added = batches[0][1]["articles"]
        heads = [
            {"small": f"after {small['batches']:,} batches" if small else "small"}.get(it, it) for it, _ in batches
        ]
        rows = list(_batch([figures for _, figures in batches]))
        yield from markdown([f"{added:,} more on {largest.articles:,}", *heads, "goal"], rows)


Row = tuple[str, str, Callable[[Mapping[str, Any]], float]]
"""What is shown, how a number is written, and where it comes from."""

_COSTS: tuple[Row, ...] = (
    ("wall, seconds", ",.1f", lambda one: one["wall_seconds"]),
    ("CPU of the tree, seconds", ",.1f", lambda one: one["cpu_seconds"]),
    (f"peak {MEMORY_KIND} of the tree, MB", ",.0f", lambda one: one["peak_bytes"] / 1e6),
)
_GROWTH: tuple[Row, ...] = (
    *_COSTS,
    ("wall an article, µs", ",.0f", lambda one: one["wall_seconds"] / one["articles"] * 1e6),
    ("CPU an article, µs", ",.0f", lambda one: one["cpu_seconds"] / one["articles"] * 1e6),
    ("rows", ",.0f", lambda one: one["rows"]),
    ("dataset, MB", ",.0f", lambda one: one["bytes"] / 1e6),
    ("index, bytes a row", ",.0f", lambda one: one["index_bytes"] / one["rows"]),
    ("index segments", ",.0f", lambda one: one["segments"]),
)
_COMPACTED: tuple[Row, ...] = (
    ("compacting it, seconds", ",.1f", lambda one: one["wall_seconds"]),
    ("peak of that, MB", ",.0f", lambda one: one["peak_bytes"] / 1e6),
    ("index compacted, bytes a row", ",.0f", lambda one: one["index_bytes"] / one["rows"]),
    ("index segments compacted", ",.0f", lambda one: one["segments"]),
)
_BATCH: tuple[Row, ...] = (
    ("index segments before", ",.0f", lambda one: one["segments"]),
    ("index before, MB", ",.1f", lambda one: one["index_bytes"] / 1e6),
    *_COSTS,
    ("look-ups, seconds", ",.2f", lambda one: sum(one["lookups"].values())),
)

RATIO_GOALS = {"wall an article, µs": 1.2, "CPU an article, µs": 1.2}
LARGEST_GOALS = {f"peak {MEMORY_KIND} of the tree, MB": 3_000.0, "index compacted, bytes a row": 350.0}
BATCH_GOALS = {"wall, seconds": 4.0, f"peak {MEMORY_KIND} of the tree, MB": 600.0, "look-ups, seconds": 1.5}


def _growth(grown: Sequence[tuple[Scale, Mapping[str, Any]]]) -> Iterator[list[str]]:
    compacted = [one.measured("compacted") for one, _ in grown]
    for rows, columns in ((_GROWTH, [figures for _, figures in grown]), (_COMPACTED, compacted)):
        for label, form, read in rows if any(columns) else ():
            values = [None if figures is None else read(figures) for figures in columns]
            first, last = values[0], values[-1]
            ratio = last / first if len(values) > 1 and first and last is not None else None
            goal = ""
            if label in RATIO_GOALS and ratio is not None:
                goal = at_most(RATIO_GOALS[label], [ratio])
            elif label in LARGEST_GOALS and last is not None:
                goal = at_most(LARGEST_GOALS[label], [last])
            shown = ["–" if value is None else format(value, form) for value in values]
            yield [label, *shown, "" if ratio is None else f"{ratio:.2f}", goal]
    yield ["commit", *(figures["commit"] for _, figures in grown), "", ""]


def _batch(columns: Sequence[Mapping[str, Any]]) -> Iterator[list[str]]:
    for label, form, read in _BATCH:
        values = [read(figures) for figures in columns]
        goal = at_most(BATCH_GOALS[label], values) if label in BATCH_GOALS else ""
        yield [label, *(format(value, form) for value in values), goal]
    for name in dict.fromkeys(name for figures in columns for name in figures["lookups"]):
        yield [f"of these {name}", *(f"{figures['lookups'].get(name, 0):.2f}" for figures in columns), ""]
    yield ["copies found", *(f"{figures['found']:,} of {figures['copies']:,}" for figures in columns), ""]
    yield ["commit", *(figures["commit"] for figures in columns), ""]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.scale", description="A large dataset, and a small batch on top of it."
    )
    parser.add_argument("--articles", type=int, nargs="+", default=(100_000, 1_000_000), help="sizes to grow")
    parser.add_argument("--steps", choices=STEPS, nargs="*", default=STEPS, help="what to do; the rest is only shown")
    parser.add_argument("--again", action="store_true", help="grow also what is there")
    parser.add_argument("--small-batches", type=int, default=1_000, metavar="COUNT")
    parser.add_argument("--added", type=int, default=1_000, metavar="ARTICLES", help="of the batch that is added")
    parser.add_argument("--repeats", type=int, default=3, help="runs of that batch")
    parser.add_argument("--beamwire", default=BEAMWIRE, metavar="COMMAND", help="default: %(default)s")
    parser.add_argument("--build", type=Path, default=BUILD, metavar="DIR", help="default: build/bench")
    options = parser.parse_args(arguments)
    above = list(heading("scale", arguments))
    figures = Figures(options.build / "scale" / "figures.json")
    sizes = []
    for articles in sorted(options.articles):
        corpus = corpus_folder(options.build, articles, SEED, "feeds")
        sizes.append(Scale(articles, options.build / "scale" / corpus.name, corpus, options.beamwire, figures))
    try:
        for one in sizes if "grow" in options.steps else ():
            one.grow(options.again)
        if "small" in options.steps:
            sizes[-1].commit_small(options.small_batches)
        if "compact" in options.steps:
            sizes[-1].compact()
        if "batch" in options.steps:
            sizes[-1].add_batch(options.added, options.repeats)
    except CommandFailed as failure:
        say(str(failure))
        return 1
    sys.stdout.write("\n".join((*above, *tables(sizes))) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
