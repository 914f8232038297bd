"""How many processes a run is launched with: by what is left to read, and by whether entities are looked for."""

from pathlib import Path

import pytest

from pipeline import options
from pipeline.config import Config
from pipeline.dataset.commits import DatasetState
from pipeline.dataset.stores import open_storage
from pipeline.launch import _workers
from pipeline.options import parse_beam_options
from pipeline.plan import Plan
from transforms.enrich import Model
from transforms.schemas import Unit

MODEL = Model("model", "1.0", "en")


@pytest.mark.parametrize(
    ("mebibytes", "model", "words", "count"),
    [
        (31, None, (), None),
        (32, None, (), 2),
        (3, MODEL, (), None),
        (4, MODEL, (), 2),
        (1, None, ("--direct_num_workers=2",), 2),
        (1000, None, ("--direct_num_workers=1",), None),
        (0, None, ("--direct_num_workers=2",), None),
    ],
)
def test_a_run_is_launched_with_as_many_processes_as_its_work_is_worth(
    mebibytes: int,
    model: Model | None,
    words: tuple[str, ...],
    count: int | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(options, "processors", lambda: 2)
    units = (Unit(0, "a", "a", mebibytes << 20, "sha256:0"),)
    batches = (units,) if mebibytes else ()
    plan = Plan(Config(), open_storage(str(tmp_path)), DatasetState(), (), batches, model)
    with _workers(plan, parse_beam_options(words), str(tmp_path)) as processes:
        assert (None if processes is None else len(processes)) == count
