"""The index finds what was written, in the order of events, however it is cut into segments."""

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dataset.index import KEY_COLUMNS, Index
from pipeline.dataset.local import LocalStorage
from pipeline.dataset.storage import Storage
from tests.pipeline.dataset.entries import ALIAS, LINK, batches, indexed, key, neighbours, row
from transforms.schemas import IndexEntry

KEYS = ("url_key", "guid_key", "record_hash")
PLACE = ("kind", "number", "id")
GIVEN = {
    "id": IndexEntry._fields,
    **dict.fromkeys(KEYS, (*PLACE, *KEYS)),
    "content_hash": (*PLACE, "title_key", "words", "content_hash", "cluster"),
    "numbers": (*PLACE, "title_key", "title_words", "content_hash", "unit_time", "shingles", "signature"),
    "neighbours": (*PLACE, "cluster", "unit_time", "shingles", "signature", "bands"),
}
"""The fields that a look-up gives."""


def seen_by(look_up: str, *entries: IndexEntry) -> list[IndexEntry]:
    """The entries as a look-up gives them."""
    return [one._replace(**{name: None for name in one._fields if name not in GIVEN[look_up]}) for one in entries]


@pytest.fixture
def disk(tmp_path: Path) -> LocalStorage:
    return LocalStorage(str(tmp_path))


@pytest.mark.parametrize("column", KEY_COLUMNS)
def test_entries_are_found_by_each_key_with_what_it_is_looked_up_for(storage: Storage, column: str) -> None:
    index = pickle.loads(pickle.dumps(indexed(storage, [row(0), row(1)], [row(2)])))
    wanted = [getattr(row(2), column), getattr(row(0), column), key("none")]
    assert index.find(column, wanted) == seen_by(column, row(0), row(2))


def test_rows_are_found_by_their_numbers(storage: Storage) -> None:
    assert indexed(storage, [row(0), row(1)], [row(2)]).numbers([2, 0, 9]) == seen_by("numbers", row(0), row(2))


def test_rows_are_found_that_share_a_band_in_the_same_place(disk: LocalStorage) -> None:
    index = indexed(disk, [row(0), row(1)], [row(2, bands=None), row(3)])
    first, last = row(0).bands or b"", row(3).bands or b""
    assert neighbours(index, [first[:4] + bytes(124)]) == seen_by("neighbours", row(0))
    assert neighbours(index, [bytes(124) + last[124:], first]) == seen_by("neighbours", row(0), row(3))
    assert neighbours(index, [bytes(4) + first[:4] + bytes(120), bytes(128)]) == []


def test_rows_without_shingles_are_nobodys_neighbours(disk: LocalStorage) -> None:
    assert neighbours(indexed(disk, [row(0, shingles=0)]), [row(0).bands or b""]) == []


def test_nothing_is_found_in_nothing(disk: LocalStorage) -> None:
    for index in (Index(disk, ()), indexed(disk, [])):
        assert index.find("id", [key(1)]) == []
        assert index.numbers([1]) == []
        assert neighbours(index, [bytes(128)]) == []
    assert indexed(disk, [row(0)]).find("id", []) == []
    assert indexed(disk, [row(0)]).numbers([]) == []
    assert neighbours(indexed(disk, [row(0)]), []) == []


def test_a_null_is_equal_to_no_key(disk: LocalStorage) -> None:
    assert indexed(disk, [row(1)]).find("guid_key", [bytes(16), key("guid", 1)]) == []
    assert neighbours(indexed(disk, [row(1, bands=None)]), [bytes(128)]) == []


def test_an_entry_is_given_once_however_many_keys_name_it(disk: LocalStorage) -> None:
    same = [row(0, url_key=key("u")), row(1, url_key=key("u"))]
    assert indexed(disk, same).find("url_key", [key("u"), key("u")]) == seen_by("url_key", *same)


