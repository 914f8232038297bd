"""The command line. Heavy imports wait until a command needs them, so that `--help` answers at once.

Exit codes: 0 done, also with dead letters; 1 a run that failed; 2 a mistake of the user's; 130 and 143 stopped by a
signal.
"""

import argparse
import contextlib
import difflib
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from pipeline import __version__
from pipeline.dataset.errors import CommitConflict, DatasetError, printable
from pipeline.dataset.storage import StorageError
from pipeline.quiet import quiet_beam

if TYPE_CHECKING:
    from pipeline.config import Config

EPILOG = "Each command explains itself: beamwire run --help"

RUN_FLAGS = ("--config", "--output", "--staging", "--set", "--dry-run", "--quiet", "--help")
"""Flags of `beamwire run`; every other flag is Beam's."""

REPLAY_FLAGS = ("--dead-letters", "--reason", "--config", "--set", "--dry-run", "--quiet", "--help")
"""Flags of `beamwire replay`; likewise."""

_OWN_FLAGS = {"run": RUN_FLAGS, "replay": REPLAY_FLAGS}

SCHEMAS = ("config", "articles", "duplicates", "revisions", "links", "dead_letters", "runs")


class _Parser(argparse.ArgumentParser):
    """A parser that says what is wrong in one line."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuses what it does not know, and names the nearest flag."""
        known, unknown = super().parse_known_args(args, namespace)
        for word in unknown:
            if word.startswith("-"):
                flag = word.partition("=")[0]
                near = difflib.get_close_matches(flag, self._option_string_actions, n=1)
                self.error(f"unknown option {flag}{f'; the nearest is {near[0]}' if near else ''}")
        if unknown:
            self.error(f"unexpected argument {unknown[0]!r}")
        return known, unknown

    def error(self, message: str) -> NoReturn:
        """Prints the message and how to get help."""
        sys.stderr.write(f"{self.prog}: {message}\nTry: {self.prog} --help\n")
        raise SystemExit(2)


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = _Parser(
        prog="beamwire",
        description="Files and saved feeds in, one clean, deduplicated, enriched, partitioned Parquet dataset out.",
        epilog=EPILOG,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"beamwire {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)

    run = commands.add_parser(
        "run",
        allow_abbrev=False,
        help="read files and add what is new in them to a dataset",
        description="Reads files, directories, globs and gs:// patterns and adds what is new in them to a dataset.",
        epilog="Every Apache Beam option is accepted and checked, as in --runner=DirectRunner --direct_num_workers=2. "
        "Settings and their defaults: beamwire schema config",
    )
    run.add_argument("paths", nargs="*", metavar="PATH", help="file, directory, glob or gs:// pattern")
    run.add_argument("--output", metavar="DIR", help="root of the dataset: a directory or gs://bucket/prefix")
    run.add_argument("--staging", metavar="DIR", help="where blocks lie while a batch runs; by default in the dataset")
    run.add_argument(
        "--config", metavar="FILE", help="YAML file with settings; PATH, --output and --staging go before it"
    )
    run.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="one setting, as in enrich.enabled=false"
    )
    run.add_argument("--dry-run", action="store_true", help="print the plan and stop")
    run.add_argument("--quiet", action="store_true", help="no progress and no table at the end")

    replay = commands.add_parser(
        "replay",
        allow_abbrev=False,
        help="run what could not be used through today's code again",
        description="Runs the payloads of dead letters again, as a batch of their own. What can be used now becomes "
        "rows; what fails again stays, with today's reason, and so does what is not run again.",
        epilog="Every Apache Beam option is accepted and checked, as for beamwire run.",
    )
    replay.add_argument("dataset", metavar="DIR", help="root of the dataset")
    replay.add_argument("--dead-letters", action="store_true", help="what is replayed; to be given")
    replay.add_argument(
        "--reason", action="append", default=[], metavar="R", help="only those for this reason; once for each"
    )
    replay.add_argument(
        "--config", metavar="FILE", help="YAML file with settings; by default they are those of the last batch"
    )
    replay.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="one setting, as in source.encoding=cp1252"
    )
    replay.add_argument("--dry-run", action="store_true", help="say what would be replayed and stop")
    replay.add_argument("--quiet", action="store_true", help="no progress and no table at the end")

    query = commands.add_parser(
        "query",
        allow_abbrev=False,
        help="look at a dataset with SQL",
        description="Runs SQL over the committed files of a dataset. Without SQL it shows what there is.",
    )
    query.add_argument("dataset", metavar="DIR", help="root of the dataset")
    query.add_argument("sql", nargs="?", metavar="SQL", help="one SELECT in DuckDB's SQL")
    query.add_argument("--format", choices=("table", "csv", "jsonl", "parquet"), default="table", help="of the answer")

    files = commands.add_parser(
        "files",
        allow_abbrev=False,
        help="list the committed files, for other readers",
        description="Prints the committed data files of a dataset, one a line.",
    )
    files.add_argument("dataset", metavar="DIR", help="root of the dataset")
    files.add_argument("table", nargs="?", metavar="TABLE", help="only this table")

    compact = commands.add_parser(
        "compact",
        allow_abbrev=False,
        help="merge small files, and erase removed articles",
        description="Merges the small data files of each partition, and index segments; erases what was removed. "
        "Killed at any moment it loses nothing: run it again.",
    )
    compact.add_argument("dataset", metavar="DIR", help="root of the dataset")
    compact.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a setting of write, as in write.max_file_rows=100000; those not named are as in the last batch",
    )
    compact.add_argument(
        "--grace", type=_not_negative, default=0, metavar="SECONDS", help="wait so long before replaced files go"
    )
    compact.add_argument(
        "--abandoned",
        type=_not_negative,
        default=7,
        metavar="DAYS",
        help="at gs://, delete files of no batch when they are so old; default 7",
    )

    remove = commands.add_parser(
        "remove",
        allow_abbrev=False,
        help="take articles out of a dataset, for good",
        description="Takes articles out of a dataset: at once out of all queries, and whenever they come again they "
        "are refused. Their text leaves the files with the next beamwire compact.",
    )
    remove.add_argument("dataset", metavar="DIR", help="root of the dataset")
    remove.add_argument(
        "--id", action="append", default=[], metavar="ID", help="id of an article, its column id; once for each"
    )
    remove.add_argument("--ids", metavar="FILE", help="a file with further ids, one a line")

    commits = commands.add_parser(
        "commits",
        allow_abbrev=False,
        help="list what was committed",
        description="Lists the commits of a dataset, the newest last: batches of inputs, compactions, removals.",
    )
    commits.add_argument("dataset", metavar="DIR", help="root of the dataset")
    commits.add_argument("--format", choices=("table", "csv", "jsonl"), default="table", help="of the list")

    index = commands.add_parser(
        "index",
        allow_abbrev=False,
        help="make damaged or missing parts of the index anew",
        description="Compares the index of a dataset, by which articles of earlier runs are recognised, with what was "
        "committed, and makes damaged and missing segments again from the tables, byte for byte.",
    )
    index.add_argument("action", choices=("rebuild",), metavar="rebuild", help="the one thing to do with an index")
    index.add_argument("dataset", metavar="DIR", help="root of the dataset")

    schema = commands.add_parser(
        "schema",
        allow_abbrev=False,
        help="print the schema of the config or of a table",
        description="Prints a JSON schema of the config (for editors) or the columns of a table.",
    )
    schema.add_argument("name", choices=SCHEMAS, metavar="NAME", help=", ".join(SCHEMAS))
    return parser


