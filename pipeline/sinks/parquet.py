"""How a table becomes the bytes of a Parquet file: the same rows give the same bytes."""

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.dataset.batch import ParquetSettings
from pipeline.dataset.checksums import sha256
from pipeline.dataset.storage import Storage
from transforms.schemas import DatasetFile


def write_parquet(storage: Storage, table: str, path: str, rows: pa.Table, settings: ParquetSettings) -> DatasetFile:
    """Writes the rows whole under the path and says what was written. Chunks are joined first: they would show."""
    sink = pa.BufferOutputStream()
    pq.write_table(
        rows.combine_chunks(),
        sink,
        compression="zstd",
        compression_level=settings.compression_level,
        row_group_size=settings.row_group_rows,
        write_page_index=True,
    )
    data = memoryview(sink.getvalue())
    storage.write(path, data)
    return DatasetFile(table, path, rows.num_rows, data.nbytes, sha256(data))


def in_order_of_files(rows: pa.Table) -> pa.Table:
    """The rows of a partitioned table as they stand in a file: by publication, id and revision."""
    keys = [("published", "ascending"), ("id", "ascending"), ("revision", "ascending")]
    return rows.take(pc.sort_indices(rows, sort_keys=keys))
