"""Views of DuckDB over the committed files of a dataset. All SQL of the dataset stands here.

    articles  duplicates  revisions  links  dead_letters     the live files that the manifests name, and no others
    runs                                                      the files of `runs/` that runs have written
    all_articles                                              the first three, with `kind`
    stories                                                   one row a cluster

The partition column `date` comes from the name of the folder in which a file lies. Local files are read by DuckDB
itself, those of an object store through `pipeline.dataset.storage`: DuckDB never needs the network or an extension.
Columns go by name, and one that files of an earlier release lack is null in their rows.

Rows of removed articles are not shown, nor links that name one. Where the row by which a cluster stands in `articles`
is of a removed article, the earliest row that the cluster has left stands there, and leads it in `stories`.
"""

import contextlib
import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, BinaryIO

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.dataset.commits import DatasetState, read_state
from pipeline.dataset.errors import DatasetError
from pipeline.dataset.layout import FLAT_TABLES, PARTITIONED_TABLES, RUNS, run_file
from pipeline.dataset.local import LocalStorage
from pipeline.dataset.storage import Storage, StorageError
from pipeline.dataset.stores import open_storage
from pipeline.dataset.tables import PARTITION, PARTITION_DESCRIPTION, TABLES

if TYPE_CHECKING:
    from pyarrow.dataset import FileSystemDataset


KIND_DESCRIPTION = "article, duplicate or revision: the table of the row"

STORY_COLUMNS = {
    "first_published": "Publication of the row that is earliest by `effective` in the cluster",
    "first_url": "Its link",
    "first_site": "Its host",
    "copies": "Other articles in the cluster",
    "sources": "Different hosts in the cluster; where a row has none, its feed or input counts",
}
"""What `stories` adds to the columns of its founder's newest revision."""

VIEW_DESCRIPTIONS = {
    "articles": "each story once: the row that founded its cluster",
    "duplicates": "other articles that repeat one",
    "revisions": "later versions of an article",
    "all_articles": "the three above, with `kind`",
    "stories": "a row a cluster: its founder's newest revision, where it was first, how often it was copied",
    "links": "further keys of articles, pairs of ids or clusters that belong together",
    "dead_letters": "what could not be used, and why",
    "runs": "a row a run",
}
"""Every view, in the order in which they are shown."""

_NOT_OF_STORIES = ("duplicate_of", "duplicate_kind", "similarity")

_ALL_ARTICLES = """
CREATE VIEW all_articles AS
SELECT 'article' AS kind, * FROM articles
UNION ALL SELECT 'duplicate' AS kind, * FROM duplicates
UNION ALL SELECT 'revision' AS kind, * FROM revisions
"""

_STORIES_AFTER_REMOVAL = {
    "rows": "(SELECT them.*, first.id AS leader FROM all_articles AS them JOIN articles AS first USING (cluster_id))",
    "leader": "leader",
    "naming": " any_value(leader) AS leader,",
}
"""Where founders were removed, the row of `articles` leads the cluster."""

_REMOVAL = """
CREATE TABLE _risen AS
SELECT min(arrival) AS arrival
FROM (SELECT id, cluster_id, arrival FROM _duplicates UNION ALL SELECT id, cluster_id, arrival FROM _revisions)
WHERE id NOT IN (SELECT id FROM _removed)
    AND cluster_id IN (SELECT cluster_id FROM _articles WHERE id IN (SELECT id FROM _removed))
GROUP BY cluster_id;
CREATE VIEW articles AS
SELECT * FROM _articles WHERE id NOT IN (SELECT id FROM _removed)
UNION ALL SELECT * FROM _duplicates WHERE arrival IN (SELECT arrival FROM _risen)
UNION ALL SELECT * FROM _revisions WHERE arrival IN (SELECT arrival FROM _risen);
CREATE VIEW duplicates AS
SELECT * FROM _duplicates
WHERE id NOT IN (SELECT id FROM _removed) AND arrival NOT IN (SELECT arrival FROM _risen);
CREATE VIEW revisions AS
SELECT * FROM _revisions
WHERE id NOT IN (SELECT id FROM _removed) AND arrival NOT IN (SELECT arrival FROM _risen);
CREATE VIEW links AS
SELECT * FROM _links
WHERE id NOT IN (SELECT id FROM _removed) AND coalesce(other_id NOT IN (SELECT id FROM _removed), true)
"""
"""Views without the articles of the table `_removed`, over those of all committed rows, whose names begin with _."""

_FOOTER_THREADS = 16