def _not_negative(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise ValueError
    return value


_not_negative.__name__ = "number"  # argparse names it in its message


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and answers its exit code."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # one BLAS thread a process: two take twice the time
    try:
        return _main(list(sys.argv[1:] if arguments is None else arguments))
    except KeyboardInterrupt:
        sys.stderr.write("\nbeamwire: stopped\n")
        return 130
    except BrokenPipeError:  # the reader of our output has seen enough
        _leave_stdout()
        return 0
    except OSError as error:
        _leave_stdout()
        sys.stderr.write(f"beamwire: {error.filename or 'standard output'}: {error.strerror or error}\n")
        return 1


def _leave_stdout() -> None:
    """What is still to be written has no reader, and Python would try once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _main(words: list[str]) -> int:
    parser = build_parser()
    beam_options: list[str] = []
    own_flags = _OWN_FLAGS.get(words[0] if words else "", ())
    if own_flags and _names_beam_options(words, own_flags):  # Beam is only loaded where it has to be
        quiet_beam()
        from pipeline.options import OptionError, parse_beam_options, split_arguments

        beam_options, words = split_arguments(words, own_flags)
        try:  # before anything else, for a misspelt flag leaves its value among the PATHs
            parse_beam_options(beam_options, own_flags)
        except OptionError as error:
            return _mistake(error)
    known = parser.parse_args(words)
    commands: dict[str | None, Callable[[], int]] = {
        None: lambda: _help(parser),
        "run": lambda: _run(known, beam_options),
        "replay": lambda: _replay(known, beam_options),
        "query": lambda: _query(known),
        "files": lambda: _files(known),
        "compact": lambda: _compact(known),
        "remove": lambda: _remove(known),
        "commits": lambda: _commits(known),
        "index": lambda: _rebuild_index(known.dataset),
        "schema": lambda: _schema(known.name),
    }
    try:
        code = commands[known.command]()
    except CommitConflict as error:
        return _complain(str(error), 1)
    except (DatasetError, StorageError) as error:
        return _mistake(error)
    sys.stdout.flush()  # here, where a reader that has gone is no surprise
    return code


def _names_beam_options(words: Sequence[str], own_flags: Sequence[str]) -> bool:
    return any(word.startswith("--") and word.partition("=")[0] not in own_flags for word in words)


def _help(parser: argparse.ArgumentParser) -> int:
    parser.print_help()
    return 0


def _run(known: argparse.Namespace, beam_options: list[str]) -> int:
    started = time.time()
    from pipeline.config_file import ConfigError, load_config

    try:
        overrides = {
            "output": known.output,
            "source.paths": known.paths or None,
            "batch.staging": known.staging,
        }
        config = load_config(known.config, known.set, overrides)
        if not config.source.paths:
            raise ConfigError("nothing to read: name a PATH, or source.paths in the config")
        if config.output is None:
            raise ConfigError("nowhere to write: name --output DIR, or output in the config")
    except ConfigError as error:
        return _mistake(error)
    return _launch(known, config, beam_options, started, None)


def _replay(known: argparse.Namespace, beam_options: list[str]) -> int:
    started = time.time()
    if not known.dead_letters:
        return _complain(
            f"what is to be replayed? Give --dead-letters: beamwire replay --dead-letters {known.dataset}", 2
        )
    quiet_beam()
    from pipeline.config_file import ConfigError, load_config
    from pipeline.dataset.stores import open_storage
    from pipeline.replay import UnknownReason, last_settings, raise_unless_reasons

    try:
        raise_unless_reasons(known.reason)
        last = last_settings(open_storage(known.dataset))
        config = load_config(known.config, known.set, {"output": known.dataset}, base=last)
    except (ConfigError, UnknownReason) as error:
        return _mistake(error)
    return _launch(known, config, beam_options, started, known.reason)


def _launch(
    known: argparse.Namespace, config: "Config", beam_options: list[str], started: float, reasons: list[str] | None
) -> int:
    """A run, or with reasons a replay."""
    quiet_beam()
    from pipeline.launch import RunFailed, UserMistake, run

    try:
        run(
            config,
            beam_options,
            _OWN_FLAGS[known.command],
            started=started,
            dry_run=known.dry_run,
            quiet=known.quiet,
            reasons=reasons,
        )
    except UserMistake as error:
        return _mistake(error)
    except RunFailed as error:
        return _complain(str(error), 1)
    return 0


def _query(known: argparse.Namespace) -> int:
    from pipeline.dataset.query import query

    query(known.dataset, known.sql, known.format, sys.stdout)
    return 0


def _files(known: argparse.Namespace) -> int:
    from pipeline.dataset.query import print_files

    print_files(known.dataset, known.table)
    return 0


def _compact(known: argparse.Namespace) -> int:
    from pipeline.compact import CompactionFailed, compact
    from pipeline.config_file import ConfigError
    from pipeline.dataset.stores import open_storage

    try:
        done = compact(open_storage(known.dataset), known.set, _say, known.grace, known.abandoned)
    except ConfigError as error:
        return _mistake(error)
    except CompactionFailed as error:
        return _complain(str(error), 1)
    sys.stdout.write(f"{done}\n")
    return 0


def _remove(known: argparse.Namespace) -> int:
    from pipeline.dataset.query import still_in_files
    from pipeline.dataset.removal import remove_articles
    from pipeline.dataset.stores import open_storage

    try:
        ids = [*known.id, *(_lines(known.ids) if known.ids else ())]
    except OSError as error:
        return _complain(f"--ids {known.ids}: {error.strerror or error}. Name a file with an id a line.", 2)
    if not ids:
        return _complain("nothing to remove: name --id ID or --ids FILE", 2)
    removed = remove_articles(open_storage(known.dataset), ids, _say)
    for words, articles in (("removed", removed.ids), ("removed before", removed.before)):
        if articles:
            sys.stdout.write(f"{words}: {len(articles):,} article{'' if len(articles) == 1 else 's'}\n")
    if removed.pending:
        sys.stdout.write(f"{still_in_files(known.dataset, removed.pending)}\n")
    return 0


def _lines(file: str) -> list[str]:
    """The lines of a file that hold something."""
    with open(file, encoding="utf-8", errors="backslashreplace") as lines:
        return [line.strip() for line in lines if line.strip()]


def _commits(known: argparse.Namespace) -> int:
    from pipeline.log import print_commits

    print_commits(known.dataset, known.format, sys.stdout.buffer)
    return 0


def _rebuild_index(dataset: str) -> int:
    from pipeline.dataset.rebuild import rebuild_index
    from pipeline.dataset.stores import open_storage

    def say(line: str) -> None:
        sys.stdout.write(f"{printable(line)}\n")
        sys.stdout.flush()

    return 0 if rebuild_index(open_storage(dataset), say, _say) else 1


def _schema(name: str) -> int:
    if name == "config":
        from pipeline.config import Config

        described: object = Config.model_json_schema()
    else:
        from pipeline.dataset.tables import describe

        described = describe(name)
    sys.stdout.write(json.dumps(described, indent=2) + "\n")
    return 0


def _say(text: str) -> None:
    sys.stderr.write(f"beamwire: {printable(text)}\n")


def _mistake(error: Exception) -> int:
    return _complain("\nbeamwire: ".join(str(error).splitlines()), 2)


def _complain(text: str, code: int) -> int:
    """Says what is wrong, fit for a terminal whatever file names and contents it quotes; answers the exit code."""
    with contextlib.suppress(BrokenPipeError):
        lines = [printable(line) for line in text.splitlines()]
        sys.stderr.write("beamwire: " + "\n".join(lines) + "\n")
        sys.stderr.flush()
    return code
