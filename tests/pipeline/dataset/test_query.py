"""`beamwire query` and `beamwire files`: what they print, what they refuse."""

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.dataset import query as query_module
from pipeline.dataset import views
from pipeline.dataset.commits import commit, next_manifest, read_state
from pipeline.dataset.errors import DatasetError, QueryError
from pipeline.dataset.gcs import GcsStorage
from pipeline.dataset.layout import data_file
from pipeline.dataset.query import EXAMPLES, _write_result, files, print_files, query
from pipeline.dataset.results import QueryFormat, fit_table
from pipeline.dataset.storage import Storage, StorageError
from pipeline.dataset.stores import open_storage
from pipeline.dataset.views import connect_committed, read_committed
from tests.pipeline.dataset.samples import parquet, small_dataset, write_file


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> str:
    place = str(tmp_path_factory.mktemp("query") / "data")
    small_dataset(open_storage(place))
    return place


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")


def answer(root: str, sql: str | None, format: QueryFormat = "table") -> str:
    out = io.BytesIO()
    query(root, sql, format, out)
    return out.getvalue().decode()


def test_a_table_has_a_head_rows_and_their_number(root: str) -> None:
    assert answer(root, "SELECT title, word_count, authors, published FROM articles ORDER BY id").splitlines() == [
        "title         word_count  authors         published",
        "────────────  ──────────  ──────────────  ────────────────────",
        'It\'s a flood           3  ["Ada", "Ben"]  2024-05-01T08:00:00Z',
        '=1+1                   3  ["Ada", "Ben"]',
        "2 rows",
    ]


def test_a_table_shows_the_first_rows_and_counts_the_rest(root: str) -> None:
    lines = answer(root, "SELECT range AS n FROM range(1000)").splitlines()
    assert lines[2:4] == ["0", "1"] or lines[2].strip() == "0"
    assert len(lines) == 43
    assert lines[-1] == "40 of 1,000 rows shown; all: --format csv, jsonl or parquet"
    assert answer(root, "SELECT range AS n FROM range(40)").splitlines()[-1] == "40 rows"
    assert answer(root, "SELECT 1 WHERE false").splitlines()[-1] == "0 rows"


def test_a_table_is_never_wider_than_the_terminal(root: str) -> None:
    lines = answer(root, "SELECT * FROM stories").splitlines()
    assert max(map(len, lines)) <= 100
    assert "columns shown; name some, or use --format jsonl" in lines[-2]


def test_one_row_of_many_columns_stands_upright(root: str) -> None:
    lines = answer(root, "SELECT * FROM articles WHERE date = '2024-05-01'").splitlines()
    assert lines[0].split() == ["column", "value"]
    assert "title                It's a flood" in lines
    assert lines[-1] == "1 row"


def test_columns_share_the_width_and_cut_what_is_long() -> None:
    assert fit_table(["a", "b"], [["x" * 30, "1"], ["漢字漢字漢字", "22"]], [False, True], 13) == [
        "a           b",
        "─────────  ──",
        "xxxxxxxx…   1",
        "漢字漢字…  22",
    ]


def test_a_terminal_gets_no_control_characters(root: str) -> None:
    text = answer(root, r"SELECT 'a' || chr(27) || '[31mb' || chr(10) || 'c' || chr(8238) || 'd' AS x")
    assert text.splitlines()[2] == "a [31mb cd"
    plan = answer(root, "EXPLAIN SELECT '\x1b[31m\x9b' || title FROM articles")
    assert r"\x1b[31m\x9b" in plan
    assert "\x1b" not in plan
    assert "\x9b" not in plan


