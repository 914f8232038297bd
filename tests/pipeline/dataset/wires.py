"""Datasets of many small batches with clusters, revisions, links and dead letters, made without a run."""

import contextlib
import dataclasses
import random
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.dataset.commits import commit, next_manifest, read_state
from pipeline.dataset.layout import PARTITIONED_TABLES, data_file, flat_file, segment_file
from pipeline.dataset.manifests import batch_name
from pipeline.dataset.segments import segment_bytes, table_of
from pipeline.dataset.storage import Storage
from pipeline.dataset.views import connect
from tests.pipeline.dataset.samples import parquet, unit, write_file
from transforms.schemas import DatasetFile, IndexEntry

SETTINGS = {"write": {"compression_level": 3, "max_file_mebibytes": 64, "max_file_rows": 50_000, "row_group_rows": 100}}
DAYS = ("2024-05-01", "2024-05-02", "2024-05-03")

Row = dict[str, Any]


@dataclasses.dataclass(slots=True)
class Wire:
    """What a wire has sent: rows with their `table` and `day`, links, dead letters; a batch each of a list."""

    rows: list[list[Row]] = dataclasses.field(default_factory=list)
    links: list[list[Row]] = dataclasses.field(default_factory=list)
    letters: list[list[Row]] = dataclasses.field(default_factory=list)

    @property
    def all_rows(self) -> list[Row]:
        """The rows in order of arrival."""
        return [row for rows in self.rows for row in rows]


def make_wire(seed: int, batches: int, rows: int) -> Wire:
    """Rows as the one pass could have labelled them, in partitions and clusters of chance."""
    chance = random.Random(seed)
    wire = Wire()
    newest: dict[str, Row] = {}
    clusters: list[str] = []
    number = 0
    for batch in range(batches):
        wire.rows.append([])
        for _ in range(rows):
            before = newest[chance.choice(sorted(newest))] if newest and chance.random() < 0.3 else None
            name = before["id"] if before else f"{number:032x}"
            if before and (before["cluster_id"] == name or chance.random() < 0.6):
                cluster = before["cluster_id"]
            else:
                cluster = chance.choice(clusters) if clusters and chance.random() < 0.6 else name
            is_founder = cluster == name and (before is None or before["cluster_id"] != name)
            revision = before["revision"] + 1 if before else 1
            row = _row(chance, number, name, revision, cluster)
            row["table"] = "articles" if is_founder else "revisions" if revision > 1 else "duplicates"
            if is_founder:
                clusters.append(name)
            newest[name] = row
            wire.rows[-1].append(row)
            number += 1
        some = [chance.choice(sorted(newest)) for _ in range(4)]
        wire.links.append(
            [
                {"kind": "alias", "id": some[0], "guid": f"guid {batch}", "source": "a.xml", "arrival": number},
                {"kind": "related", "id": some[1], "other_id": some[2], "source": "a.xml", "arrival": number},
                {"kind": "cluster", "id": some[3], "other_id": clusters[0], "source": "a.xml", "arrival": number},
            ]
        )
        quoted = newest[some[0]]["url"]
        wire.letters.append(
            [
                _letter(batch, 0, f"<item><link>{quoted}</link>".encode()),
                _letter(batch, 1, b"nothing of anybody"),
            ]
        )
    return wire


def _row(chance: random.Random, number: int, name: str, revision: int, cluster: str) -> Row:
    published = datetime(2024, 5, 1, 8, tzinfo=UTC) + timedelta(minutes=chance.randrange(3 * 960))
    return {
        "id": name,
        "revision": revision,
        "cluster_id": cluster,
        "duplicate_of": None if cluster == name else cluster,
        "duplicate_kind": None if cluster == name else "near",
        "arrival": number,
        "effective": published,
        "published": published if chance.random() < 0.9 else None,
        "content_hash": f"{number:032x}",
        "record_hash": f"{number:032x}",
        "url": f"https://s{number % 3}.example/{int(name, 16)}/story.html",
        "guid": f"tag:{int(name, 16)}.example" if number % 2 else "7",
        "site": f"s{number % 3}.example",
        "source": "a.xml",
        "title": f"Story {number}",
        "text": f"What happened in {number}. " * chance.randrange(1, 9),
        "day": chance.choice(DAYS),
    }


def _letter(batch: int, entry: int, payload: bytes) -> Row:
    return {
        "source": f"{batch}.xml",
        "position": 0,
        "entry": entry,
        "step": "Parse",
        "reason": "malformed_record",
        "detail": f"line 1 of {payload!r}",
        "kind": "record",
        "payload": payload,
        "payload_bytes": len(payload),
    }


