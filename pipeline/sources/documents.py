"""What a reader is told and what it gives: documents, dead letters, and what it leaves out on purpose."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from transforms.schemas import DeadLetter, Document, DocumentKind, Unit
from transforms.text.errors import BadInput, TooLarge

FormatName = Literal["text", "html", "feed", "jsonl", "json", "csv", "parquet", "warc"]
"""The formats that can be read."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How units are read.

    `format` is that of every unit; `auto` tells it from each. `columns` are those that the field map names.
    `encoding` is that of text, CSV and pages; None finds it. A document larger than `max_document_bytes`, decompressed,
    is a dead letter; of its bytes a dead letter keeps `max_payload_bytes`.

    With `reasons` units are files of dead letters, and those for one of these (all where none is named) are replayed.
    """

    format: FormatName | Literal["auto"] = "auto"
    columns: tuple[str, ...] = ()
    encoding: str | None = None
    max_document_bytes: int = 32 << 20
    max_payload_bytes: int = 1 << 20
    reasons: tuple[str, ...] | None = None


LeftOut = Literal["record_type", "status", "content_type"]
"""Why a record of a web archive is not for us: no response, an answer other than 200, no text."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that was left out on purpose, to be counted."""

    why: LeftOut


Reading = Iterator[Document | DeadLetter | Skipped]
"""What every reader gives, in the order of the unit. It raises `BadInput` where it cannot go on."""


def read_failure(
    unit: Unit,
    position: int,
    failure: BadInput,
    kind: Literal["unit"] | DocumentKind,
    payload: bytes,
    options: ReadOptions,
    payload_bytes: int | None = None,
) -> DeadLetter:
    """The dead letter of what could not be read; `payload_bytes` is the true length where `payload` is its head."""
    return DeadLetter(
        unit=unit.ordinal,
        position=position,
        entry=0,
        source=unit.name,
        step="Read",
        reason=failure.reason,
        detail=str(failure),
        kind=kind,
        payload=payload[: options.max_payload_bytes],
        payload_bytes=len(payload) if payload_bytes is None else payload_bytes,
    )


def too_large(what: str, size: int, limit: int) -> TooLarge:
    """Says what is larger than the cap."""
    return TooLarge(f"{what} has {size:,} bytes; the limit is {limit:,}")
