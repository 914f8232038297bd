"""Commit: one manifest makes a whole batch exist, then the row of the run says so."""

import functools
import io
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence

import apache_beam as beam
import pyarrow.parquet as pq

from pipeline.dataset.batch import Batch
from pipeline.dataset.commits import commit, next_manifest, read_manifests, read_state
from pipeline.dataset.errors import CommitConflict
from pipeline.dataset.layout import UNREADABLE
from pipeline.dataset.manifests import CommittedUnit
from pipeline.dataset.sweep import delete_all
from pipeline.sinks.runs import DEAD, after_batch, write_run
from transforms.schemas import DatasetFile, Unit, Verdict
from transforms.text.errors import UnreadableFile


class CommitBatch(beam.PTransform[beam.PCollection[Verdict], beam.PCollection[str]]):
    """Commits a batch when all of it is written.

    In: the one Verdict; beside it the data files, the files of dead letters and the number of documents read, which are
    waited for. Out: the name of the batch. Dead letters: none.
    A commit that is repeated finds its own manifest and succeeds; another writer's is a CommitConflict.
    """

    def __init__(
        self,
        batch: Batch,
        units: Sequence[Unit],
        files: beam.PCollection[DatasetFile],
        dead_letters: beam.PCollection[DatasetFile],
        documents: beam.PCollection[int],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Keeps the batch, its units and what to wait for."""
        super().__init__()
        self.batch = batch
        self.units = units
        self.files = files
        self.dead_letters = dead_letters
        self.documents = documents
        self.clock = clock

    def expand(self, verdicts: beam.PCollection[Verdict]) -> beam.PCollection[str]:
        """Wires the step."""
        # Arguments that are passed on by Beam are compared with their types, unit by unit.
        commit_it = functools.partial(commit_batch, batch=self.batch, units=self.units, clock=self.clock)
        committed: beam.PCollection[str] = verdicts | "Manifest" >> beam.Map(
            commit_it,
            files=beam.pvalue.AsList(self.files),
            dead_letters=beam.pvalue.AsList(self.dead_letters),
            documents=beam.pvalue.AsSingleton(self.documents),
        ).with_output_types(str)
        return committed


def commit_batch(
    verdict: Verdict,
    files: Sequence[DatasetFile],
    dead_letters: Sequence[DatasetFile],
    documents: int,
    batch: Batch,
    units: Sequence[Unit],
    clock: Callable[[], float],
) -> str:
    """Writes the manifest and the row of the run."""
    counts = dict(verdict.counts) | {"documents": documents, "parsed": sum(unit.articles for unit in verdict.units)}
    unread: set[str] = set()
    for file in dead_letters:
        table = pq.read_table(io.BytesIO(batch.storage.read(file.path)), columns=["step", "reason", "source"])
        letters = list(zip(*table.to_pydict().values(), strict=True))
        for (step, reason), count in Counter((step, reason) for step, reason, _ in letters).items():
            counts[f"{DEAD}{step}:{reason}"] = counts.get(f"{DEAD}{step}:{reason}", 0) + count
        unread |= {source for _, reason, source in letters if reason == UnreadableFile.reason}
    replay = batch.replay
    if replay is not None:
        for step, reason, count in replay.kept:  # which stand in the files, and did not fail now
            counts[f"{DEAD}{step}:{reason}"] -= count
        counts = {name: count for name, count in counts.items() if count or not name.startswith(DEAD)}
        counts |= {"letters_replayed": replay.letters, "letters_kept": sum(count for *_, count in replay.kept)}
    state = read_state(batch.storage)
    if state.parent != batch.parent:
        return _already_committed(batch)
    manifest = next_manifest(
        state,
        batch.name,
        _units(units, batch.unit_time, verdict, unread),
        batch.settings,
        verdict.rows,
        counts,
        (*verdict.written, *files, *dead_letters),
        removed=(*verdict.replaced, *(replay.files if replay is not None else ())),
        tombstones=verdict.refused,  # once more, so that links which name them are hidden, and erased
        fingerprint=batch.fingerprint,
    )
    commit(batch.storage, manifest)
    delete_all(batch.storage, manifest.removed)  # until it was there, these were
    write_run(batch.storage, after_batch(batch.run, manifest, int(clock() * 1e6)))
    return batch.name


def _already_committed(batch: Batch) -> str:
    """The name of the batch if it was committed before (a repeated bundle); raises CommitConflict if another was."""
    manifest = next(read_manifests(batch.storage, after=batch.sequence - 1))
    if manifest.batch != batch.name:
        raise CommitConflict(f"batch {manifest.batch}", batch.name)
    delete_all(batch.storage, manifest.removed)
    return batch.name


def _units(units: Sequence[Unit], moment: int, verdict: Verdict, unread: Collection[str]) -> tuple[CommittedUnit, ...]:
    """The units with what was learned of them; one without articles has the time of the unit before it, or `moment`.

    A file that was gone or changed when it was to be read is not done with the content that was planned.
    """
    outcomes = {unit.ordinal: unit for unit in verdict.units}
    committed = []
    for unit in units:
        outcome = outcomes.get(unit.ordinal)
        moment = outcome.time if outcome else moment
        committed.append(
            CommittedUnit(
                name=unit.name,
                size=unit.size,
                checksum=UNREADABLE if unit.name in unread else unit.checksum,
                start=unit.start,
                end=unit.end,
                time=moment,
                articles=outcome.articles if outcome else 0,
                rows=outcome.rows if outcome else 0,
            )
        )
    return tuple(committed)
