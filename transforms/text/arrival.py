"""The one pass: records in their order of arrival, first identity, then clusters (design: one pass in arrival order).

The rules are in `identity` and `clusters`; here is the loop that applies them one record after the other, and what it
must ask the index of earlier batches for before it starts. Nothing here knows of batches, so where they are cut
changes no row.

Records are columns. Most of them have nothing in common with any other: no key, no text, nothing near. Such a record is
a new article that founds a cluster, whatever the rules say of the others, so an object is made only of the others.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from transforms.schemas import EntryTable, History, IndexEntry, UnitOutcome
from transforms.text.candidates import candidate_pairs
from transforms.text.clusters import Candidate, Clusters, Match
from transforms.text.columns import matrix_of, values_of
from transforms.text.fingerprints import similarity
from transforms.text.identity import ALIAS, LINK, ROW, Identities, KnownArticle, Outcome, Record, pair_key
from transforms.text.likeness import Likeness

Table = Literal["articles", "duplicates", "revisions"]

DAY = 86_400_000_000
"""Microseconds."""

_PAIRS_AT_ONCE = 1 << 16
"""Pairs whose signatures are compared at a time: 16 MB."""

_KEY: Final = pa.binary(16)

_FIRST: Final = ("unit", "effective", "own_key", "guid_key", "content_hash", "record_hash", "position", "entry")
"""K of the design; a full tie is broken by the place in the unit."""

_TOLD: Final = (
    "url_key",
    "guid_key",
    "feed_key",
    "title_key",
    "title_words",
    "content_hash",
    "record_hash",
    "words",
    "chars",
    "excerpt",
    "shingles",
    "signature",
    "bands",
)
"""What the index keeps of a record as it is."""


class Decision(NamedTuple):
    """What becomes of a record that adds a row. Ids are 16 bytes; `duplicate_kind` is exact or near."""

    table: Table
    number: int
    id: bytes
    revision: int
    cluster_id: bytes
    duplicate_of: bytes | None
    duplicate_kind: Literal["exact", "near"] | None
    similarity: float | None


DECISIONS: Final = pa.schema(
    [
        ("table", pa.string()),
        ("number", pa.int64()),
        ("id", _KEY),
        ("revision", pa.int32()),
        ("cluster_id", _KEY),
        ("duplicate_of", _KEY),
        ("duplicate_kind", pa.string()),
        ("similarity", pa.float32()),
    ]
)
"""A Decision in columns."""


class Noted(NamedTuple):
    """A link to be written: its kind, the ids, the place of its record in the order and the number of the next row."""

    kind: Literal["alias", "related", "cluster"]
    id: bytes
    other_id: bytes | None
    place: int
    number: int


@dataclass(frozen=True, slots=True)
class Decided:
    """The outcome of a pass: a decision for each record (nulls where it adds no row), index entries, links, counts.

    `decisions` has the columns of `Decision`; `entries` come in the order of events.
    """

    decisions: pa.RecordBatch
    entries: EntryTable
    links: list[Noted]
    counts: Counter[str]
    rows: int


def order_of_arrival(records: pa.Table) -> NDArray[np.int64]:
    """The places of records in their order of arrival; the columns of `Record`."""
    keys = {name: records[name] for name in _FIRST if name != "own_key"}
    keys["own_key"] = pc.coalesce(records["url_key"], records["guid_key"], records["record_hash"])
    keys["guid_key"] = keys["guid_key"].fill_null(bytes(16))  # none comes first
    places: NDArray[np.int64] = pc.sort_indices(pa.table(keys), [(name, "ascending") for name in _FIRST]).to_numpy()
    return places


def unit_outcomes(
    articles: Mapping[int, int], published: Mapping[int, Sequence[int]], before: int
) -> list[UnitOutcome]:
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


def effective_times(published: pa.Array, precision: pa.Array, unit_times: pa.Array) -> pa.Array:
    """The times by which records of a plain file are ordered: publication (of a date the end), else its unit's."""
    mere_dates = pc.fill_null(pc.equal(precision, "day"), False)
    return pc.coalesce(pc.if_else(mere_dates, pc.add(published, DAY - 1), published), unit_times)