class Terminal(io.BytesIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_no_control_characters_of_csv_either(root: str) -> None:
    sql = "SELECT 'a' || chr(27) || chr(155) || chr(8238) || 'ä' || chr(10) || 'b' AS x"
    out = Terminal()
    query(root, sql, "csv", out)
    assert out.getvalue().decode() == 'x\n"a\\x1b\\x9b\\u202eä\nb"\n'
    assert answer(root, sql, "csv") == 'x\n"a\x1b\x9b\u202eä\nb"\n'


def test_json_lines_escape_what_a_terminal_obeys(root: str) -> None:
    line = answer(root, "SELECT chr(27) || chr(155) || chr(8238) || 'ä' AS x", "jsonl")
    assert line == '{"x": "\\u001b\\u009b\\u202eä"}\n'
    assert json.loads(line) == {"x": "\x1b\x9b\u202eä"}


def test_csv_defuses_formulas_and_leaves_numbers(root: str) -> None:
    sql = (
        "SELECT unnest(['=1+1', '+1', '-1', '@x', chr(9) || 'x', chr(13), 'a=1', '']) AS \"=head\", -5 AS n, "
        "-0.5::DOUBLE AS f, true AS b, NULL AS z"
    )
    assert answer(root, sql, "csv") == (
        "'=head,n,f,b,z\n'=1+1,-5,-0.5,true,\n'+1,-5,-0.5,true,\n'-1,-5,-0.5,true,\n'@x,-5,-0.5,true,\n"
        "'\tx,-5,-0.5,true,\n\"'\r\",-5,-0.5,true,\na=1,-5,-0.5,true,\n,-5,-0.5,true,\n"
    )


@pytest.mark.parametrize("sign", "\n\uff1d\uff0b\uff0d\uff20")
def test_csv_defuses_signs_that_some_spreadsheets_take_for_others(sign: str, root: str) -> None:
    assert answer(root, f"SELECT chr({ord(sign)}) || '1+1' AS x", "csv") in (f"x\n'{sign}1+1\n", f'x\n"\'{sign}1+1"\n')


def test_csv_has_iso_times_json_for_nested_values_and_hexadecimal_for_bytes(root: str) -> None:
    sql = "SELECT published, entities, date FROM articles WHERE published IS NOT NULL"
    assert answer(root, sql, "csv") == (
        "published,entities,date\n"
        '2024-05-01T08:00:00Z,"[{""text"": ""Ada"", ""type"": ""PERSON"", ""start"": 0, ""end"": 3}]",2024-05-01\n'
    )
    assert answer(root, "SELECT payload FROM dead_letters", "csv") == "payload\nff3c\n"


def test_json_lines_are_json(root: str) -> None:
    sql = (
        "SELECT 'ä\"' AS text, 'nan'::FLOAT AS nothing, sum(word_count) AS words, [1, 2] AS list, {'a': 1} AS struct, "
        "map {'k': 1} AS map, 1.5::DECIMAL(4, 2) AS decimal, TIMESTAMP '2024-05-01 00:00:00.5' AS local, "
        "INTERVAL '1 day 2 hours' AS span, 1 AS text FROM articles"
    )
    assert json.loads(answer(root, sql, "jsonl")) == {
        "text": 'ä"',
        "nothing": None,
        "words": 6,
        "list": [1, 2],
        "struct": {"a": 1},
        "map": {"k": 1},
        "decimal": 1.5,
        "local": "2024-05-01T00:00:00.500000",
        "span": "1 days 02:00:00",
        "text_2": 1,
    }
    assert answer(root, "SELECT 1 AS a FROM articles", "jsonl") == '{"a": 1}\n{"a": 1}\n'


def test_parquet_is_parquet(root: str) -> None:
    out = io.BytesIO()
    query(root, "SELECT id, published, entities FROM all_articles ORDER BY arrival", "parquet", out)
    table = pq.read_table(io.BytesIO(out.getvalue()))
    assert table.column_names == ["id", "published", "entities"]
    assert table["id"].to_pylist() == [letter * 32 for letter in "abcda"]
    assert not out.closed


def test_parquet_is_not_for_a_terminal(root: str) -> None:
    with pytest.raises(QueryError, match="Parquet is not for a terminal"):
        query(root, "SELECT 1", "parquet", Terminal())


def test_without_sql_tables_columns_and_examples_are_shown(root: str) -> None:
    text = answer(root, None)
    lines = text.splitlines()
    assert lines[0] == f"{root}: 2 commits"
    assert "articles         2  each story once: the row that founded its cluster" in lines
    assert any(
        line.startswith("title ") and line.endswith("  Headline, without the name of the site") for line in lines
    )
    assert max(len(line) for line in lines if "beamwire query" not in line) <= 100
    for _, sql in EXAMPLES:
        assert f'beamwire query {root} "{sql}"' in text


def test_without_sql_programs_get_the_columns_as_rows(root: str) -> None:
    rows = [json.loads(line) for line in answer(root, None, "jsonl").splitlines()]
    assert {
        "table": "stories",
        "rows": 2,
        "column": "copies",
        "type": "BIGINT",
        "description": "Other articles in the cluster",
    } in rows


@pytest.mark.parametrize("sql", [sql for _, sql in EXAMPLES])
def test_the_examples_run(sql: str, root: str) -> None:
    assert answer(root, sql).splitlines()[-1].endswith(("row", "rows"))


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        (
            "SELECT titel FROM articles",
            "SQL error at line 1, column 8: no column titel. Nearest: title, site, title_from.",
        ),
        (
            "SELECT 'ä€',\n  foo FROM links",
            "SQL error at line 2, column 3: no column foo. Nearest: source.",
        ),
        ("SELECT * FROM artcles", "SQL error at line 1, column 15: no table artcles. Nearest: articles, all_articles."),
        ("SELECT * FROM zzz", "no table zzz. There are: articles, duplicates,"),
        ("SELEC 1", 'SQL error at line 1, column 1: syntax error at or near "SELEC"'),
        ("SELECT 'a'::INT", "SQL error at line 1, column 11: Could not convert string 'a' to INT32"),
        ("SELECT error('late') FROM articles", "SQL error: late"),
        ("EXPLAIN SELECT titel FROM articles", "SQL error at line 1, column 16: no column titel. Nearest: title"),
        ("SELECT CAST(chr(27) || ']0;x' AS INT)", r"Could not convert string '\x1b]0;x' to INT32"),
        ("SELECT '\udcff'", "the SQL is not valid UTF-8"),
        ("SELECT 1; SELECT 2", "2 statements given. Give one SELECT."),
        ("  -- nothing", "no SQL given. Give one SELECT."),
    ],
)
def test_an_error_of_the_sql_is_one_line_with_its_place(sql: str, message: str, root: str) -> None:
    with pytest.raises(QueryError) as caught:
        answer(root, sql)
    assert str(caught.value).startswith(message) or message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "sql",
    [
        "(SELECT 1)",
        "/* a */ -- b\n SELECT 1;",
        "WITH x AS (SELECT 1) SELECT * FROM x",
        "FROM links",
        "VALUES (1)",
        "DESCRIBE articles",
        "SUMMARIZE links",
        "SHOW TABLES",
        "EXPLAIN SELECT 1",
        "EXPLAIN ANALYZE SELECT id FROM articles",
        "PIVOT links ON kind USING count(*)",
    ],
)
def test_whatever_reads_is_allowed(sql: str, root: str) -> None:
    assert answer(root, sql)


