"""Write: rows of blocks become the data files of `articles`, `duplicates` and `revisions`.

A file's name is made of batch, partition and shard, and its rows are sorted, so that whoever writes it, however often,
writes the same bytes to the same place.
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.dataset.batch import Batch
from pipeline.dataset.layout import data_file
from pipeline.dataset.tables import ARTICLES
from pipeline.sinks.parquet import in_order_of_files, write_parquet
from transforms.blocks import ARTICLE_COLUMNS, entities_of, marks_of, open_block
from transforms.schemas import Block, DatasetFile, MarkedBlock, PlannedFile

Piece = tuple[PlannedFile, Block, int]
"""A file to come, and a block with the number of its record batch that holds rows of the file."""


class WriteArticles(beam.PTransform[beam.PCollection[MarkedBlock], beam.PCollection[DatasetFile]]):
    """Writes the data files of a batch.

    In: MarkedBlock. Out: DatasetFile. Dead letters: none.
    Memory: the rows of one file a worker thread.
    """

    def __init__(self, batch: Batch) -> None:
        """Keeps the batch."""
        super().__init__()
        self.batch = batch

    def expand(self, blocks: beam.PCollection[MarkedBlock]) -> beam.PCollection[DatasetFile]:
        """Wires the step; references only cross the shuffle."""
        files: beam.PCollection[DatasetFile] = (
            blocks
            | "FilesOfBlock" >> beam.FlatMap(pieces_of).with_output_types(tuple[int, Piece])
            | "PiecesOfFile" >> beam.GroupByKey()
            | "WriteFile" >> beam.Map(write_file, self.batch).with_output_types(DatasetFile)
        )
        return files


def pieces_of(marked: MarkedBlock) -> Iterator[tuple[int, Piece]]:
    """What a block gives to each file, by the file's number."""
    for file, position in marked.files:
        yield file.number, (file, marked.block, position)


def write_file(planned: tuple[int, Iterable[Piece]], batch: Batch) -> DatasetFile:
    """Writes one data file of its pieces, which come in any order."""
    number, pieces = planned
    ordered = sorted(pieces, key=lambda piece: (piece[1].name, piece[2]))
    file = ordered[0][0]
    rows = in_order_of_files(pa.concat_tables([_rows(batch, piece) for piece in ordered]))
    partition = (date(1970, 1, 1) + timedelta(days=file.day)).isoformat()
    path = data_file(file.table, partition, batch.name, file.shard)
    written = write_parquet(batch.storage, file.table, path, rows, batch.parquet)
    batch.tally.done("write", number)
    return written


def _rows(batch: Batch, piece: Piece) -> pa.Table:
    """The rows of one record batch that go into the file, in the columns of the table."""
    file, block, position = piece
    marks = open_block(batch.blocks, marks_of(block)).get_batch(position)
    chosen = pc.equal(marks["file"], file.number)
    marks = marks.filter(chosen)
    articles = open_block(batch.blocks, block.name).get_batch(position).filter(chosen)
    columns: dict[str, pa.Array] = {name: articles[name] for name in ARTICLE_COLUMNS.names}
    columns |= {name: marks[name] for name in ("revision", "duplicate_kind", "similarity", "arrival", "effective")}
    columns |= {name: _hex(marks[name]) for name in ("id", "cluster_id", "duplicate_of")}
    columns |= {name: _hex(articles[name]) for name in ("content_hash", "record_hash")}
    columns["excerpt"] = articles["excerpt"]
    if batch.enriched:
        found = open_block(batch.blocks, entities_of(block)).get_batch(position).filter(chosen)
        columns["entities"] = found["entities"]
        columns["problems"] = _with_failures(articles["problems"], found["failure"])
    else:
        columns["entities"] = pa.nulls(len(articles), ARTICLES.field("entities").type)
    return pa.Table.from_arrays([columns[name] for name in ARTICLES.names], schema=ARTICLES)


def _hex(keys: pa.Array) -> pa.Array:
    """Keys as people read them: all at once, for one by one took a tenth of writing."""
    width = keys.type.byte_width
    data = keys.buffers()[1][keys.offset * width : (keys.offset + len(keys)) * width]
    digits = memoryview(data).hex().encode()
    ends = np.arange(len(keys) + 1, dtype=np.int32) * (2 * width)
    text = pa.Array.from_buffers(pa.string(), len(keys), [None, pa.py_buffer(ends), pa.py_buffer(digits)])
    return pc.if_else(keys.is_valid(), text, None)


def _with_failures(problems: pa.Array, failures: pa.Array) -> pa.Array:
    """The problems, with one more where the model failed."""
    if failures.null_count == len(failures):
        return problems
    rows = [
        listed if failure is None else [*listed, {"field": "entities", "reason": "enrichment_failed", "raw": failure}]
        for listed, failure in zip(problems.to_pylist(), failures.to_pylist(), strict=True)
    ]
    return pa.array(rows, problems.type)
