"""Writes the golden files anew from a run over `seeds/`."""

import json
import tempfile
from pathlib import Path

from tests.datasets import SEEDS, run
from tests.golden import GOLDEN, golden_rows

with tempfile.TemporaryDirectory() as folder:
    output = Path(folder) / "dataset"
    run(output, SEEDS / "good", SEEDS / "bad", entities=True)
    for table, path in GOLDEN.items():
        lines = [json.dumps(row, ensure_ascii=False, sort_keys=False) for row in golden_rows(output, table)]
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
