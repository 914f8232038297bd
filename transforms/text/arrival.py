"""The one pass: records in their order of arrival, first identity, then clusters (design: one pass in arrival order).

The rules are in `identity` and `clusters`; here is the loop that applies them one record after the other, and what it
must ask the index of earlier batches for before it starts. Nothing here knows of batches, so where they are cut
changes no row.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from transforms.schemas import History, IndexEntry, UnitOutcome
from transforms.text.candidates import candidate_pairs
from transforms.text.clusters import Candidate, Clusters, Match
from transforms.text.fingerprints import similarity
from transforms.text.identity import ALIAS, LINK, ROW, Identities, KnownArticle, Outcome, Record, pair_key
from transforms.text.likeness import Likeness

Table = Literal["articles", "duplicates", "revisions"]

DAY = 86_400_000_000
"""Microseconds."""

_PAIRS_AT_ONCE = 1 << 16
"""Pairs whose signatures are compared at a time: 16 MB."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a record that adds a row. Ids are 16 bytes; `duplicate_kind` is exact or near."""

    table: Table
    number: int
    id: bytes
    revision: int
    cluster_id: bytes
    duplicate_of: bytes | None
    duplicate_kind: Literal["exact", "near"] | None
    similarity: float | None


@dataclass(frozen=True, slots=True)
class Noted:
    """A link to be written: its kind, the ids, the record it came from and the number of the next row."""

    kind: Literal["alias", "related", "cluster"]
    id: bytes
    other_id: bytes | None
    record: Record
    number: int


@dataclass(slots=True)
class Decided:
    """The outcome of a pass: a decision for each record (None where it adds no row), index entries, links, counts."""

    decisions: list[Decision | None] = field(default_factory=list)
    entries: list[IndexEntry] = field(default_factory=list)
    links: list[Noted] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    rows: int = 0


def order_of_arrival(record: Record) -> tuple[int, int, bytes, bytes, bytes, bytes, int, int]:
    """K of the design; a full tie is broken by the place in the unit."""
    return (
        record.unit,
        record.effective,
        record.own_key,
        record.guid_key or b"",
        record.content_hash,
        record.record_hash,
        record.position,
        record.entry,
    )


