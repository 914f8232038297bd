"""What a batch leaves for the next ones: its entries merged into the index, its links."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings

from pipeline.dataset.batch import Batch
from pipeline.dataset.commits import read_state
from pipeline.dataset.errors import CommitConflict, DatasetError
from pipeline.dataset.index import Index
from pipeline.dataset.layout import manifest_file
from pipeline.dataset.local import LocalStorage
from pipeline.dataset.segments import table_of
from pipeline.dataset.storage import Storage
from pipeline.sinks.commit import commit_batch
from pipeline.sinks.history import BatchHistory
from tests.batches import batch_after
from tests.pipeline.dataset.entries import batches, bytes_of, key, row
from transforms.schemas import IndexEntry, Link, Verdict


def batch(storage: Storage) -> Batch:
    """The next batch of the dataset."""
    return batch_after(storage, f"batch{read_state(storage).sequence + 1}", unit_time=0)


def verdict_on(one: Batch, entries: Sequence[IndexEntry]) -> Verdict:
    written, replaced = BatchHistory(one).save(table_of(entries), [])
    return Verdict((), written, (), sum(entry.kind == 0 for entry in entries), (), replaced)


def commit(storage: Storage, entries: Sequence[IndexEntry]) -> None:
    one = batch(storage)
    commit_batch(verdict_on(one, entries), [], [], documents=0, batch=one, units=(), clock=lambda: 1.0)


def names(storage: Storage) -> list[str]:
    """The files of the index, all of which are live."""
    found = [listed.name for listed in storage.files("_index")]
    assert found == [segment.path for segment in read_state(storage).segments()]
    return [name.removeprefix("_index/segment-").removesuffix(".parquet") for name in found]


def test_eight_small_batches_become_one_segment(tmp_path: Path) -> None:
    storage = LocalStorage(str(tmp_path))
    for number in range(7):
        commit(storage, [row(number)])
    assert names(storage) == [f"{number:012d}-batch{number}" for number in range(1, 8)]
    commit(storage, [row(7)])
    assert names(storage) == ["000000000001-batch8"]
    (merged,) = read_state(storage).segments()
    assert storage.read(merged.path) == bytes_of([row(number) for number in range(8)])
    assert (merged.rows, merged.bytes) == (8, storage.size(merged.path))


def test_a_bigger_batch_takes_the_smaller_ones_before_it_in(tmp_path: Path) -> None:
    storage = LocalStorage(str(tmp_path))
    commit(storage, [row(number) for number in range(1_000)])
    commit(storage, [row(1_000)])
    commit(storage, [row(1_001)])
    commit(storage, [row(number) for number in range(1_002, 2_002)])
    assert names(storage) == ["000000000001-batch1", "000000000002-batch4"]
    assert storage.read("_index/segment-000000000002-batch4.parquet") == bytes_of(
        [row(number) for number in range(1_000, 2_002)]
    )


def test_before_a_full_segment_the_smaller_ones_become_one_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.dataset.tiers.TIER_ROWS", (10, 20))
    storage = LocalStorage(str(tmp_path))
    commit(storage, [row(0)])
    commit(storage, [row(1)])
    commit(storage, [row(number) for number in range(2, 30)])
    assert names(storage) == ["000000000001-batch3", "000000000003-batch3"]
    assert [segment.rows for segment in read_state(storage).segments()] == [2, 28]


def test_a_batch_that_learned_nothing_writes_nothing(tmp_path: Path) -> None:
    storage = LocalStorage(str(tmp_path))
    commit(storage, [row(0)])
    assert verdict_on(batch(storage), []) == Verdict((), (), (), 0, ())


@settings(max_examples=20, deadline=None)
@given(batches())
def test_after_merges_the_same_is_found(tmp_path_factory: pytest.TempPathFactory, made: list[list[IndexEntry]]) -> None:
    storage = LocalStorage(str(tmp_path_factory.mktemp("dataset")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.dataset.tiers.TIER_ROWS", (3, 9))
        for entries in made:
            commit(storage, entries)
    every = sorted((one for entries in made for one in entries), key=lambda one: (one.number, -one.kind))
    index = Index(storage, read_state(storage).segments())
    assert index.find("id", {one.id for one in every}) == every
    assert len(index.segments) <= len(made)


def test_a_repeated_bundle_writes_the_same_bytes_and_deletes_what_is_replaced_once_more(tmp_path: Path) -> None:
    storage = LocalStorage(str(tmp_path))
    for number in range(7):
        commit(storage, [row(number)])
    last = batch(storage)
    verdict = verdict_on(last, [row(7)])
    assert verdict_on(last, [row(7)]) == verdict
    for _ in range(2):
        commit_batch(verdict, [], [], documents=0, batch=last, units=(), clock=lambda: 1.0)
        assert names(storage) == ["000000000001-batch8"]
        storage.write(verdict.replaced[0], b"left by a kill between manifest and deletion")


def test_until_the_manifest_is_there_nothing_is_deleted(tmp_path: Path) -> None:
    storage = LocalStorage(str(tmp_path))
    for number in range(7):
        commit(storage, [row(number)])
    verdict = verdict_on(batch(storage), [row(7)])
    assert [segment.path for segment in read_state(storage).segments()] == list(verdict.replaced)
    assert Index(storage, read_state(storage).segments()).find("id", [key("id", 3)]) == [row(3)]


def test_who_finds_segments_merged_by_another_run_has_lost_the_race(tmp_path: Path) -> None:
    storage = LocalStorage(str(tmp_path))
    for number in range(7):
        commit(storage, [row(number)])
    loser = replace(batch(storage), name="loser")
    commit(storage, [row(7)])
    for look in (
        lambda: BatchHistory(loser).find("id", [key(1)]),
        lambda: BatchHistory(loser).numbers([1]),
        lambda: BatchHistory(loser).neighbours(bytes(128)),
        lambda: BatchHistory(loser).save(table_of([row(7)]), []),
    ):
        with pytest.raises(
            CommitConflict, match="manifest 8 was committed by another run while batch loser was being made"
        ):
            look()
    storage.delete(manifest_file(8))
    with pytest.raises(
        DatasetError, match=r"000000000001-batch1.parquet: missing, though a manifest names it. Rebuild"
    ):
        BatchHistory(loser).find("id", [key(1)])


def test_links_are_written_with_hexadecimal_ids(tmp_path: Path) -> None:
    one = batch(LocalStorage(str(tmp_path)))
    link = Link("related", key(1), key(2), None, None, None, "a.xml", 3)
    ((written,), replaced) = BatchHistory(one).save(table_of([]), [link])
    assert (written.path, written.rows, replaced) == ("links/part-000000000001-batch1-00000.parquet", 1, ())
    (found,) = pq.read_table(pa.BufferReader(one.storage.read(written.path))).to_pylist()
    assert (found["kind"], found["id"], found["other_id"]) == ("related", key(1).hex(), key(2).hex())
