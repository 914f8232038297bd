"""Where dead letters go: through the staging area, so that no payload crosses a shuffle, into sorted Parquet files."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.transforms.error_handling import ErrorHandler
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from pipeline.dataset.batch import Batch, Workplace
from pipeline.dataset.layout import flat_file
from pipeline.dataset.tables import DEAD_LETTERS
from pipeline.sinks.parquet import write_parquet
from transforms.blocks import encode_batches, open_block
from transforms.schemas import Block, DatasetFile, DeadLetter

MAX_STAGED_BYTES = 32 << 20
"""Payload held before it is staged."""

_STAGED = pa.schema(
    [pa.field("unit", pa.int64()), pa.field("stood", pa.int64()), pa.field("kept", pa.bool_()), *DEAD_LETTERS]
)
_ORDER = ("unit", "position", "entry", "step", "reason", "detail")


class DeadLetterDoor(ErrorHandler):
    """The door through which the dead letters of all steps leave.

    Each step's are staged beside the step, in its own stage, so that only names are brought together: a collection of
    dead letters would be held in memory with all its payloads. Its output is what becomes of the staged blocks.
    """

    def __init__(self, place: Workplace, then: beam.PTransform[beam.PCollection[Block], Any]) -> None:
        """Keeps where they are staged, and what is done with the blocks of all steps."""
        super().__init__("DeadLetters" >> then)  # type: ignore[no-untyped-call]  # Beam's are not typed
        self._place = place

    def add_error_pcollection(self, letters: beam.PCollection[DeadLetter]) -> None:
        """Takes the dead letters of a step in."""
        staged = letters | "StageDeadLetters" >> beam.ParDo(GatherDeadLetters(self._place))
        super().add_error_pcollection(staged)  # type: ignore[no-untyped-call]


class WriteDeadLetters(beam.PTransform[beam.PCollection[Block], beam.PCollection[DatasetFile]]):
    """Writes the dead letters of a batch.

    In: Block of staged dead letters. Out: DatasetFile, none where there is no dead letter.
    Memory: about 300 bytes a dead letter, and the payloads of one file.
    """

    def __init__(self, batch: Batch) -> None:
        """Keeps the batch."""
        super().__init__()
        self.batch = batch

    def expand(self, blocks: beam.PCollection[Block]) -> beam.PCollection[DatasetFile]:
        """Wires the step; names only cross the shuffle."""
        files: beam.PCollection[DatasetFile] = (
            blocks
            | "AllStaged" >> beam.combiners.ToList()
            | "WriteFiles" >> beam.FlatMap(write_files, self.batch).with_output_types(DatasetFile)
        )
        return files


class GatherDeadLetters(beam.DoFn):
    """Holds the dead letters of a bundle until they are worth a staged file.

    Payloads are cut here, but for those of a replay that are kept as they are.
    """

    def __init__(self, place: Workplace) -> None:
        """Keeps where they are staged."""
        self.place = place

    def start_bundle(self) -> None:
        """Begins with nothing, also after a bundle that failed."""
        self.letters: list[DeadLetter] = []
        self.held = 0

    def process(self, letter: DeadLetter) -> Iterator[Block]:
        """Takes one in; a full file goes on."""
        self.letters.append(letter)
        self.held += len(self._payload(letter))
        if self.held >= MAX_STAGED_BYTES:
            yield self._store()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        """The rest of the bundle goes too."""
        if self.letters:
            window = GlobalWindow()
            yield WindowedValue(self._store(), window.max_timestamp(), (window,))

    def _payload(self, letter: DeadLetter) -> bytes:
        return letter.payload if letter.kept else letter.payload[: self.place.max_payload_bytes]

    def _store(self) -> Block:
        columns = {
            field.name: [
                self._payload(letter) if field.name == "payload" else getattr(letter, field.name)
                for letter in self.letters
            ]
            for field in _STAGED
        }
        rows = pa.RecordBatch.from_pydict(columns, schema=_STAGED)
        data = encode_batches(_STAGED, [rows])
        block = Block(f"dead-{hashlib.sha256(data).hexdigest()[:24]}", rows.num_rows)
        self.place.blocks.write(block.name, data)
        self.start_bundle()
        return block


def write_files(blocks: Sequence[Block], batch: Batch) -> Iterator[DatasetFile]:
    """Writes all staged dead letters in the order of where they stood, cut by payload.

    In a replay one that fails stands once: a feed that was read in part, or a file, brings those again that left it
    before.
    """
    if not blocks:
        return
    names = sorted({block.name for block in blocks})
    places = pa.concat_tables([_places(batch, number, name) for number, name in enumerate(names)])
    places = places.take(pc.sort_indices(places, sort_keys=[(name, "ascending") for name in _ORDER]))
    if batch.replay is not None:
        places = _without_twins(places)
    shards = np.cumsum(places["length"].to_numpy()) // MAX_STAGED_BYTES
    for shard, first in enumerate(np.flatnonzero(np.diff(shards, prepend=-1))):
        chosen = places.slice(first, np.searchsorted(shards, shards[first], "right") - first)
        path = flat_file("dead_letters", batch.sequence, batch.name, shard)
        yield write_parquet(batch.storage, "dead_letters", path, _letters(batch, names, chosen), batch.parquet)


def _places(batch: Batch, number: int, name: str) -> pa.Table:
    """What the order of the dead letters of a staged block depends on, and where they stand; no payloads."""
    letters = open_block(batch.blocks, name).get_batch(0)
    columns = {key: letters[key] for key in _ORDER}
    columns["length"] = pc.binary_length(letters["payload"]).cast(pa.int64())
    columns["block"] = pa.array(np.full(len(letters), number, np.int64))
    columns["row"] = pa.array(np.arange(len(letters), dtype=np.int64))
    if batch.replay is not None:
        columns["kept"] = letters["kept"]
        told = pa.Table.from_batches([letters])
        columns["digest"] = pa.array([_digest(row) for it in told.to_batches(64) for row in _told(it).to_pylist()])
    return pa.table(columns)


def _digest(row: Mapping[str, Any]) -> bytes:
    return hashlib.sha256(repr(sorted(row.items())).encode("utf-8", "surrogatepass")).digest()


def _without_twins(places: pa.Table) -> pa.Table:
    """The places without those of letters that failed now and say the same as one that was kept, or came before."""
    kept, digests = places["kept"].to_pylist(), places["digest"].to_pylist()
    known = {digest for digest, is_kept in zip(digests, kept, strict=True) if is_kept}
    stays = []
    for digest, is_kept in zip(digests, kept, strict=True):
        stays.append(is_kept or digest not in known)
        known.add(digest)
    return places.filter(pa.array(stays, pa.bool_()))


def _letters(batch: Batch, names: Sequence[str], places: pa.Table) -> pa.Table:
    """The dead letters at these places, in their order. Each block's are taken apart: joined, all would be copied."""
    blocks, rows = places["block"].to_numpy(), places["row"].to_numpy()
    pieces, positions = [], []
    for number in np.unique(blocks):
        here = np.flatnonzero(blocks == number)
        letters = open_block(batch.blocks, names[number]).get_batch(0)
        pieces.append(_told(letters.take(pa.array(rows[here]))))
        positions.append(here)
    order = np.argsort(np.concatenate(positions))
    return pa.concat_tables(pieces).take(pa.array(order)).cast(DEAD_LETTERS)


def _told(letters: pa.RecordBatch) -> pa.Table:
    """What is told of staged letters: the columns of the table, each at the position where it stood in its input."""
    position = pc.coalesce(letters["stood"], letters["position"])
    columns = [position if name == "position" else letters[name] for name in DEAD_LETTERS.names]
    return pa.Table.from_arrays(columns, names=DEAD_LETTERS.names)
