"""Launch: a run is planned against what is committed, cut into batches, and done as a chain of them.

A failed or stopped run leaves what it has committed; the same command goes on after it.
"""

import importlib.metadata
import json
import os
import platform
import re
import shlex
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import FrameType
from typing import NoReturn

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions

from pipeline import __version__
from pipeline.config import Config
from pipeline.dataset.batch import Batch, ParquetSettings, RunSoFar, Workplace
from pipeline.dataset.commits import read_manifests, read_state
from pipeline.dataset.errors import DatasetError, printable
from pipeline.dataset.layout import LOCK
from pipeline.dataset.lock import dataset_lock, is_running
from pipeline.dataset.manifests import Manifest, batch_name
from pipeline.dataset.staging import Staging, staging_of
from pipeline.dataset.storage import Storage, StorageError
from pipeline.dataset.stores import open_storage
from pipeline.dataset.sweep import sweep
from pipeline.flow import STEPS, build
from pipeline.forecast import Phase
from pipeline.meter import Meter, StepCost, beam_seconds
from pipeline.options import ENRICHED_WEIGHT, OptionError, is_local, make_runner, parse_beam_options, worker_processes
from pipeline.plan import Plan, changed_settings, described, inputs_of, plan_run
from pipeline.processes import Processes, collect_seldom, kill_workers
from pipeline.progress import Progress
from pipeline.replay import described_replay, plan_replay
from pipeline.report import (
    DeadLetterCount,
    ReplayedLetters,
    RunReport,
    print_plan,
    print_report,
)
from pipeline.shards import Shards
from pipeline.sinks.runs import costs_of, counts_of, dead_letters_of, nothing_done, read_run, with_costs, write_run
from pipeline.sources.inputs import InputError
from pipeline.tally import FileTally, NoTally, planned
from transforms.enrich import Model, ModelMissing, find_model
from transforms.schemas import Unit


class UserMistake(Exception):
    """Something that the user can mend before anything runs; the message says what and how."""


class RunFailed(Exception):
    """A batch failed; what was committed before it stays. The message says why and how to go on."""


def run(
    config: Config,
    beam_options: Sequence[str],
    own_flags: Collection[str],
    *,
    started: float,
    dry_run: bool = False,
    quiet: bool = False,
    reasons: Collection[str] | None = None,
) -> None:
    """Plans a run and does it, or only shows the plan. `started` is when the command was typed, in seconds.

    With `reasons` it is a replay of the dead letters for these, without any of all; the config's PATHs are not read.
    Raises UserMistake for what the user can mend before anything runs, RunFailed for what fails after.
    """
    try:
        options = parse_beam_options(beam_options, own_flags)
        storage = open_storage(str(config.output))
        model = find_model(config.enrich.model) if config.enrich.enabled else None
        if reasons is None:
            inputs, left_out = inputs_of(config, storage)  # before the lock, so that a misspelt PATH makes no folder
            make_plan = partial(plan_run, config, storage, inputs, model)
        else:
            left_out = ""
            make_plan = partial(plan_replay, config, storage, reasons, model)
        if dry_run:
            _print_plan(make_plan(), options, left_out)
            return
        if left_out and not quiet:
            _say(left_out)
        collect_seldom()
        with dataset_lock(storage, _say), _temporary_folder() as folder, _stopped_by_signals(storage, folder):
            plan = make_plan()
            if plan.replay is not None and not plan.batches:
                if not quiet:
                    _print_plan(plan, options, left_out)
                return
            staging = staging_of(storage, config.batch.staging)
            if config.batch.staging is not None and plan.batches:
                staging.raise_unless_writable()
            try:
                with _workers(plan, options, folder) as processes, Meter() as meter:
                    report = _Chain(plan, options, staging, processes, meter, started, folder, quiet).run()
            except Exception as error:
                raise RunFailed(_explained(error, log_folder=os.path.dirname(folder))) from error
    except (OptionError, InputError, ModelMissing, StorageError, DatasetError) as error:
        raise UserMistake(str(error)) from error
    if not quiet:
        print_report(report, sys.stdout, program=_program())