_DATE_OF_FILE = r"CAST(regexp_extract(filename, '[/\\]date=(\d{4}-\d\d-\d\d)[/\\][^/\\]*$', 1) AS DATE)"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a view: name, SQL type, description."""

    name: str
    type: str
    description: str


@dataclass(frozen=True, slots=True)
class Committed:
    """What can be read of a dataset: where it lies, what is committed, and the files of each table by name.

    `foreign` are the files of `runs/` that no run has written. `failures` is what the storage has refused to queries
    so far: DuckDB's own errors do not say it.
    """

    storage: Storage
    state: DatasetState
    files: dict[str, tuple[str, ...]]
    foreign: tuple[str, ...] = ()
    failures: list[OSError] = field(default_factory=list, compare=False)


def read_committed(root: str) -> Committed:
    """The dataset at a root. DatasetError where there is none."""
    storage = open_storage(root)
    state = read_state(storage)
    runs, foreign = _runs(storage)
    if state.sequence == 0 and not runs:
        raise DatasetError(
            f"{storage.location}: no dataset there, nothing is committed. Make one: beamwire run PATH --output {root}"
        )
    files = {table: tuple(file.path for file in state.table(table)) for table in (*PARTITIONED_TABLES, *FLAT_TABLES)}
    return Committed(storage, state, {**files, RUNS: runs}, foreign)


def _runs(storage: Storage) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The files of `runs/`: those of runs, and those that are something else. No manifest tells them apart."""
    names = [listed.name for listed in storage.files(RUNS)]
    with ThreadPoolExecutor(_FOOTER_THREADS) as threads:
        are_runs = list(threads.map(lambda name: _is_run(storage, name), names))
    pairs = list(zip(names, are_runs, strict=True))
    return tuple(name for name, is_run in pairs if is_run), tuple(name for name, is_run in pairs if not is_run)


def _is_run(storage: Storage, name: str) -> bool:
    run = name.removeprefix(run_file("").removesuffix(".parquet")).removesuffix(".parquet")
    if name != run_file(run) or "/" in run or not name.isprintable():
        return False
    try:
        with storage.open(name) as file:
            found = pq.read_schema(file)
    except StorageError:
        raise
    except (pa.ArrowException, OSError):
        return False
    known = TABLES[RUNS]
    shared = [column for column in known.names if found.get_field_index(column) >= 0]
    return known.names[0] in shared and all(found.field(it).type.equals(known.field(it).type) for it in shared)


def connect(root: str) -> duckdb.DuckDBPyConnection:
    """A connection to a database in memory with the views of the dataset at `root`.

    They show what was committed at the moment of connecting; files that a later compaction has replaced are missed by
    the query that wants them, and whoever connects again has the new ones. Raises DatasetError or StorageError.
    """
    return connect_committed(read_committed(root))


def has_moved_on(committed: Committed) -> bool:
    """Whether more was committed since: files of then may have been replaced and deleted."""
    return read_state(committed.storage).sequence != committed.state.sequence


def connect_committed(committed: Committed, locked: bool = False) -> duckdb.DuckDBPyConnection:
    """The same for a dataset that was looked at already.

    `locked` lets SQL reach these files only: no other file, no network, no setting. SQL that writes into one of them
    must be refused before it gets here (`pipeline.dataset.query`), DuckDB would do it.
    """
    connection = duckdb.connect(
        ":memory:",
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "temp_directory": spill_folder(),
        },
    )
    try:
        connection.execute("SET GLOBAL TimeZone = 'UTC'").fetchall()
        connection.execute("SET enable_progress_bar = false").fetchall()  # it is written into standard output
        hidden = (*PARTITIONED_TABLES, "links") if committed.state.pending else ()
        for table in TABLES:
            _make_view(connection, committed, table, f"_{table}" if table in hidden else table)
        if hidden:
            removed = f"SELECT unnest([{', '.join(map(_text, sorted(committed.state.pending)))}]) AS id"
            connection.execute(f"CREATE TABLE _removed AS {removed}").fetchall()
            connection.execute(_REMOVAL).fetchall()
        connection.execute(_ALL_ARTICLES).fetchall()
        founders_were_removed = _STORIES_AFTER_REMOVAL if committed.state.tombstones else {}
        connection.execute(_stories(**founders_were_removed)).fetchall()
        if locked:
            _lock(connection, committed)
    except duckdb.Error as error:
        connection.close()
        raise _unreadable(committed, error) from error
    except BaseException:
        connection.close()
        raise
    return connection


def spill_folder() -> str:
    """Where a query of this process puts what does not fit into memory; DuckDB removes it when it is closed."""
    return os.path.join(tempfile.gettempdir(), f"beamwire-query-{os.getpid()}")


