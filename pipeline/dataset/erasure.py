"""Erasure: what tombstones mean for the files, once views have honoured them and it is time to make it physical.

A cluster is led by its row in `articles`: at first its founder. Where that row's article is removed, the earliest row
that the cluster has left leads it: it moves into `articles`, within its partition, and keeps what it says of cluster
and founder. The views do the same with tombstones that are not erased yet (`views`), a test holds the two equal.

Places that hold text: data files, and dead letters as far as their payloads are known to tell of an article (`quotes`).
The index holds hashes, which stay, so that removed articles are known when they come again; what it knows of them is
kept in `_removed` too, in the form of a segment, for their rows can no longer tell it (`rebuild`). (Responses that were
landed will be a further place; they are to be erased here.)
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.dataset.commits import DatasetState
from pipeline.dataset.data_files import read_columns, read_groups
from pipeline.dataset.entries import NOTE_COLUMNS, are_noted, note_entries
from pipeline.dataset.erased import erased_notes, erased_rows, places_left
from pipeline.dataset.index import ROW_KIND, Index
from pipeline.dataset.layout import PARTITIONED_TABLES, partition_of
from pipeline.dataset.quotes import QUOTED_COLUMNS, Quotes, quotes_of
from pipeline.dataset.segments import table_of
from pipeline.dataset.storage import Storage
from pipeline.dataset.tables import INDEX
from transforms.schemas import DatasetFile

ERASED_DETAIL = "the payload was erased with an article that was removed"
"""What a dead letter says instead of its detail, which may quote the payload."""


@dataclass(frozen=True, slots=True)
class Moving:
    """A row that leads its cluster from now on: the file it leaves, and its number."""

    file: DatasetFile
    arrival: int


@dataclass(frozen=True, slots=True)
class Erasure:
    """What is to be erased: the ids, the files that are not to stay as they are, the rows that move, by partition.

    `quotes` are what dead letters may tell of the articles. `entries` is what the index knows of the rows and links
    that will be gone, as `erased` describes it.
    """

    ids: frozenset[str] = frozenset()
    changed: frozenset[str] = frozenset()
    moving: Mapping[str, Sequence[Moving]] = field(default_factory=dict)
    quotes: Quotes = field(default_factory=Quotes)
    entries: pa.Table = field(default_factory=INDEX.empty_table)

    def left_of(self, table: str, rows: pa.Table) -> pa.Table:
        """What is left of the rows of a file in its place."""
        if table in PARTITIONED_TABLES:
            stays = pc.invert(_is_in(rows["id"], self.ids))
            if table != "articles":
                moved = [it.arrival for moving in self.moving.values() for it in moving]
                stays = pc.and_(stays, pc.invert(pc.is_in(rows["arrival"], pa.array(moved, pa.int64()))))
            return rows.filter(stays)
        if table == "links":
            return rows.filter(pc.invert(_names_any(rows, self.ids)))
        return _without_quotes(rows, self.quotes)


def plan_erasure(storage: Storage, state: DatasetState) -> Erasure:
    """What the pending tombstones mean. Without any it reads nothing.

    Reads the ids of all rows, a file at a time, and the payloads of all dead letters, a row group at a time. Memory:
    these, the texts of the articles, and all text of a file that holds one. Raises DatasetError.
    """
    if not state.pending:
        return Erasure()
    rows = _plan_rows(storage, state)
    in_links, notes, further_keys = _plan_links(storage, state)
    quotes = Quotes(rows.quotes.passages | further_keys.passages, rows.quotes.texts)
    in_letters = {file.path for file in state.table("dead_letters") if _holds_any(storage, file, quotes)}
    return Erasure(
        state.pending,
        rows.changed.union(in_links, in_letters),
        rows.moving,
        quotes,
        pa.concat_tables([_entries_of_rows(storage, state), notes]),
    )


def _plan_rows(storage: Storage, state: DatasetState) -> Erasure:
    """What it means for articles, duplicates and revisions."""
    changed: set[str] = set()
    quoted: list[pa.Table] = []
    leaderless: set[str] = set()
    heirs: dict[str, Moving] = {}
    for table in PARTITIONED_TABLES:  # `articles` first: it tells which clusters lose their leader
        for file in state.table(table):
            rows = read_columns(storage, file, ["id", "cluster_id", "arrival"])
            gone = _is_in(rows["id"], state.pending)
            if pc.any(gone).as_py():
                changed.add(file.path)
                quoted.append(read_columns(storage, file, QUOTED_COLUMNS).filter(gone))
            if table == "articles":
                leaderless |= set(rows.filter(gone)["cluster_id"].to_pylist())
                continue
            candidates = rows.filter(pc.and_(pc.invert(gone), _is_in(rows["cluster_id"], leaderless)))
            for cluster, arrival in zip(*(candidates[it].to_pylist() for it in ("cluster_id", "arrival")), strict=True):
                if cluster not in heirs or arrival < heirs[cluster].arrival:
                    heirs[cluster] = Moving(file, arrival)
    moving: dict[str, list[Moving]] = {}
    for heir in sorted(heirs.values(), key=lambda heir: (heir.file.path, heir.arrival)):
        changed.add(heir.file.path)
        moving.setdefault(partition_of(heir.file.path), []).append(heir)
    return Erasure(state.pending, frozenset(changed), moving, quotes_of(quoted))


def _plan_links(storage: Storage, state: DatasetState) -> tuple[set[str], pa.Table, Quotes]:
    """The files of links that change, the entries of links that will be gone, with their places, and their quotes."""
    changed: set[str] = set()
    quoted: list[pa.Table] = []
    notes = [INDEX.empty_table()]
    places = [np.zeros(0, np.int64)]
    told = 0  # entries that links still tell
    for file in state.table("links"):
        links = read_columns(storage, file, NOTE_COLUMNS)
        named = _names_any(links, state.pending)
        if pc.any(named).as_py():
            changed.add(file.path)
            notes.append(note_entries(links.filter(named)))
            aliases = links.filter(_is_in(links["id"], state.pending))
            quoted.append(aliases.select(["canonical_url", "guid"]))
        of_notes = named.filter(are_noted(links)).to_numpy()
        places.append(told + np.flatnonzero(of_notes))
        told += len(of_notes)
    before = erased_notes(storage, state)
    left = places_left(before, told + len(before))
    at = INDEX.get_field_index("cluster")
    column = pa.array(left[np.concatenate(places)], pa.int64())
    return changed, pa.concat_tables(notes).set_column(at, INDEX.field(at), column), quotes_of(quoted)


def _holds_any(storage: Storage, letters: DatasetFile, quotes: Quotes) -> bool:
    groups = read_groups(storage, letters, ["payload", "url"])
    return any(any(_are_quoting(rows, quotes)) for rows in groups)


def _are_quoting(letters: pa.Table, quotes: Quotes) -> list[bool]:
    """Of each dead letter, whether its payload or its address tells of one of the articles."""
    payloads = letters["payload"].to_pylist()
    has_urls = "url" in letters.column_names  # files of earlier releases have none
    urls = letters["url"].to_pylist() if has_urls else [None] * len(payloads)
    return [
        quotes.are_in(payload) or (url is not None and quotes.are_in(url.encode()))
        for payload, url in zip(payloads, urls, strict=True)
    ]


def _entries_of_rows(storage: Storage, state: DatasetState) -> pa.Table:
    """The entries of rows that will be gone. An id that was erased before is pending again where links name it."""
    found = Index(storage, state.segments()).find("id", [bytes.fromhex(it) for it in sorted(state.pending)])
    gone = set(erased_rows(storage, state)["number"].to_pylist())
    return table_of([entry for entry in found if entry.kind == ROW_KIND and entry.number not in gone])


def _is_in(column: pa.ChunkedArray, values: Iterable[str]) -> pa.ChunkedArray:
    return pc.is_in(column, pa.array(sorted(values), pa.string()))


def _names_any(links: pa.Table, ids: frozenset[str]) -> pa.ChunkedArray:
    return pc.or_(_is_in(links["id"], ids), _is_in(links["other_id"], ids))


def _without_quotes(letters: pa.Table, quotes: Quotes) -> pa.Table:
    """The dead letters, those that quote a removed article without payload and address; `payload_bytes` stays."""
    quoting = _are_quoting(letters, quotes)
    for name, value in (("payload", b""), ("detail", ERASED_DETAIL), ("url", None)):
        at = letters.schema.get_field_index(name)
        field = letters.schema.field(at)
        letters = letters.set_column(at, field, pc.if_else(quoting, pa.scalar(value, field.type), letters[name]))
    return letters
