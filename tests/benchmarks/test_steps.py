"""The table of steps: every step of the flow is in it, with what it took."""

import itertools
from collections import defaultdict
from pathlib import Path

import pytest

from tests.benchmarks.bench import corpus_folder
from tests.benchmarks.steps import FLOORS, PASS, STEPS, Stopwatch, main, measure_steps, parts_of_pass, table


def test_the_least_time_of_several_is_booked_and_times_of_one_name_add_up() -> None:
    ticks = iter([0.0, 5.0, 10.0, 12.0, 20.0, 29.0, 30.0, 31.0, 40.0, 41.0, 50.0, 51.0])
    watch = Stopwatch(3, lambda: next(ticks))
    calls = itertools.count(1)
    assert watch.spend("a", lambda: next(calls)) == 3
    assert watch.spend("a", lambda: next(calls)) == 6
    assert watch.seconds == {"a": 3.0}


def test_the_pass_is_parted_by_the_moments_between_its_functions() -> None:
    moments = defaultdict(
        list,
        {
            "decide begins": [2.0],
            "_candidates begins": [5.0],
            "_candidates ends": [9.0],
            "decide ends": [14.0],
            "_mark begins": [20.0, 24.0],
            "_mark ends": [23.0, 27.0],
        },
    )
    assert list(parts_of_pass(moments, 1.0, 35.0).items()) == list(zip(PASS, [1, 3, 4, 5, 6, 7, 8], strict=True))


def test_each_step_and_each_floor_is_measured_over_the_whole_corpus(tmp_path: Path) -> None:
    steps = measure_steps(corpus_folder(tmp_path, 60, 1, "feeds"), tmp_path / "steps", repeats=1)
    assert steps.articles == 61
    assert set(steps.watch.seconds) == set(STEPS)
    assert set(steps.floor.seconds) == set(FLOORS)
    assert all(seconds > 0 for seconds in (*steps.watch.seconds.values(), *steps.floor.seconds.values()))
    assert not (tmp_path / "steps").exists()


def test_what_the_steps_do_not_account_for_is_said(tmp_path: Path) -> None:
    steps = measure_steps(corpus_folder(tmp_path, 60, 1, "feeds"), tmp_path / "steps", repeats=1)
    steps.watch.seconds = defaultdict(float, dict.fromkeys(STEPS, 61e-6))
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table(steps, 0.061, 0.0305)]
    shown = {row[0]: row[1] for row in cells}
    assert [row[0] for row in cells[2:]] == [
        *(f"one pass: {name}" if name in PASS else name for name in STEPS),
        "**all steps**",
        "fixed start",
        "the rest: Beam",
        "**the command**",
    ]
    assert (shown["read"], shown["**all steps**"], shown["fixed start"]) == ("1.0", f"{len(STEPS)}.0", "500.0")
    assert (shown["the rest: Beam"], shown["**the command**"]) == (f"{500 - len(STEPS)}.0", "1,000.0")


def test_the_command_prints_the_steps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--articles", "60", "--repeats", "1", "--without-command", "--build", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[3].startswith("| µs CPU an article, of 61 ")
    assert lines[-1].startswith("| **all steps** ")
