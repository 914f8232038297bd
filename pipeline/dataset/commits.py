"""Manifests, and the state of a dataset that follows from them. What no manifest names does not exist.

A manifest is one JSON file, `_commits/<sequence>.json`, created exclusively and never changed:

    {"manifest": {…}, "sha256": "…"}

Keys are sorted and nothing is optional, so equal manifests are equal bytes; `sha256` is of the inner object, so that
damage to it shows. Each names the SHA-256 of its predecessor's file. Every 32nd carries a checkpoint, the whole state,
so that a reader needs the last few files only.
"""

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol

from pipeline.dataset.errors import CommitConflict, DatasetError
from pipeline.dataset.layout import (
    CANONICALISATION,
    COMMITS,
    FORMAT_NUMBER,
    INDEX,
    READABLE_FORMATS,
    manifest_file,
)
from pipeline.dataset.storage import AlreadyExists, Storage, is_safe_name
from transforms.schemas import DatasetFile

CHECKPOINT_EVERY = 32
"""Manifests between two checkpoints: a reader opens at most so many."""

_CHECK_THREADS = 16

_HEX_DIGITS = frozenset("0123456789abcdef")
_MOST = (1 << 63) - 1
_FIRST_TIME, _LAST_TIME = -62_135_596_800_000_000, 253_402_300_799_999_999
"""Microseconds of the years 1 to 9999: what a time can be."""


DoneUnit = tuple[str, int, str, int, int | None]
"""Name, size, checksum, start and end of a unit that a manifest lists."""


class AnyUnit(Protocol):
    """What tells a unit apart, planned or committed. Neither its place in the order nor where its folder lies."""

    @property
    def name(self) -> str:
        """Path relative to the PATH that was given."""
        ...

    @property
    def size(self) -> int:
        """Size of the whole file in bytes."""
        ...

    @property
    def checksum(self) -> str:
        """Checksum of the whole file."""
        ...

    @property
    def start(self) -> int:
        """Start of the slice."""
        ...

    @property
    def end(self) -> int | None:
        """End of the slice; None for a whole file."""
        ...


