"""What `beamwire query` and `beamwire files` print: results of SQL, the tables of a dataset, its committed files.

SQL reads and does nothing else: one statement of a kind that returns rows, in a database in memory that reaches the
committed files of this dataset only.
"""

import contextlib
import difflib
import io
import itertools
import json
import os
import re
import shlex
import shutil
import sys
import textwrap
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn, TextIO, cast

from pipeline.dataset.errors import DatasetError, QueryError, printable
from pipeline.dataset.layout import RUNS
from pipeline.dataset.results import QueryFormat, fit_table, terminal_width, visible, write_rows
from pipeline.dataset.storage import StorageError

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from pipeline.dataset.views import Column, Committed

EXAMPLES = (
    ("The newest articles", "SELECT published, site, title FROM articles ORDER BY published DESC LIMIT 10"),
    (
        "Who is in the news",
        "SELECT entity.text, entity.type, count(*) AS mentions FROM (SELECT unnest(entities) AS entity FROM articles) "
        "GROUP BY ALL ORDER BY mentions DESC LIMIT 20",
    ),
    (
        "The most copied stories, and where they were first",
        "SELECT copies, sources, first_published, first_site, title FROM stories ORDER BY copies DESC LIMIT 10",
    ),
)
"""What to try first."""

_LIKE_ARTICLES = ("duplicates", "revisions", "all_articles", "stories")
_TITLES = {
    "articles": "articles, duplicates, revisions",
    "all_articles": "all_articles: those of articles, and",
    "stories": "stories: those of articles without duplicate_of, duplicate_kind and similarity, and",
}

_ATTEMPTS = 5
"""How often a query begins, at most, while files are replaced under it."""

_BATCH_ROWS = 2048
_TYPE_WIDTH = 20
_NAMED_FILES = 3
_STOP_SECONDS = 2.0
"""How long DuckDB may take to stop after Ctrl-C, before the process ends without it."""

_READING = re.compile(
    r"(?:explain\s+(?:analyze\s+)?)?(?:select|from|with|values|describe|show|summarize|pivot|unpivot)\b"
)


def query(root: str, sql: str | None, format: QueryFormat = "table", out: BinaryIO | TextIO | None = None) -> None:
    """Writes the result of the SQL, or without SQL what there is to query, to `out` (standard output).

    A reader that has gone (`| head`) ends it quietly, Ctrl-C at once. Where a compaction has replaced files meanwhile,
    it begins anew as long as nothing was written. Raises DatasetError (QueryError for the SQL) or StorageError.
    """
    watched = _Sink(_bytes_of(sys.stdout if out is None else out))
    sink = cast("BinaryIO", watched)
    if format == "parquet" and sink.isatty():
        raise QueryError("Parquet is not for a terminal. Send it to a file: beamwire query … --format parquet > FILE")
    with _quiet_when_reader_leaves(sink):
        from pipeline.dataset.views import has_moved_on, read_committed, refusal

        for attempt in range(1, _ATTEMPTS + 1):
            committed = read_committed(root)
            try:
                _answer(root, committed, sql, format, sink)
                break
            except (DatasetError, StorageError) as error:
                if not has_moved_on(committed):
                    raise refusal(committed) or error from None
                if watched.written or attempt == _ATTEMPTS:
                    raise DatasetError(f"{error} (Meanwhile more was committed to the dataset. Try again.)") from error
        sink.flush()


def _answer(root: str, committed: "Committed", sql: str | None, format: QueryFormat, sink: BinaryIO) -> None:
    from pipeline.dataset.views import connect_committed

    with contextlib.closing(connect_committed(committed, locked=True)) as connection:
        if sql is not None:
            _do_stoppably(connection, lambda: _write_result(connection, sql, format, sink))
        elif format == "table":
            sink.write(_overview(root, committed, connection).encode())
        else:
            table = _overview_table(committed, connection)
            write_rows(format, table.schema, iter(table.to_batches()), sink)


def files(root: str, table: str | None = None) -> Iterator[str]:
    """The committed files of a table, or of all, in the form in which other programs open them."""
    from pipeline.dataset.views import read_committed

    return _places(read_committed(root), table)


