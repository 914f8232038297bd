"""Dead letters as an input: a replay reads the files of the table, and what is in them once more.

A file is read at once and is several units: the letters of each input are one, so that articles arrive in the order in
which their inputs did. `position` orders what is read of a file, `stood` tells where it stood in its own input.
"""

import hashlib
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from typing import Final, cast, get_args

import pyarrow as pa

from pipeline.dataset.data_files import read_rows
from pipeline.dataset.layout import REPLAYED
from pipeline.dataset.storage import Storage
from pipeline.dataset.stores import open_storage
from pipeline.sources.documents import Reading, ReadOptions, Skipped
from pipeline.sources.opening import SHA256
from transforms.schemas import DatasetFile, DeadLetter, Document, DocumentKind, Unit
from transforms.text.errors import TooLarge, UnreadableFile

_ROWS_AT_ONCE: Final = 64


def read_letters(unit: Unit, options: ReadOptions, read_file: Callable[[Unit, ReadOptions], Reading]) -> Reading:
    """What the letters of a file replay as, in their order; those that are not run again come as they are (`kept`).

    `read_file` reads a whole file, whose first bytes its letter holds. A file that fails as before, with nothing read
    of it, gives its letter as it was. Raises DatasetError where the letters are missing or damaged: nothing may be
    taken away that was not read. Memory: the letters of one file.
    """
    storage = open_storage(unit.path.removesuffix(f"/{unit.name}"))
    file = DatasetFile("dead_letters", unit.name, 0, unit.size, unit.checksum.removeprefix(REPLAYED))
    number = 0
    for place, cause, letter in in_units(letters_of(storage, file), options.reasons or ()):
        letter = replace(letter, unit=unit.ordinal + place, kept=cause is not None)
        for item in _replayed(letter, options, read_file):
            if not isinstance(item, Skipped):
                item = replace(item, position=number, stood=item.position)
                number += 1
            yield item


def letters_of(storage: Storage, file: DatasetFile) -> Iterator[DeadLetter]:
    """The dead letters of a committed file, each at its position in its input. Raises DatasetError."""
    rows = read_rows(storage, file)
    at = rows.schema.get_field_index("fetched")
    rows = rows.set_column(at, "fetched", rows["fetched"].cast(pa.int64()))
    for some in rows.to_batches(_ROWS_AT_ONCE):
        yield from (DeadLetter(unit=0, **row) for row in some.to_pylist())


def in_units(letters: Iterable[DeadLetter], reasons: Collection[str]) -> Iterator[tuple[int, str | None, DeadLetter]]:
    """The letters of a file, each with the number of its unit, from 0, and why it is kept (`why_kept`).

    A unit begins where another input does: under another name, or where places do not go on rising. Units in which all
    is kept are not counted.
    """
    unit = 0
    is_begun, is_counted = False, False
    before: tuple[str, int, int, str, str, str] | None = None
    for letter in letters:
        here = letter.source, letter.position, letter.entry, letter.step, letter.reason, letter.detail
        if before is None or here[0] != before[0] or here <= before:
            is_begun = False
        before = here
        cause = why_kept(letter, reasons)
        if cause is None and not is_begun:
            unit += is_counted
            is_begun = is_counted = True
        yield unit, cause, letter


def why_kept(letter: DeadLetter, reasons: Collection[str]) -> str | None:
    """Why a letter is not run again, in a few words; None where it is. No reasons choose all.

    What Read gave up inside a file (a row of a table, a record of an archive) cannot be read without what stood around
    it; but for a row of Parquet, which is a record as any other.
    """
    if reasons and letter.reason not in reasons:
        return "not chosen"
    if letter.step == "Enrich":
        return "article was written"
    if letter.reason == UnreadableFile.reason:
        return "file to be read by the next run"
    if len(letter.payload) != letter.payload_bytes:
        return "cut payload"
    is_row = letter.kind == "record" and letter.reason == TooLarge.reason
    if letter.kind not in ("unit", *get_args(DocumentKind)) or (
        letter.step == "Read" and letter.kind != "unit" and not is_row
    ):
        return "piece of a file"
    return None


def _replayed(letter: DeadLetter, options: ReadOptions, read_file: Callable[[Unit, ReadOptions], Reading]) -> Reading:
    if letter.kept:
        yield letter
    elif letter.kind == "unit":
        yield from _read_again(letter, options, read_file)
    elif len(letter.payload) > options.max_document_bytes:
        yield letter
    else:
        is_archived = letter.url is not None or letter.fetched is not None
        yield Document(
            letter.unit,
            letter.source,
            letter.position,
            cast("DocumentKind", letter.kind),
            letter.payload,
            url=letter.url,
            charset=letter.charset if is_archived or letter.charset is None else options.encoding,
            fetched=letter.fetched,
            place=letter.place or "",
        )


def _read_again(letter: DeadLetter, options: ReadOptions, read_file: Callable[[Unit, ReadOptions], Reading]) -> Reading:
    """Reads a file with the content of the letter under its name."""
    with tempfile.NamedTemporaryFile(prefix="beamwire-letter-") as file:
        file.write(letter.payload)
        file.flush()
        checksum = SHA256 + hashlib.sha256(letter.payload).hexdigest()
        unit = Unit(letter.unit, letter.source, file.name, len(letter.payload), checksum)
        is_read = False
        for item in read_file(unit, options):
            is_same = isinstance(item, DeadLetter) and (item.kind, item.reason) == ("unit", letter.reason)
            yield letter if is_same and not is_read else item
            is_read = True
