"""Commits: the state of a dataset that follows from its manifests. What no manifest names does not exist.

Every 32nd manifest carries a checkpoint, the whole state, so that a reader needs the last few files only.
"""

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from pipeline.dataset.errors import CommitConflict, DatasetError
from pipeline.dataset.layout import (
    CANONICALISATION,
    COMMITS,
    FORMAT_NUMBER,
    INDEX,
    READABLE_FORMATS,
    manifest_file,
)
from pipeline.dataset.manifests import (
    Checkpoint,
    CommittedUnit,
    DoneUnit,
    Manifest,
    NotAManifest,
    done_unit,
    hex_sha256,
    is_replay,
    is_sealed,
    manifest_bytes,
    manifest_of,
)
from pipeline.dataset.storage import AlreadyExists, Storage
from transforms.schemas import DatasetFile

CHECKPOINT_EVERY = 32
"""Manifests between two checkpoints: a reader opens at most so many."""

_CHECK_THREADS = 16


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
        winner = f"{storage.where(name)}: batch {_winner(storage, manifest.sequence)}"
        raise CommitConflict(winner, manifest.batch) from None


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
        # What a replay lists are letters, no inputs.
        done = state.done if is_replay(manifest) else state.done.union(map(done_unit, manifest.units))
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
    checksum = hex_sha256(data)
    manifest = _parsed.get(checksum) or _manifest_in(data, place, is_last=sequence == newest)
    if len(data) <= _REMEMBERED_BYTES:
        _parsed[checksum] = manifest
        while len(_parsed) > _REMEMBERED:
            _parsed.pop(next(iter(_parsed)), None)
    if manifest.sequence != sequence:
        raise DatasetError(
            f"{place}: holds manifest {manifest.sequence}; it was renamed or copied. {_remedy(sequence == newest)}."
        )
    return _Read(manifest, checksum)


_REMEMBERED, _REMEMBERED_BYTES = 64, 1 << 20
_parsed: dict[str, Manifest] = {}
"""Manifests by the checksum of their bytes: a run reads all of them to plan and again to commit, each time anew from
the storage, and parsing is what takes time."""


def _manifest_in(data: bytes, place: str, is_last: bool) -> Manifest:
    remedy = _remedy(is_last)
    try:
        body = json.loads(data)["manifest"]
        number = body["format"]
        is_sound = is_sealed(data)
    except (ValueError, TypeError, KeyError, RecursionError):
        raise DatasetError(f"{place}: damaged, not a whole manifest. {remedy}.") from None
    if number not in READABLE_FORMATS:
        raise _other_format(place, number)
    if not is_sound:
        raise DatasetError(f"{place}: damaged or edited, its checksum does not fit. {remedy}.")
    try:
        return manifest_of(body)
    except NotAManifest as error:
        raise DatasetError(f"{place}: not a manifest of format {number} ({error}). {remedy}.") from None


def _remedy(is_last: bool) -> str:
    again = ", or, if there is none, delete it: the next run does its batch again" if is_last else ""
    return f"Restore it from a copy of the dataset{again}"


def _other_format(place: str, number: object) -> DatasetError:
    if isinstance(number, int) and number > FORMAT_NUMBER:
        remedy = "Install a newer release: pip install --upgrade beamwire"
    else:
        remedy = "Use the release that made the dataset, or make a new one with another --output"
    found = str(number)[:40] if isinstance(number, int | str) else "of another kind"
    known = " and ".join(map(str, READABLE_FORMATS))
    return DatasetError(f"{place}: format {found}; this release knows format {known}. {remedy}.")


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
