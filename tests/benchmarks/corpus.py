"""Writes a corpus of articles whose duplicates are known.

    python -m tests.benchmarks.corpus --articles 10000 --seed 1 --format feeds --output DIR [--describe]

    DIR/feeds/2024-03-01/0731-<host>.<rss.xml|atom.xml|json>   saved feeds, about 30 entries each, or
    DIR/jsonl/2024-03-01.jsonl                                 one line an article, a file a day of arrival
    DIR/truth.parquet                                          one row an article, in order of arrival: TRUTH
    DIR/corpus.json                                            seed, size, counts; written last

Names sort in order of arrival. Equal seed and size give equal bytes. Nothing is held in memory but the plan (about 60
bytes an article) and the feed that is written.

Likeness in TRUTH is exact: Jaccard over the sets of 5 and of 6 neighbouring words (`\\w+` of the lower-cased text) of
the two records as they are written, with whatever their sites put around them.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.benchmarks.entries import Entry, Site, address, feed, record_line, site, with_footer
from tests.benchmarks.plan import COPY_KINDS, HARD_NEGATIVE, KINDS, NEAR, START, STORY, Plan, plan_corpus
from tests.benchmarks.score import JACCARD_EDGES, SURE_JACCARD
from tests.benchmarks.sentences import sentence_grid
from tests.benchmarks.stories import (
    Body,
    Story,
    StoryWriter,
    boilerplate,
    credit,
    cut,
    edit,
    flatten,
    jaccard,
    new_lede,
    retypeset,
    shingles,
    tokens,
    update,
)

TRUTH = pa.schema(
    [
        pa.field("record", pa.string(), metadata={"description": "<file>#<position>: names the record, url does not"}),
        pa.field("file", pa.string(), metadata={"description": "File under feeds/ or jsonl/"}),
        pa.field("position", pa.int32(), metadata={"description": "Entry or line in the file, from 0"}),
        pa.field("url", pa.string(), metadata={"description": "Link; shared by re-fetches and half of the updates"}),
        pa.field("kind", pa.string(), metadata={"description": "story, exact, near or hard_negative"}),
        pa.field("copy_kind", pa.string(), metadata={"description": "Kind of exact or near copy; null for others"}),
        pa.field("story", pa.int32(), metadata={"description": "Group: records with one number repeat each other"}),
        pa.field("original_record", pa.string(), metadata={"description": "The record that was copied; null: none"}),
        pa.field("original_url", pa.string(), metadata={"description": "Its link"}),
        pa.field("paired_record", pa.string(), metadata={"description": "Hard negatives: the story it is near to"}),
        pa.field("paired_url", pa.string(), metadata={"description": "Its link"}),
        pa.field("jaccard_5", pa.float64(), metadata={"description": "To original or pair, over 5-word shingles"}),
        pa.field("jaccard_6", pa.float64(), metadata={"description": "The same over 6-word shingles"}),
        pa.field("words", pa.int32(), metadata={"description": "Words of the text, divided by white space"}),
        pa.field("published", pa.timestamp("s", tz="UTC"), metadata={"description": "Date in the record"}),
        pa.field("fetched", pa.timestamp("s", tz="UTC"), metadata={"description": "Poll in which it arrives"}),
    ]
)

FORMATS = ("feeds", "jsonl")
_TRUTH_ROWS = 20_000  # a row group
_SPARE_LINES = 3  # a record draws what it adds from a line of its own


@dataclass(frozen=True)
class Corpus:
    """A corpus on disk: `inputs` is what a tool reads, `truth` what it must not."""

    inputs: Path
    truth: Path
    articles: int
    records: int
    bytes: int


@dataclass(frozen=True)
class Records:
    """The records of a plan, written one by one."""

    plan: Plan
    writer: StoryWriter
    sites: tuple[Site, ...]

    def entry(self, row: int) -> Entry:
        """The record as its site gives it."""
        plan, at = self.plan, self.sites[self.plan.site[row]]
        title, authors, categories, body = self._content(row)
        published = START + timedelta(seconds=int(plan.second[row]))
        updated = published
        if plan.copy_kind[row] == COPY_KINDS.index("update"):
            updated = max(published, plan.files[plan.file[row]].moment - timedelta(minutes=20))
        owner = int(plan.same_url[row])
        url, guid = address(at, published, self.story(owner).title, owner + 1)
        return Entry(url, guid, title, authors, categories, published, updated, body, owner + 1)

    def story(self, row: int) -> Story:
        """The story that a record tells, as it was first written."""
        if self.plan.kind[row] == HARD_NEGATIVE:
            return self.writer.sibling(row, self.writer.story(int(self.plan.original[row])))
        return self.writer.story(int(self.plan.story[row]))

    def _content(self, row: int) -> tuple[str, tuple[str, ...], tuple[str, ...], Body]:
        plan, at, story = self.plan, self.sites[self.plan.site[row]], self.story(row)
        if plan.kind[row] in (STORY, HARD_NEGATIVE):
            return story.title, story.authors, story.categories, with_footer(story.body, at, story.title)
        source = self.sites[plan.site[plan.original[row]]]
        random = self.writer.random("copy", row)
        if plan.kind[row] != NEAR:  # as it stands there, whatever stands around it
            body = with_footer(story.body, source, story.title)
            body = retypeset(body, random) if COPY_KINDS[plan.copy_kind[row]] == "retypeset" else body
            return story.title, story.authors, story.categories, body
        title, body = story.title, story.body
        spare = len(plan) + row * _SPARE_LINES
        match COPY_KINDS[plan.copy_kind[row]]:
            case "credit":
                body = credit(body, random, source.name, source.place)
            case "boilerplate":
                body = boilerplate(body, random, at.standing)
            case "edit":
                body = edit(body, random, tuple(" ".join(self.writer.fresh(spare, random, 400)).split()))
            case "cut":
                body = cut(body, random)
            case "lede":
                title = self.writer.story(spare).title
                body = new_lede(body, self.writer.fresh(spare + 1, random, 15 + int(random.random() * 50)))
            case "update":
                title = f"UPDATE: {title}" if random.random() < 0.4 else title
                body = update(body, random, self.writer.fresh(spare, random, 10 + int(random.random() * 50)))
        return title, story.authors, story.categories, with_footer(body, at, title)


def records_of(articles: int, seed: int) -> Records:
    """The records of a corpus, to be written or looked at."""
    plan = plan_corpus(articles, seed)
    return Records(plan, StoryWriter(seed, sentence_grid(seed)), tuple(site(number) for number in range(plan.sites)))


def write_corpus(articles: int, seed: int, form: str, output: Path) -> Corpus:
    """Writes a corpus as `feeds` or `jsonl` under a directory, made if need be, and its truth beside it."""
    records = records_of(articles, seed)
    plan = records.plan
    output.mkdir(parents=True, exist_ok=True)
    size = 0
    locate = _jsonl_locator(plan) if form == "jsonl" else _feed_locator(records)
    with ExitStack() as stack:
        truth = stack.enter_context(pq.ParquetWriter(output / "truth.parquet", TRUTH, compression="zstd"))
        open_file: BinaryIO | None = None
        open_name = ""
        rows: list[dict[str, Any]] = []
        for poll, members in zip(plan.files, plan.rows_by_file(), strict=True):
            at = records.sites[poll.site]
            entries = [records.entry(int(row)) for row in members]
            rows += [_truth_row(records, int(row), entry, locate) for row, entry in zip(members, entries, strict=True)]
            name = _file_name(records, poll.site, poll.moment, form)
            if form == "feeds":
                path = output / form / name
                path.parent.mkdir(parents=True, exist_ok=True)
                size += path.write_bytes(feed(at, entries, poll.moment))
            else:
                if name != open_name:
                    path = output / form / name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    open_file, open_name = stack.enter_context(path.open("wb")), name
                if open_file is not None:
                    size += sum(open_file.write(record_line(at, entry, poll.moment)) for entry in entries)
            if len(rows) >= _TRUTH_ROWS:
                truth.write_table(pa.Table.from_pylist(rows, TRUTH))
                rows = []
        truth.write_table(pa.Table.from_pylist(rows, TRUTH))
    corpus = Corpus(output / form, output / "truth.parquet", articles, len(plan), size)
    facts = {"articles": articles, "seed": seed, "format": form, "records": len(plan), "files": len(plan.files)}
    (output / "corpus.json").write_text(json.dumps(facts | {"bytes": size}, indent=1) + "\n")
    return corpus


Locator = Callable[[int], tuple[str, int]]
"""File and position of a record."""


def _feed_locator(records: Records) -> Locator:
    plan = records.plan

    def locate(row: int) -> tuple[str, int]:
        poll = plan.files[plan.file[row]]
        return _file_name(records, poll.site, poll.moment, "feeds"), int(plan.position[row])

    return locate


def _jsonl_locator(plan: Plan) -> Locator:
    days = np.array([poll.moment.toordinal() for poll in plan.files])
    counts = np.bincount(plan.file, minlength=len(plan.files))
    before = np.concatenate(([0], np.cumsum(counts)[:-1]))
    first_of_day = before[np.searchsorted(days, days)]

    def locate(row: int) -> tuple[str, int]:
        file = int(plan.file[row])
        name = f"{plan.files[file].moment:%Y-%m-%d}.jsonl"
        return name, int(before[file] - first_of_day[file] + plan.position[row])

    return locate


def _file_name(records: Records, number: int, moment: datetime, form: str) -> str:
    if form == "jsonl":
        return f"{moment:%Y-%m-%d}.jsonl"
    at = records.sites[number]
    ending = {"rss": "rss.xml", "atom": "atom.xml", "json": "json"}[at.format]
    return f"{moment:%Y-%m-%d}/{moment:%H%M}-{number:02d}-{at.host.split('.')[1]}.{ending}"


def _truth_row(records: Records, row: int, entry: Entry, locate: Locator) -> dict[str, Any]:
    plan = records.plan
    file, position = locate(row)
    kind = KINDS[plan.kind[row]]
    known: dict[str, Any] = {
        "record": f"{file}#{position}",
        "file": file,
        "position": position,
        "url": entry.url,
        "kind": kind,
        "copy_kind": COPY_KINDS[plan.copy_kind[row]] or None,
        "story": int(plan.story[row]),
        "words": len(entry.text.split()),
        "published": entry.published,
        "fetched": plan.files[plan.file[row]].moment,
    }
    other = int(plan.original[row])
    if other >= 0:
        near = records.entry(other)
        other_file, other_position = locate(other)
        role = "paired" if kind == "hard_negative" else "original"
        known[f"{role}_record"], known[f"{role}_url"] = f"{other_file}#{other_position}", near.url
        own_words, other_words = tokens(entry.text), tokens(near.text)
        for length in (5, 6):
            known[f"jaccard_{length}"] = jaccard(shingles(own_words, length), shingles(other_words, length))
    return known


# What came out.


def describe(output: Path) -> Iterator[str]:
    """The mix that a corpus really has, as lines of text."""
    facts = json.loads((output / "corpus.json").read_text())
    rows = pq.read_table(output / "truth.parquet").to_pylist()
    words = np.array([row["words"] for row in rows])
    yield (
        f"{facts['articles']:,} articles and hard negatives, {facts['records']:,} records in {facts['files']:,} polls, "
        f"{facts['bytes'] / 1e6:,.1f} MB, {facts['bytes'] / facts['records']:,.0f} bytes a record; seed {facts['seed']}"
    )
    yield f"words: least {words.min()}, median {np.median(words):.0f}, mean {words.mean():.0f}, most {words.max()}"
    for kind, count in Counter(row["kind"] for row in rows).items():
        yield f"{kind:14}{count:>9,}  {count / facts['articles']:.2%} of the articles"
    places = {row["record"]: index for index, row in enumerate(rows)}
    early = [row for index, row in enumerate(rows) if row["original_record"] and places[row["original_record"]] > index]
    copies = sum(row["original_record"] is not None for row in rows)
    groups = Counter(Counter(row["story"] for row in rows).values())
    yield f"copies that arrive before their original: {len(early) / copies:.1%}"
    yield "records a story: " + ", ".join(f"{size}: {groups[size]:,}" for size in sorted(groups))
    yield ""
    heads = f"{'least':>6}{'p10':>7}{'median':>8}{'p90':>7}{'most':>7}{f'>={SURE_JACCARD}':>8}"
    yield f"{'true Jaccard, 5 words':24}{'count':>7}  {heads}"
    for label, members in _by_copy_kind(rows):
        values = np.array([row["jaccard_5"] for row in members])
        least, low, median, high, most = np.quantile(values, (0, 0.1, 0.5, 0.9, 1))
        spread = f"{least:>6.3f}{low:>7.3f}{median:>8.3f}{high:>7.3f}{most:>7.3f}"
        yield f"{label:24}{len(members):>7,}  {spread}{(values >= SURE_JACCARD).mean():>8.1%}"
    near = np.array([[row["jaccard_5"], row["jaccard_6"]] for row in rows if row["kind"] == "near"])
    for index, length in enumerate((5, 6)):
        counts, _ = np.histogram(near[:, index], JACCARD_EDGES)
        bins = zip(JACCARD_EDGES[:-1], counts, strict=True)
        listed = ", ".join(f"from {low:g} {count:,}" for low, count in bins)
        yield f"near copies by Jaccard, {length} words: {listed}"


def shared_sentences(articles: int, seed: int) -> Counter[int]:
    """How many pairs of different stories share 1, 2, 3 … sentences, without hard negatives' own pairs.

    Looks at the bodies as written (stories and hard negatives), not at the grid. Quadratic in how often a sentence is
    used: for corpora up to some ten thousand.
    """
    records = records_of(articles, seed)
    plan = records.plan
    users: dict[str, list[int]] = {}
    for row in np.flatnonzero(np.isin(plan.kind, (STORY, HARD_NEGATIVE))):
        for sentence in flatten(records.story(int(row)).body):
            users.setdefault(sentence, []).append(int(row))
    pairs: Counter[tuple[int, int]] = Counter()
    for rows in users.values():
        pairs.update((rows[i], rows[j]) for i in range(len(rows)) for j in range(i + 1, len(rows)))
    known = {(int(plan.original[row]), int(row)) for row in np.flatnonzero(plan.kind == HARD_NEGATIVE)}
    return Counter(count for pair, count in pairs.items() if pair not in known)


def _by_copy_kind(rows: list[dict[str, Any]]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for kind in COPY_KINDS[1:]:
        members = [row for row in rows if row["copy_kind"] == kind]
        if members:
            yield f"{members[0]['kind']}: {kind}", members
    yield "all near copies", [row for row in rows if row["kind"] == "near"]
    yield "hard negatives", [row for row in rows if row["kind"] == "hard_negative"]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.corpus", description="Write a known corpus.")
    parser.add_argument("--articles", type=int, default=10_000, help="without the 2 %% of hard negatives")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--format", choices=FORMATS, default="feeds")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")
    parser.add_argument("--describe", action="store_true", help="print the mix that came out")
    options = parser.parse_args(arguments)
    try:
        corpus = write_corpus(options.articles, options.seed, options.format, options.output)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"{corpus.inputs}: {corpus.records:,} records, {corpus.bytes / 1e6:,.1f} MB\n")
    if options.describe:
        sys.stdout.write("\n".join(describe(options.output)) + "\n")
        if options.articles <= 20_000:
            shared = shared_sentences(options.articles, options.seed)
            pairs = ", ".join(f"{sentences}: {count:,}" for sentences, count in sorted(shared.items()))
            sys.stdout.write(f"pairs of different stories by sentences shared: {pairs}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
