"""Recall and precision of removed duplicates, given the truth of a corpus.

    python -m tests.benchmarks.score --truth DIR/truth.parquet OUTPUT

What is compared. The truth puts records into *stories*: an original and its copies; a hard negative is a story of its
own. An output puts them into *clusters*: a row that stays and the rows that were removed for it. Which record stays is
not judged, since any copy can arrive first. Both measures count links, as MUC scoring does (Vilain et al. 1995):

- **Recall**. Of n records of a story, n - 1 should be removed. If they stand in m clusters, m - 1 of them were missed:
  recall = sum(n - m) / sum(n - 1).
- **Precision**. A cluster of s records has s - 1 removed ones. If they tell t stories, t - 1 are wrong: each story that
  is not the one of the row that stays has lost a record to it. precision = sum(s - t) / sum(s - 1). A removed row is
  therefore right if the row that stays, or a row of the cluster that arrived earlier, tells its story. `misplaced`
  counts stricter: removed rows that tell another story than the row that stays.
- **By kind and by true Jaccard.** A missed record is booked on a copy: one that is not in the cluster of its original
  and is the first of its story in its own cluster. So a copy that arrives before its original carries the miss, and
  the kinds of all misses add up to the misses of recall. Jaccard is `jaccard_5` of the truth.
- A wrong one is booked on the first record of its story in the cluster.
- **Apart**. Of the hard negatives, those in whose cluster no other story is told. The others are wrong ones, too.

A record that left no row, while another record of the same URL did, counts as removed for that one (a re-fetch adds no
row). A record that left none and whose URL is unknown is *lost*: neither removed nor found, a cluster of its own.

Intervals are Wilson's, 95 %. They take misses as independent, which copies of one story are not quite.

Outputs that are understood:

- a beamwire dataset: a directory with `articles/`, `duplicates/` and, where there are any, `revisions/` of Parquet
  files. `cluster_id` names the cluster, `articles/` holds the rows that stay, `url` and `source` find the record;
- marks: `marks.parquet` or `marks.jsonl` (the file, or a directory with it), one row a record: `record` as in the
  truth, or `url`; `duplicate_of` (a record) or `duplicate_of_url`, null where the row stays; `kept`, optional.
"""

import argparse
import itertools
import json
import math
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

JACCARD_EDGES = (0.0, 0.2, 0.35, 0.5, 0.58, 0.65, 0.75, 0.85, 0.95, 1.0)
"""Bins of true Jaccard, finer where thresholds lie; the last one holds 1.0 as well."""

SURE_JACCARD = 0.65
"""From here on a near copy should be found: at 128 permutations an estimate of .54 is 2.6 deviations away."""

SURE = f"J >= {SURE_JACCARD:g}"
"""Names the near copies that should be found, in the group `near` of `Score.recall_by`."""


@dataclass(frozen=True)
class Truth:
    """What the scorer needs of one record, in order of arrival."""

    record: str
    url: str
    file: str
    kind: str
    copy_kind: str | None
    story: int
    original_record: str | None
    jaccard: float | None


@dataclass(frozen=True)
class Output:
    """What a tool did: the cluster of each record that left a row or a mark, and which of them stayed."""

    clusters: Mapping[str, str]
    kept: frozenset[str]
    unknown: int = 0
    """Rows that match no record of the truth."""