def view_columns(view: str) -> tuple[Column, ...]:
    """The columns of a view, with types and descriptions."""
    if view == "all_articles":
        return (Column("kind", "VARCHAR", KIND_DESCRIPTION), *view_columns("articles"))
    if view == "stories":
        types = {"first_published": "TIMESTAMPTZ", "copies": "BIGINT", "sources": "BIGINT"}
        added = [Column(name, types.get(name, "VARCHAR"), text) for name, text in STORY_COLUMNS.items()]
        kept = [column for column in view_columns("articles") if column.name not in _NOT_OF_STORIES]
        return (*kept, *added)
    columns = [Column(field.name, _sql_type(field.type), _description(field)) for field in TABLES[view]]
    if view in PARTITIONED_TABLES:
        columns.append(Column(PARTITION, "DATE", PARTITION_DESCRIPTION))
    return tuple(columns)


def _stories(rows: str = "all_articles", leader: str = "cluster_id", naming: str = "") -> str:
    """The view of stories over rows that name the article that leads their cluster: the founder, which names it."""
    return f"""
CREATE VIEW stories AS
WITH clusters AS (
    SELECT
        cluster_id,{naming}
        max(revision) FILTER (WHERE id = {leader}) AS newest,
        arg_min(
            {{'published': published, 'url': url, 'site': site}},
            {{'effective': effective, 'arrival': arrival}}
        ) AS earliest,
        count(DISTINCT id) - 1 AS copies,
        count(DISTINCT coalesce(site, feed_url, source)) AS sources
    FROM {rows}
    GROUP BY cluster_id
)
SELECT
    founder.* EXCLUDE (kind, {", ".join(_NOT_OF_STORIES)}),
    earliest.published AS first_published,
    earliest.url AS first_url,
    earliest.site AS first_site,
    copies,
    sources
FROM clusters
JOIN all_articles AS founder
    ON founder.id = clusters.{leader}
    AND founder.cluster_id = clusters.cluster_id
    AND founder.revision = clusters.newest
"""


def _make_view(connection: duckdb.DuckDBPyConnection, committed: Committed, table: str, view: str) -> None:
    files = committed.files[table]
    columns = ", ".join(_identifier(field.name) for field in TABLES[table])
    empty = ", ".join(f"NULL::{column.type} AS {_identifier(column.name)}" for column in view_columns(table))
    if not files:
        connection.execute(f"CREATE VIEW {view} AS SELECT {empty} WHERE false").fetchall()
    elif _is_read_by_duckdb(committed.storage):
        places = ", ".join(_text(committed.storage.where(file)) for file in files)
        dated = f", {_DATE_OF_FILE} AS {PARTITION}" if table in PARTITIONED_TABLES else ""
        read = f"read_parquet([{places}], filename = true, hive_partitioning = false, union_by_name = true)"
        try:
            connection.execute(f"CREATE VIEW {view} AS SELECT {columns}{dated} FROM {read}").fetchall()
        except duckdb.BinderException:  # a column is in none of the files, which an earlier release has written
            rows = f"SELECT *{dated} FROM {read} UNION ALL BY NAME SELECT {empty} WHERE false"
            kept = f"{columns}, {PARTITION}" if dated else columns
            connection.execute(f"CREATE VIEW {view} AS SELECT {kept} FROM ({rows})").fetchall()
    else:
        # DuckDB asks Arrow for columns and rows, Arrow asks the storage for bytes and fills in nulls.
        connection.register(f"_{table}_files", _arrow_dataset(committed, table, files))
        dated = f", {PARTITION}" if table in PARTITIONED_TABLES else ""
        connection.execute(f"CREATE VIEW {view} AS SELECT {columns}{dated} FROM _{table}_files").fetchall()


def _is_read_by_duckdb(storage: Storage) -> bool:
    """Whether DuckDB opens the files itself: it takes paths for patterns and for UTF-8, and not every root is so."""
    if not isinstance(storage, LocalStorage) or any(mark in storage.root for mark in "*?["):
        return False
    return storage.root == os.fsencode(storage.root).decode("utf-8", "replace")


def _lock(connection: duckdb.DuckDBPyConnection, committed: Committed) -> None:
    if _is_read_by_duckdb(committed.storage):
        places = [committed.storage.where(file) for files in committed.files.values() for file in files]
        connection.execute(f"SET GLOBAL allowed_paths = [{', '.join(map(_text, places))}]").fetchall()
    connection.execute("SET GLOBAL enable_external_access = false").fetchall()
    connection.execute("SET errors_as_json = true").fetchall()
    connection.execute("SET GLOBAL lock_configuration = true").fetchall()


