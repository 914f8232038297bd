"""Compact: small files become few, removed articles are erased, and one manifest with the whole state says so.

It commits like a batch: first the files it writes, then the manifest that puts them in the place of others, then these
are deleted. Killed before the manifest it has done nothing; killed after it, the next compaction or run deletes what is
left over. What it writes is a function of what is committed and of the settings.
"""

import dataclasses
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from pipeline.config import WriteConfig
from pipeline.config_file import ConfigError, load_config
from pipeline.dataset.batch import ParquetSettings
from pipeline.dataset.commits import DatasetState, commit, next_manifest, read_manifests, with_checkpoint
from pipeline.dataset.erasure import plan_erasure
from pipeline.dataset.errors import CommitConflict, DatasetError
from pipeline.dataset.layout import (
    COMMITS,
    FLAT_TABLES,
    MEBIBYTE,
    PARTITIONED_TABLES,
    REMOVED,
    first_sequence,
    flat_file,
    is_committed_name,
    manifest_file,
    segment_file,
)
from pipeline.dataset.local import LocalStorage
from pipeline.dataset.manifests import batch_name
from pipeline.dataset.segments import entries_of, write_segment
from pipeline.dataset.staging import staging_of
from pipeline.dataset.storage import Storage, StorageError
from pipeline.dataset.sweep import delete_all, sweep
from pipeline.dataset.tiers import merges_of_compaction
from pipeline.dataset.writing import held_dataset
from pipeline.sinks.merge import FileSettings, Merger
from transforms.schemas import DatasetFile

ABANDONED_DAYS = 7.0
"""On an object store, where no lock tells who is at work, a file that no manifest names is deleted after so long."""


_AGAIN = "Nothing is lost: run the same command again, it does the rest."


class CompactionFailed(Exception):
    """The storage or another run stopped it. What was committed stays, and the same command does the rest."""


@dataclass(frozen=True, slots=True)
class Compaction:
    """What a compaction did: data files and index segments before and after, articles erased, stray files deleted.

    `is_committed` is false where nothing was to be done, and the last manifest held the whole state already.
    """

    files: tuple[int, int]
    segments: tuple[int, int]
    erased: int
    swept: int
    is_committed: bool

    def __str__(self) -> str:
        """What to tell people, a line each."""
        said = []
        for what, (before, after) in (("file", self.files), ("index segment", self.segments)):
            if before or after:
                said.append(f"{_count(before, what)} became {after:,}")
        if self.erased:
            said.append(f"{_count(self.erased, 'removed article')} erased")
        if self.swept:
            said.append(f"{_count(self.swept, 'stray file')} deleted")
        if not said:
            said.append("nothing to merge" + "; the state is in one manifest now" * self.is_committed)
        return "\n".join(said)


def compact(
    storage: Storage,
    assignments: Sequence[str],
    say: Callable[[str], None],
    grace_seconds: float = 0.0,
    abandoned_days: float = ABANDONED_DAYS,
    wait: Callable[[float], None] = time.sleep,
) -> Compaction:
    """Compacts a dataset, under its lock, which is held until the files that were replaced are gone.

    `assignments` are settings of `write` as in write.max_file_rows=100000; what they leave out is as in the last batch.
    Replaced files are deleted after `grace_seconds`. `say` gets one line where a stale lock was taken over.
    Raises ConfigError and StorageError before it begins, CompactionFailed where another run or the storage stops it
    then, and DatasetError where the dataset is to be mended first. None of them loses anything.
    """
    with held_dataset(storage, say) as state:
        settings = file_settings(state, assignments)
        try:
            if isinstance(storage, LocalStorage):
                staging_of(storage, None).clear()  # a killed run's, with the texts of a batch
            swept = sweep(storage, state, abandoned_days * 86_400)
            return _compact(storage, state, settings, swept, lambda: wait(grace_seconds) if grace_seconds else None)
        except (CommitConflict, StorageError) as error:
            raise CompactionFailed(f"{error}\n{_AGAIN}") from error
        except DatasetError as error:
            if storage.size(manifest_file(state.sequence + 1)) is None:
                raise
            raise CompactionFailed(  # the other run has deleted what was to be read
                f"{error}\nAnother run has committed manifest {state.sequence + 1} meanwhile. {_AGAIN}"
            ) from error