@dataclass(frozen=True)
class Rate:
    """So many right of so many."""

    right: int
    of: int

    @property
    def value(self) -> float:
        """The share; 1 of nothing."""
        return self.right / self.of if self.of else 1.0

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval."""
        if not self.of:
            return 0.0, 1.0
        z = 1.959964
        middle = (self.right + z * z / 2) / (self.of + z * z)
        half = z / (self.of + z * z) * math.sqrt(self.right * (self.of - self.right) / self.of + z * z / 4)
        return max(0.0, middle - half), min(1.0, middle + half)

    def __add__(self, other: "Rate") -> "Rate":
        """Both taken together."""
        return Rate(self.right + other.right, self.of + other.of)

    def __str__(self) -> str:
        """Share, interval, counts."""
        low, high = self.interval
        return f"{self.value:.4f} [{low:.4f}, {high:.4f}] {self.right:,}/{self.of:,}"


@dataclass(frozen=True)
class Score:
    """The result for one output; scores of several seeds add up. Keys of `recall_by`: group, then member of it."""

    recall: Rate
    precision: Rate
    recall_by: Mapping[str, Mapping[str, Rate]]
    wrong_by_kind: Mapping[str, int] = field(default_factory=dict)
    misplaced: int = 0
    lost: int = 0
    unknown: int = 0
    kept: int = 0
    apart: Rate = Rate(0, 0)

    def __add__(self, other: "Score") -> "Score":
        """Both taken together."""
        groups = {}
        for group in dict.fromkeys((*self.recall_by, *other.recall_by)):
            one, two = self.recall_by.get(group, {}), other.recall_by.get(group, {})
            members = dict.fromkeys((*one, *two))
            groups[group] = {name: one.get(name, Rate(0, 0)) + two.get(name, Rate(0, 0)) for name in members}
        return Score(
            self.recall + other.recall,
            self.precision + other.precision,
            groups,
            dict(Counter(self.wrong_by_kind) + Counter(other.wrong_by_kind)),
            self.misplaced + other.misplaced,
            self.lost + other.lost,
            self.unknown + other.unknown,
            self.kept + other.kept,
            self.apart + other.apart,
        )


def score(truth: Sequence[Truth], output: Output) -> Score:
    """Judges an output by the rules above. `truth` stands in order of arrival."""
    clusters, lost = _with_absent(truth, output.clusters)
    stories: dict[int, list[Truth]] = defaultdict(list)
    members: dict[str, list[Truth]] = defaultdict(list)
    for row in truth:
        stories[row.story].append(row)
        members[clusters[row.record]].append(row)

    found = missed = 0
    tally: dict[str, dict[str, Rate]] = defaultdict(lambda: defaultdict(lambda: Rate(0, 0)))
    for group in stories.values():
        parts = {clusters[row.record] for row in group}
        found += len(group) - len(parts)
        missed += len(parts) - 1
        heads = {clusters[row.record] for row in group if row.original_record is None}  # the original's own cluster
        for row in group:
            if row.original_record is None:
                continue
            cluster = clusters[row.record]
            hit = Rate(int(cluster in heads), 1)
            heads.add(cluster)  # the next of the story in this cluster was removed rightly
            for name, member in _labels(row):
                tally[name][member] += hit

    right = wrong = misplaced = 0
    apart = Rate(0, 0)
    wrong_by_kind: Counter[str] = Counter()
    for rows in members.values():
        told = {row.story for row in rows}
        right += len(rows) - len(told)
        wrong += len(told) - 1
        stays = next((row for row in rows if row.record in output.kept), rows[0]).story
        misplaced += sum(row.story != stays for row in rows)
        hard = sum(row.kind == "hard_negative" for row in rows)
        apart += Rate(hard if len(told) == 1 else 0, hard)
        booked = {stays}
        for row in rows:
            if row.story not in booked:
                booked.add(row.story)
                wrong_by_kind[row.copy_kind or row.kind] += 1
    return Score(
        Rate(found, found + missed),
        Rate(right, right + wrong),
        {name: dict(sorted(group.items())) for name, group in tally.items()},
        dict(wrong_by_kind),
        misplaced,
        lost,
        output.unknown,
        len(output.kept),
        apart,
    )


def _labels(row: Truth) -> Iterator[tuple[str, str]]:
    yield "kind", row.kind
    yield "copy kind", f"{row.kind}: {row.copy_kind}"
    if row.kind == "near" and row.jaccard is not None:
        yield "near, true Jaccard", jaccard_bin(row.jaccard)
        yield "near", SURE if row.jaccard >= SURE_JACCARD else f"J < {SURE_JACCARD:g}"


def jaccard_bin(value: float) -> str:
    """The bin of a true Jaccard: lower edge included, upper not, but for 1."""
    edges = list(itertools.pairwise(JACCARD_EDGES))
    low, high = next((edge for edge in edges if value < edge[1]), edges[-1])
    return f"{low:.2f}-{high:.2f}"


def _with_absent(truth: Sequence[Truth], clusters: Mapping[str, str]) -> tuple[dict[str, str], int]:
    """Every record with a cluster: those without a row go to another record of their URL, or stand alone."""
    by_url: dict[str, str] = {}
    for row in truth:
        if row.record in clusters:
            by_url.setdefault(row.url, clusters[row.record])
    whole: dict[str, str] = {}
    lost = 0
    for row in truth:
        cluster = clusters.get(row.record) or by_url.get(row.url)
        lost += cluster is None
        whole[row.record] = cluster if cluster is not None else f"lost {row.record}"
    return whole, lost


# Reading.


def read_truth(path: Path) -> list[Truth]:
    """The truth of a corpus (`corpus.TRUTH`)."""
    columns = ["record", "url", "file", "kind", "copy_kind", "story", "original_record", "jaccard_5"]
    table = pq.read_table(path, columns=columns)
    return [Truth(*values) for values in zip(*(column.to_pylist() for column in table.columns), strict=True)]


def read_output(path: Path, truth: Sequence[Truth]) -> Output:
    """An output of either form. Raises ValueError, with what was looked for, if it is neither."""
    for marks in (path, path / "marks.parquet", path / "marks.jsonl"):
        if marks.is_file():
            return read_marks(_mark_rows(marks), truth)
    if (path / "articles").is_dir():
        return read_dataset(path, truth)
    raise ValueError(f"{path}: neither a dataset (articles/) nor marks (marks.parquet, marks.jsonl)")


def read_marks(marks: Iterable[Mapping[str, Any]], truth: Sequence[Truth]) -> Output:
    """Marks as clusters: `duplicate_of` is followed to the row that stays. Raises ValueError on a circle."""
    records = {row.record for row in truth}
    by_url: dict[str, list[str]] = defaultdict(list)
    for row in truth:
        by_url[row.url].append(row.record)
    unknown = 0
    targets: dict[str, str | None] = {}
    for mark in marks:
        record = mark.get("record") or next((r for r in by_url.get(mark["url"], ()) if r not in targets), None)
        if record not in records:
            unknown += 1
            continue
        of_url = mark.get("duplicate_of_url")
        targets[record] = mark.get("duplicate_of") or (by_url.get(of_url, [of_url])[0] if of_url else None)
    clusters = {}
    for record in targets:
        path, stays = {record}, record
        while (target := targets.get(stays)) is not None and target != stays:
            if target in path:
                raise ValueError(f"{target}: marked as a duplicate of itself over {len(path)} rows")
            path.add(target)
            stays = target
        clusters[record] = stays
    return Output(clusters, frozenset(record for record, stays in clusters.items() if record == stays), unknown)


def read_dataset(root: Path, truth: Sequence[Truth]) -> Output:
    """A beamwire dataset as clusters.

    A row is the record of its URL and source. Where several records have both (JSONL with a re-fetch on the same day)
    rows take them in order of revision and arrival, re-fetches last, since those add no row.
    """
    waiting: dict[str, list[Truth]] = defaultdict(list)
    for row in truth:
        waiting[row.url].append(row)
    for rows in waiting.values():
        rows.sort(key=_adds_no_row)
    clusters: dict[str, str] = {}
    kept = set()
    unknown = 0
    for table, url, source, cluster in _dataset_rows(root):
        candidates = waiting.get(url, [])
        if not candidates:
            unknown += 1
            continue
        record = next((one for one in candidates if source.endswith(one.file)), candidates[0])
        candidates.remove(record)
        clusters[record.record] = cluster
        if table == "articles":
            kept.add(record.record)
    return Output(clusters, frozenset(kept), unknown)


def _adds_no_row(row: Truth) -> bool:
    return row.copy_kind == "refetch"


def _dataset_rows(root: Path) -> Iterator[tuple[str, str, str, str]]:
    """Table, URL, source and cluster of every row, in order of revision and arrival."""
    tables = []
    for name in ("articles", "duplicates", "revisions"):
        for path in sorted((root / name).rglob("*.parquet")):
            rows = pq.ParquetFile(path)
            wanted = [c for c in ("url", "source", "cluster_id", "revision", "arrival") if c in rows.schema_arrow.names]
            part = rows.read(columns=wanted).append_column("table", pa.array([name] * rows.metadata.num_rows))
            for missing in {"source", "revision", "arrival"} - set(wanted):
                empty = pa.array([""] * len(part)) if missing == "source" else pa.array([0] * len(part), pa.int64())
                part = part.append_column(missing, empty)
            tables.append(part.select(["table", "url", "source", "cluster_id", "revision", "arrival"]))
    if not tables:
        return
    whole = pa.concat_tables(tables, promote_options="permissive")
    whole = whole.take(pc.sort_indices(whole, sort_keys=[("revision", "ascending"), ("arrival", "ascending")]))
    for batch in whole.to_batches(10_000):
        columns = [batch.column(name).to_pylist() for name in ("table", "url", "source", "cluster_id")]
        for table, url, source, cluster in zip(*columns, strict=True):
            yield table, url or "", source or "", cluster


def _mark_rows(path: Path) -> Iterator[dict[str, Any]]:
    if path.suffix == ".parquet":
        for batch in pq.ParquetFile(path).iter_batches(10_000):
            yield from batch.to_pylist()
    else:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)


# Showing.


def report(result: Score) -> Iterator[str]:
    """A score as lines of text."""
    yield f"{'recall':32}{result.recall}"
    yield f"{'precision':32}{result.precision}"
    yield f"{'hard negatives apart':32}{result.apart}"
    for group, members in result.recall_by.items():
        for name, rate in members.items():
            yield f"  {name if group != 'near, true Jaccard' else f'near, J {name}':30}{rate}"
    wrong = ", ".join(f"{kind} {count:,}" for kind, count in sorted(result.wrong_by_kind.items())) or "none"
    yield f"wrong, by kind: {wrong}; misplaced {result.misplaced:,}"
    yield f"kept {result.kept:,}; lost {result.lost:,}; rows that are no record of the corpus {result.unknown:,}"


def as_json(result: Score) -> dict[str, Any]:
    """A score as plain values."""

    def rate(value: Rate) -> dict[str, Any]:
        return {"value": value.value, "interval": value.interval, "right": value.right, "of": value.of}

    return {
        "recall": rate(result.recall),
        "precision": rate(result.precision),
        "apart": rate(result.apart),
        "recall_by": {
            group: {name: rate(value) for name, value in members.items()} for group, members in result.recall_by.items()
        },
        "wrong_by_kind": dict(result.wrong_by_kind),
        "misplaced": result.misplaced,
        "lost": result.lost,
        "unknown": result.unknown,
        "kept": result.kept,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.score", description="Score removed duplicates.")
    parser.add_argument("output", type=Path, help="dataset, or marks")
    parser.add_argument("--truth", type=Path, required=True)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    try:
        truth = read_truth(options.truth)
        result = score(truth, read_output(options.output, truth))
    except (ValueError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write((json.dumps(as_json(result), indent=1) if options.json else "\n".join(report(result))) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
