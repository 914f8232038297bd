from pathlib import Path

import pytest

from tests.benchmarks.normalize import main


def test_parsing_and_normalization_are_shown_beside_the_bare_minimum_and_part_by_part(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--articles", "40", "--seed", "1", "--repeats", "1", "--build", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "| fastfeedparser, tags off" in printed
    assert "| **parse and normalize**" in printed
    assert "≤ 5: " in printed
    assert printed.count("| body: ") == 4
