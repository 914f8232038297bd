"""Runs at once on one dataset, without a lock: one commits, the others are named, nothing is lost or doubled."""

import itertools
import sys
from pathlib import Path

import pytest

from tests.races import CONFLICT, Ordered, Writer, committed_bytes, race, round_of_two, write_inputs
from tests.warm import Command, Prepare, Warm

if sys.platform == "win32":
    pytest.skip("runs are forked", allow_module_level=True)


@pytest.fixture(scope="module")
def writers(tmp_path_factory: pytest.TempPathFactory) -> list[Writer]:
    return write_inputs(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="module")
def ordered(warm: Warm, writers: list[Writer], tmp_path_factory: pytest.TempPathFactory) -> Ordered:
    return Ordered(warm, writers, tmp_path_factory.mktemp("ordered"))


@pytest.fixture(params=["local", "gcs"])
def output(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "local":
        return str(tmp_path / "dataset")
    return f"gs://{request.getfixturevalue('gcs_bucket')}/dataset"


@pytest.mark.parametrize("number", range(3))
def test_of_two_that_commit_at_once_one_is_named_the_loser_and_goes_on_after_the_winner(
    warm: Warm, writers: list[Writer], ordered: Ordered, output: str, tmp_path: Path, number: int
) -> None:
    round_of_two(warm, writers, output, tmp_path / "meeting", ordered)


def test_of_three_that_commit_at_once_none_is_lost(
    warm: Warm, writers: list[Writer], ordered: Ordered, tmp_path: Path
) -> None:
    output = str(tmp_path / "dataset")
    order: tuple[int, ...] = ()
    for turn in itertools.count():
        left = [number for number in range(3) if number not in order]
        if not left:
            break
        ended = race(warm, [writers[number] for number in left], output, tmp_path / f"meeting {turn}")
        assert sorted(it.code for it in ended) == [0, *[1] * (len(left) - 1)]
        order = (*order, next(number for number, it in zip(left, ended, strict=True) if it.code == 0))
    assert committed_bytes(output) == ordered(*order)


def test_the_same_command_twice_at_once_commits_once(
    warm: Warm, writers: list[Writer], ordered: Ordered, tmp_path: Path
) -> None:
    output = str(tmp_path / "dataset")
    ended = race(warm, [writers[0], writers[0]], output, tmp_path / "meeting")
    assert {0} <= {it.code for it in ended} <= {0, 1}
    assert committed_bytes(output) == ordered(0)
    warm.run(*writers[0].words(output))
    assert committed_bytes(output) == ordered(0)


def test_a_run_leaves_alone_what_another_one_has_staged(
    warm: Warm, writers: list[Writer], ordered: Ordered, gcs_bucket: str, tmp_path: Path
) -> None:
    output = f"gs://{gcs_bucket}/dataset"
    slow, fast = (
        Command(writer.words(output), Prepare(f"tests.races:{what}", {"folder": str(tmp_path)}))
        for writer, what in zip(writers, ("hold", "follow"), strict=False)
    )
    first, second = warm.run_together([slow, fast])
    assert (first.code, second.code) == (1, 0)
    assert CONFLICT.match(first.said), first.said
    assert committed_bytes(output) == ordered(1)
    warm.run(*slow.words)
    assert committed_bytes(output) == ordered(1, 0)
