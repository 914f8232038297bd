"""Golden rows of the seeds, one JSON object a line, in the order of arrival; `python -m tests.golden` writes them anew.

Rewritten rows are read before they are committed: a golden file is a promise, not a recording.
"""

import json
from pathlib import Path
from typing import Any

from tests.datasets import rows

FOLDER = Path(__file__).parent
GOLDEN = {
    table: FOLDER / f"{table}.jsonl" for table in ("articles", "duplicates", "revisions", "links", "dead_letters")
}
_ORDER = {"links": ("arrival", "kind", "id"), "dead_letters": ("source", "position", "entry", "step")}


def golden_rows(output: Path, table: str) -> list[dict[str, Any]]:
    """The rows of a table as a golden file holds them: without nulls and empty lists, entities in one line each."""
    ordered = sorted(rows(output, table), key=lambda row: tuple(row[name] for name in _ORDER.get(table, ("arrival",))))
    found: list[dict[str, Any]] = json.loads(json.dumps([_plain(row) for row in ordered], default=_text))
    return found


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in row.items() if value not in (None, [])}
    if "entities" in kept:
        kept["entities"] = [f"{it['start']}:{it['end']} {it['type']} {it['text']}" for it in kept["entities"]]
    return kept


def _text(value: Any) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