def refusal(committed: Committed) -> Exception | None:
    """What the storage has refused to a query, in words for people; None where it has refused nothing."""
    failure = next(iter(committed.failures), None)
    if isinstance(failure, FileNotFoundError):
        place = failure.filename or failure
        return DatasetError(f"{place}: missing, though it is committed. Restore it from a copy of the dataset.")
    return failure


def _unreadable(committed: Committed, error: Exception) -> DatasetError:
    for table, files in committed.files.items():
        sizes = {file.path: file.bytes for file in committed.state.table(table)}
        for name in files:
            size = committed.storage.size(name)
            if size is None or size != sizes.get(name, size):
                cause = "missing" if size is None else f"{size} bytes instead of {sizes[name]}"
                return DatasetError(
                    f"{committed.storage.where(name)}: {cause}, though it is committed. "
                    "Restore it from a copy of the dataset."
                )
    cause = " ".join(str(error).split())[:300]
    return DatasetError(f"{committed.storage.location}: cannot be read ({cause}). Restore it from a copy.")


def _arrow_dataset(committed: Committed, table: str, files: Sequence[str]) -> "FileSystemDataset":
    from pyarrow import dataset, fs

    schema = TABLES[table]
    partitions = None
    if table in PARTITIONED_TABLES:
        schema = schema.append(pa.field(PARTITION, pa.date32()))
        partitions = [dataset.field(PARTITION) == pa.scalar(_date_of(file)) for file in files]
    return dataset.FileSystemDataset.from_paths(
        list(files),
        schema=schema,
        format=dataset.ParquetFileFormat(),
        filesystem=fs.PyFileSystem(_filesystem(committed.storage, committed.failures)),
        partitions=partitions,
    )


def _date_of(file: str) -> date:
    return date.fromisoformat(file.split("/")[1].removeprefix(f"{PARTITION}="))


class _Quiet:
    """A file whose failures are kept, not raised: that bytes are missing ends the reading just as well."""

    def __init__(self, file: BinaryIO, failures: list[OSError]) -> None:
        self._file = file
        self._failures = failures

    def read(self, size: int = -1) -> bytes:
        try:
            return self._file.read(size)
        except OSError as error:
            self._failures.append(error)
            return b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _filesystem(storage: Storage, failures: list[OSError]) -> Any:
    """The storage as a file system of Arrow that can be read, by file only.

    What fails is kept and nothing raised: an exception of Python in one of Arrow's threads can make DuckDB wait for
    ever, a missing file did it in one of four attempts.
    """
    from pyarrow import fs

    class Handler(fs.FileSystemHandler):  # type: ignore[misc]
        def get_type_name(self) -> str:
            return "beamwire"

        def get_file_info(self, paths: list[str]) -> list[fs.FileInfo]:
            return [self._info(path) for path in paths]

        def _info(self, path: str) -> fs.FileInfo:
            size = storage.size(path)
            return fs.FileInfo(path, fs.FileType.NotFound) if size is None else fs.FileInfo(path, size=size)

        def open_input_file(self, path: str) -> pa.NativeFile:
            try:
                file = storage.open(path)
            except OSError as error:
                failures.append(error)
                return pa.BufferReader(b"")  # which is no Parquet
            return file if isinstance(file, pa.NativeFile) else pa.PythonFile(_Quiet(file, failures), "r")

        open_input_stream = open_input_file

        def normalize_path(self, path: str) -> str:
            return path

        def _refuse(self, *_: object) -> Any:
            raise NotImplementedError("reading only")

        get_file_info_selector = create_dir = delete_dir = delete_dir_contents = delete_root_dir_contents = _refuse
        delete_file = move = copy_file = open_output_stream = open_append_stream = _refuse

    return Handler()


def _sql_type(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return f"{_sql_type(kind.value_type)}[]"
    if pa.types.is_struct(kind):
        fields = [kind.field(number) for number in range(kind.num_fields)]
        return f"STRUCT({', '.join(f'{_identifier(field.name)} {_sql_type(field.type)}' for field in fields)})"
    if pa.types.is_map(kind):
        return f"MAP({_sql_type(kind.key_type)}, {_sql_type(kind.item_type)})"
    return _SQL_TYPES[kind]


_SQL_TYPES = {
    pa.string(): "VARCHAR",
    pa.binary(): "BLOB",
    pa.bool_(): "BOOLEAN",
    pa.int8(): "TINYINT",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.float32(): "FLOAT",
    pa.float64(): "DOUBLE",
    pa.date32(): "DATE",
    pa.timestamp("us", tz="UTC"): "TIMESTAMPTZ",
}


def _description(field: pa.Field) -> str:
    with contextlib.suppress(KeyError, TypeError):
        return str(field.metadata[b"description"].decode())
    return ""


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
