"""Progress: what the tally keeps, what is counted, how the time left is told, and that nothing of it hurts a run."""

import copy
import io
import os
import pickle
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from pipeline.forecast import BatchCount, Forecast, Phase, Remaining
from pipeline.processes import Processes
from pipeline.progress import Progress, _Bars, _Lines
from pipeline.tally import FileTally, NoTally, planned
from transforms.schemas import Tally


def read_phase(sizes: dict[int, int]) -> Phase:
    return Phase("read", "Read", "bytes", sizes)


def count_of(folder: Path, phase: Phase) -> tuple[int, int | None]:
    batch = BatchCount(str(folder), [phase], 0.0)
    batch.poll(1.0)
    return batch.counts[phase.name].done, batch.counts[phase.name].total


def test_what_is_told_is_counted_by_size(tmp_path: Path) -> None:
    tally: Tally = FileTally(str(tmp_path))
    tally.done("read", 0)
    tally.done("read", 2)
    tally.done("write", 1)
    assert count_of(tmp_path, read_phase({0: 10, 1: 20, 2: 30})) == (40, 60)


def test_what_is_told_twice_counts_once_also_by_another_worker(tmp_path: Path) -> None:
    for tally in (FileTally(str(tmp_path)), FileTally(str(tmp_path))):
        tally.done("read", 0)
        tally.done("read", 0)
    assert count_of(tmp_path, read_phase({0: 10, 1: 20})) == (10, 30)


def test_an_item_that_nobody_expects_weighs_nothing(tmp_path: Path) -> None:
    FileTally(str(tmp_path)).done("read", 7)
    assert count_of(tmp_path, read_phase({0: 10})) == (0, 10)


def test_each_copy_of_a_tally_has_a_file_of_its_own(tmp_path: Path) -> None:
    tally = FileTally(str(tmp_path))
    tally.done("read", 0)
    pickle.loads(pickle.dumps(tally)).done("read", 1)
    copy.deepcopy(tally).done("read", 2)
    assert sorted(path.stat().st_size for path in tmp_path.iterdir()) == [8, 8, 8]


def test_a_tally_is_read_while_it_grows(tmp_path: Path) -> None:
    tally = FileTally(str(tmp_path))
    batch = BatchCount(str(tmp_path), [read_phase({0: 1, 1: 1, 2: 1})], 0.0)
    seen = []
    for item in range(3):
        tally.done("read", item)
        batch.poll(item + 1.0)
        seen.append((batch.counts["read"].done, batch.counts["read"].ended))
    assert seen == [(1, None), (2, None), (3, 3.0)]


def test_half_a_record_waits_for_its_other_half(tmp_path: Path) -> None:
    path = tmp_path / "read.x.tally"
    path.write_bytes((0).to_bytes(8, "little") + b"\1\0")
    batch = BatchCount(str(tmp_path), [read_phase({0: 1, 1: 1})], 0.0)
    batch.poll(1.0)
    path.write_bytes((0).to_bytes(8, "little") + (1).to_bytes(8, "little"))
    before = batch.counts["read"].done
    batch.poll(2.0)
    assert (before, batch.counts["read"].done) == (1, 2)


def test_a_tally_that_cannot_write_is_silent(tmp_path: Path) -> None:
    tally = FileTally(str(tmp_path / "missing"))
    tally.done("read", 0)
    tally.done("read", 1)
    tally.expect("write", {0: 1})
    NoTally().done("read", 0)
    NoTally().expect("write", {0: 1})
    assert list(tmp_path.iterdir()) == []


def test_sizes_are_found_once_the_batch_has_planned_them(tmp_path: Path) -> None:
    find = planned(str(tmp_path), "enrich")
    tally = FileTally(str(tmp_path))
    tally.expect("write", {0: 1})
    assert find() is None
    tally.expect("enrich", {0: 4096, 1: 7})
    tally.expect("enrich", {0: 4096, 1: 7})
    assert find() == {0: 4096, 1: 7}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["enrich.sizes", "write.sizes"]


def test_items_told_before_their_sizes_are_known_count_when_they_are(tmp_path: Path) -> None:
    FileTally(str(tmp_path)).done("enrich", 1)
    known: list[dict[int, int]] = []
    batch = BatchCount(str(tmp_path), [Phase("enrich", "Enrich", "rows", lambda: known[0] if known else None)], 0.0)
    batch.poll(1.0)
    assert (batch.counts["enrich"].done, batch.counts["enrich"].total) == (0, None)
    known.append({0: 10, 1: 20})
    batch.poll(2.0)
    assert (batch.counts["enrich"].done, batch.counts["enrich"].total) == (20, 30)


class Runs:
    """A batch of two phases, moved on by hand: reads 100 bytes, then enriches 10 rows."""

    def __init__(self, folder: str) -> None:
        self.rows: dict[int, int] | None = None
        self.tally = FileTally(folder)
        phases = [read_phase({0: 50, 1: 50}), Phase("enrich", "Enrich", "rows", lambda: self.rows)]
        self.batch = BatchCount(folder, phases, 0.0)

    def at(self, now: float, *items: tuple[str, int]) -> BatchCount:
        for phase, item in items:
            self.tally.done(phase, item)
        self.batch.poll(now)
        return self.batch