def _places(committed: "Committed", table: str | None) -> Iterator[str]:
    if table is not None and table not in committed.files:
        raise DatasetError(f"no table {table}. {_nearest(table, committed.files)}")
    for name in committed.files if table is None else (table,):
        for file in committed.files[name]:
            yield committed.storage.where(file)


def print_files(root: str, table: str | None = None, out: BinaryIO | TextIO | None = None) -> None:
    """Writes the committed files, one a line, to `out` (standard output); on a terminal odd characters are escaped.

    Only the root can have such: a manifest with other names than ours is refused. Where the files still hold rows of
    removed articles, standard error says so.
    """
    from pipeline.dataset.views import read_committed

    sink = _bytes_of(sys.stdout if out is None else out)
    with _quiet_when_reader_leaves(sink):
        committed = read_committed(root)
        for file in _places(committed, table):
            sink.write((printable(file).encode() if sink.isatty() else os.fsencode(file)) + b"\n")
        sink.flush()
        if committed.state.pending:
            sys.stderr.write(f"beamwire: {still_in_files(root, len(committed.state.pending))}\n")


def still_in_files(root: str, articles: int) -> str:
    """What to say of removed articles whose rows are still in the files."""
    which = "1 removed article is" if articles == 1 else f"{articles:,} removed articles are"
    return f"{which} still in the files until: beamwire compact {printable(shlex.quote(root))}"


def _do_stoppably(connection: "duckdb.DuckDBPyConnection", work: Callable[[], None]) -> None:
    """Does the work in a thread: while DuckDB has the main one, Ctrl-C would wait until it is done."""
    done: Future[None] = Future()

    def do() -> None:
        try:
            work()
        except BaseException as error:
            done.set_exception(error)
        else:
            done.set_result(None)

    threading.Thread(target=do, name="query", daemon=True).start()
    try:
        done.result()
    except KeyboardInterrupt:
        connection.interrupt()
        with contextlib.suppress(KeyboardInterrupt):
            wait([done], _STOP_SECONDS)
        if not done.done():  # some functions of DuckDB look at nothing until they are done
            _leave_at_once()
        raise


def _leave_at_once() -> NoReturn:
    """Ends the process without its threads, and without what they have put aside on the disk."""
    from pipeline.dataset.views import spill_folder

    shutil.rmtree(spill_folder(), ignore_errors=True)
    os.write(sys.stderr.fileno(), b"\nbeamwire: stopped\n")
    os._exit(130)


def _write_result(connection: "duckdb.DuckDBPyConnection", sql: str, format: QueryFormat, sink: BinaryIO) -> None:
    statement = _reading_statement(connection, sql)
    reader = _run(connection, sql)
    batches = _batches(reader, sql)
    batches = itertools.chain([first], batches) if (first := next(batches, None)) is not None else batches
    if format == "table" and reader.schema.names == ["explain_key", "explain_value"]:
        for batch in batches:
            sink.write("".join(f"{visible(plan)}\n" for plan in batch.column(1).to_pylist()).encode("utf-8", "replace"))
        return
    write_rows(format, reader.schema, batches, sink, lambda: _count(connection, reader, statement))


def _reading_statement(connection: "duckdb.DuckDBPyConnection", sql: str) -> str:
    """The one statement of the SQL. Raises QueryError where it is none, several, or does more than read."""
    import duckdb

    try:
        sql.encode()
        statements = connection.extract_statements(sql)
    except UnicodeEncodeError:
        raise QueryError("the SQL is not valid UTF-8. Write it in UTF-8.") from None
    except duckdb.Error as error:
        raise _query_error(sql, error) from None
    if len(statements) != 1:
        cause = "no SQL given" if not statements else f"{len(statements)} statements given"
        raise QueryError(f"{cause}. Give one SELECT.")
    statement = re.sub(r"[;\s]+\Z", "", statements[0].query)
    kind = statements[0].type.name
    bare = re.sub(r"\A(?:\s|\(|--[^\n]*\n|/\*.*?\*/)+", "", statement, flags=re.DOTALL).lower()
    if kind not in ("SELECT", "EXPLAIN", "MULTI") or not _READING.match(bare):
        raise QueryError("query only reads a dataset: give a SELECT (or DESCRIBE, SUMMARIZE, SHOW, EXPLAIN, PIVOT).")
    return statement


