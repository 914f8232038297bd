"""Kill it at any moment, any number of times, and run it again: nothing is lost, doubled or left over."""

import random
import shutil
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.datasets import digests, rows
from tests.faults import POINTS, Kill, Point, Victim, events
from tests.kills import (
    ALONE,
    TAKEOVER,
    WORKERS,
    Undisturbed,
    half_of,
    named_chains,
    random_chain,
    survive,
    write_corpus,
)
from tests.races import committed_bytes
from tests.warm import Prepare, Warm

if sys.platform == "win32":
    pytest.skip("processes are forked and killed by signals", allow_module_level=True)

CHAINS = named_chains(half_of(POINTS))
"""`make kills` takes all of them, and many random moments more."""


@pytest.fixture(scope="module")
def undisturbed(warm: Warm, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    return Undisturbed.make(warm, tmp_path_factory.mktemp("kills"))


def test_every_point_of_an_undisturbed_run_has_a_name(undisturbed: Undisturbed) -> None:
    assert {point for point, _, _ in events(undisturbed.log)} == set(POINTS)
    assert {(it.operation, it.kind) for it in half_of(POINTS)} == {(it.operation, it.kind) for it in POINTS}


def test_every_batch_of_the_corpus_writes_into_every_table(undisturbed: Undisturbed) -> None:
    tables = ("articles", "duplicates", "revisions", "links", "dead_letters")
    written = {(point.kind, batch) for point, batch, _ in events(undisturbed.log) if point.operation == "write"}
    assert written >= {(table, batch) for table in tables for batch in (1, 2, 3)}


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: "; ".join(str(kill.point) for kill in chain))
def test_a_run_that_is_killed_at_named_points_ends_as_if_nothing_had_happened(
    warm: Warm, undisturbed: Undisturbed, tmp_path: Path, chain: list[Kill]
) -> None:
    assert survive(warm, undisturbed, tmp_path / "dataset", chain) == [True] * len(chain)


@pytest.mark.parametrize("seed", range(2))
def test_a_run_that_is_killed_at_random_moments_ends_as_if_nothing_had_happened(
    warm: Warm, undisturbed: Undisturbed, tmp_path: Path, seed: int
) -> None:
    survive(warm, undisturbed, tmp_path / "dataset", random_chain(random.Random(seed), undisturbed))


def test_a_run_that_is_killed_while_it_takes_a_lock_over_leaves_one_that_can_be_taken_over(
    warm: Warm, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    assert survive(warm, undisturbed, tmp_path / "dataset", TAKEOVER) == [True] * len(TAKEOVER)


def test_what_is_staged_elsewhere_is_deleted_there(warm: Warm, undisturbed: Undisturbed, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    kills = [
        Kill(Point("write", "staged dead letters", "half"), batch=1),
        Kill(Point("write", "marks", "after"), batch=1),
        Kill(Point("delete", "staging", "half"), batch=2),
    ]
    staged_elsewhere = undisturbed.with_words("--staging", str(elsewhere))
    assert survive(warm, staged_elsewhere, tmp_path / "dataset", kills) == [True] * 3
    assert [path for path in elsewhere.rglob("*") if path.is_file()] == []


def test_an_input_that_changes_after_a_kill_is_read_as_it_is(
    warm: Warm, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    changing = replace(undisturbed, corpus=tmp_path / "corpus")
    write_corpus(changing.corpus)
    output = tmp_path / "dataset"
    killed = changing.run(warm, output, tmp_path / "log", Kill(Point("create", "manifest", "half"), batch=2))
    assert killed.code == -signal.SIGKILL
    changed = changing.corpus / "02-feed.xml"
    changed.write_text(changed.read_text(encoding="utf-8").replace("Headline", "Title"), encoding="utf-8")
    warm.run(*changing.words(output))
    warm.run(*changing.words(tmp_path / "undisturbed"))
    assert committed_bytes(str(output)) == committed_bytes(str(tmp_path / "undisturbed"))


def test_a_process_of_several_that_is_killed_ends_the_run_and_the_same_command_goes_on(
    warm: Warm, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    assert survive(warm, undisturbed.with_words(WORKERS), tmp_path / "dataset", ALONE) == [True] * len(ALONE)


@pytest.mark.parametrize("seed", range(1))
def test_a_run_with_worker_processes_that_is_killed_at_random_moments_ends_as_if_nothing_had_happened(
    warm: Warm, undisturbed: Undisturbed, tmp_path: Path, seed: int
) -> None:
    victims: tuple[Victim, ...] = ("run", "launcher", "process")
    chain = random_chain(random.Random(seed), undisturbed, victims)
    survive(warm, undisturbed.with_words(WORKERS), tmp_path / "dataset", chain)


def test_a_compaction_that_is_killed_loses_nothing_and_the_same_command_does_the_rest(
    warm: Warm, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    log = tmp_path / "log"

    def compact(dataset: Path, count: int) -> int:
        log.unlink(missing_ok=True)
        kill = {"point": None, "batch": None, "count": count, "victim": "run"}
        prepare = Prepare("tests.faults:watch", {"root": str(dataset), "log": str(log), "kill": kill})
        return warm.run("compact", dataset, prepare=prepare, expect=None).code

    before = shutil.copytree(undisturbed.dataset, tmp_path / "before")
    warm.run("remove", before, "--id", rows(before, "duplicates")[0]["cluster_id"])
    expected = shutil.copytree(before, tmp_path / "expected")
    assert compact(expected, 0) == 0
    for count in range(3, len(events(log)), 11):
        killed = shutil.copytree(before, tmp_path / str(count))
        assert compact(killed, count) == -signal.SIGKILL
        assert compact(killed, 0) == 0
        assert digests(killed) == digests(expected)
