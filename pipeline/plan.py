"""Plan: what a run will do, worked out against what is committed. Nothing is written."""

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions

from pipeline.config import Config
from pipeline.dataset.batch import Replay
from pipeline.dataset.commits import DatasetState, raise_unless_comparable, raise_unless_writable, read_state
from pipeline.dataset.layout import MEBIBYTE, TREE
from pipeline.dataset.storage import Storage
from pipeline.flow import STEPS
from pipeline.report import PlannedBatch, PlannedInput, PlannedStep, RunPlan, list_settings
from pipeline.sources.inputs import Input, InputError, find_inputs
from pipeline.sources.units import format_of, plan_units
from transforms.enrich import Model
from transforms.schemas import Unit
from transforms.text.errors import BadInput
from transforms.text.fingerprints import rule_number


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run will do: the inputs found, the state it builds upon, and the units of each batch to come.

    A replay has no inputs; its one batch reads the files of dead letters that it takes the place of. The letters of an
    input in one of them are a unit that the manifest lists: `listed`, with the first row and that behind the last.
    """

    config: Config
    storage: Storage
    state: DatasetState
    inputs: tuple[Input, ...]
    batches: tuple[tuple[Unit, ...], ...]
    model: Model | None
    replay: Replay | None = None
    listed: tuple[Unit, ...] = ()

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that shape rows, with the model that is used: recorded in each manifest."""
        model = None if self.model is None else {"name": self.model.name, "version": self.model.version}
        return self.config.row_settings() | {"model": model}

    @property
    def named(self) -> dict[str, Any]:
        """What the names of batches are made of beside their units: the settings, and which letters are replayed."""
        return self.settings | ({} if self.replay is None else {"replay": list(self.replay.reasons)})

    @property
    def fingerprint(self) -> int | None:
        """The rule by which texts are compared; None where only for equality."""
        near = self.config.dedupe.near
        return rule_number(near.shingle_words) if near.enabled else None


def inputs_of(config: Config, storage: Storage) -> tuple[list[Input], str]:
    """What the PATHs mean, without the files of the dataset itself, which may lie among them; and what was left out."""
    found = find_inputs(config.source.paths)
    root = os.path.join(_real(storage.location), "")
    inputs = [one for one in found.files if not _real(one.path).startswith(root)]
    notes = [(found.left_out, "hidden, or no files"), (len(found.files) - len(inputs), "of the dataset itself")]
    left_out = ", ".join(f"{count:,} ({why})" for count, why in notes if count)
    if not inputs:
        raise InputError(f"{storage.location}: all that is to be read lies in the dataset itself. Name other files.")
    return inputs, f"left out of the inputs: {left_out}" if left_out else ""


def _real(path: str) -> str:
    return path if "://" in path else os.path.realpath(path)


def plan_run(config: Config, storage: Storage, inputs: Sequence[Input], model: Model | None) -> Plan:
    """Plans a run against the manifests; reads every input once, for its checksum. Writes nothing.

    Raises StorageError, DatasetError.
    """
    state = read_state(storage)
    raise_unless_writable(storage, state)
    units = plan_units(
        inputs, state.unit_count, state.done, int(config.source.slice_mebibytes * MEBIBYTE), config.source.format
    )
    batches = tuple(cut_batches(units, int(config.batch.max_mebibytes * MEBIBYTE)))
    plan = Plan(config, storage, state, tuple(inputs), batches, model)
    raise_unless_comparable(storage, state, plan.fingerprint)
    return plan


def cut_batches(units: Sequence[Unit], max_bytes: int) -> Iterator[tuple[Unit, ...]]:
    """Whole consecutive units, greedily: a batch is closed when it has reached the size."""
    batch: list[Unit] = []
    held = 0
    for unit in units:
        batch.append(unit)
        held += unit.size
        if held >= max_bytes:
            yield tuple(batch)
            batch, held = [], 0
    if batch:
        yield tuple(batch)


def changed_settings(plan: Plan) -> str | None:
    """One line where settings that shape rows are not those of the last batch."""
    if plan.state.settings is None or plan.state.settings == plan.settings:
        return None
    before, now = (
        {it.name: it.value for it in list_settings(one, one)} for one in (plan.state.settings, plan.settings)
    )
    changed = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    return f"settings that shape rows differ from those of the last batch: {', '.join(changed)}"


def described(plan: Plan, options: PipelineOptions, left_out: str) -> RunPlan:
    """The plan for people."""
    to_come = {unit.path for units in plan.batches for unit in units}
    done = {unit[0] for unit in plan.state.done}
    enrich = f"spaCy {plan.model.name} {plan.model.version}" if plan.model else "enrich.enabled"
    rows = [(table, sum(file.rows for file in plan.state.table(table))) for table in sorted(plan.state.files)]
    return RunPlan(
        output=str(plan.config.output),
        runner=str(options.view_as(StandardOptions).runner),
        inputs=tuple(
            PlannedInput(one.name, _format(one, plan), one.size, _standing(one, to_come, done)) for one in plan.inputs
        ),
        committed_batches=plan.state.sequence,
        committed_units=plan.state.unit_count,
        rows=tuple((table, count) for table, count in rows if not table.startswith("_")),
        batches=tuple(PlannedBatch(len(units), sum(unit.size for unit in units)) for units in plan.batches),
        steps=tuple(
            PlannedStep(name, plan.model is not None or name != "Enrich", enrich if name == "Enrich" else "")
            for name in STEPS
        ),
        layout=TREE,
        settings=list_settings(plan.config.model_dump(mode="json"), Config().model_dump(mode="json")),
        warnings=tuple(note for note in (changed_settings(plan), left_out) if note),
    )


def _standing(one: Input, to_come: Collection[str], done: Collection[str]) -> str:
    if one.path in to_come:
        return ""
    return "committed" if one.name in done else "same as another input"


def _format(one: Input, plan: Plan) -> str:
    try:
        return str(format_of(one, plan.config.source.format))
    except BadInput as failure:
        return f"{failure.reason}: {failure}"
    except OSError as error:
        return f"unreadable: {error.strerror or error}"