def _run(connection: "duckdb.DuckDBPyConnection", sql: str) -> Any:
    import duckdb

    try:
        relation = connection.sql(sql)
        if relation is not None:
            return relation.to_arrow_reader(_BATCH_ROWS)
    except duckdb.Error as error:
        raise _query_error(sql, *_located(connection, sql, error)) from None
    raise QueryError("The statement gives no rows. Give a SELECT.")


def _located(connection: "duckdb.DuckDBPyConnection", sql: str, error: Exception) -> tuple[Exception, int]:
    """The same error with its place, and how many bytes stood before the SQL. Runs nothing.

    Where a name is unknown, the errors of a relation lack the place; those of an EXPLAIN have it.
    """
    import duckdb

    explain = "EXPLAIN "
    if not _details(error):
        try:
            connection.execute(f"{explain}{sql}")
        except duckdb.Error as located:
            if type(located) is type(error):
                return located, len(explain)
    return error, 0


def _details(error: Exception) -> dict[str, str]:
    """What DuckDB says of an error in JSON; nothing where it says it in words."""
    text = str(error)
    with contextlib.suppress(ValueError):
        found = json.loads(text.partition(" Error: ")[2])
        if isinstance(found, dict):
            return found
    return {}


def _batches(reader: Any, sql: str) -> Iterator["pa.RecordBatch"]:
    import duckdb
    import pyarrow as pa

    while True:
        try:
            batch = reader.read_next_batch()
        except StopIteration:
            return
        except StorageError:
            raise
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            raise _query_error(sql, error) from None
        yield batch


def _count(connection: "duckdb.DuckDBPyConnection", reader: Any, statement: str) -> int | None:
    """The rows of the statement; None where DuckDB cannot count them without giving them."""
    import duckdb

    reader.close()
    try:
        found = connection.execute(f"SELECT count(*) FROM (\n{statement}\n)").fetchone()
    except duckdb.Error:
        return None
    return None if found is None else int(found[0])


def _query_error(sql: str, error: Exception, skipped: int = 0) -> QueryError:
    """One line: where, what, and the nearest names where one is unknown."""
    kind, mark, rest = str(error).partition(" Error: ")
    details = _details(error)
    text = details.get("exception_message", rest if mark else kind)
    place = ""
    if "position" in details:
        before = sql.encode()[: max(0, int(details["position"]) - skipped)].decode(errors="ignore")
        line = before.count("\n") + 1
        place = f" at line {line}, column {len(before) - (before.rfind(chr(10)) + 1) + 1}"
    unknown = details.get("error_subtype")
    name = details.get("name", "")
    if unknown == "MISSING_ENTRY" and details.get("type") == "Table":
        from pipeline.dataset.views import VIEW_DESCRIPTIONS

        return QueryError(f"SQL error{place}: no table {name}. {_nearest(name, VIEW_DESCRIPTIONS)}")
    if unknown == "COLUMN_NOT_FOUND":
        candidates = [it for it in details.get("candidates", "").split(",") if it]  # DuckDB's choice, not all there are
        near = difflib.get_close_matches(name.lower(), candidates, n=3, cutoff=0.5) or candidates[:3]
        hint = f" Nearest: {', '.join(near)}." if near else ""
        return QueryError(f"SQL error{place}: no column {name}.{hint}")
    message = " ".join(text.split("\n\nLINE ")[0].split())
    return QueryError(f"SQL error{place}: {message}")


def _nearest(name: str, known: Iterable[str]) -> str:
    names = [it for it in known if it]
    near = difflib.get_close_matches(name.lower(), names, n=3, cutoff=0.5)
    return f"Nearest: {', '.join(near)}." if near else f"There are: {', '.join(names)}."


