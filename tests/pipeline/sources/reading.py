"""Reading bytes as a unit, for the tests beside."""

import hashlib
from pathlib import Path
from typing import Any

from pipeline.sources.documents import ReadOptions, Skipped
from pipeline.sources.read import read_documents
from transforms.schemas import DeadLetter, Document, Unit

UNIT = Unit(7, "name", "/nowhere", 0, "sha256:")


def unit_of(path: Path, start: int = 0, end: int | None = None) -> Unit:
    """The unit of a file, as a plan makes it."""
    data = path.read_bytes()
    size = len(data) if end is None else end - start
    return Unit(7, path.name, str(path), size, f"sha256:{hashlib.sha256(data).hexdigest()}", start, end)


def read_file(path: Path, **options: Any) -> list[Document | DeadLetter | Skipped]:
    """All that reading a file gives."""
    return list(read_documents(unit_of(path), ReadOptions(**options)))


def bodies(items: list[Any]) -> list[bytes]:
    """The bodies of the documents among them."""
    return [item.body for item in items if isinstance(item, Document)]


def letters(items: list[Any]) -> list[tuple[int, str, str]]:
    """Position, reason and detail of the dead letters among them."""
    return [(item.position, item.reason, item.detail) for item in items if isinstance(item, DeadLetter)]


def pieces_of(data: bytes, size: int) -> list[bytes]:
    """The data in pieces of a size."""
    return [data[at : at + size] for at in range(0, len(data), size)]


def id_of(value: object) -> str | None:
    """The test id of a parameter, without bytes: another zlib writes others, and workers must agree on the ids."""
    return "bytes" if isinstance(value, bytes) else None