def test_what_was_never_seen_makes_the_time_left_a_lower_bound(tmp_path: Path) -> None:
    runs = Runs(str(tmp_path))
    forecast = Forecast([100])
    assert forecast.remaining(1, runs.at(5.0), 5.0) == Remaining(0.0, True)
    assert forecast.remaining(1, runs.at(10.0, ("read", 0)), 10.0) == Remaining(10.0, True)


def test_the_time_left_is_exact_once_every_phase_has_been_seen(tmp_path: Path) -> None:
    runs = Runs(str(tmp_path))
    forecast = Forecast([100, 300])
    runs.at(10.0, ("read", 0), ("read", 1))
    runs.rows = {0: 4, 1: 6}
    runs.at(12.0)
    batch = runs.at(16.0, ("enrich", 0))
    # 6 rows left at 1 s each; then three times the 22 s that this batch takes in all
    assert forecast.remaining(1, batch, 16.0) == Remaining(6.0 + 66.0, False)


def test_later_batches_are_told_by_earlier_ones(tmp_path: Path) -> None:
    first = Runs(str(tmp_path / "1"))
    os.makedirs(tmp_path / "1")
    forecast = Forecast([100, 50, 100])
    first.at(10.0, ("read", 0), ("read", 1))
    first.rows = {0: 10}
    first.at(12.0)  # two seconds that no phase counts
    forecast.finish(1, first.at(32.0, ("enrich", 0)), 32.0)
    second = Runs(str(tmp_path / "2"))
    # of a batch half the size: 10 s of reading (its 100 bytes are in two items), 5 rows at 2 s, 1 s besides
    assert forecast.remaining(2, second.at(0.0), 0.0) == Remaining(10.0 + 10.0 + 1.0 + 32.0, False)


def test_what_the_first_batch_waited_for_its_reading_is_not_expected_of_batches_that_are_read_ahead(
    tmp_path: Path,
) -> None:
    first = Runs(str(tmp_path / "1"))
    os.makedirs(tmp_path / "1")
    forecast = Forecast([100, 100], reads_ahead=True)
    first.at(10.0, ("read", 0), ("read", 1))
    first.rows = {0: 10}
    forecast.finish(1, first.at(32.0, ("enrich", 0)), 32.0)
    assert Forecast([100, 100]).remaining(1, first.batch, 32.0) == Remaining(32.0, False)
    assert forecast.remaining(1, first.batch, 32.0) == Remaining(22.0, False)


def test_what_a_batch_took_to_start_is_not_taken_for_its_speed(tmp_path: Path) -> None:
    tally = FileTally(str(tmp_path))
    batch = BatchCount(str(tmp_path), [read_phase(dict.fromkeys(range(10), 10))], 0.0)
    forecast = Forecast([100])
    for now, item in ((5.0, 0), (6.0, 1), (7.0, 2)):
        tally.done("read", item)
        batch.poll(now)
    assert forecast.remaining(1, batch, 7.0) == Remaining(7.0, False)


def test_the_first_units_of_a_batch_count_less_than_those_of_earlier_batches(tmp_path: Path) -> None:
    first = Runs(str(tmp_path / "1"))
    os.makedirs(tmp_path / "1")
    forecast = Forecast([100, 100])
    first.at(10.0, ("read", 0), ("read", 1))
    first.rows = {0: 10}
    forecast.finish(1, first.at(12.0, ("enrich", 0)), 12.0)
    second = Runs(str(tmp_path / "2"))
    os.makedirs(tmp_path / "2")
    left = forecast.remaining(2, second.at(20.0, ("read", 0)), 20.0)
    # The half that is left at .25 s a byte, between the .1 of before and the .4 seen now; then enriching as before
    assert left == Remaining(50 * 0.25 + 2.0, False)


def lines(show: Callable[[_Lines], None], batches: int) -> list[str]:
    file = io.StringIO()
    show(_Lines(file, batches, 0.0))
    return file.getvalue().splitlines()


def test_lines_come_every_five_seconds_and_at_the_end_of_a_phase(tmp_path: Path) -> None:
    runs = Runs(str(tmp_path))
    forecast = Forecast([100, 100])

    def show(display: _Lines) -> None:
        for now, items in ((1.0, []), (4.9, [("read", 0)]), (5.0, []), (6.0, [("read", 1)]), (10.9, []), (11.0, [])):
            batch = runs.at(now, *items)
            display.show(1, batch, forecast.remaining(1, batch, now), now)
        runs.rows = {0: 10}
        batch = runs.at(12.0)
        batch.complete(14.0)
        display.show(1, batch, forecast.remaining(1, batch, 14.0), 14.0)

    assert lines(show, 2) == [
        "batch 1 of 2: Read 50 B of 100 B, 10 B/s; at least 15 s left",
        "batch 1 of 2: Read done: 100 B in 6.0 s",
        "batch 1 of 2: working for 11 s",
        "batch 1 of 2: Enrich done: 10 rows in 2.0 s",
    ]


