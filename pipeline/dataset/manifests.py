"""Manifests: the records of what a commit says, and the one form in which they are written down.

A manifest is one JSON file, `_commits/<sequence>.json`, created exclusively and never changed:

    {"manifest": {…}, "sha256": "…"}

Keys are sorted and nothing is optional, so equal manifests are equal bytes; `sha256` is of the inner object, so that
damage to it shows. Each names the SHA-256 of its predecessor's file.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from pipeline.dataset.layout import CANONICALISATION, FORMAT_NUMBER, REPLAYED
from pipeline.dataset.storage import is_safe_name
from transforms.schemas import DatasetFile

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


def done_unit(unit: AnyUnit) -> DoneUnit:
    """What a unit is known by: neither its place in the order nor where its folder lies."""
    return unit.name, unit.size, unit.checksum, unit.start, unit.end


def is_replay(manifest: Manifest) -> bool:
    """Whether its units are files of dead letters, which it takes away, and no inputs."""
    return any(unit.checksum.startswith(REPLAYED) for unit in manifest.units)


def batch_name(parent: str | None, units: Sequence[AnyUnit], settings: Mapping[str, Any]) -> str:
    """16 hex digits: a hash of the manifest that the batch builds upon, of its units in order, and of its settings.

    What is done without units (a compaction) is told by its settings.
    """
    keys = [done_unit(unit) for unit in units]
    return hex_sha256(_canonical([FORMAT_NUMBER, CANONICALISATION, parent, keys, settings]))[:16]


def manifest_bytes(manifest: Manifest) -> bytes:
    """The file of a manifest."""
    return sealed(dataclasses.asdict(manifest))


def sealed(body: object) -> bytes:
    """The file that says this: canonical JSON, one line, with its checksum."""
    return _canonical({"manifest": body, "sha256": hex_sha256(_canonical(body))}) + b"\n"


def is_sealed(data: bytes) -> bool:
    """Whether the bytes are those of a file that `sealed` has made: its checksum is that of what stands before it."""
    start, middle, end = b'{"manifest":', b',"sha256":"', b'"}\n'
    body = data[len(start) : -(len(middle) + 64 + len(end))]
    return data == b"".join((start, body, middle, hex_sha256(body).encode(), end))


class NotAManifest(Exception):
    """A value that no manifest of this format has: names it."""


def manifest_of(body: object) -> Manifest:
    """The manifest that the JSON means. A checksum that fits proves no more than that somebody computed it."""
    values = _fields(_in_this_format(body), Manifest, "manifest")
    checkpoint = values["checkpoint"]
    settings = values["settings"]
    if not isinstance(settings, dict):
        raise NotAManifest("settings is no object")
    counts = values["counts"]
    if not isinstance(counts, dict):
        raise NotAManifest("counts is no object")
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
            raise NotAManifest("checkpoint.settings is no object")
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
    raise NotAManifest("a unit without a name, size, checksum, start or end that can be")


def _files(value: object, what: str) -> tuple[DatasetFile, ...]:
    made = []
    for item in _list(value, what):
        values = _fields(item, DatasetFile, what)
        table, path = _text(values["table"], f"{what}.table"), _path(values["path"], what)
        if path.partition("/")[0] != table:
            raise NotAManifest(f"a path outside its table: {path[:80]}")
        rows, size = _count(values["rows"], f"{what}.rows"), _count(values["bytes"], f"{what}.bytes")
        made.append(DatasetFile(table, path, rows, size, _text(values["checksum"], f"{what}.checksum")))
    return tuple(made)


def _fields(value: object, kind: type[Any], what: str) -> dict[str, Any]:
    """The values of an object that has the fields of the class, and no others."""
    if not isinstance(value, dict):
        raise NotAManifest(f"{what} is no object")
    names = _names_of(kind)  # type: ignore[arg-type]  # a class is hashable
    if value.keys() != names:
        name = min(names ^ value.keys())
        raise NotAManifest(f"{what}.{name[:40]} is {'missing' if name in names else 'unknown'}")
    return value


@cache  # A manifest has thousands of units.
def _names_of(kind: Any) -> frozenset[str]:
    return frozenset(field.name for field in dataclasses.fields(kind))


def _list(value: object, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise NotAManifest(f"{what} is no list")
    return value


def _text(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise NotAManifest(f"{what} is no text")
    return value


def _count(value: object, what: str) -> int:
    if type(value) is not int or not 0 <= value <= _MOST:
        raise NotAManifest(f"{what} is no count")
    return value


def _ids(value: object, what: str) -> tuple[str, ...]:
    ids = tuple(_text(it, what) for it in _list(value, what))
    if not all(len(it) == 32 and set(it) <= _HEX_DIGITS for it in ids):
        raise NotAManifest(f"{what} has something that is no id")
    return ids


def _time(value: object, what: str) -> int:
    if type(value) is not int or not _FIRST_TIME <= value <= _LAST_TIME:
        raise NotAManifest(f"{what} is no time")
    return value


def _path(value: object, what: str) -> str:
    """A path of the dataset: below its root, and of visible characters, for it is listed a line each."""
    path = _text(value, what)
    if not is_safe_name(path) or not path.isprintable():
        raise NotAManifest(f"a path outside its table: {path[:80]}")
    return path


def _canonical(value: object) -> bytes:
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=dict
    ).encode("utf-8", "surrogatepass")


def hex_sha256(data: bytes) -> str:
    """What a manifest knows its predecessor by."""
    return hashlib.sha256(data).hexdigest()