def _overview(root: str, committed: "Committed", connection: "duckdb.DuckDBPyConnection") -> str:
    from pipeline.dataset.views import VIEW_DESCRIPTIONS, view_columns

    width = terminal_width()
    counts = _row_counts(committed, connection)
    commits = committed.state.sequence
    lines = [f"{printable(committed.storage.location)}: {commits} commit{'' if commits == 1 else 's'}", ""]
    rows = [[view, f"{counts[view]:,}", text] for view, text in VIEW_DESCRIPTIONS.items()]
    for name in committed.foreign[:_NAMED_FILES]:
        lines.insert(-1, f"not read, for no run has written it: {printable(name)}")
    if len(committed.foreign) > _NAMED_FILES:
        lines.insert(-1, f"and {len(committed.foreign) - _NAMED_FILES:,} more")
    lines += fit_table(["table", "rows", "what it holds"], rows, [False, True, False], width)
    articles = view_columns("articles")
    for view in VIEW_DESCRIPTIONS:
        columns = view_columns(view)
        if view in _LIKE_ARTICLES:
            columns = tuple(column for column in columns if column not in articles)
        if columns:
            lines += ["", _TITLES.get(view, view)]
            lines += fit_table(["column", "type", "description"], list(_described(columns, width)), [False] * 3, width)
    lines += ["", "Try:"]
    for title, sql in EXAMPLES:
        lines.append(f'  # {title}\n  beamwire query {printable(shlex.quote(root))} "{sql}"')
    return "".join(f"{line}\n" for line in lines)


def _described(columns: Sequence["Column"], width: int) -> Iterator[list[str]]:
    """A row a column; long descriptions go on in rows below, types of many parts are cut."""
    cells = [[column.name, column.type.replace('"', ""), column.description] for column in columns]
    cells = [
        [name, kind if len(kind) <= _TYPE_WIDTH else f"{kind[: _TYPE_WIDTH - 1]}…", text] for name, kind, text in cells
    ]
    taken = max(len(name) for name, _, _ in cells) + max(len(kind) for _, kind, _ in cells)
    for name, kind, text in cells:
        first, *rest = textwrap.wrap(text, max(20, width - taken - 4)) or [""]
        yield [name, kind, first]
        yield from (["", "", line] for line in rest)


def _overview_table(committed: "Committed", connection: "duckdb.DuckDBPyConnection") -> "pa.Table":
    """The same for programs: a row a column."""
    import pyarrow as pa

    from pipeline.dataset.views import VIEW_DESCRIPTIONS, view_columns

    counts = _row_counts(committed, connection)
    rows = [
        {
            "table": view,
            "rows": counts[view],
            "column": column.name,
            "type": column.type,
            "description": column.description,
        }
        for view in VIEW_DESCRIPTIONS
        for column in view_columns(view)
    ]
    return pa.Table.from_pylist(rows)


def _row_counts(committed: "Committed", connection: "duckdb.DuckDBPyConnection") -> dict[str, int]:
    counts = {table: sum(file.rows for file in committed.state.table(table)) for table in committed.files}
    counted = committed.files if committed.state.pending else (RUNS,)  # the files hold rows that are not shown
    for table in counted:
        found = connection.execute(f"SELECT count(*) FROM {table}").fetchall()
        counts[table] = int(found[0][0])
    counts["all_articles"] = counts["articles"] + counts["duplicates"] + counts["revisions"]
    counts["stories"] = counts["articles"]  # a row of `articles` is what founds a cluster
    return counts


class _Sink:
    """A stream of bytes that tells whether anything was written to it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.written = False

    def write(self, data: bytes) -> int:
        self.written = True
        return self._stream.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _bytes_of(out: BinaryIO | TextIO) -> BinaryIO:
    """The stream of bytes below a stream of text."""
    if isinstance(out, io.TextIOBase):
        out.flush()
    return cast("BinaryIO", getattr(out, "buffer", out))


@contextlib.contextmanager
def _quiet_when_reader_leaves(sink: BinaryIO) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        # Python flushes standard output once more at its end, and would complain.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sink.fileno())
