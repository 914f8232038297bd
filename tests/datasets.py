"""Runs and their datasets, as tests of the flow look at them."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.dataset.commits import read_state
from pipeline.dataset.layout import PARTITIONED_TABLES
from pipeline.dataset.stores import open_storage

ROOT = Path(__file__).resolve().parent.parent
SEEDS = ROOT / "seeds"
_MAIN = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from pipeline.cli import main; sys.exit(main())"
)
COMMAND = (sys.executable, "-P", "-c", _MAIN)
"""`beamwire` with this Python and checkout, which answers Ctrl-C also where the tests run in the background."""


def beamwire(
    *words: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None, expect: int = 0
) -> subprocess.CompletedProcess[str]:
    """Runs the command to its end and checks its exit code."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | (env or {})
    done = subprocess.run([*COMMAND, *map(str, words)], cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == expect, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def run(output: Path | str, *words: str | Path, entities: bool = False) -> subprocess.CompletedProcess[str]:
    """A run without entities, which takes a second less."""
    return beamwire("run", *words, "--output", output, "--set", f"enrich.enabled={str(entities).lower()}")


def digests(output: Path, without: Sequence[str] = ("runs",)) -> dict[str, str]:
    """The SHA-256 of every file below the root, by relative name."""
    return {
        path.relative_to(output).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(output.rglob("*"))
        if path.is_file() and path.relative_to(output).parts[0] not in without
    }


def rows(output: Path, table: str) -> list[dict[str, Any]]:
    """The committed rows of a table with their partition, in the order of the files."""
    storage = open_storage(str(output))
    found: list[dict[str, Any]] = []
    for file in sorted(read_state(storage).table(table), key=lambda file: file.path):
        table_rows = pq.read_table(pa.BufferReader(storage.read(file.path))).to_pylist()
        date = {"date": file.path.split("/")[1].removeprefix("date=")} if table in PARTITIONED_TABLES else {}
        found += [row | date for row in table_rows]
    return found


def all_rows(output: Path) -> dict[str, list[dict[str, Any]]]:
    """Every row but those of `runs`, in an order that does not depend on files."""
    return {table: sorted(rows(output, table), key=repr) for table in (*PARTITIONED_TABLES, "links", "dead_letters")}
