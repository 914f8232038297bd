"""Kill it at any moment, any number of times, and run it again: nothing is lost, doubled or left over."""

import random
import sys
from pathlib import Path

import pytest

from tests.kills import MERGING, POINTS, Kill, Undisturbed, Victim, events, half_of, named_chains, random_chain, survive
from tests.warm import Warm

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


@pytest.mark.xfail(reason="a run does not sweep what no manifest names")
def test_a_run_that_is_killed_before_it_has_deleted_merged_segments_leaves_none(warm: Warm, tmp_path: Path) -> None:
    undisturbed = Undisturbed.make(warm, tmp_path, neighbours=2)
    assert survive(warm, undisturbed, tmp_path / "dataset", MERGING) == [True, True]


@pytest.mark.parametrize("seed", range(2))
def test_a_run_that_is_killed_at_random_moments_ends_as_if_nothing_had_happened(
    warm: Warm, undisturbed: Undisturbed, tmp_path: Path, seed: int
) -> None:
    survive(warm, undisturbed, tmp_path / "dataset", random_chain(random.Random(seed), undisturbed))


@pytest.mark.parametrize("seed", range(2))
def test_with_worker_processes_too(warm: Warm, undisturbed: Undisturbed, tmp_path: Path, seed: int) -> None:
    victims: tuple[Victim, ...] = ("run", "launcher", "process")
    chain = random_chain(random.Random(seed), undisturbed, victims)
    survive(warm, undisturbed.with_workers(), tmp_path / "dataset", chain)
