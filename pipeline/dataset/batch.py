"""A batch: consecutive units that are committed as a whole, and all that its steps must know of where they are."""

from dataclasses import dataclass, field, replace
from typing import Any

from pipeline.dataset.staging import StagedBlocks
from pipeline.dataset.storage import Storage
from transforms.schemas import DatasetFile, Tally


@dataclass(frozen=True, slots=True)
class ParquetSettings:
    """How Parquet files are written: zstd level and rows of a row group."""

    compression_level: int = 3
    row_group_rows: int = 10_000


@dataclass(frozen=True, slots=True)
class RunSoFar:
    """The run that a batch belongs to, for its row in `runs`: the only place that a clock reaches.

    `started` is in microseconds. `row` is the row as the batches before this one left it, empty at the first.
    `last` tells that no further batch of the run follows.
    """

    name: str
    started: int
    runner: str
    settings: str
    versions: tuple[tuple[str, str], ...]
    last: bool = True
    row: dict[str, Any] = field(default_factory=dict)

    def with_last(self, last: bool) -> "RunSoFar":
        """The same for a batch that is the last of the run, or is not."""
        return replace(self, last=last)


@dataclass(frozen=True, slots=True)
class Replay:
    """What a batch replays: files of dead letters, whose place it takes.

    `reasons` are those that were chosen, none for all; `letters` of them are run again. `kept` counts the others in
    these files by step and reason, `why_kept` those of the whole table by cause. No payload is longer than `longest`.
    """

    reasons: tuple[str, ...]
    files: tuple[str, ...]
    letters: int
    kept: tuple[tuple[str, str, int], ...]
    why_kept: tuple[tuple[str, int], ...]
    longest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """What reading and staging must know of a batch, which is known before the batch ahead of it is committed.

    `blocks` is where its blocks lie while it runs; of the payload of a dead letter `max_payload_bytes` are kept.
    """

    blocks: StagedBlocks
    tally: Tally
    max_payload_bytes: int
    replay: Replay | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch(Workplace):
    """One batch without its units. Picklable: it travels to the workers, with each step that needs it.

    `name` is a hash of units, settings and the manifest (`parent`) that it builds upon, so that two writers never
    share a name with other bytes. `rows`, `unit_time`, `segments` and `tombstones` (ids of removed articles) are what
    the manifests before it say. `fingerprint` is the rule by which texts are compared, None where only for equality.
    """

    name: str
    sequence: int
    parent: str | None
    settings: dict[str, Any]
    rows: int
    unit_time: int
    segments: tuple[DatasetFile, ...]
    tombstones: frozenset[bytes]
    fingerprint: int | None
    storage: Storage
    run: RunSoFar
    enriched: bool
    parquet: ParquetSettings = ParquetSettings()
