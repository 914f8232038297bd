"""The same records in the same order, however they are cut into batches: the same rows, over segments on a real disk.

The records are such as hostile feeds send: texts that flip between versions, guids used twice, moved links, copies with
and without edits. `tests/transforms/text/test_arrival.py` has the same law for small cases of any kind.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pipeline.dataset.checksums import sha256
from pipeline.dataset.commits import commit, next_manifest, read_state
from pipeline.dataset.local import LocalStorage
from pipeline.dataset.segments import entries_of, segment_bytes
from pipeline.dataset.tiers import merges_of_compaction
from pipeline.sinks.history import BatchHistory
from tests.batches import batch_after
from tests.transforms.text.test_arrival import Arrival, in_order, record
from transforms.schemas import DatasetFile
from transforms.text.arrival import Decision, decide
from transforms.text.likeness import Likeness

UNITS = 100
STORIES = 40


def fetches(seed: int) -> list[list[Arrival]]:
    """The records of each unit."""
    chance = random.Random(seed)
    versions = {
        (story, version): [chance.choice((story, story, 100 + story % 7, chance.randrange(256))) for _ in range(8)]
        for story in range(STORIES)
        for version in range(3)
    }
    units = []
    for unit in range(UNITS):
        records = []
        for entry in range(chance.randrange(6)):
            story, version = chance.choice(list(versions))
            feed = chance.choice(("a", "b", "hostile", None))
            moved = chance.choice(("", "", "/moved"))
            guid = chance.choice((f"{story}", f"{story % 5}", None))
            records.append(
                record(
                    unit=unit,
                    url=chance.choice((f"{feed}/{story}{moved}", f"{feed}/{story}{moved}", None)),
                    guid=guid,
                    feed=feed,
                    title=f"Title of story {story % 11}" if chance.random() < 0.8 else None,
                    text=f"{story}:{version}" if chance.random() < 0.95 else "",
                    excerpt=chance.random() < 0.1,
                    effective=chance.randrange(50),
                    entry=entry,
                    prints=versions[story, version],
                )
            )
        units.append(records)
    return units


@dataclass
class Labels:
    """What a dataset says of its rows and of what belongs together."""

    rows: list[Decision | None] = field(default_factory=list)
    links: list[tuple[Any, ...]] = field(default_factory=list)


def ingest(
    folder: Path, units: Sequence[Sequence[Arrival]], size: int, likeness: Likeness, compact_every: int | None
) -> Labels:
    """Takes the units in batches of so many; every so many batches all index segments are merged."""
    storage, labels = LocalStorage(str(folder)), Labels()
    for number, first in enumerate(range(0, len(units), size), start=1):
        some = range(first, min(first + size, len(units)))
        batch = batch_after(storage, f"{number:016x}")
        history = BatchHistory(batch)
        records = [one for unit in some for one in units[unit]]
        decided = decide(in_order(records), history, {unit: 3 * unit for unit in some}, likeness)
        written, replaced = history.save(decided.entries, ())
        manifest = next_manifest(
            read_state(storage), batch.name, (), {}, decided.rows, {}, written, replaced, fingerprint=106
        )
        commit(storage, manifest)
        labels.rows += [None if one["number"] is None else Decision(**one) for one in decided.decisions.to_pylist()]
        labels.links += [(one.kind, one.id, one.other_id, one.number) for one in decided.links]
        if compact_every is not None and number % compact_every == 0:
            merge_segments(storage, number)
    return labels


def merge_segments(storage: LocalStorage, number: int) -> None:
    """What compaction does to the index."""
    state = read_state(storage)
    segments = state.segments()
    written = []
    for merge in merges_of_compaction([segment.rows for segment in segments]):
        members = segments[merge.start : merge.stop]
        data = segment_bytes(entries_of(storage, members), 106)
        path = members[0].path.replace(".parquet", f"-c{number}.parquet")
        storage.write(path, data)
        rows = sum(segment.rows for segment in members)
        written.append(DatasetFile("_index", path, rows, data.nbytes, sha256(data)))
    if written:
        commit(storage, next_manifest(state, "c", (), {}, 0, {}, written, [segment.path for segment in segments]))


@pytest.mark.parametrize(("seed", "horizon"), [(1, None), (2, 90)])
def test_one_batch_or_two_or_ten_or_a_hundred_give_the_same_rows(
    seed: int, horizon: int | None, tmp_path: Path
) -> None:
    units, likeness = fetches(seed), Likeness(0.5, 0.3, 20, horizon)
    whole = ingest(tmp_path / "whole", units, UNITS, likeness, None)
    made = [one for one in whole.rows if one is not None]
    assert {one.table for one in made} == {"articles", "duplicates", "revisions"}
    assert {one.duplicate_kind for one in made} == {"exact", "near", None}
    assert {kind for kind, *_ in whole.links} == {"alias", "related", "cluster"}
    for size, compact_every in ((50, 1), (10, None), (10, 3), (1, None), (1, 25)):
        assert ingest(tmp_path / f"{size}-{compact_every}", units, size, likeness, compact_every) == whole


def test_a_horizon_makes_a_difference_here(tmp_path: Path) -> None:
    units = fetches(1)
    whole, near = (
        ingest(tmp_path / f"{horizon}", units, UNITS, Likeness(0.5, 0.3, 20, horizon), None) for horizon in (None, 90)
    )
    assert whole.rows != near.rows