def test_nothing_but_reading_the_dataset_is_allowed(root: str, tmp_path: Path) -> None:
    file = next(files(root, "articles"))
    before = Path(file).read_bytes()
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    target = f"'{file}' (FORMAT parquet, USE_TMP_FILE false)"
    for sql in (
        f"COPY (SELECT 1) TO {target}",
        f"EXPLAIN ANALYZE COPY (SELECT 1) TO {target}",
        f"/* SELECT */ COPY (SELECT 1) TO {target}",
        f"SELECT * FROM read_text('{secret}')",
        f"SELECT * FROM '{secret}'",
        f"SELECT * FROM glob('{tmp_path}/*')",
        f"ATTACH '{tmp_path}/x.db'",
        "CREATE TABLE x AS SELECT 1",
        "DROP VIEW articles",
        "INSERT INTO articles SELECT * FROM articles",
        "SET enable_external_access = true",
        "INSTALL httpfs",
        "LOAD httpfs",
        "PRAGMA enable_profiling",
        "CALL pragma_version()",
        "SELECT * FROM read_csv('https://127.0.0.1:1/x.csv')",
        "SELECT * FROM root",
    ):
        with pytest.raises(QueryError):
            answer(root, sql)
    assert Path(file).read_bytes() == before
    assert os.listdir(tmp_path) == ["secret.csv"]


def test_files_are_listed_as_other_programs_open_them(storage: Storage) -> None:
    small_dataset(storage)
    assert all(name.startswith(f"{storage.location}/links/part-") for name in files(storage.location, "links"))
    names = list(files(storage.location))
    assert [name.removeprefix(storage.location).split("/")[1] for name in names] == [
        *["articles"] * 2,
        *["duplicates", "revisions", "links", "dead_letters", "runs"],
    ]
    out = io.BytesIO()
    print_files(storage.location, None, out)
    assert out.getvalue().decode().splitlines() == names