def commit_wire(storage: Storage, wire: Wire, whole: Wire | None = None) -> None:
    """Commits the wire, a batch after the other, each with its index segment; it may be a part of a whole."""
    rows_of_whole = (whole or wire).all_rows
    founded = {row["id"]: row["arrival"] for row in rows_of_whole if row["table"] == "articles"}
    for rows, links, letters in zip(wire.rows, wire.links, wire.letters, strict=True):
        state = read_state(storage)
        units = [unit(f"{state.sequence}.xml", time=state.unit_time + 1)]
        batch = batch_name(state.parent, units, SETTINGS)
        files = list(_data_files(storage, batch, rows))
        for table, some in (("links", links), ("dead_letters", letters)):
            path = flat_file(table, state.sequence + 1, batch, 0)
            files.append(write_file(storage, path, parquet(table, some), len(some)))
        entries = [*(_entry(row, founded) for row in rows), *_entries_of_links(links)]
        path = segment_file(state.sequence + 1, batch)
        files.append(write_file(storage, path, bytes(segment_bytes([table_of(entries)], None)), len(entries)))
        commit(storage, next_manifest(state, batch, units, SETTINGS, len(rows), {"articles": len(rows)}, files))


def _data_files(storage: Storage, batch: str, rows: Sequence[Row]) -> Iterator[DatasetFile]:
    for table in PARTITIONED_TABLES:
        for day in DAYS:
            some = [row for row in rows if row["table"] == table and row["day"] == day]
            if some:
                some.sort(key=lambda row: (row["published"] is None, row["published"], row["id"], row["revision"]))
                yield write_file(storage, data_file(table, day, batch, 0), parquet(table, some), len(some))


def _entry(row: Row, founded: dict[str, int]) -> IndexEntry:
    return IndexEntry(
        0,
        row["arrival"],
        bytes.fromhex(row["id"]),
        revision=row["revision"],
        url_key=bytes.fromhex(row["id"]),
        title_words=2,
        content_hash=bytes.fromhex(row["content_hash"]),
        record_hash=bytes.fromhex(row["record_hash"]),
        words=3,
        chars=len(row["text"]),
        excerpt=False,
        cluster=founded[row["cluster_id"]],
        unit_time=1,
    )


def _entries_of_links(links: Sequence[Row]) -> Iterator[IndexEntry]:
    for link in links:
        if link["kind"] == "alias":
            yield IndexEntry(1, link["arrival"], bytes.fromhex(link["id"]), guid_key=b"g" * 16)
        elif link["kind"] == "related":
            yield IndexEntry(2, link["arrival"], bytes.fromhex(link["id"]), bytes.fromhex(link["other_id"]))


_SEEN = ("id", "revision", "cluster_id", "duplicate_of", "arrival", "title", "text", "published")


def expected_rows(wire: Wire, removed: Collection[str] = ()) -> list[tuple[Any, ...]]:
    """What `all_articles` shows of the wire without the removed ids: kind, day and the columns of `seen_rows`."""
    left = [row for row in wire.all_rows if row["id"] not in removed]
    leaders = {row["cluster_id"]: row["arrival"] for row in reversed(left)}
    kinds = {"articles": "article", "duplicates": "duplicate", "revisions": "revision"}
    return [
        (
            "article" if leaders[row["cluster_id"]] == row["arrival"] else kinds[row["table"]],
            row["day"],
            *(row[name] for name in _SEEN),
        )
        for row in left
    ]


def seen_rows(root: str) -> list[tuple[Any, ...]]:
    """What `all_articles` shows, in order of arrival."""
    return sql(root, f"SELECT kind, date::VARCHAR, {', '.join(_SEEN)} FROM all_articles ORDER BY arrival")


def expected_stories(wire: Wire, removed: Collection[str] = ()) -> list[tuple[Any, ...]]:
    """What `stories` shows of the wire without the removed ids: cluster, leader, its newest row, first URL, copies."""
    left = [row for row in wire.all_rows if row["id"] not in removed]
    stories = []
    for cluster in sorted({row["cluster_id"] for row in left}):
        rows = [row for row in left if row["cluster_id"] == cluster]
        newest = [row for row in rows if row["id"] == rows[0]["id"]][-1]
        first = min(rows, key=lambda row: (row["effective"], row["arrival"]))
        copies = len({row["id"] for row in rows}) - 1
        stories.append((cluster, newest["id"], newest["arrival"], first["url"], copies))
    return stories


def seen_stories(root: str) -> list[tuple[Any, ...]]:
    """What `stories` shows."""
    return sql(root, "SELECT cluster_id, id, arrival, first_url, copies FROM stories ORDER BY cluster_id")


def sql(root: str, statement: str) -> list[tuple[Any, ...]]:
    """The rows of a statement."""
    with contextlib.closing(connect(root)) as connection:
        return connection.execute(statement).fetchall()


def everything(root: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every row that the views show, but for those of `runs`."""
    views = ("articles", "duplicates", "revisions", "links", "dead_letters", "stories")
    with contextlib.closing(connect(root)) as connection:
        return {view: sorted(connection.execute(f"FROM {view}").fetchall(), key=repr) for view in views}


def stray_files(storage: Storage) -> list[str]:
    """Files below the root that no manifest names, but for the manifests."""
    live = {file.path for files in read_state(storage).files.values() for file in files}
    return [it.name for it in storage.files() if it.name not in live and not it.name.startswith("_commits/")]
