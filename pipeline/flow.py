"""The flow, as the README draws it: the same graph on every runner.

    Read → Parse → Normalize → Stage → Deduplicate → Enrich → Write → Commit

Text flows up to Stage; after it only references to staged blocks do. Every step's dead letters leave by
the one door. The labels are the contract with a running job. `pipeline.shards` runs the same steps on several processes
of one machine.
"""

from collections.abc import Sequence

import apache_beam as beam
from apache_beam.transforms.error_handling import ErrorHandler

from pipeline.config import Config
from pipeline.dataset.batch import Batch, Workplace
from pipeline.sinks.articles import WriteArticles
from pipeline.sinks.commit import CommitBatch
from pipeline.sinks.dead_letters import DeadLetterDoor, WriteDeadLetters
from pipeline.sinks.history import BatchHistory
from pipeline.sources.documents import ReadOptions
from pipeline.sources.read import ReadDocuments
from transforms.apart import Apart
from transforms.dedupe import Deduplicate, FileLimits
from transforms.enrich import Enrich, Model
from transforms.normalize import Normalize
from transforms.parse import ParseDocuments, ParseOptions
from transforms.schemas import Block, Document, MarkedBlock, Unit, Verdict
from transforms.stage import StageBlocks
from transforms.text.arrival import DAY
from transforms.text.articles import Cleaning
from transforms.text.dates import date_bounds
from transforms.text.likeness import Likeness
from transforms.text.pages import read_page

STEPS = ("Read", "Parse", "Normalize", "Stage", "Deduplicate", "Enrich", "Write", "Commit")
"""The steps in the order of the flow; Enrich alone is optional (`enrich.enabled`)."""


def build(
    root: beam.Pipeline,
    config: Config,
    batch: Batch,
    units: Sequence[Unit],
    model: Model | None,
    listed: Sequence[Unit] | None = None,
) -> None:
    """Puts the flow of one batch onto a pipeline. Without a model there is no Enrich.

    `listed` are the units that the manifest lists, where they are not those that are read.
    """
    with DeadLetterDoor(batch, WriteDeadLetters(batch)) as errors:
        documents, blocks = stage_units(root, units, config, batch, errors)
        verdict = blocks | "Deduplicate" >> deduplicate(config, batch)  # one ordered pass
        marked = verdict | "Blocks" >> beam.FlatMap(blocks_of)
        if model is not None:
            marked = enrich_blocks(marked, batch, model, errors)
        files = marked | "Write" >> WriteArticles(batch)
    read = documents | "CountDocuments" >> beam.combiners.Count.Globally()
    verdict | "Commit" >> CommitBatch(
        batch, units if listed is None else listed, files, errors.output(), read
    )  # waits for all of them


def stage_units(
    root: beam.Pipeline, units: Sequence[Unit], config: Config, place: Workplace, errors: ErrorHandler
) -> tuple[beam.PCollection[Document], beam.PCollection[Block]]:
    """From units to staged blocks: here text leaves the flow, and references go on."""
    source = config.source
    reading = ReadOptions(
        format=source.format,
        columns=tuple(source.fields.values()),
        encoding=source.encoding,
        max_document_bytes=source.max_document_mebibytes << 20,
        max_payload_bytes=place.max_payload_bytes,
        reasons=None if place.replay is None else place.replay.reasons,
    )
    fields = {str(name): column for name, column in source.fields.items()}
    parsing = ParseOptions(fields, source.encoding, Apart(read_page, source.page_seconds))
    near = config.dedupe.near
    documents = (
        root | "Units" >> beam.Create(units, reshuffle=True) | "Read" >> ReadDocuments(reading, errors, place.tally)
    )
    blocks = (
        documents
        | "Parse" >> ParseDocuments(parsing, errors)
        | "Normalize" >> Normalize(cleaning_of(config), errors)
        | "Stage" >> StageBlocks(place.blocks, config.batch.block_rows, near.shingle_words if near.enabled else None)
    )
    return documents, blocks


def cleaning_of(config: Config) -> Cleaning:
    """How values are cleaned."""
    normalize = config.normalize
    bounds = date_bounds(normalize.earliest_date, normalize.latest_date)
    return Cleaning(bounds, int(normalize.future_hours * DAY / 24), normalize.keep_html)


def deduplicate(config: Config, batch: Batch) -> Deduplicate:
    """The one pass over the blocks of a batch."""
    near = config.dedupe.near
    horizon = None if near.horizon_days is None else near.horizon_days * DAY
    likeness = Likeness(near.threshold, near.loose_threshold, near.min_shingles, horizon) if near.enabled else None
    limits = FileLimits(config.write.max_file_rows, config.write.max_file_mebibytes << 20)
    return Deduplicate(batch.blocks, BatchHistory(batch), limits, batch.tally, likeness)


def blocks_of(verdict: Verdict) -> tuple[MarkedBlock, ...]:
    """The blocks that a verdict is about."""
    return verdict.blocks


def enrich_blocks(
    blocks: beam.PCollection[MarkedBlock], batch: Batch, model: Model, errors: ErrorHandler
) -> beam.PCollection[MarkedBlock]:
    """What the model finds lies beside the blocks, which go on."""
    enriched: beam.PCollection[MarkedBlock] = blocks | "Enrich" >> Enrich(batch.blocks, model, batch.tally, errors)
    return enriched