def test_a_terminal_gets_the_names_of_files_in_characters_that_can_be_seen(tmp_path: Path) -> None:
    place = str(tmp_path / "a\x1b[31m\nb")
    small_dataset(open_storage(place))
    out = Terminal()
    print_files(place, "links", out)
    assert out.getvalue().decode().startswith(rf"{tmp_path}/a\x1b[31m\nb/links/part-")
    assert out.getvalue().count(b"\n") == 1


def test_a_foreign_file_among_the_runs_is_noted_and_not_read(storage: Storage) -> None:
    small_dataset(storage)
    storage.write("runs/notes\x1b.txt", b"mine")
    storage.write("runs/run-x.parquet", b"half a file")
    storage.write("runs/run-y.parquet", parquet("links", [{"id": "a"}]))
    storage.write("runs/copy-of-run-r1.parquet", storage.read("runs/run-r1.parquet"))
    assert answer(storage.location, "SELECT run FROM runs", "csv") == "run\nr1\n"
    lines = answer(storage.location, None).splitlines()
    assert lines[1:5] == [
        "not read, for no run has written it: runs/copy-of-run-r1.parquet",
        r"not read, for no run has written it: runs/notes\x1b.txt",
        "not read, for no run has written it: runs/run-x.parquet",
        "and 1 more",
    ]
    assert [name.rpartition("/")[2] for name in files(storage.location, "runs")] == ["run-r1.parquet"]


