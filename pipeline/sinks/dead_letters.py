"""Where dead letters go: through the staging area, so that no payload crosses a shuffle, into sorted Parquet files."""

import hashlib
from collections.abc import Iterator, Sequence

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from pipeline.dataset.batch import Batch
from pipeline.dataset.layout import data_file
from pipeline.dataset.tables import DEAD_LETTERS
from pipeline.sinks.parquet import write_parquet
from transforms.blocks import encode_batches, open_block
from transforms.schemas import Block, DatasetFile, DeadLetter

MAX_STAGED_BYTES = 32 << 20
"""Payload held before it is staged."""

_STAGED = pa.schema([pa.field("unit", pa.int64()), *DEAD_LETTERS])
_ORDER = ("unit", "position", "entry", "step", "reason", "detail")


class WriteDeadLetters(beam.PTransform[beam.PCollection[DeadLetter], beam.PCollection[DatasetFile]]):
    """Writes the dead letters of a batch.

    In: DeadLetter. Out: DatasetFile, none where there is no dead letter.
    Memory: `MAX_STAGED_BYTES` a worker thread, then the payloads of one file.
    """

    def __init__(self, batch: Batch) -> None:
        """Keeps the batch."""
        super().__init__()
        self.batch = batch

    def expand(self, letters: beam.PCollection[DeadLetter]) -> beam.PCollection[DatasetFile]:
        """Wires the step; names only cross the shuffle."""
        files: beam.PCollection[DatasetFile] = (
            letters
            | "Gather" >> beam.ParDo(GatherDeadLetters(self.batch))
            | "AllGathered" >> beam.combiners.ToList()
            | "WriteFiles" >> beam.FlatMap(write_files, self.batch).with_output_types(DatasetFile)
        )
        return files


class GatherDeadLetters(beam.DoFn):
    """Holds the dead letters of a bundle until they are worth a staged file; payloads are cut here."""

    def __init__(self, batch: Batch) -> None:
        """Keeps the batch."""
        self.batch = batch

    def start_bundle(self) -> None:
        """Begins with nothing, also after a bundle that failed."""
        self.letters: list[DeadLetter] = []
        self.held = 0

    def process(self, letter: DeadLetter) -> Iterator[Block]:
        """Takes one in; a full file goes on."""
        self.letters.append(letter)
        self.held += min(letter.payload_bytes, self.batch.max_payload_bytes)
        if self.held >= MAX_STAGED_BYTES:
            yield self._store()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        """The rest of the bundle goes too."""
        if self.letters:
            window = GlobalWindow()
            yield WindowedValue(self._store(), window.max_timestamp(), (window,))

    def _store(self) -> Block:
        limit = self.batch.max_payload_bytes
        columns = {
            field.name: [
                letter.payload[:limit] if field.name == "payload" else getattr(letter, field.name)
                for letter in self.letters
            ]
            for field in _STAGED
        }
        rows = pa.RecordBatch.from_pydict(columns, schema=_STAGED)
        data = encode_batches(_STAGED, [rows])
        block = Block(f"dead-{hashlib.sha256(data).hexdigest()[:24]}", rows.num_rows)
        self.batch.blocks.write(block.name, data)
        self.start_bundle()
        return block


def write_files(blocks: Sequence[Block], batch: Batch) -> Iterator[DatasetFile]:
    """Writes all staged dead letters in the order of where they stood, cut by rows and payload."""
    if not blocks:
        return
    names = sorted({block.name for block in blocks})
    rows = pa.concat_tables([open_block(batch.blocks, name).read_all() for name in names])
    lengths = pc.binary_length(rows["payload"]).to_pylist()
    order = pc.sort_indices(rows, sort_keys=[(name, "ascending") for name in _ORDER]).to_pylist()
    for shard, indices in enumerate(_shards(order, lengths)):
        path = data_file("dead_letters", None, batch.name, shard)
        chosen = rows.take(pa.array(indices, pa.int64())).select(DEAD_LETTERS.names).cast(DEAD_LETTERS)
        yield write_parquet(batch.storage, "dead_letters", path, chosen, batch.parquet)


def _shards(order: Sequence[int], lengths: Sequence[int]) -> Iterator[list[int]]:
    shard: list[int] = []
    held = 0
    for index in order:
        shard.append(index)
        held += lengths[index]
        if held >= MAX_STAGED_BYTES:
            yield shard
            shard, held = [], 0
    if shard:
        yield shard
