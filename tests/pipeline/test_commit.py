"""Committing a batch, and planning a run."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from pipeline.dataset.batch import Batch
from pipeline.dataset.commits import read_manifests, read_state
from pipeline.dataset.errors import CommitConflict
from pipeline.dataset.manifests import done_unit
from pipeline.dataset.stores import open_storage
from pipeline.plan import cut_batches
from pipeline.sinks.commit import commit_batch
from pipeline.sinks.dead_letters import GatherDeadLetters, write_files
from tests.batches import batch_after
from tests.datasets import rows
from transforms.schemas import DatasetFile, DeadLetter, Unit, UnitOutcome, Verdict


def unit(ordinal: int, size: int = 10) -> Unit:
    return Unit(ordinal, f"{ordinal}.txt", f"/in/{ordinal}.txt", size, f"sha256:{ordinal}")


UNITS = (unit(0), unit(1))


def batch(folder: Path, name: str = "first") -> Batch:
    """One of two writers who begin with an empty dataset."""
    first = {"sequence": 1, "parent": None, "rows": 0, "segments": ()}
    return batch_after(open_storage(str(folder)), name, unit_time=5, max_payload_bytes=4, **first)


def verdict(*outcomes: UnitOutcome) -> Verdict:
    return Verdict((), (), outcomes, 0, (("articles", 0),))


def commit(
    one: Batch,
    letters: Sequence[DatasetFile] = (),
    outcomes: Sequence[UnitOutcome] = (),
    units: Sequence[Unit] = UNITS,
) -> str:
    return commit_batch(verdict(*outcomes), [], letters, documents=2, batch=one, units=units, clock=lambda: 1.0)


def dead(one: Batch, *letters: DeadLetter) -> list[DatasetFile]:
    """Sends dead letters through the sink."""
    gather = GatherDeadLetters(one)
    gather.start_bundle()
    blocks = [block for letter in letters for block in gather.process(letter)]
    blocks += [windowed.value for windowed in gather.finish_bundle()]
    return list(write_files(blocks, one))


def test_a_unit_without_articles_has_the_time_of_the_unit_before_it(tmp_path: Path) -> None:
    commit(batch(tmp_path), units=[*UNITS, unit(2)], outcomes=[UnitOutcome(1, 3, 70)])
    (manifest,) = read_manifests(open_storage(str(tmp_path)))
    assert [(it.name, it.time, it.articles) for it in manifest.units] == [
        ("0.txt", 5, 0),
        ("1.txt", 70, 3),
        ("2.txt", 70, 0),
    ]
    assert manifest.counts == {"articles": 0, "documents": 2, "parsed": 3}


def test_a_commit_that_is_repeated_succeeds_and_changes_nothing(tmp_path: Path) -> None:
    assert commit(batch(tmp_path)) == commit(batch(tmp_path)) == "first"
    assert read_state(open_storage(str(tmp_path))).sequence == 1


def test_the_loser_of_a_race_is_told_who_won(tmp_path: Path) -> None:
    commit(batch(tmp_path, "first"))
    with pytest.raises(CommitConflict, match="batch first was committed by another run while batch second was"):
        commit(batch(tmp_path, "second"))


def test_a_file_that_was_gone_when_it_was_to_be_read_is_not_done(tmp_path: Path) -> None:
    one = batch(tmp_path)
    gone = DeadLetter(1, 0, 0, "1.txt", "Read", "unreadable_file", "it is gone", "unit", b"", 0)
    commit(one, letters=dead(one, gone))
    state = read_state(open_storage(str(tmp_path)))
    assert [done_unit(it) in state.done for it in UNITS] == [True, False]


def test_dead_letters_are_sorted_by_place_cut_to_the_limit_and_counted(tmp_path: Path) -> None:
    one = batch(tmp_path)
    letters = [
        DeadLetter(1, 0, 0, "1.txt", "Parse", "malformed_feed", "no feed", "feed", b"123456", 6),
        DeadLetter(0, 7, 0, "0.txt", "Parse", "malformed_feed", "no feed", "feed", b"12", 2),
        DeadLetter(0, 3, 1, "0.txt", "Normalize", "malformed_entry", "nothing", "entry", b"", 0),
    ]
    commit(one, letters=dead(one, *letters))
    found = [
        (it["source"], it["position"], it["payload"], it["payload_bytes"]) for it in rows(tmp_path, "dead_letters")
    ]
    assert found == [("0.txt", 3, b"", 0), ("0.txt", 7, b"12", 2), ("1.txt", 0, b"1234", 6)]
    (manifest,) = read_manifests(open_storage(str(tmp_path)))
    assert {name: count for name, count in manifest.counts.items() if name.startswith("dead")} == {
        "dead_letters:Normalize:malformed_entry": 1,
        "dead_letters:Parse:malformed_feed": 2,
    }


def test_batches_are_whole_consecutive_units_closed_when_they_have_reached_the_size() -> None:
    units = [unit(0, 4), unit(1, 7), unit(2, 100), unit(3, 1)]
    assert [[it.ordinal for it in one] for one in cut_batches(units, 10)] == [[0, 1], [2], [3]]
    assert list(cut_batches([], 10)) == []