def decide(
    arrivals: pa.RecordBatch, history: History, unit_times: Mapping[int, int], likeness: Likeness | None
) -> Decided:
    """Takes the records, which are in their order of arrival, one after the other: first identity, then clusters.

    `arrivals` has the columns of `Record`, `bands` and `unit`. Between identity and clusters the candidates of all rows
    are found by arrays. Without a likeness texts are compared for equality only. Cost: about 20 µs a record; memory:
    what is known of the ids and texts that the records name, twice the columns, and about 1 KB for each record that has
    something in common with another.
    """
    clusters, taught = Clusters(likeness), _Taught()
    who = _identify_all(arrivals, history, clusters, likeness, taught)
    units, of_row = np.unique(who.rows["unit"].to_numpy(), return_inverse=True)
    times = np.array([unit_times[unit] for unit in units.tolist()], np.int64)[of_row]
    shared = who.shared | _with_equal_text(who.rows["content_hash"], history, clusters)
    near: dict[int, list[Candidate]] = {}
    if likeness is not None:
        near, like = _candidates(who, times, history, clusters, likeness)
        shared |= like
    decisions, founders = _place_all(who, times, near, np.flatnonzero(shared), clusters, taught)
    entries = _entries(who, founders, times, taught)
    taught.links.sort(key=lambda link: (link.number, link.kind == "cluster"))
    taught.counts["links"] = len(taught.links)
    if len(who.rows) < len(arrivals):
        decisions = [_spread(column, who.places, len(arrivals)) for column in decisions]
    return Decided(
        pa.RecordBatch.from_arrays(decisions, schema=DECISIONS), entries, taught.links, taught.counts, len(who.rows)
    )


@dataclass(frozen=True, slots=True)
class _Taught:
    """What records leave beside their rows: aliases and links, as entries of the index and for people; counts."""

    entries: list[IndexEntry] = field(default_factory=list)
    links: list[Noted] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


# Identity.


@dataclass(frozen=True, slots=True)
class _Identified:
    """The records that add a row, with their places among all, and for each its number, article and revision.

    `shared` tells of a row that a rule has found its article, as it has a key in common with another record.
    """

    rows: pa.RecordBatch
    places: NDArray[np.int64]
    numbers: NDArray[np.int64]
    ids: pa.Array
    revisions: pa.Array
    shared: NDArray[np.bool_]


def _identify_all(
    arrivals: pa.RecordBatch, history: History, clusters: Clusters, likeness: Likeness | None, taught: _Taught
) -> _Identified:
    """Takes one record after the other that has a key in common with another; any other is a new article."""
    identities = Identities(likeness)
    keys = _id_keys(arrivals)
    named = _named(keys, history)
    of_named = (key for one in named for key in (one.id, one.url_key, one.guid_key, one.record_hash) if key is not None)
    places = np.flatnonzero(_in_common(list(keys.values()), [*of_named, *history.tombstones]))
    records = _records(arrivals, places)
    _recall(named, records, history, identities, clusters)
    added: list[tuple[int, bytes, int]] = []
    adds = np.ones(len(arrivals), np.bool_)
    dropped = 0
    for place, record in zip(places.tolist(), records, strict=True):
        article = _identify(record, place, history.rows + place - dropped, identities, history, taught)
        if article is None:
            adds[place] = False
            dropped += 1
        else:
            added.append((place - dropped, article.id, article.revision))
    rows = arrivals.filter(pa.array(adds)) if dropped else arrivals
    at = np.array([row for row, *_ in added], np.int64)
    shared = np.zeros(len(rows), np.bool_)
    shared[at] = True
    ids = pc.coalesce(_spread(pa.array([name for _, name, _ in added], _KEY), at, len(rows)), own_keys(rows))
    revisions = _spread(pa.array([revision for *_, revision in added], pa.int32()), at, len(rows)).fill_null(1)
    numbers = history.rows + np.arange(len(rows))
    return _Identified(rows, np.flatnonzero(adds), numbers, ids, revisions, shared)


def own_keys(records: pa.RecordBatch | pa.Table) -> pa.Array:
    """The keys that ids are made of (rule 1)."""
    return pc.coalesce(records["url_key"], records["guid_key"], records["record_hash"])