def _print_plan(plan: Plan, options: PipelineOptions, left_out: str) -> None:
    if plan.replay is not None:
        sys.stdout.write(f"{described_replay(plan.replay)}\n")
    else:
        print_plan(described(plan, options, left_out), sys.stdout)


class _Chain:
    """The batches of one run, each built upon the manifest of the one before."""

    def __init__(
        self,
        plan: Plan,
        options: PipelineOptions,
        staging: Staging,
        processes: Processes | None,
        meter: Meter,
        started: float,
        folder: str,
        quiet: bool,
    ) -> None:
        self._plan = plan
        self._options = options
        self._staging = staging
        self._shards = None if processes is None else Shards(processes, plan.config, plan.model, meter)
        self._meter = meter
        self._folder = folder  # of temporary files
        self._folders: list[str] = []  # in the staging area, of the batches so far
        self._quiet = quiet
        self._started = started
        self._run = RunSoFar(
            name=datetime.fromtimestamp(started, UTC).strftime("%Y%m%dT%H%M%S.%fZ"),
            started=int(started * 1e6),
            runner=str(options.view_as(StandardOptions).runner),
            settings=json.dumps(plan.config.model_dump(mode="json"), sort_keys=True),
            versions=tuple(sorted(_versions(plan.model).items())),
        )

    def run(self) -> RunReport:
        """Does every batch, and says what became of them all."""
        plan, storage = self._plan, self._plan.storage
        if is_local(self._options):
            self._staging.clear()
            sweep(storage, plan.state)
        note = changed_settings(plan)
        if note and plan.batches and not self._quiet:
            _say(note)
        if not plan.batches:
            write_run(storage, nothing_done(self._run, int(time.time() * 1e6)))
            return _report(plan, [], time.time() - self._started, {})
        sizes = [sum(unit.size for unit in units) for units in plan.batches]
        with Progress(sizes, reads_ahead=self._shards is not None, quiet=self._quiet) as progress:
            for number in range(1, len(plan.batches) + 1):
                self._do(number, progress)
        manifests = list(read_manifests(storage, after=plan.state.sequence))
        return _report(plan, manifests, time.time() - self._started, costs_of(self._run))

    def _do(self, number: int, progress: Progress) -> None:
        """One batch, from its units to its manifest."""
        plan, storage = self._plan, self._plan.storage
        units = plan.batches[number - 1]
        place = self._place(number)
        state = plan.state if number == 1 else read_state(storage)
        run = self._run if number == 1 or is_local(self._options) else read_run(storage, self._run)
        name = batch_name(state.parent, units, plan.named)
        batch = Batch(
            name=name,
            sequence=state.sequence + 1,
            parent=state.parent,
            settings=plan.settings,
            rows=state.rows,
            unit_time=state.unit_time,
            segments=state.segments(),
            tombstones=frozenset(map(bytes.fromhex, state.tombstones)),
            fingerprint=plan.fingerprint,
            storage=storage,
            blocks=place.blocks,
            tally=place.tally,
            run=run.with_last(number == len(plan.batches)),
            enriched=plan.model is not None,
            max_payload_bytes=place.max_payload_bytes,
            replay=place.replay,
            parquet=ParquetSettings(plan.config.write.compression_level, plan.config.write.row_group_rows),
        )
        tally = self._tally_folder(number)
        with progress.batch(number, tally, _phases(units, plan.model is not None, tally)):
            self._launch(batch, units, number)
        if is_local(self._options):  # what a step costs is known when it is done, and its run is committed then
            self._run = with_costs(read_run(storage, self._run), self._meter.take())
            write_run(storage, self._run)
        place.blocks.drop()
        if number == len(plan.batches):
            self._staging.clear()
        shutil.rmtree(tally, ignore_errors=True)

    def _place(self, number: int) -> Workplace:
        """Where a batch is staged, whose name is not known as long as the one before it is not committed.

        The folder's name is one that no other run can have with other blocks or other decisions on them: of the
        manifest that this run builds upon, and of all its units so far.
        """
        if number > len(self._folders):
            before = self._folders[-1] if self._folders else self._plan.state.parent
            self._folders.append(batch_name(before, self._plan.batches[number - 1], self._plan.named))
        folder = self._tally_folder(number)
        replay = self._plan.replay
        max_payload_bytes = self._plan.config.dead_letters.max_payload_kibibytes << 10
        return Workplace(
            blocks=self._staging.blocks(self._folders[number - 1]),
            tally=NoTally() if self._quiet else FileTally(folder),
            # what fails again is not cut further than it was
            max_payload_bytes=max_payload_bytes if replay is None else max(max_payload_bytes, replay.longest),
            replay=replay,
        )

    def _tally_folder(self, number: int) -> str:
        folder = os.path.join(self._folder, f"batch-{number}")
        os.makedirs(folder, exist_ok=True)
        return folder

    def _launch(self, batch: Batch, units: Sequence[Unit], number: int) -> None:
        listed = None if self._plan.replay is None else self._plan.listed
        if self._shards is not None:
            following = self._plan.batches[number : number + 1]
            self._shards.run(
                batch, units, lambda: (self._place(number + 1), following[0]) if following else None, listed
            )
            return
        root = beam.Pipeline(runner=make_runner(self._options), options=self._options)
        build(root, self._plan.config, batch, units, self._plan.model, listed)
        with self._meter.phase(*STEPS):
            result = root.run()
            result.wait_until_finish()
        self._meter.add({step: spent for step, spent in beam_seconds(result).items() if step in STEPS})