def test_a_run_of_one_batch_does_not_number_it(tmp_path: Path) -> None:
    runs = Runs(str(tmp_path))

    def show(display: _Lines) -> None:
        batch = runs.at(2.0, ("read", 0), ("read", 1))
        display.show(1, batch, Remaining(1.0, False), 2.0)

    assert lines(show, 1) == ["Read done: 100 B in 2.0 s"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar_for_each_phase_and_one_for_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm")
    runs = Runs(str(tmp_path))
    file = Terminal()
    bars = _Bars(file, 2, 0.0)
    bars.show(1, runs.at(5.0, ("read", 0)), Remaining(15.0, True), 5.0)
    bars.close()
    shown = file.getvalue()
    for part in ("Read", "50 B of 100 B", "10 B/s", "Enrich", "Batch 1 of 2", "at least 15 s left"):
        assert part in shown


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize("file", [io.StringIO(), Terminal()], ids=["lines", "bars"])
def test_the_thread_ends_with_the_context_and_leaves_only_the_tally(
    tmp_path: Path, file: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    (tmp_path / "s").mkdir()
    with Progress([10], file=file) as progress, progress.batch(1, str(tmp_path / "s"), [read_phase({0: 10})]):
        assert "progress" in threads()
        FileTally(str(tmp_path / "s")).done("read", 0)
    assert "progress" not in threads()
    assert [path.suffix for path in tmp_path.rglob("*") if path.is_file()] == [".tally"]
    assert file.getvalue()


def test_a_batch_that_is_through_is_done_whatever_was_told(tmp_path: Path) -> None:
    file = io.StringIO()
    with Progress([10], file=file) as progress, progress.batch(1, str(tmp_path), [read_phase({0: 10})]):
        pass
    assert file.getvalue().startswith("Read done: 10 B in ")


def test_sizes_that_a_step_tells_are_shown(tmp_path: Path) -> None:
    file = io.StringIO()
    phases = [Phase("write", "Write", "files", planned(str(tmp_path), "write"))]
    with Progress([10], file=file) as progress, progress.batch(1, str(tmp_path), phases):
        FileTally(str(tmp_path)).expect("write", {0: 1, 1: 1})
    assert file.getvalue().startswith("Write done: 2 files in ")


def test_what_was_read_ahead_of_a_batch_counts_and_what_another_batch_told_does_not(tmp_path: Path) -> None:
    folders = [tmp_path / "1", tmp_path / "2"]
    for folder, item in zip(folders, (0, 1), strict=True):
        folder.mkdir()
        FileTally(str(folder)).done("read", item)
    batch = BatchCount(str(folders[1]), [read_phase({0: 10, 1: 20})], 0.0)
    batch.poll(0.0)
    assert batch.counts["read"].done == 20


def test_quiet_shows_nothing_and_starts_no_thread(tmp_path: Path) -> None:
    file = io.StringIO()
    with Progress([10], quiet=True, file=file) as progress:
        assert "progress" not in threads()
        with progress.batch(1, str(tmp_path), [read_phase({0: 10})]):
            FileTally(str(tmp_path)).done("read", 0)
    assert file.getvalue() == ""


class Broken(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError("no space left on device")


def fail() -> None:
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("file", "phase"),
    [(Broken(), read_phase({0: 10})), (io.StringIO(), Phase("read", "Read", "bytes", fail))],
    ids=["broken pipe", "broken sizes"],
)
def test_a_display_that_fails_does_not_fail_the_run(tmp_path: Path, file: io.StringIO, phase: Phase) -> None:
    with Progress([10, 10], file=file) as progress:
        for number in (1, 2):
            folder = tmp_path / str(number)
            folder.mkdir()
            with progress.batch(number, str(folder), [phase]):
                FileTally(str(folder)).done("read", 0)


def test_an_error_of_the_run_passes_through(tmp_path: Path) -> None:
    file = io.StringIO()
    with (
        pytest.raises(ZeroDivisionError),
        Progress([10], file=file) as progress,
        progress.batch(1, str(tmp_path), [read_phase({0: 10})]),
    ):
        fail()
    assert "done" not in file.getvalue()
    assert "progress" not in threads()


def test_a_staging_folder_that_is_gone_is_no_error(tmp_path: Path) -> None:
    file = io.StringIO()
    (tmp_path / "s").mkdir()
    with Progress([10], file=file) as progress, progress.batch(1, str(tmp_path / "s"), [read_phase({0: 10})]):
        os.rmdir(tmp_path / "s")
    assert file.getvalue().startswith("Read done: 10 B in ")


def tell(numbers: Sequence[int], tally: FileTally) -> None:
    for number in numbers:
        tally.done("read", number)


def test_worker_processes_tell_the_launcher(tmp_path: Path) -> None:
    tally = FileTally(str(tmp_path))
    with Processes(2) as processes:
        processes.each(tell, [(range(25), tally), (range(15, 40), tally)])
    assert count_of(tmp_path, read_phase(dict.fromkeys(range(40), 2))) == (80, 80)
    assert len(list(tmp_path.iterdir())) == 2
