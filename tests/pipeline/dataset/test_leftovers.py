"""What no manifest names is deleted where that is safe, and nothing else ever is."""

import pytest

from pipeline.dataset.commits import commit, next_manifest, read_state
from pipeline.dataset.layout import data_file, flat_file, is_named_by_batch, segment_file
from pipeline.dataset.leftovers import delete_leftovers
from pipeline.dataset.local import LocalStorage
from pipeline.dataset.storage import Storage
from tests.pipeline.dataset.samples import SETTINGS, small_dataset, unit, write_file

BATCH = "0123456789abcdef"
ABANDONED = [
    data_file("articles", "2024-05-01", BATCH, 0),
    data_file("duplicates", "2024-05-01", BATCH, 12345),
    data_file("revisions", "1970-01-01", BATCH, 3),
    flat_file("links", 3, BATCH, 0),
    flat_file("dead_letters", 3, BATCH, 1),
    segment_file(3, BATCH),
]
FOREIGN = [
    "articles/date=2024-05-01/notes.txt",
    "articles/part-of-mine.parquet",
    "_index/README",
    "other/part-000000000003-0123456789abcdef-00000.parquet",
]


def names(storage: Storage) -> set[str]:
    return {listed.name for listed in storage.files()}


def test_batches_give_all_names_of_the_layout_and_no_others() -> None:
    assert [is_named_by_batch(name) for name in ABANDONED] == [True] * len(ABANDONED)
    assert [is_named_by_batch(name) for name in FOREIGN] == [False] * len(FOREIGN)


def test_whoever_is_alone_deletes_what_no_manifest_names_and_leaves_what_others_have_put_there(
    storage: Storage,
) -> None:
    small_dataset(storage)
    before = names(storage)
    for name in (*ABANDONED, *FOREIGN):
        storage.write(name, b"x")
    delete_leftovers(storage, read_state(storage), is_alone=True)
    assert names(storage) == before | set(FOREIGN)


def test_whoever_is_not_alone_deletes_only_what_the_newest_manifest_has_replaced(storage: Storage) -> None:
    small_dataset(storage)
    state = read_state(storage)
    (duplicates,) = state.table("duplicates")
    merged = write_file(storage, data_file("duplicates", "2024-04-30", BATCH, 0), b"merged")
    commit(storage, next_manifest(state, BATCH, [unit("d.xml")], SETTINGS, 0, {}, [merged], [duplicates.path]))
    storage.write(segment_file(4, BATCH), b"of another run")
    before = names(storage)
    delete_leftovers(storage, read_state(storage), is_alone=False)
    assert before - names(storage) == {duplicates.path}


def test_temporary_files_of_killed_writers_go_too(storage: Storage) -> None:
    if not isinstance(storage, LocalStorage):
        pytest.skip("object stores have none")
    small_dataset(storage)
    left = f"{storage.root}/articles/.tmp-1-0123456789abcdef"
    with open(left, "wb") as file:
        file.write(b"half")
    delete_leftovers(storage, read_state(storage), is_alone=True)
    with pytest.raises(FileNotFoundError):
        open(left, "rb")


def test_where_nothing_was_committed_all_that_batches_left_goes(storage: Storage) -> None:
    for name in ABANDONED:
        storage.write(name, b"x")
    delete_leftovers(storage, read_state(storage), is_alone=True)
    assert names(storage) == set()