def _id_keys(arrivals: pa.RecordBatch) -> dict[str, pa.Array]:
    """The keys by which an article is found; title and text are one where there is no other."""
    keyless = pc.and_(pc.is_null(arrivals["url_key"]), pc.is_null(arrivals["guid_key"]))
    record_hash = pc.if_else(keyless, arrivals["record_hash"], pa.scalar(None, _KEY))
    return {"url_key": arrivals["url_key"], "guid_key": arrivals["guid_key"], "record_hash": record_hash}


def _named(keys: Mapping[str, pa.Array], history: History) -> list[IndexEntry]:
    """What earlier batches know of the keys, in the order of events."""
    if history.rows == 0:
        return []
    return _in_order(entry for name, of in keys.items() for entry in history.find(name, values_of(of.drop_null())))


def _recall(
    named: Sequence[IndexEntry],
    records: Sequence[Record],
    history: History,
    identities: Identities,
    clusters: Clusters,
) -> None:
    """Takes in what earlier batches know of the articles that the records may belong to."""
    if history.rows == 0:
        return
    identities.learn_keys_of(named)
    ids = {entry.id for entry in named}
    ids |= {pair for one in records if (pair := pair_key(one)) is not None}
    known = _in_order(history.find("id", ids))
    identities.learn_articles(known)
    clusters.learn_articles(known)
    clusters.learn_founders(history.numbers({entry.cluster for entry in known if entry.cluster is not None}))


def _identify(
    record: Record,
    place: int,
    number: int,
    identities: Identities,
    history: History,
    taught: _Taught,
) -> KnownArticle | None:
    """Whose the record is, None where it adds no row; what its keys have taught is noted."""
    article, related = identities.resolve(record)
    removed = article.id in history.tombstones
    outcome = None if removed else identities.outcome(article, record)
    new_keys = identities.join(article, record)  # of a removed one, so that it is refused by its further keys, too
    if not removed and related is not None and related.id not in article.linked:
        article.linked.add(related.id)
        taught.links.append(Noted("related", article.id, related.id, place, number))
        taught.entries.append(IndexEntry(LINK, number, article.id, related.id))
    if outcome in (Outcome.NEW, Outcome.REVISION):
        article.learn_row(record)
        return article
    taught.counts["removed" if outcome is None else outcome.value] += 1
    if new_keys:
        taught.counts["aliases"] += 1
        taught.links.append(Noted("alias", article.id, None, place, number))
        alias = IndexEntry(ALIAS, number, article.id)
        taught.entries.append(
            alias._replace(url_key=record.url_key, guid_key=record.guid_key, feed_key=record.feed_key)
        )
    return None


# Clusters.


def _with_equal_text(texts: pa.Array, history: History, clusters: Clusters) -> NDArray[np.bool_]:
    """The rows whose text is that of another; what earlier batches know of these texts is taken in."""
    known = _in_order(history.find("content_hash", values_of(texts))) if history.rows else []
    rows = [entry for entry in known if entry.kind == ROW and entry.id not in history.tombstones]
    clusters.learn_texts(rows)
    clusters.learn_founders(history.numbers({entry.cluster for entry in rows if entry.cluster is not None}))
    return _in_common([texts], [entry.content_hash for entry in rows if entry.content_hash is not None])