def file_settings(state: DatasetState, assignments: Sequence[str]) -> FileSettings:
    """How files are written: as the assignments say, else as the last batch did. Raises ConfigError."""
    for assignment in assignments:
        if not assignment.startswith("write."):
            raise ConfigError(
                f"--set {assignment}: compact takes settings of `write` only, as in write.max_file_rows=…"
            )
    before = (state.settings or {}).get("write")
    known = [
        f"write.{name}={json.dumps(before[name])}"
        for name in WriteConfig.model_fields
        if isinstance(before, dict) and name in before
    ]
    write = load_config(None, [*known, *assignments], {}).write
    parquet = ParquetSettings(write.compression_level, write.row_group_rows)
    return FileSettings(write.max_file_rows, write.max_file_mebibytes * MEBIBYTE, parquet)


def _compact(
    storage: Storage, state: DatasetState, settings: FileSettings, swept: int, grace: Callable[[], None]
) -> Compaction:
    _raise_unless_ours(storage, state)
    recorded = {"compact": dataclasses.asdict(settings)}
    name = batch_name(state.parent, (), recorded)  # the parent stands for all that is committed
    erasure = plan_erasure(storage, state)
    added: list[DatasetFile] = []
    removed: list[str] = []
    merger = Merger(storage, name, settings, erasure)
    for table in (*PARTITIONED_TABLES, *FLAT_TABLES):
        merged = merger.merge(table, state.table(table))
        added += merged.added
        removed += [file.path for file in merged.replaced]
    files = len(removed), len(added)
    merged_segments = list(_merge_segments(storage, state, name))
    for segment, members in merged_segments:
        added.append(segment)
        removed += [member.path for member in members]
    segments = sum(len(members) for _, members in merged_segments), len(merged_segments)
    if len(erasure.entries):
        path = flat_file(REMOVED, state.sequence + 1, name, 0)
        added.append(write_segment(storage, path, [erasure.entries], state.fingerprint))
    is_needed = added or removed or erasure.ids or not _holds_whole_state(storage, state)
    if is_needed:
        manifest = next_manifest(
            state,
            name,
            (),
            recorded,
            0,
            {"files_replaced": files[0], "files_written": files[1]},
            added,
            removed=removed,
            erased=tuple(erasure.ids),
        )
        commit(storage, with_checkpoint(manifest, state))
        grace()
        delete_all(storage, removed)
    return Compaction(files, segments, len(erasure.ids), swept, bool(is_needed))


def _raise_unless_ours(storage: Storage, state: DatasetState) -> None:
    for file in (file for files in state.files.values() for file in files):
        if not is_committed_name(file.path):
            raise DatasetError(
                f"{storage.where(file.path)}: a manifest names it, but no run of ours gives such a name. "
                f"Restore `{COMMITS}` from a copy of the dataset."
            )


def _merge_segments(
    storage: Storage, state: DatasetState, name: str
) -> Iterator[tuple[DatasetFile, tuple[DatasetFile, ...]]]:
    """Segments of the index that were written, each with those that it replaces. Memory: one of them."""
    live = state.segments()
    for run in merges_of_compaction([segment.rows for segment in live]):
        members = live[run.start : run.stop]
        path = segment_file(first_sequence(members[0].path), name)
        yield write_segment(storage, path, entries_of(storage, members), state.fingerprint), members


def _holds_whole_state(storage: Storage, state: DatasetState) -> bool:
    """Whether the last manifest has a checkpoint."""
    return next(read_manifests(storage, after=state.sequence - 1)).checkpoint is not None


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
