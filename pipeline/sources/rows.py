"""A row of a table as one JSON object."""

import base64
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from transforms.text.errors import MissingColumn


def encode_row(row: Mapping[str, Any]) -> bytes:
    """The row as a JSON object in UTF-8, keys in the order of the columns.

    Times are ISO 8601, with Z where they have a zone; decimals are text; bytes are text if they are UTF-8, else base64;
    what JSON cannot say of a float (not a number, infinite) is null.
    """
    try:
        text = json.dumps(row, ensure_ascii=False, allow_nan=False, default=_plain)
    except ValueError:
        text = json.dumps(_finite(row), ensure_ascii=False, allow_nan=False, default=_plain)
    return text.encode("utf-8", "replace")


def key_text(key: Any) -> str:
    """The key of a map as JSON wants it: text."""
    plain = key if isinstance(key, str | int | float | dict | list) else _plain(key)
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False, default=_plain)


def free_names(names: Sequence[str]) -> list[str]:
    """A name of its own for each column: the first keeps the name, of the others and of unnamed ones it has the number.

    A name that the table has itself is given to no other column.
    """
    taken = set(names)
    seen = {""}
    free: list[str] = []
    for number, name in enumerate(names, 1):
        one = name
        if name in seen:
            one = f"{name or 'column'} {number}"
            while one in taken:
                one = f"{one} {number}"
            taken.add(one)
        seen.add(name)
        free.append(one)
    return free


def require_columns(named: Iterable[str], present: Sequence[str]) -> None:
    """Raises MissingColumn for a column that the field map names and the table lacks; `a.b` asks for column `a`."""
    known = set(present)
    missing = [name for name in named if name not in known and name.partition(".")[0] not in known]
    if missing:
        has = ", ".join(present[:40]) + (f" and {len(present) - 40} more" if len(present) > 40 else "")
        raise MissingColumn(f"no column {', '.join(map(repr, missing))}; the table has {has or 'no columns'}")


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return value.isoformat() if value.tzinfo is None else f"{_utc(value).isoformat()}Z"
        case date() | time():
            return value.isoformat()
        case Decimal():
            return str(value)
        case timedelta():
            return value.total_seconds()
        case bytes():
            try:
                return value.decode()
            except UnicodeDecodeError:
                return base64.b64encode(value).decode()
        case _:
            return str(value)


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


def _finite(value: Any) -> Any:
    match value:
        case float() if not math.isfinite(value):
            return None
        case Mapping():
            return {str(key): _finite(item) for key, item in value.items()}
        case list() | tuple():
            return [_finite(item) for item in value]
        case _:
            return value