class Recording:
    """A connection that writes down what is executed beside the query itself."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.executed: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connection, name)

    def execute(self, sql: str) -> Any:
        self.executed.append(sql)
        return self.connection.execute(sql)


@pytest.mark.parametrize(
    ("sql", "executed"),
    [
        ("SELECT title::INT FROM articles", []),
        ("SELECT titel FROM articles", ["EXPLAIN SELECT titel FROM articles"]),
    ],
)
def test_a_statement_that_fails_is_not_run_again(sql: str, executed: list[str], root: str) -> None:
    with contextlib.closing(connect_committed(read_committed(root), locked=True)) as connection:
        recording: Any = Recording(connection)
        with pytest.raises(QueryError, match="SQL error at line 1, column"):
            _write_result(recording, sql, "csv", io.BytesIO())
    assert recording.executed == executed


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) FROM range(100000000) a, range(100000) b WHERE a.range * b.range % 7 = 3",
        "SELECT sum(length(repeat('x', 100000000 + range::INT))) FROM range(1000)",
    ],
    ids=["between rows", "within one"],
)
def test_ctrl_c_ends_a_long_query_at_once(sql: str, root: str, tmp_path: Path) -> None:
    code = (
        "import signal, sys; from pipeline.dataset.query import query\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "try: query(sys.argv[1], sys.argv[2])\n"
        "except KeyboardInterrupt: sys.exit(130)\n"
    )
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, "-c", code, root, sql], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )
    while psutil.Process(process.pid).cpu_times().user < 2:
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    printed, said = process.communicate(timeout=20)
    assert (process.returncode, printed) == (130, b"")
    assert said in (b"", b"\nbeamwire: stopped\n")
    assert os.listdir(tmp_path) == []


def test_an_unknown_table_is_answered_with_the_nearest(root: str) -> None:
    with pytest.raises(DatasetError, match=r"no table artikles. Nearest: articles."):
        list(files(root, "artikles"))


def test_a_reader_that_leaves_ends_it_quietly(root: str) -> None:
    code = (
        "import sys; from pipeline.dataset.query import query, print_files\n"
        "query(sys.argv[1], 'SELECT repeat(chr(65), 1000) AS x FROM range(100000)', 'csv')\n"
        "print_files(sys.argv[1])\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code, root], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == b"x\n"
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 0


def test_queries_reach_an_object_store(gcs_bucket: str) -> None:
    place = f"gs://{gcs_bucket}/it's data"
    small_dataset(open_storage(place))
    assert answer(place, "SELECT id FROM all_articles WHERE date = '2024-05-02'", "csv") == f"id\n{'a' * 32}\n"
    assert answer(place, None).startswith(f"{place}: 2 commits\n")


# Files that are replaced meanwhile


def replace_files(root: str, table: str = "articles") -> None:
    """Does as a compaction does: the rows of a table go into a new file, and the old ones are deleted."""
    storage = open_storage(root)
    state = read_state(storage)
    before = [file.path for file in state.table(table)]
    rows = pa.concat_tables([pq.read_table(io.BytesIO(storage.read(path))) for path in before])
    batch = f"{state.sequence:016x}"
    file = write_file(storage, data_file(table, "2024-05-01", batch, 0), parquet(table, rows.to_pylist()), len(rows))
    commit(storage, next_manifest(state, batch, (), {}, 0, {}, [file], removed=before))
    for path in before:
        storage.delete(path)


def while_connecting(monkeypatch: pytest.MonkeyPatch, change: Callable[[], None], times: int) -> list[int]:
    """Lets something change between connecting and asking, so many times; the answer counts the connections."""
    connections: list[int] = []

    def connect_and_change(*arguments: Any, **options: Any) -> duckdb.DuckDBPyConnection:
        connection = connect_committed(*arguments, **options)
        connections.append(len(connections))
        if len(connections) <= times:
            change()
        return connection

    monkeypatch.setattr(views, "connect_committed", connect_and_change)
    return connections


@pytest.mark.parametrize("format", ["table", "csv", "jsonl", "parquet"])
@pytest.mark.parametrize("sql", ["SELECT id FROM articles ORDER BY id", "SELECT id FROM articles", None])
def test_a_query_under_which_files_are_replaced_begins_anew(
    sql: str | None, format: QueryFormat, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_dataset(storage)
    replace_files(storage.location)
    out = io.BytesIO()
    query(storage.location, sql, format, out)
    connections = while_connecting(monkeypatch, lambda: replace_files(storage.location), times=2)
    again = io.BytesIO()
    query(storage.location, sql, format, again)
    if sql is not None:
        assert connections == [0, 1, 2]
        assert again.getvalue() == out.getvalue()


def test_a_query_does_not_begin_for_ever(root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = str(shutil.copytree(root, tmp_path / "data"))
    connections = while_connecting(monkeypatch, lambda: replace_files(copy), times=100)
    with pytest.raises(DatasetError, match=r"Meanwhile more was committed to the dataset\. Try again\."):
        answer(copy, "SELECT id FROM articles")
    assert len(connections) == 5


def test_what_was_printed_is_not_printed_twice(root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = str(shutil.copytree(root, tmp_path / "data"))
    connections = while_connecting(monkeypatch, lambda: replace_files(copy), times=1)

    def fail_after_a_line(*arguments: Any) -> None:
        arguments[3].write(b"id\n")
        raise DatasetError("a file is gone.")

    monkeypatch.setattr(query_module, "write_rows", fail_after_a_line)
    out = io.BytesIO()
    with pytest.raises(DatasetError, match=r"a file is gone\. \(Meanwhile more was committed"):
        query(copy, "SELECT 1", "csv", out)
    assert out.getvalue() == b"id\n"
    assert len(connections) == 1


def test_a_mistake_in_sql_is_told_once(root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    connections = while_connecting(monkeypatch, lambda: None, times=0)
    with pytest.raises(QueryError, match="no column nothing"):
        answer(root, "SELECT nothing FROM articles")
    assert len(connections) == 1


@pytest.mark.parametrize("attempt", range(4))
def test_a_file_that_is_missing_is_named_wherever_the_dataset_lies(storage: Storage, attempt: int) -> None:
    small_dataset(storage)
    committed = read_committed(storage.location)
    gone = committed.files["duplicates"][0]
    storage.delete(gone)
    with pytest.raises(DatasetError, match=rf"{gone}: missing, though it is committed"):
        query(storage.location, "SELECT id FROM all_articles", "csv", io.BytesIO())


def test_what_an_object_store_refuses_while_it_is_read_is_told(
    gcs_bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = f"gs://{gcs_bucket}/data"
    small_dataset(open_storage(place))
    opened = GcsStorage.open

    def refuse(storage: GcsStorage, name: str) -> Any:
        if name.startswith("links/"):
            return Refusing(b"")
        return opened(storage, name)

    monkeypatch.setattr(GcsStorage, "open", refuse)
    with pytest.raises(StorageError, match="Cannot read it: no permission"):
        query(place, "SELECT id FROM links", "csv", io.BytesIO())


class Refusing(io.BytesIO):
    """A file that opens and cannot be read."""

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return 1000

    def tell(self) -> int:
        return 1000

    def read(self, size: int | None = -1) -> bytes:
        raise StorageError("Cannot read it: no permission.")
