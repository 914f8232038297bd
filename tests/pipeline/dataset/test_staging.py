"""Staged blocks: what is opened is what was written, or it is named."""

import io
import random

import pyarrow as pa
import pytest

from pipeline.dataset.errors import DatasetError
from pipeline.dataset.staging import StagedBlocks
from pipeline.dataset.storage import Storage


@pytest.fixture
def blocks(storage: Storage) -> StagedBlocks:
    return StagedBlocks(storage, "_staging/batch")


@pytest.mark.parametrize("size", [0, 1, 3_000_000])
def test_what_is_opened_is_what_was_written_and_not_a_byte_more(blocks: StagedBlocks, size: int) -> None:
    data = random.Random(size).randbytes(size)
    blocks.write("block", memoryview(data))
    with blocks.open("block") as file:
        assert file.seek(0, io.SEEK_END) == size
        file.seek(max(0, size - 2))
        assert file.read() == data[-2:]
        file.seek(0)
        assert file.read() == data
        file.seek(size // 2)
        assert file.read(5) == data[size // 2 :][:5]
        assert file.tell() == min(size, size // 2 + 5)


def test_arrow_reads_a_block_as_it_was_written(blocks: StagedBlocks) -> None:
    rows = pa.record_batch({"text": ["a" * 500_000, "b" * 800_000]})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, rows.schema) as writer:
        writer.write_batch(rows)
    blocks.write("block", memoryview(sink.getvalue()))
    assert pa.ipc.open_file(blocks.open("block")).get_batch(0) == rows


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:70] + bytes([data[70] ^ 4]) + data[71:],
        lambda data: data[:-1] + bytes([data[-1] ^ 1]),
        lambda data: data[:-1],
        lambda data: data[:5],
        lambda data: b"",
        lambda data: data + b"\0",
    ],
    ids=["bit", "bit of the checksum", "last byte lost", "all but five lost", "all lost", "one more"],
)
def test_a_damaged_block_is_named_and_not_used(blocks: StagedBlocks, damage: object) -> None:
    blocks.write("block", b"x" * 100)
    assert callable(damage)
    blocks.storage.write("_staging/batch/block", damage(blocks.storage.read("_staging/batch/block")))
    place = blocks.storage.where("_staging/batch/block")
    for _ in range(2):
        with pytest.raises(DatasetError) as caught:
            blocks.open("block")
        assert str(caught.value) == (
            f"{place}: damaged since it was written, so its batch was not committed. "
            "Run the same command again: it does the batch anew. Check the disk."
        )


def test_a_block_that_is_gone_is_named(blocks: StagedBlocks) -> None:
    place = blocks.storage.where("_staging/batch/block")
    with pytest.raises(DatasetError) as caught:
        blocks.open("block")
    assert str(caught.value) == (
        f"{place}: gone since it was written, so its batch was not committed. "
        "Run the same command again: it does the batch anew."
    )


def test_a_block_is_read_whole_once_a_process_and_then_in_parts(blocks: StagedBlocks) -> None:
    blocks.write("block", b"x" * 100)
    blocks.open("block").close()
    blocks.storage.write("_staging/batch/block", b"y" * 108)
    assert blocks.open("block").read() == b"y" * 100