def _candidates(
    who: _Identified, times: NDArray[np.int64], history: History, clusters: Clusters, likeness: Likeness
) -> tuple[dict[int, list[Candidate]], NDArray[np.bool_]]:
    """The earlier rows that each row is like, `loose` at least, by its number; and which rows are like another.

    Looks over the index and the batch.
    """
    found: dict[int, list[Candidate]] = {}
    like = np.zeros(len(who.rows), np.bool_)
    able = np.flatnonzero(who.rows["shingles"].to_numpy() >= likeness.min_shingles)
    if not len(able):
        return found, like
    signatures, bands, ids = (_some(column, able) for column in (who.rows["signature"], who.rows["bands"], who.ids))
    known = _neighbours(bands, history, likeness)
    first = known.num_rows
    numbers = np.concatenate([known["number"].to_numpy(), who.numbers[able]])
    ids = pa.concat_arrays([known["id"], ids])
    later, before = candidate_pairs(
        _by_band(known["bands"], bands),
        np.concatenate([known["shingles"].to_numpy(), who.rows["shingles"].to_numpy()[able]]),
        ids.dictionary_encode().indices.to_numpy().astype(np.int64),
        np.concatenate([known["unit_time"].to_numpy(), times[able]]),
        first,
        likeness.horizon,
    )
    values = _similarities(matrix_of(known["signature"]), matrix_of(signatures), later, before)
    alike = values >= likeness.loose
    later, before, values = later[alike], before[alike], values[alike]
    columns = numbers[before].tolist(), values_of(ids.take(pa.array(before))), values.tolist()
    for row, one in zip(numbers[later].tolist(), map(Candidate, *columns), strict=True):
        found.setdefault(row, []).append(one)
    like[able[later - first]] = True
    like[able[before[before >= first] - first]] = True
    met = known.take(pa.array(np.unique(before[before < first])))
    cluster_of = dict(zip(met["number"].to_pylist(), met["cluster"].to_pylist(), strict=True))
    clusters.learn_rows(cluster_of)
    clusters.learn_founders(history.numbers(set(cluster_of.values())))
    return found, like


def _neighbours(bands: pa.Array, history: History, likeness: Likeness) -> pa.RecordBatch:
    """The rows of earlier batches that share a bucket with one of these and may be compared."""
    known = history.neighbours(matrix_of(bands).data.cast("B"))
    removed = pc.is_in(known["id"], pa.array(sorted(history.tombstones), _KEY))
    known = known.filter(pc.and_not(pc.greater_equal(known["shingles"], likeness.min_shingles), removed))
    columns = {name: known[name].combine_chunks() for name in known.column_names}
    return pa.record_batch(columns | {"unit_time": columns["unit_time"].cast(pa.int64())})


def _by_band(*fingerprints: pa.Array) -> NDArray[np.uint32]:
    """The bands of all rows, those of a band side by side."""
    matrices = [matrix_of(some).view("<u4") for some in fingerprints]
    bands = np.empty((sum(map(len, matrices)), matrices[0].shape[1]), np.uint32, order="F")
    np.concatenate(matrices, out=bands, casting="same_kind")
    return bands


def _similarities(
    known: NDArray[np.uint8], new: NDArray[np.uint8], later: NDArray[np.int64], before: NDArray[np.int64]
) -> NDArray[np.float32]:
    """How like the rows of each pair are, by the signatures of earlier batches and of this one."""
    signatures = np.concatenate([known, new]) if len(known) else new
    values = np.empty(len(later), np.float32)
    for start in range(0, len(later), _PAIRS_AT_ONCE):
        some = slice(start, start + _PAIRS_AT_ONCE)
        values[some] = similarity(signatures[later[some]], signatures[before[some]])
    return values


def _place_all(
    who: _Identified,
    times: NDArray[np.int64],
    near: Mapping[int, Sequence[Candidate]],
    shared: NDArray[np.int64],
    clusters: Clusters,
    taught: _Taught,
) -> tuple[list[pa.Array], pa.Array]:
    """The columns of decisions on all rows, and the number of the founder of each.

    Takes one row after the other that has something in common with another; any other founds a cluster.
    """
    placed: list[Decision] = []
    founders: list[int] = []
    columns = (who.numbers[shared].tolist(), values_of(who.ids.take(shared)), who.revisions.take(shared).to_pylist())
    records = _records(who.rows, shared)
    for number, name, revision, record, time, place in zip(
        *columns, records, times[shared].tolist(), who.places[shared].tolist(), strict=True
    ):
        match = clusters.place(name, record, time, near.get(number, ()))
        founder = clusters.add(number, name, record, time, match.founder)
        taught.links.extend(Noted("cluster", name, other.id, place, number) for other in match.others)
        placed.append(_decision(number, name, revision, record, match))
        founders.append(founder.number)
    alone = len(who.rows) - len(placed)
    taught.counts.update(f"duplicates_{it.duplicate_kind}" if it.table == "duplicates" else it.table for it in placed)
    if alone:
        taught.counts["articles"] += alone
    told = zip(*placed, strict=True) if placed else [()] * len(DECISIONS)
    decided = {
        field.name: _spread(pa.array(values, field.type), shared, len(who.rows))
        for field, values in zip(DECISIONS, told, strict=True)
    }
    decided |= {"number": pa.array(who.numbers), "id": who.ids, "revision": who.revisions}
    decided["table"] = decided["table"].fill_null("articles")
    decided["cluster_id"] = pc.coalesce(decided["cluster_id"], who.ids)
    by_number = _spread(pa.array(founders, pa.int64()), shared, len(who.rows))
    return list(decided.values()), pc.coalesce(by_number, decided["number"])


