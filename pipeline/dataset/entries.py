"""Entries of the index, made of rows of the tables: what the one pass noted down, and what its text was."""

from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.dataset.tables import INDEX
from transforms.text.fingerprints import fingerprint
from transforms.text.identity import ALIAS, LINK, ROW
from transforms.text.keys import feed_key, guid_key, title_key, url_key
from transforms.text.words import count_words

ROW_COLUMNS: Final = (
    "id",
    "revision",
    "cluster_id",
    "arrival",
    "content_hash",
    "record_hash",
    "canonical_url",
    "guid",
    "feed_url",
    "source",
    "title",
    "text",
    "excerpt",
    "word_count",
)
"""The columns of articles, duplicates and revisions that an entry is made of."""

NOTE_COLUMNS: Final = ("kind", "id", "other_id", "canonical_url", "guid", "feed_url", "source", "arrival")
"""The columns of links that an entry is made of."""

_NOTES: Final = {"alias": ALIAS, "related": LINK}
"""The kind of the entry beside a link; the other links have none."""


def row_entries(rows: pa.Table, clusters: pa.Array, unit_times: pa.Array, shingle_words: int | None) -> pa.Table:
    """The entries of rows of articles, duplicates or revisions, given the founder's number and the unit time of each.

    Without `shingle_words` there are no fingerprints.
    """
    titles, texts = rows["title"].to_pylist(), [text or "" for text in rows["text"].to_pylist()]
    columns = _keys(rows) | {
        "kind": [ROW] * len(texts),
        "number": rows["arrival"],
        "revision": rows["revision"],
        "title_key": [None if title is None else title_key(title) for title in titles],
        "title_words": [0 if title is None else count_words(title) for title in titles],
        "content_hash": _bytes(rows["content_hash"]),
        "record_hash": _bytes(rows["record_hash"]),
        "words": rows["word_count"],
        "chars": [len(text) for text in texts],
        "excerpt": rows["excerpt"],
        "cluster": clusters,
        "unit_time": unit_times,
        "shingles": [0] * len(texts),
    }
    if shingle_words is not None:
        prints = fingerprint(texts, shingle_words)
        columns |= {"shingles": prints.shingles, "signature": list(map(bytes, prints.signatures))}
        columns |= {"bands": list(map(bytes, prints.bands.astype("<u4", copy=False)))}
    return _table(columns, len(texts))


def are_noted(links: pa.Table) -> pa.ChunkedArray:
    """Which links have an entry beside them."""
    return pc.is_in(links["kind"], pa.array(_NOTES))


def note_entries(links: pa.Table) -> pa.Table:
    """The entries that were written with links: aliases and pairs of ids, in their order."""
    links = links.filter(are_noted(links))
    kinds = [_NOTES[kind] for kind in links["kind"].to_pylist()]
    keys = _keys(links)
    columns: dict[str, Any] = {"kind": kinds, "number": links["arrival"], "id": keys["id"]}
    columns["other_id"] = _bytes(links["other_id"])
    for name in ("url_key", "guid_key", "feed_key"):
        columns[name] = [key if kind == ALIAS else None for key, kind in zip(keys[name], kinds, strict=True)]
    return _table(columns, links.num_rows)


def _keys(rows: pa.Table) -> dict[str, Any]:
    """Id and keys of rows. The scope of a guid is its feed, else its source."""
    of = {name: rows[name].to_pylist() for name in ("canonical_url", "guid", "feed_url", "source")}
    scopes = [feed or source or "" for feed, source in zip(of["feed_url"], of["source"], strict=True)]
    return {
        "id": _bytes(rows["id"]),
        "url_key": [None if url is None else url_key(url) for url in of["canonical_url"]],
        "guid_key": [
            None if guid is None else guid_key(guid, scope) for guid, scope in zip(of["guid"], scopes, strict=True)
        ],
        "feed_key": [feed_key(scope) for scope in scopes],
    }


def _bytes(column: pa.ChunkedArray) -> Sequence[bytes | None]:
    """Hexadecimal ids and hashes as they stand in the index."""
    return [None if it is None else bytes.fromhex(it) for it in column.to_pylist()]


def _table(columns: dict[str, Any], rows: int) -> pa.Table:
    """The columns of the index; those that are not given are null."""
    return pa.table([_column(columns.get(field.name), field, rows) for field in INDEX], schema=INDEX)


def _column(values: Any, field: pa.Field, rows: int) -> Any:
    if values is None:
        return pa.nulls(rows, field.type)
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values.cast(field.type)
    return pa.array(values, field.type)
