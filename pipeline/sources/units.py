"""Units: which files, or slices of huge ones, a run has to read, in the order of the dataset."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Final, Literal

from pipeline.dataset.layout import UNREADABLE
from pipeline.dataset.manifests import DoneUnit
from pipeline.dataset.storage import StorageError
from pipeline.dataset.stores import open_storage
from pipeline.sources.compression import PIECE_BYTES
from pipeline.sources.documents import FormatName
from pipeline.sources.formats import Format, read_head, sniff
from pipeline.sources.inputs import Input
from pipeline.sources.opening import StorageAt, checksum_of, is_remote, open_input
from pipeline.sources.parquet import row_group_bytes
from pipeline.sources.transcoding import wide_encoding
from transforms.schemas import Unit
from transforms.text.errors import BadInput

_CHECKSUM_THREADS: Final = 8
_TASK_BYTES: Final = 1 << 21

_Range = tuple[int, int]


def plan_units(
    inputs: Sequence[Input],
    first_ordinal: int,
    done: Collection[DoneUnit],
    slice_bytes: int,
    given: FormatName | Literal["auto"] = "auto",
    storage_at: StorageAt = open_storage,
) -> list[Unit]:
    """The units of the inputs that are not done, numbered from `first_ordinal` on.

    A file is known by its name and checksum; the same twice is one. JSON lines that are not compressed and Parquet, if
    larger than `slice_bytes`, are cut: lines at multiples of it, Parquet at the next row group. What manifests list of
    such a file stays done whatever size it was cut at, and the rest is cut anew. `size` is that of the slice.

    A file that cannot be read has the checksum `unreadable`: reading makes it a dead letter. A manifest may list that
    unit as done: while the file stays unreadable there is nothing new to say, and as soon as it can be read it has
    another checksum and is a new unit. Raises StorageError where a store refuses.
    """
    covered: dict[tuple[str, str], list[tuple[int, int | None]]] = defaultdict(list)
    for name, _, checksum, start, end in done:
        covered[name, checksum].append((start, end))
    units: list[Unit] = []
    with ThreadPoolExecutor(_CHECKSUM_THREADS) as threads:
        tasks = threads.map(lambda group: [_checksum(one, storage_at) for one in group], _groups(inputs))
        checksums = chain.from_iterable(tasks)
        for one, checksum in zip(inputs, checksums, strict=True):
            before = covered[one.name, checksum]
            for start, end, size in _parts(one, checksum, before, slice_bytes, given, storage_at):
                units.append(Unit(first_ordinal + len(units), one.name, one.path, size, checksum, start, end))
            covered[one.name, checksum] = [(0, None)]
    return units


def format_of(one: Input, given: FormatName | Literal["auto"] = "auto", storage_at: StorageAt = open_storage) -> Format:
    """The format of an input, for a plan. Raises BadInput as reading would, and OSError."""
    return sniff(_head(one, storage_at), one.name, given)


def _head(one: Input, storage_at: StorageAt) -> bytes:
    with open_input(one.path, storage_at) as file:
        return read_head(iter(lambda: file.read(PIECE_BYTES), b""))[0]


def _groups(inputs: Iterable[Input]) -> Iterator[list[Input]]:
    """The inputs as tasks of a thread: small files of a disk together, for a task costs as much as half of one."""
    group: list[Input] = []
    held = 0
    for one in inputs:
        group.append(one)
        held += one.size
        if held >= _TASK_BYTES or is_remote(one.path):
            yield group
            group, held = [], 0
    if group:
        yield group


def _checksum(one: Input, storage_at: StorageAt) -> str:
    try:
        return checksum_of(one.path, storage_at)
    except StorageError:
        raise
    except OSError:
        return UNREADABLE


def _parts(
    one: Input,
    checksum: str,
    before: list[tuple[int, int | None]],
    slice_bytes: int,
    given: FormatName | Literal["auto"],
    storage_at: StorageAt,
) -> Iterator[tuple[int, int | None, int]]:
    """Start, end and size of each part of the file that is still to be read."""
    done = [(start, end) for start, end in before if end is not None]
    if len(done) < len(before):
        return
    whole = 0, None, one.size
    if checksum == UNREADABLE or (one.size <= slice_bytes and not done):
        yield whole
        return
    try:
        told = format_of(one, given, storage_at)
        if told.codecs or told.name not in ("jsonl", "parquet"):
            yield whole
        elif told.name == "parquet":
            yield from _slices_of_groups(_group_bytes(one, storage_at), done, slice_bytes)
        elif wide_encoding(_head(one, storage_at)) is not None:
            yield whole  # a byte 10 is no end of a line there
        else:
            yield from _slices_of_bytes(one.size, done, slice_bytes)
    except (BadInput, OSError):  # reading says what is wrong with it
        yield whole


def _group_bytes(one: Input, storage_at: StorageAt) -> list[int]:
    with open_input(one.path, storage_at) as file:
        return row_group_bytes(file)


def _slices_of_bytes(size: int, done: list[_Range], slice_bytes: int) -> Iterator[tuple[int, int, int]]:
    for start, end in _gaps(done, size):
        at = start
        while at < end:
            stop = min((at // slice_bytes + 1) * slice_bytes, end)
            yield at, stop, stop - at
            at = stop


def _slices_of_groups(groups: list[int], done: list[_Range], slice_bytes: int) -> Iterator[tuple[int, int, int]]:
    for start, end in _gaps(done, len(groups)):
        at, held = start, 0
        for group in range(start, end):
            held += groups[group]
            if held >= slice_bytes or group == end - 1:
                yield at, group + 1, held
                at, held = group + 1, 0


def _gaps(done: Iterable[_Range], size: int) -> Iterator[_Range]:
    """What of [0, size) is in none of the ranges."""
    at = 0
    for start, end in sorted(done):
        if start > at:
            yield at, min(start, size)
        at = max(at, end)
    if at < size:
        yield at, size