def unit_outcomes(articles: Mapping[int, int], published: Mapping[int, list[int]], before: int) -> list[UnitOutcome]:
    """The time of each unit: the running maximum of the (lower) medians of what its articles say, from `before` on.

    `articles` counts them by unit, `published` holds the accepted dates by unit. One absurd date moves nothing.
    """
    outcomes = []
    for unit in sorted(articles):
        dates = sorted(published.get(unit, ()))
        if dates:
            before = max(before, dates[(len(dates) - 1) // 2])
        outcomes.append(UnitOutcome(unit, articles[unit], before))
    return outcomes


def effective_time(published: int | None, precision: str | None, unit_time: int) -> int:
    """The time by which a record of a plain file is ordered: its publication (of a date the end), else its unit's."""
    if published is None:
        return unit_time
    return published + DAY - 1 if precision == "day" else published


def decide(
    records: Sequence[Record], history: History, unit_times: Mapping[int, int], likeness: Likeness | None
) -> Decided:
    """Takes the records, which are in their order of arrival, one after the other: first identity, then clusters.

    Between the two the candidates of all rows are found by arrays. Without a likeness texts are compared for equality
    only. Cost: about 20 µs a record; memory: what is known of the ids and texts that the records name, and about 1 KB
    a row.
    """
    identities, clusters = _recall(records, history, likeness)
    decided = Decided()
    identified = [_identify(record, identities, history, decided) for record in records]
    rows = [row for row in identified if row is not None]
    near = _candidates(rows, history, clusters, unit_times, likeness) if likeness is not None else {}
    for row in identified:
        decided.decisions.append(None if row is None else _place(row, clusters, unit_times, near, decided))
    decided.entries.sort(key=lambda entry: (entry.number, -entry.kind))
    decided.links.sort(key=lambda link: (link.number, link.kind == "cluster"))
    decided.counts["links"] = len(decided.links)
    return decided


def _candidates(
    rows: Sequence["_Row"],
    history: History,
    clusters: Clusters,
    unit_times: Mapping[int, int],
    likeness: Likeness,
) -> dict[int, list[Candidate]]:
    """The earlier rows that each row is like, `loose` at least, by its number; over the index and the batch."""
    able = [row for row in rows if row.record.shingles >= likeness.min_shingles]
    earlier = [
        entry
        for entry in history.neighbours({row.record.bands for row in able if row.record.bands is not None})
        if (entry.shingles or 0) >= likeness.min_shingles and entry.id not in history.tombstones
    ]
    clusters.learn_rows(earlier)
    clusters.learn_founders(history.numbers({entry.cluster for entry in earlier if entry.cluster is not None}))
    numbers = [*(entry.number for entry in earlier), *(row.number for row in able)]
    ids = [*(entry.id for entry in earlier), *(row.article.id for row in able)]
    times = [*(entry.unit_time or 0 for entry in earlier), *(unit_times[row.record.unit] for row in able)]
    prints: list[IndexEntry | Record] = [*earlier, *(row.record for row in able)]
    if not prints:
        return {}
    codes: dict[bytes, int] = {}
    signatures = np.frombuffer(b"".join(one.signature or b"" for one in prints), np.uint8).reshape(len(prints), -1)
    bands = np.frombuffer(b"".join(one.bands or b"" for one in prints), "<u4").reshape(len(prints), -1)
    later, before = candidate_pairs(
        np.asfortranarray(bands.astype(np.uint32, copy=False)),
        np.array([one.shingles for one in prints], np.int32),
        np.array([codes.setdefault(one, len(codes)) for one in ids], np.int64),
        np.array(times, np.int64),
        len(earlier),
        likeness.horizon,
    )
    found: dict[int, list[Candidate]] = {}
    for start in range(0, len(later), _PAIRS_AT_ONCE):
        some = slice(start, start + _PAIRS_AT_ONCE)
        values = similarity(signatures[later[some]], signatures[before[some]])
        for at in np.flatnonzero(values >= likeness.loose).tolist():
            row, other = int(later[start + at]), int(before[start + at])
            found.setdefault(numbers[row], []).append(Candidate(numbers[other], ids[other], float(values[at])))
    return found


@dataclass(frozen=True, slots=True)
class _Row:
    """A record that adds a row: its article, its number and its revision."""

    record: Record
    article: KnownArticle
    number: int
    revision: int


def _identify(record: Record, identities: Identities, history: History, decided: Decided) -> _Row | None:
    """Whose the record is, and whether it adds a row; what its keys have taught is noted."""
    number = history.rows + decided.rows
    article, related = identities.resolve(record)
    if article.id in history.tombstones:
        decided.counts["removed"] += 1
        if identities.join(article, record):  # so that it is refused by its further keys, too
            _note_alias(article, record, number, decided)
        return None
    outcome = identities.outcome(article, record)
    new_keys = identities.join(article, record)
    if related is not None and related.id not in article.linked:
        article.linked.add(related.id)
        decided.links.append(Noted("related", article.id, related.id, record, number))
        decided.entries.append(IndexEntry(LINK, number, article.id, related.id))
    if outcome in (Outcome.UNCHANGED, Outcome.EXCERPT):
        decided.counts[outcome.value] += 1
        if new_keys:
            _note_alias(article, record, number, decided)
        return None
    decided.rows += 1
    article.learn_row(record)
    return _Row(record, article, number, article.revision)


def _note_alias(article: KnownArticle, record: Record, number: int, decided: Decided) -> None:
    decided.counts["aliases"] += 1
    decided.links.append(Noted("alias", article.id, None, record, number))
    decided.entries.append(_alias(article, record, number))


def _place(
    row: _Row,
    clusters: Clusters,
    unit_times: Mapping[int, int],
    near: Mapping[int, Sequence[Candidate]],
    decided: Decided,
) -> Decision:
    """The cluster and the table of a row."""
    time = unit_times[row.record.unit]
    match = clusters.place(row.article, row.record, time, near.get(row.number, ()))
    founder = clusters.add(row.number, row.article, row.record, time, match.founder)
    decided.entries.append(_entry(row, founder.number, time))
    decided.links.extend(Noted("cluster", row.article.id, other.id, row.record, row.number) for other in match.others)
    decision = _decision(row, match)
    kind = f"_{decision.duplicate_kind}" if decision.table == "duplicates" else ""
    decided.counts[decision.table + kind] += 1
    return decision


def _recall(records: Sequence[Record], history: History, likeness: Likeness | None) -> tuple[Identities, Clusters]:
    """What earlier batches know of the keys and texts of these records."""
    identities, clusters = Identities(likeness), Clusters(likeness)
    if history.rows == 0:
        return identities, clusters
    named = _in_order(
        [
            *history.find("url_key", {one.url_key for one in records if one.url_key is not None}),
            *history.find("guid_key", {one.guid_key for one in records if one.guid_key is not None}),
            *history.find("record_hash", {one.record_hash for one in records if one.own_key == one.record_hash}),
        ]
    )
    identities.learn_keys_of(named)
    ids = {entry.id for entry in named}
    ids |= {pair for one in records if (pair := pair_key(one)) is not None}
    known = _in_order(history.find("id", ids))
    identities.learn_articles(known)
    texts = history.find("content_hash", {one.content_hash for one in records})
    clusters.learn_texts(
        entry for entry in _in_order(texts) if entry.kind == ROW and entry.id not in history.tombstones
    )
    clusters.learn_articles(known)
    numbers = {entry.cluster for entry in (*known, *texts) if entry.cluster is not None}
    clusters.learn_founders(history.numbers(numbers))
    return identities, clusters


def _in_order(entries: Iterable[IndexEntry]) -> list[IndexEntry]:
    """In the order of events, each once: what a row's number was waiting for came before the row."""
    return sorted(dict.fromkeys(entries), key=lambda entry: (entry.number, entry.kind == ROW))


def _decision(row: _Row, match: Match) -> Decision:
    article, founder = row.article.id, match.founder
    if founder is None:
        return Decision("articles", row.number, article, row.revision, article, None, None, None)
    table: Table = "revisions" if row.revision > 1 else "duplicates"
    if founder.id == article:
        return Decision(table, row.number, article, row.revision, article, None, None, None)
    exact = founder.content_hash == row.record.content_hash
    kind: Literal["exact", "near"] = "exact" if exact else "near"
    return Decision(table, row.number, article, row.revision, founder.id, founder.id, kind, match.similarity)


def _entry(row: _Row, cluster: int, unit_time: int) -> IndexEntry:
    record = row.record
    return IndexEntry(
        ROW,
        row.number,
        row.article.id,
        revision=row.revision,
        url_key=record.url_key,
        guid_key=record.guid_key,
        feed_key=record.feed_key,
        title_key=record.title_key,
        title_words=record.title_words,
        content_hash=record.content_hash,
        record_hash=record.record_hash,
        words=record.words,
        chars=record.chars,
        excerpt=record.excerpt,
        cluster=cluster,
        unit_time=unit_time,
        shingles=record.shingles,
        signature=record.signature,
        bands=record.bands,
    )


def _alias(article: KnownArticle, record: Record, number: int) -> IndexEntry:
    return IndexEntry(
        ALIAS,
        number,
        article.id,
        url_key=record.url_key,
        guid_key=record.guid_key,
        feed_key=record.feed_key,
    )