def _workers(plan: Plan, options: PipelineOptions, folder: str) -> AbstractContextManager[Processes | None]:
    """The processes that the run takes besides this one; they are started before anything here has a thread."""
    bytes_to_read = sum(unit.size for units in plan.batches for unit in units)
    weight = bytes_to_read * (ENRICHED_WEIGHT if plan.model is not None else 1)
    count = worker_processes(options, weight) if is_local(options) else 1
    return Processes(count, folder) if count > 1 and plan.batches else nullcontext()


def _phases(units: Sequence[Unit], enriched: bool, folder: str) -> list[Phase]:
    phases = [Phase("read", "Read", "bytes", {unit.ordinal: unit.size for unit in units})]
    if enriched:
        phases.append(Phase("enrich", "Enrich", "rows", planned(folder, "enrich")))
    return [*phases, Phase("write", "Write", "files", planned(folder, "write"))]


_TEMPORARY = "beamwire-run-"

_KNOWN_FAILURE = re.compile(r"(?:pipeline\.dataset\.(?:storage|errors)|transforms\.\w+(?:\.\w+)?)\.(\w+): (.+)")


def _explained(error: Exception, log_folder: str) -> str:
    """What failed in a sentence and how to go on. Beam wraps what a step raises into text."""
    going_on = f"What is committed stays. To go on, run the same command again:\n  {_command()}"
    found = _KNOWN_FAILURE.findall(str(error))
    if isinstance(error, (StorageError, DatasetError)) or found:
        message = str(error) if not found else found[-1][1]
        return f"{message.partition(' [while running')[0]}\n{going_on}"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'a file'}: {error.strerror}\n{going_on}"
    with tempfile.NamedTemporaryFile(
        "w", prefix="beamwire-failure-", suffix=".txt", dir=log_folder, delete=False
    ) as log:
        log.write("".join(traceback.format_exception(error)))
    last = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
    return f"failed: {last}\nAll details are in {log.name}. {going_on}"


def _command() -> str:
    return f"{_program()} {shlex.join(sys.argv[1:])}"


def _program() -> str:
    """How the command was called, so that what is printed can be typed: by name, or by where it lies."""
    called = sys.argv[0]
    if os.path.basename(called) != "beamwire" or shutil.which("beamwire") == os.path.abspath(called):
        return "beamwire"
    near = os.path.relpath(called)
    return shlex.quote(called if near.startswith(os.pardir) else near)


