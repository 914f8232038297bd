"""The cost of a command is that of its whole process tree."""

import sys
from pathlib import Path

import pytest

from tests.benchmarks.measure import CommandFailed, measure

_CHILD = "import time\nend = time.process_time() + .4\nblock = b'x' * 50_000_000\nwhile time.process_time() < end: pass"


def test_children_count_in_cpu_and_memory(tmp_path: Path) -> None:
    parent = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {_CHILD!r}], check=True)"
    measured = measure([sys.executable, "-c", parent], tmp_path / "log")
    assert 0.4 <= measured.cpu_seconds < 3
    assert measured.wall_seconds >= 0.4
    assert 50e6 < measured.peak_bytes < 150e6
    assert measured.processes == 2


def test_a_failed_command_is_named_with_the_end_of_its_log(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match=r"code 3: (.|\n)*out of luck"):
        measure([sys.executable, "-c", "print('out of luck'); raise SystemExit(3)"], tmp_path / "log")
