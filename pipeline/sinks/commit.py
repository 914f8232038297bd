"""Commit: one manifest makes a whole batch exist, then the row of the run says so."""

import io
import time
from collections import Counter
from collections.abc import Callable, Sequence

import apache_beam as beam
import pyarrow.parquet as pq

from pipeline.dataset.batch import Batch
from pipeline.dataset.commits import CommittedUnit, commit, next_manifest, read_manifests, read_state
from pipeline.dataset.errors import CommitConflict
from pipeline.sinks.runs import DEAD, after_batch, write_run
from transforms.schemas import DatasetFile, Verdict


class CommitBatch(beam.PTransform[beam.PCollection[Verdict], beam.PCollection[str]]):
    """Commits a batch when all of it is written.

    In: the one Verdict; beside it the data files, the files of dead letters and the number of documents read, which are
    waited for. Out: the name of the batch. Dead letters: none.
    A commit that is repeated finds its own manifest and succeeds; another writer's is a CommitConflict.
    """

    def __init__(
        self,
        batch: Batch,
        files: beam.PCollection[DatasetFile],
        dead_letters: beam.PCollection[DatasetFile],
        documents: beam.PCollection[int],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Keeps the batch and what to wait for."""
        super().__init__()
        self.batch = batch
        self.files = files
        self.dead_letters = dead_letters
        self.documents = documents
        self.clock = clock

    def expand(self, verdicts: beam.PCollection[Verdict]) -> beam.PCollection[str]:
        """Wires the step."""
        committed: beam.PCollection[str] = verdicts | "Manifest" >> beam.Map(
            commit_batch,
            files=beam.pvalue.AsList(self.files),
            dead_letters=beam.pvalue.AsList(self.dead_letters),
            documents=beam.pvalue.AsSingleton(self.documents),
            batch=self.batch,
            clock=self.clock,
        ).with_output_types(str)
        return committed


def commit_batch(
    verdict: Verdict,
    files: Sequence[DatasetFile],
    dead_letters: Sequence[DatasetFile],
    documents: int,
    batch: Batch,
    clock: Callable[[], float],
) -> str:
    """Writes the manifest and the row of the run."""
    counts = dict(verdict.counts) | {"documents": documents, "parsed": sum(unit.articles for unit in verdict.units)}
    for file in dead_letters:
        rows = pq.read_table(io.BytesIO(batch.storage.read(file.path)), columns=["step", "reason"])
        for row, count in Counter(zip(*rows.to_pydict().values(), strict=True)).items():
            name = f"{DEAD}{row[0]}:{row[1]}"
            counts[name] = counts.get(name, 0) + count
    state = read_state(batch.storage)
    if state.parent != batch.parent:
        return _already_committed(batch)
    manifest = next_manifest(
        state,
        batch.name,
        _units(batch, verdict),
        batch.settings,
        verdict.rows,
        counts,
        (*verdict.written, *files, *dead_letters),
    )
    commit(batch.storage, manifest)
    write_run(batch.storage, after_batch(batch.run, manifest, int(clock() * 1e6)))
    return batch.name


def _already_committed(batch: Batch) -> str:
    """The name of the batch if it was committed before (a repeated bundle); raises CommitConflict if another was."""
    manifest = next(read_manifests(batch.storage, after=batch.sequence - 1))
    if manifest.batch != batch.name:
        raise CommitConflict(
            f"batch {manifest.batch} was committed by another run while batch {batch.name} was being made; nothing of "
            "the latter counts. Run the same command again: it goes on after what is committed."
        )
    return batch.name


def _units(batch: Batch, verdict: Verdict) -> tuple[CommittedUnit, ...]:
    """The units with what was learned of them; one without articles has the time of the unit before it."""
    outcomes = {unit.ordinal: unit for unit in verdict.units}
    committed = []
    moment = batch.unit_time
    for unit in batch.units:
        outcome = outcomes.get(unit.ordinal)
        moment = outcome.time if outcome else moment
        committed.append(
            CommittedUnit(
                name=unit.name,
                size=unit.size,
                checksum=unit.checksum,
                start=unit.start,
                end=unit.end,
                time=moment,
                documents=None,
                articles=outcome.articles if outcome else 0,
            )
        )
    return tuple(committed)