@contextmanager
def _temporary_folder() -> Iterator[str]:
    """A folder for all temporary files of the run, Beam's too: what a stopped run leaves is deleted with it.

    What a killed one has left is deleted by the next, which knows by the name whose it was.
    """
    before = tempfile.tempdir
    for left in Path(tempfile.gettempdir()).glob(f"{_TEMPORARY}[0-9]*-*"):
        process = left.name.removeprefix(_TEMPORARY).partition("-")[0]
        if process.isdigit() and not is_running(int(process), None):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{_TEMPORARY}{os.getpid()}-") as folder:
        tempfile.tempdir = folder
        try:
            yield folder
        finally:
            tempfile.tempdir = before


@contextmanager
def _stopped_by_signals(storage: Storage, folder: str) -> Iterator[None]:
    """Ctrl-C and SIGTERM end the process and its workers at once, with a word on how to go on.

    The dataset has not to be tidied: what no manifest names does not exist. Beam's threads would be waited for, so the
    process leaves without them.
    """

    def stop(number: int, _: FrameType | None) -> NoReturn:
        show_cursor = "\x1b[?25h" if sys.stderr.isatty() else ""
        os.write(
            sys.stderr.fileno(),
            f"{show_cursor}\nbeamwire: stopped. What is committed stays; the same command goes on after it:\n"
            f"  {_command()}\n".encode(),
        )
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())  # Beam's threads would complain of what follows
        with suppress(Exception):
            kill_workers()
            shutil.rmtree(folder, ignore_errors=True)
            storage.delete(LOCK)
        os._exit(128 + number)

    handled = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, stop) for number in handled]
    try:
        yield
    finally:
        for number, handler in zip(handled, before, strict=True):
            signal.signal(number, handler)


def _report(plan: Plan, manifests: Sequence[Manifest], seconds: float, costs: Mapping[str, StepCost]) -> RunReport:
    counts = [counts_of(manifest) for manifest in manifests]
    letters: dict[tuple[str, str], int] = {}
    for manifest in manifests:
        for key, count in dead_letters_of(manifest).items():
            letters[key] = letters.get(key, 0) + count
    files = [file for manifest in manifests for file in manifest.added if not file.path.startswith("_")]
    return RunReport(
        output=str(plan.config.output),
        batches=len(manifests),
        units=sum(len(manifest.units) for manifest in manifests),
        documents=sum(it["documents"] for it in counts),
        parsed=sum(it["parsed"] for it in counts),
        unchanged=sum(it["unchanged"] for it in counts),
        removed=sum(it["removed"] for it in counts),
        articles=sum(it["articles"] for it in counts),
        duplicates_exact=sum(manifest.counts.get("duplicates_exact", 0) for manifest in manifests),
        duplicates_near=sum(manifest.counts.get("duplicates_near", 0) for manifest in manifests),
        revisions=sum(it["revisions"] for it in counts),
        links=sum(it["links"] for it in counts),
        dead_letters=tuple(DeadLetterCount(*key, count) for key, count in sorted(letters.items())),
        partitions=len({part for file in files for part in file.path.split("/") if part.startswith("date=")}),
        files=len(files),
        bytes=sum(file.bytes for file in files),
        seconds=seconds,
        costs=costs,
        replay=None if plan.replay is None else ReplayedLetters(plan.replay.letters, plan.replay.why_kept),
    )


def _versions(model: Model | None) -> dict[str, str]:
    names = (
        "apache-beam",
        "feedparser",
        "ftfy",
        "htmldate",
        "lxml",
        "nh3",
        "publicsuffixlist",
        "py3langid",
        "pyarrow",
        "trafilatura",
    )
    versions = {name: importlib.metadata.version(name) for name in names}
    versions |= {"beamwire": __version__, "python": platform.python_version()}
    if model is not None:
        versions |= {"spacy": importlib.metadata.version("spacy"), f"model {model.name}": model.version}
    return versions


def _say(text: str) -> None:
    sys.stderr.write(f"beamwire: {printable(text)}\n")