def _decision(number: int, name: bytes, revision: int, record: Record, match: Match) -> Decision:
    founder = match.founder
    if founder is None:
        return Decision("articles", number, name, revision, name, None, None, None)
    table: Table = "revisions" if revision > 1 else "duplicates"
    if founder.id == name:
        return Decision(table, number, name, revision, name, None, None, None)
    kind: Literal["exact", "near"] = "exact" if founder.content_hash == record.content_hash else "near"
    return Decision(table, number, name, revision, founder.id, founder.id, kind, match.similarity)


def _entries(who: _Identified, founders: pa.Array, times: NDArray[np.int64], taught: _Taught) -> EntryTable:
    """The entries of the rows and of what was taught beside them, in the order of events."""
    rows = {
        "kind": pa.array(np.full(len(who.rows), ROW, np.int8)),
        "number": pa.array(who.numbers),
        "id": who.ids,
        "other_id": pa.nulls(len(who.rows), _KEY),
        "revision": who.revisions,
        **{name: who.rows[name] for name in _TOLD},
        "cluster": founders,
        "unit_time": pa.array(times),
    }
    entries = pa.table([rows[name] for name in IndexEntry._fields], names=IndexEntry._fields)
    if not taught.entries:
        return entries
    notes = zip(*taught.entries, strict=True)
    columns = [pa.array(values, field.type) for values, field in zip(notes, entries.schema, strict=True)]
    entries = pa.concat_tables([entries, pa.table(columns, schema=entries.schema)])
    return entries.take(pc.sort_indices(entries, [("number", "ascending"), ("kind", "descending")]))


# Columns.


def _records(rows: pa.RecordBatch, places: NDArray[np.int64]) -> list[Record]:
    """The records at these places."""
    some = pa.array(places)
    return list(map(Record, *(values_of(rows[name].take(some)) for name in Record._fields)))


def _in_common(columns: Sequence[pa.Array], known: Iterable[bytes]) -> NDArray[np.bool_]:
    """Which rows have a key, in whatever column, that is known or that another row has as well.

    Told by half a key, so that once in a while it is one row too many.
    """
    halves = [matrix_of(column).view("<u8")[:, 0] for column in columns]
    there = [column.is_valid().to_numpy(zero_copy_only=False) for column in columns]
    keys, counts = np.unique(
        np.concatenate([some[at] for some, at in zip(halves, there, strict=True)]), return_counts=True
    )
    common = np.union1d(keys[counts > 1], np.frombuffer(b"".join(known), "<u8")[::2])
    found = np.zeros(len(columns[0]), np.bool_)
    for some, at in zip(halves, there, strict=True):
        found |= at & np.isin(some, common)
    return found


def _some(column: pa.Array, places: NDArray[np.int64]) -> pa.Array:
    """The values at these places, which are in order and each there once."""
    return column if len(places) == len(column) else column.take(pa.array(places))


def _spread(values: pa.Array, places: NDArray[np.int64], length: int) -> pa.Array:
    """A column of this length with the values at these places, and nulls elsewhere."""
    which = np.full(length, -1)
    which[places] = np.arange(len(places))
    return values.take(pa.array(which, mask=which < 0))


def _in_order(entries: Iterable[IndexEntry]) -> list[IndexEntry]:
    """In the order of events, each once: what a row's number was waiting for came before the row."""
    return sorted(dict.fromkeys(entries), key=lambda entry: (entry.number, entry.kind == ROW))