def test_an_id_that_is_the_own_key_of_its_entry_is_found_as_any_other(disk: LocalStorage) -> None:
    ids = [key("url", 0), key("guid", 2), key("record", 3), key("other")]
    entries = [
        row(0, id=ids[0]),
        IndexEntry(ALIAS, 1, ids[0], url_key=key("url", 0), guid_key=key("g")),
        IndexEntry(LINK, 1, ids[0], other_id=ids[1]),
        row(1, id=ids[0]),
        row(2, id=ids[1], url_key=None),
        row(3, id=ids[2], url_key=None, guid_key=None),
        row(4, id=ids[3], url_key=None),
        row(5, id=ids[3], url_key=ids[0]),
    ]
    index = indexed(disk, entries)
    assert index.find("id", ids[:1]) == [entries[0], entries[2], entries[1], entries[3]]
    assert index.find("id", ids[1:]) == entries[4:]
    assert index.find("url_key", ids[:1]) == seen_by("url_key", entries[0], entries[1], entries[7])


def test_events_come_in_their_order(disk: LocalStorage) -> None:
    alias = IndexEntry(ALIAS, 1, key("id", 0), url_key=key("u"), guid_key=key("g"))
    second_alias = IndexEntry(ALIAS, 1, key("id", 0), url_key=key("u"), guid_key=key("h"))
    link = IndexEntry(LINK, 1, key("id", 0), other_id=key("id", 1), url_key=key("u"))
    rows = [row(0, url_key=key("u")), row(1, url_key=key("u"))]
    index = indexed(disk, [rows[0], alias], [rows[1], second_alias, link])
    assert index.find("url_key", [key("u")]) == seen_by("url_key", rows[0], link, alias, second_alias, rows[1])
    assert index.numbers([1]) == seen_by("numbers", rows[1])


def test_many_row_groups_are_searched(disk: LocalStorage) -> None:
    entries = [row(number) for number in range(33_000)]
    index = indexed(disk, entries)
    wanted = [entries[number] for number in (0, 32_767, 32_768, 32_999)]
    assert index.numbers([one.number for one in wanted]) == seen_by("numbers", *wanted)
    assert index.find("id", [one.id for one in wanted]) == wanted
    assert index.find("record_hash", [key("record", one.number) for one in wanted]) == seen_by("record_hash", *wanted)
    assert neighbours(index, [one.bands or b"" for one in wanted]) == seen_by("neighbours", *wanted)


LOOK_UPS: dict[str, Callable[[Index, list[int]], list[IndexEntry]]] = {
    "id": lambda index, few: index.find("id", [key(name, it) for it in few for name in ("url", "id")]),
    "url_key": lambda index, few: index.find("url_key", [key("url", it) for it in few]),
    "guid_key": lambda index, few: index.find("guid_key", [key("guid", it) for it in few]),
    "record_hash": lambda index, few: index.find("record_hash", [key("record", it) for it in few]),
    "content_hash": lambda index, few: index.find("content_hash", [key("content", it) for it in few]),
    "numbers": lambda index, few: index.numbers(few),
    "neighbours": lambda index, few: neighbours(index, [key("bands", it) * 8 for it in few]),
}


@settings(max_examples=60, deadline=None)
@given(batches(), st.lists(st.integers(0, 7), max_size=4, unique=True))
def test_the_cut_into_segments_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, made: list[list[IndexEntry]], wanted: list[int]
) -> None:
    disk = LocalStorage(str(tmp_path_factory.mktemp("index")))
    every = sorted((one for batch in made for one in batch), key=lambda one: (one.number, -one.kind))
    cut, whole = indexed(disk, *made), indexed(LocalStorage(f"{disk.root}/whole"), every)
    for look_up, found in LOOK_UPS.items():
        expected = seen_by(look_up, *(one for one in every if is_named(look_up, one, wanted)))
        assert found(cut, wanted) == expected, look_up
        assert found(whole, wanted) == expected, look_up


def is_named(look_up: str, entry: IndexEntry, few: list[int]) -> bool:
    """Whether the look-up for these values is to find the entry."""
    match look_up:
        case "numbers":
            return entry.kind == 0 and entry.number in few
        case "neighbours":
            return entry.kind == 0 and entry.bands in [key("bands", it) * 8 for it in few]
        case "id":
            return entry.id in [key(name, it) for it in few for name in ("url", "id")]
    name = look_up.partition("_")[0]
    return getattr(entry, look_up) in [key(name, it) for it in few]


def test_other_columns_and_short_keys_are_defects(disk: LocalStorage) -> None:
    with pytest.raises(ValueError, match="not a key column: title_key"):
        indexed(disk, [row(0)]).find("title_key", [key(1)])
    with pytest.raises(ValueError, match="a key has 16 bytes"):
        indexed(disk, [row(0)]).find("id", [b"short"])