@dataclass(frozen=True, slots=True)
class CommittedUnit:
    """A unit that a manifest lists: the input file or slice, its unit time in microseconds, and what was in it.

    `articles` arrived with it, `rows` of them were added: the unit of a row follows from its number.
    """

    name: str
    size: int
    checksum: str
    start: int
    end: int | None
    time: int
    articles: int
    rows: int


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The whole state after its manifest: live files, units done, ids removed, those not yet erased, settings.

    `settings` are those of the last batch that had units.
    """

    files: tuple[DatasetFile, ...]
    done: tuple[DoneUnit, ...]
    tombstones: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    settings: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """One committed batch, or (without units) one compaction or removal.

    `parent` is the SHA-256 of the previous manifest's file, None for the first. `rows`, `unit_count` and `unit_time`
    are totals of the dataset after this batch; `counts` is what became of the batch's articles. `settings` shape rows;
    `canonicalisation` and `fingerprint` number the rules that the index depends on (no fingerprints: None).
    `tombstones` are ids of articles that are removed from now on, `erased` those of which no text is left in any file.
    """

    sequence: int
    batch: str
    parent: str | None
    units: tuple[CommittedUnit, ...]
    settings: Mapping[str, Any]
    rows: int
    unit_count: int
    unit_time: int
    counts: Mapping[str, int]
    added: tuple[DatasetFile, ...]
    removed: tuple[str, ...] = ()
    tombstones: tuple[str, ...] = ()
    erased: tuple[str, ...] = ()
    checkpoint: Checkpoint | None = None
    canonicalisation: int = CANONICALISATION
    fingerprint: int | None = None
    format: int = FORMAT_NUMBER


@dataclass(frozen=True, slots=True)
class DatasetState:
    """What is committed: totals, the units that are done, the live files of each table, all after `sequence`.

    `files` of a table are sorted by name, which for tables without partitions and for `_index` is the order of arrival.
    `tombstones` are the ids of removed articles, `pending` those of them whose text is still in some file. `settings`
    are those of the last batch that had units; `format`, `canonicalisation` and `fingerprint` those of the last
    manifest.
    """

    sequence: int = 0
    parent: str | None = None
    rows: int = 0
    unit_count: int = 0
    unit_time: int = 0
    done: frozenset[DoneUnit] = frozenset()
    files: Mapping[str, tuple[DatasetFile, ...]] = field(default_factory=dict)
    tombstones: frozenset[str] = frozenset()
    pending: frozenset[str] = frozenset()
    settings: Mapping[str, Any] | None = None
    canonicalisation: int = CANONICALISATION
    fingerprint: int | None = None
    format: int = FORMAT_NUMBER

    def table(self, table: str) -> tuple[DatasetFile, ...]:
        """The live files of a table (or of `_index`), sorted by name."""
        return self.files.get(table, ())

    def segments(self) -> tuple[DatasetFile, ...]:
        """The live index segments, in order of arrival."""
        return self.table(INDEX)


def done_unit(unit: AnyUnit) -> DoneUnit:
    """What a unit is known by: neither its place in the order nor where its folder lies."""
    return unit.name, unit.size, unit.checksum, unit.start, unit.end


def batch_name(parent: str | None, units: Sequence[AnyUnit], settings: Mapping[str, Any]) -> str:
    """16 hex digits: a hash of the manifest that the batch builds upon, of its units in order, and of its settings.

    What is done without units (a compaction) is told by its settings.
    """
    keys = [done_unit(unit) for unit in units]
    return _sha256(_canonical([FORMAT_NUMBER, CANONICALISATION, parent, keys, settings]))[:16]


def next_manifest(
    state: DatasetState,
    batch: str,
    units: Sequence[CommittedUnit],
    settings: Mapping[str, Any],
    rows: int,
    counts: Mapping[str, int],
    added: Sequence[DatasetFile],
    removed: Sequence[str] = (),
    tombstones: Sequence[str] = (),
    erased: Sequence[str] = (),
    fingerprint: int | None = None,
) -> Manifest:
    """The manifest that follows on the state. `rows` is how many the batch adds; every 32nd gets its checkpoint.

    `fingerprint` counts for the first manifest only: all others follow it.
    """
    manifest = Manifest(
        sequence=state.sequence + 1,
        batch=batch,
        parent=state.parent,
        units=tuple(units),
        settings=settings,
        rows=state.rows + rows,
        unit_count=state.unit_count + len(units),
        unit_time=max([state.unit_time, *(unit.time for unit in units)]),
        counts=counts,
        added=tuple(sorted(added, key=lambda file: file.path)),
        removed=tuple(sorted(removed)),
        tombstones=tuple(sorted(tombstones)),
        erased=tuple(sorted(erased)),
        fingerprint=state.fingerprint if state.sequence else fingerprint,
    )
    return with_checkpoint(manifest, state) if manifest.sequence % CHECKPOINT_EVERY == 0 else manifest


def with_checkpoint(manifest: Manifest, state: DatasetState) -> Manifest:
    """The same manifest with the whole state after it, given the state before it."""
    after = _apply(state, manifest, checksum="", place=f"manifest {manifest.sequence}")
    checkpoint = Checkpoint(
        files=tuple(file for table in sorted(after.files) for file in after.files[table]),
        done=tuple(sorted(after.done, key=_order_of_units)),
        tombstones=tuple(sorted(after.tombstones)),
        pending=tuple(sorted(after.pending)),
        settings=after.settings,
    )
    return dataclasses.replace(manifest, checkpoint=checkpoint)


def read_state(storage: Storage) -> DatasetState:
    """What is committed under the root; the empty state where nothing is.

    Reads the newest checkpoint and what follows it. Raises DatasetError for gaps, damage, and formats that this release
    does not know.
    """
    chain: list[_Read] = []
    newest = _newest(storage)
    for sequence in range(newest, 0, -1):
        read = _read_manifest(storage, sequence, newest)
        if chain and chain[-1].manifest.parent != read.checksum:
            raise _broken_chain(storage, sequence)
        chain.append(read)
        if read.manifest.checkpoint is not None:
            break
    if chain and chain[-1].manifest.checkpoint is None and chain[-1].manifest.parent is not None:
        raise _broken_chain(storage, 1)
    state = DatasetState()
    for read in reversed(chain):
        state = _apply(state, read.manifest, read.checksum, storage.where(manifest_file(read.manifest.sequence)))
    return state


def raise_unless_writable(storage: Storage, state: DatasetState) -> None:
    """Raises DatasetError for what can be read but not changed: another format or another rule of canonical URLs."""
    place = storage.location
    if state.format != FORMAT_NUMBER:
        raise DatasetError(
            f"{place}: of format {state.format}, made by release 0.1: its index has no fingerprints, by which "
            "near-duplicates are found. It can be queried, not changed. Make a new dataset of the same inputs with "
            "another --output, or use the release that made it."
        )
    if state.canonicalisation != CANONICALISATION:
        raise DatasetError(
            f"{place}: canonical URLs were made by rule {state.canonicalisation}, this release makes them by rule "
            f"{CANONICALISATION}, so known articles would not be recognised. It can be queried, not added to. "
            "Use the release that made it, or make a new dataset with another --output."
        )


def raise_unless_comparable(storage: Storage, state: DatasetState, fingerprint: int | None) -> None:
    """Raises DatasetError where the index holds other fingerprints than a run would make, or none."""
    if state.sequence == 0 or state.fingerprint == fingerprint:
        return
    if state.fingerprint is None:
        cause = "its index has no fingerprints of texts, so near-duplicates of earlier articles would not be found"
        remedy = "Go on with --set dedupe.near.enabled=false"
    elif fingerprint is None:
        cause = "its index has fingerprints of texts, which further articles would lack"
        remedy = "Go on with --set dedupe.near.enabled=true"
    else:
        cause = f"its fingerprints of texts are of rule {state.fingerprint}, this run would make {fingerprint}"
        remedy = "Go on with the dedupe.near.shingle_words, and the release, that made them"
    raise DatasetError(f"{storage.location}: {cause}. {remedy}, or make a new dataset with another --output.")


def read_manifests(storage: Storage, after: int = 0) -> Iterator[Manifest]:
    """Every manifest after a number, oldest first. Raises DatasetError as `read_state` does."""
    newest = _newest(storage)
    parent: str | None = None
    for sequence in range(after + 1, newest + 1):
        read = _read_manifest(storage, sequence, newest)
        if (parent is not None or sequence == 1) and read.manifest.parent != parent:
            raise _broken_chain(storage, max(1, sequence - 1))
        parent = read.checksum
        yield read.manifest


def commit(storage: Storage, manifest: Manifest) -> None:
    """Makes the batch a part of the dataset, in one step. A manifest that is there already, byte for byte, is fine.

    Raises DatasetError where a file that it adds is missing or has another size, CommitConflict where another writer
    has taken the number.
    """
    _raise_unless_complete(storage, manifest.added)
    name = manifest_file(manifest.sequence)
    try:
        storage.create(name, manifest_bytes(manifest))
    except AlreadyExists:
        raise CommitConflict(
            f"{storage.where(name)}: batch {_winner(storage, manifest.sequence)} was committed by another run while "
            f"batch {manifest.batch} was being made; nothing of the latter counts. "
            "Run the same command again: it goes on after what is committed."
        ) from None


def manifest_bytes(manifest: Manifest) -> bytes:
    """The file of a manifest: canonical JSON, one line."""
    body = dataclasses.asdict(manifest)
    return _canonical({"manifest": body, "sha256": _sha256(_canonical(body))}) + b"\n"


@dataclass(frozen=True, slots=True)
class _Read:
    manifest: Manifest
    checksum: str


def _apply(state: DatasetState, manifest: Manifest, checksum: str, place: str) -> DatasetState:
    """The state after one more manifest. Its checkpoint, where there is one, is the state."""
    settings = manifest.settings if manifest.units else state.settings
    checkpoint = manifest.checkpoint
    if checkpoint is not None:
        settings = settings if manifest.units else checkpoint.settings
        files = checkpoint.files
        done = frozenset(checkpoint.done)
        tombstones, pending = frozenset(checkpoint.tombstones), frozenset(checkpoint.pending)
    else:
        files = _replaced(state, manifest, place)
        done = state.done.union(done_unit(unit) for unit in manifest.units)
        tombstones = state.tombstones.union(manifest.tombstones)
        pending = state.pending.union(manifest.tombstones).difference(manifest.erased)
    return DatasetState(
        sequence=manifest.sequence,
        parent=checksum,
        rows=manifest.rows,
        unit_count=manifest.unit_count,
        unit_time=manifest.unit_time,
        done=done,
        files=_by_table(files),
        tombstones=tombstones,
        pending=pending,
        settings=settings,
        canonicalisation=manifest.canonicalisation,
        fingerprint=manifest.fingerprint,
        format=manifest.format,
    )


def _replaced(state: DatasetState, manifest: Manifest, place: str) -> tuple[DatasetFile, ...]:
    live = {file.path: file for files in state.files.values() for file in files}
    for path in manifest.removed:
        if live.pop(path, None) is None:
            raise DatasetError(f"{place}: removes {path}, which is not there. Restore `{COMMITS}` from a copy.")
    for file in manifest.added:
        if file.path in live:
            raise DatasetError(f"{place}: adds {file.path}, which is there already. Restore `{COMMITS}` from a copy.")
        live[file.path] = file
    return tuple(live.values())


def _by_table(files: Iterable[DatasetFile]) -> dict[str, tuple[DatasetFile, ...]]:
    tables: dict[str, list[DatasetFile]] = {}
    for file in sorted(files, key=lambda file: file.path):
        tables.setdefault(file.table, []).append(file)
    return {table: tuple(tables[table]) for table in sorted(tables)}


def _newest(storage: Storage) -> int:
    """The greatest number of a manifest. A listing may lag behind, so the names after it are tried."""
    newest = 0
    for listed in storage.files(COMMITS):
        stem = listed.name.removeprefix(f"{COMMITS}/").removesuffix(".json")
        if stem.isascii() and stem.isdigit() and listed.name == manifest_file(int(stem)):
            newest = max(newest, int(stem))
    while storage.size(manifest_file(newest + 1)) is not None:
        newest += 1
    return newest


def _read_manifest(storage: Storage, sequence: int, newest: int) -> _Read:
    name = manifest_file(sequence)
    place = storage.where(name)
    try:
        data = storage.read(name)
    except FileNotFoundError:
        raise DatasetError(
            f"{place}: missing, though later manifests are there. Restore it from a copy of the dataset."
        ) from None
    remedy = "Restore it from a copy of the dataset"
    if sequence == newest:
        remedy += ", or, if there is none, delete it: the next run does its batch again"
    try:
        document = json.loads(data)
        body = document["manifest"]
        number = body["format"]
        is_sound = document.get("sha256") == _sha256(_canonical(body)) and data == _canonical(document) + b"\n"
    except (ValueError, TypeError, KeyError, RecursionError):
        raise DatasetError(f"{place}: damaged, not a whole manifest. {remedy}.") from None
    if number not in READABLE_FORMATS:
        raise _other_format(place, number)
    if not is_sound:
        raise DatasetError(f"{place}: damaged or edited, its checksum does not fit. {remedy}.")
    try:
        manifest = _manifest(body)
    except _NotAManifest as error:
        raise DatasetError(f"{place}: not a manifest of format {number} ({error}). {remedy}.") from None
    if manifest.sequence != sequence:
        raise DatasetError(f"{place}: holds manifest {manifest.sequence}; it was renamed or copied. {remedy}.")
    return _Read(manifest, _sha256(data))


def _other_format(place: str, number: object) -> DatasetError:
    if isinstance(number, int) and number > FORMAT_NUMBER:
        remedy = "Install a newer release: pip install --upgrade beamwire"
    else:
        remedy = "Use the release that made the dataset, or make a new one with another --output"
    found = str(number)[:40] if isinstance(number, int | str) else "of another kind"
    known = " and ".join(map(str, READABLE_FORMATS))
    return DatasetError(f"{place}: format {found}; this release knows format {known}. {remedy}.")


class _NotAManifest(Exception):
    """A value that no manifest of this format has: names it."""


def _manifest(body: object) -> Manifest:
    """The manifest that the JSON means. A checksum that fits proves no more than that somebody computed it."""
    values = _fields(_in_this_format(body), Manifest, "manifest")
    checkpoint = values["checkpoint"]
    settings = values["settings"]
    if not isinstance(settings, dict):
        raise _NotAManifest("settings is no object")
    counts = values["counts"]
    if not isinstance(counts, dict):
        raise _NotAManifest("counts is no object")
    for name, count in counts.items():
        _count(count, f"counts.{name[:40]}")
    if checkpoint is not None:
        parts = _fields(checkpoint, Checkpoint, "checkpoint")
        done = tuple(_done(it) for it in _list(parts["done"], "checkpoint.done"))
        checkpoint = Checkpoint(
            _files(parts["files"], "checkpoint.files"),
            done,
            _ids(parts["tombstones"], "checkpoint.tombstones"),
            _ids(parts["pending"], "checkpoint.pending"),
            parts["settings"],
        )
        if not isinstance(checkpoint.settings, dict | None):
            raise _NotAManifest("checkpoint.settings is no object")
    return Manifest(
        sequence=_count(values["sequence"], "sequence"),
        batch=_text(values["batch"], "batch"),
        parent=None if values["parent"] is None else _text(values["parent"], "parent"),
        units=tuple(_unit(it) for it in _list(values["units"], "units")),
        settings=settings,
        rows=_count(values["rows"], "rows"),
        unit_count=_count(values["unit_count"], "unit_count"),
        unit_time=_time(values["unit_time"], "unit_time"),
        counts=counts,
        added=_files(values["added"], "added"),
        removed=tuple(_path(it, "removed") for it in _list(values["removed"], "removed")),
        tombstones=_ids(values["tombstones"], "tombstones"),
        erased=_ids(values["erased"], "erased"),
        checkpoint=checkpoint,
        canonicalisation=_count(values["canonicalisation"], "canonicalisation"),
        fingerprint=None if values["fingerprint"] is None else _count(values["fingerprint"], "fingerprint"),
        format=_count(values["format"], "format"),
    )


def _in_this_format(body: object) -> object:
    """A manifest of format 1 in the fields of today. It did not say how many rows a unit added: 0 stands there."""
    if not isinstance(body, dict) or body.get("format") != 1:
        return body
    units = [
        {name: it for name, it in unit.items() if name != "documents"} | {"rows": 0} if isinstance(unit, dict) else unit
        for unit in _list(body.get("units"), "units")
    ]
    checkpoint = body.get("checkpoint")
    if isinstance(checkpoint, dict):
        checkpoint = {"tombstones": [], "pending": [], "settings": body.get("settings"), **checkpoint}
    return {"tombstones": [], "erased": [], **body, "units": units, "checkpoint": checkpoint}


def _unit(value: object) -> CommittedUnit:
    values = _fields(value, CommittedUnit, "units")
    name, size, checksum, start, end = _done([values[it] for it in ("name", "size", "checksum", "start", "end")])
    return CommittedUnit(
        name,
        size,
        checksum,
        start,
        end,
        time=_time(values["time"], "units.time"),
        articles=_count(values["articles"], "units.articles"),
        rows=_count(values["rows"], "units.rows"),
    )


def _done(value: object) -> DoneUnit:
    # In one expression: a checkpoint has as many of them as units were ever done.
    match value:
        case [str() as name, int() as size, str() as checksum, int() as start, int() | None as end] if (
            0 <= size <= _MOST and 0 <= start <= _MOST and (end is None or 0 <= end <= _MOST)
        ):
            return name, size, checksum, start, end
    raise _NotAManifest("a unit without a name, size, checksum, start or end that can be")


def _files(value: object, what: str) -> tuple[DatasetFile, ...]:
    made = []
    for item in _list(value, what):
        values = _fields(item, DatasetFile, what)
        table, path = _text(values["table"], f"{what}.table"), _path(values["path"], what)
        if path.partition("/")[0] != table:
            raise _NotAManifest(f"a path outside its table: {path[:80]}")
        rows, size = _count(values["rows"], f"{what}.rows"), _count(values["bytes"], f"{what}.bytes")
        made.append(DatasetFile(table, path, rows, size, _text(values["checksum"], f"{what}.checksum")))
    return tuple(made)


def _fields(value: object, kind: type[Any], what: str) -> dict[str, Any]:
    """The values of an object that has the fields of the class, and no others."""
    if not isinstance(value, dict):
        raise _NotAManifest(f"{what} is no object")
    names = {field.name for field in dataclasses.fields(kind)}
    for name in sorted(names ^ value.keys()):
        raise _NotAManifest(f"{what}.{name[:40]} is {'missing' if name in names else 'unknown'}")
    return value


def _list(value: object, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise _NotAManifest(f"{what} is no list")
    return value


def _text(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise _NotAManifest(f"{what} is no text")
    return value


def _count(value: object, what: str) -> int:
    if type(value) is not int or not 0 <= value <= _MOST:
        raise _NotAManifest(f"{what} is no count")
    return value


def _ids(value: object, what: str) -> tuple[str, ...]:
    ids = tuple(_text(it, what) for it in _list(value, what))
    if not all(len(it) == 32 and set(it) <= _HEX_DIGITS for it in ids):
        raise _NotAManifest(f"{what} has something that is no id")
    return ids


def _time(value: object, what: str) -> int:
    if type(value) is not int or not _FIRST_TIME <= value <= _LAST_TIME:
        raise _NotAManifest(f"{what} is no time")
    return value


def _path(value: object, what: str) -> str:
    """A path of the dataset: below its root, and of visible characters, for it is listed a line each."""
    path = _text(value, what)
    if not is_safe_name(path) or not path.isprintable():
        raise _NotAManifest(f"a path outside its table: {path[:80]}")
    return path


def _order_of_units(unit: DoneUnit) -> tuple[str, str, int, int]:
    name, _, checksum, start, end = unit
    return name, checksum, start, -1 if end is None else end


def _broken_chain(storage: Storage, sequence: int) -> DatasetError:
    return DatasetError(
        f"{storage.where(manifest_file(sequence))}: is not the manifest that the next one builds upon: it was edited, "
        "replaced or mixed with another dataset. Restore `_commits` from a copy of the dataset."
    )


def _raise_unless_complete(storage: Storage, files: Sequence[DatasetFile]) -> None:
    with ThreadPoolExecutor(_CHECK_THREADS) as threads:
        sizes = list(threads.map(lambda file: storage.size(file.path), files))
    for file, size in zip(files, sizes, strict=True):
        if size != file.bytes:
            found = "missing" if size is None else f"{size} bytes instead of {file.bytes}"
            raise DatasetError(
                f"{storage.where(file.path)}: {found}, so the batch was not committed. "
                "Run the same command again: it writes the file anew."
            )


def _winner(storage: Storage, sequence: int) -> str:
    try:
        return _read_manifest(storage, sequence, sequence).manifest.batch
    except (DatasetError, OSError):
        return "(unreadable)"


def _canonical(value: object) -> bytes:
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=dict
    ).encode("utf-8", "surrogatepass")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
