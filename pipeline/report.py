"""What a run says when it ends, and what a plan says before one: plain text, the same in a terminal and in a file."""

import json
import re
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TextIO

from pipeline.dataset.errors import printable
from pipeline.meter import StepCost

_SHOWN = 20
_LONGEST_STEPS = 3
_NUMBER = re.compile(r"([\d,.:]+( \w+)?)?")

_DEAD_LETTER_QUERY = "SELECT source, position, step, reason, detail FROM dead_letters"


@dataclass(frozen=True, slots=True)
class DeadLetterCount:
    """How many dead letters a step made for a reason."""

    step: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class ReplayedLetters:
    """Of a replay: how many dead letters were run again, and how many kept for which cause."""

    count: int
    kept: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run did. Counts are of this run alone; `output` is as it was typed.

    `unchanged` are articles that added no row, `removed` those that were refused; `partitions` are the distinct dates
    that got files. `costs` are of each step, where they were measured.
    """

    output: str
    batches: int
    units: int
    documents: int
    parsed: int
    unchanged: int
    removed: int
    articles: int
    duplicates_exact: int
    duplicates_near: int
    revisions: int
    links: int
    dead_letters: tuple[DeadLetterCount, ...]
    partitions: int
    files: int
    bytes: int
    seconds: float
    costs: Mapping[str, StepCost] = field(default_factory=dict)
    replay: ReplayedLetters | None = None


@dataclass(frozen=True, slots=True)
class PlannedInput:
    """An input that was found. `format` is what it was told to be, or why it cannot be told.

    `standing` says why it will not be read: it is committed, or the same as another; "" where it will.
    """

    name: str
    format: str
    size: int
    standing: str = ""


@dataclass(frozen=True, slots=True)
class PlannedBatch:
    """A batch to come: how many units, how many bytes of input."""

    units: int
    bytes: int


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step of the flow. `note` says what it will work with, or which switch turns it on."""

    name: str
    is_on: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting by its dotted name, as it will be and as it is by default; plain JSON values."""

    name: str
    value: Any
    default: Any


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What a run will do. `rows` are those committed, by table; `layout` pairs a path with what stands there."""

    output: str
    runner: str
    inputs: tuple[PlannedInput, ...]
    committed_batches: int
    committed_units: int
    rows: tuple[tuple[str, int], ...]
    batches: tuple[PlannedBatch, ...]
    steps: tuple[PlannedStep, ...]
    layout: tuple[tuple[str, str], ...]
    settings: tuple[Setting, ...]
    warnings: tuple[str, ...] = ()


def print_report(report: RunReport, file: TextIO, program: str = "beamwire") -> None:
    """Prints the table at the end of a run, and the next command to type, which calls `program`."""
    file.write("\n".join([*_report_lines(report, program), ""]))


def print_plan(plan: RunPlan, file: TextIO) -> None:
    """Prints what a run would do."""
    file.write("\n".join([*_plan_lines(plan), ""]))


def list_settings(settings: Mapping[str, Any], defaults: Mapping[str, Any]) -> tuple[Setting, ...]:
    """The settings of a config as dotted names: both arguments are a config and its defaults as nested plain JSON.

    An empty mapping is a value, a mapping that has other keys than its default is one too (a field map).
    """
    found: list[Setting] = []
    for name, value in settings.items():
        default = defaults.get(name)
        if isinstance(value, Mapping) and isinstance(default, Mapping) and value and value.keys() == default.keys():
            found += [Setting(f"{name}.{it.name}", it.value, it.default) for it in list_settings(value, default)]
        else:
            found.append(Setting(name, value, default))
    return tuple(found)


def size_text(size: int) -> str:
    """A number of bytes for people: 812 B, 1.2 KiB, 34.5 MiB."""
    if size < 1024:
        return f"{size} B"
    amount = float(size)
    for unit in ("KiB", "MiB", "GiB"):
        amount /= 1024
        if amount < 1023.95:
            return f"{amount:.1f} {unit}"
    return f"{amount / 1024:.1f} TiB"


def duration_text(seconds: float) -> str:
    """A duration for people: 2.4 s, 42 s, 12:05, 1:02:03."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    hours, rest = divmod(whole, 3600)
    minutes, seconds_left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{seconds_left:02}" if hours else f"{minutes}:{seconds_left:02}"


def count_text(count: int, noun: str) -> str:
    """A count with its noun: 1 file, 2,000 files, 1 batch, 2 batches."""
    if count == 1:
        return f"1 {noun}"
    return f"{count:,} {noun}{'es' if noun.endswith('ch') else 's'}"


def _report_lines(report: RunReport, program: str) -> Iterator[str]:
    letters = sum(it.count for it in report.dead_letters)
    if not report.units and not letters:
        yield "Nothing to do: every input is committed already."
    else:
        if report.replay is not None:
            yield _replay_line(report, report.replay, letters)
            yield ""
        yield from _aligned(_report_rows(report, letters))
    yield ""
    output = shlex.quote(report.output)
    yield f"Next: {program} query {output}"
    if letters:
        yield f"      {program} query {output} {shlex.quote(_DEAD_LETTER_QUERY)}"


def _replay_line(report: RunReport, replay: ReplayedLetters, letters: int) -> str:
    """What became of dead letters that were run again."""
    duplicates = report.duplicates_exact + report.duplicates_near
    became = _listed(
        (report.articles, "new"),
        (duplicates, _plural(duplicates, "duplicate")),
        (report.revisions, _plural(report.revisions, "revision")),
        (report.unchanged, "known"),
        (report.removed, "refused"),
    )
    kept = _listed(*((count, cause) for cause, count in replay.kept))
    return (
        f"{count_text(replay.count, 'dead letter')} replayed: {count_text(report.parsed, 'article')}{became}, "
        f"{letters:,} failed again, {sum(count for _, count in replay.kept):,} kept{kept}"
    )


def _listed(*counts: tuple[int, str]) -> str:
    """In brackets what is more than none; nothing where all are."""
    said = [f"{count:,} {what}" for count, what in counts if count]
    return f" ({', '.join(said)})" if said else ""


def _report_rows(report: RunReport, letters: int) -> Iterator[tuple[str, str, str]]:
    duplicates = report.duplicates_exact + report.duplicates_near
    yield (
        "read",
        f"{report.documents:,}",
        f"{_plural(report.documents, 'document')} of {count_text(report.units, 'unit')} "
        f"in {count_text(report.batches, 'batch')}",
    )
    yield "parsed", f"{report.parsed:,}", _plural(report.parsed, "article")
    yield "unchanged", f"{report.unchanged:,}", "known already, added no row"
    if report.removed:
        yield "refused", f"{report.removed:,}", "removed from the dataset before"
    yield "articles", f"{report.articles:,}", "each story once"
    yield "duplicates", f"{duplicates:,}", f"{report.duplicates_exact:,} exact, {report.duplicates_near:,} near"
    yield "revisions", f"{report.revisions:,}", "later versions of an article"
    yield "links", f"{report.links:,}", ""
    yield "dead letters", f"{letters:,}", ""
    for it in sorted(report.dead_letters, key=lambda it: (it.step, -it.count, it.reason)):
        yield "", f"{it.count:,}", f"{it.step}: {it.reason}"
    yield (
        "written",
        f"{report.files:,}",
        f"{_plural(report.files, 'file')} in {count_text(report.partitions, 'partition')}, {size_text(report.bytes)}",
    )
    rate = (
        f"{report.parsed / report.seconds:,.0f} {_plural(round(report.parsed / report.seconds), 'article')} a second"
        if report.seconds > 0
        else ""
    )
    yield "time", duration_text(report.seconds), rate
    yield from _cost_rows(report.costs, report.seconds)


def _cost_rows(costs: Mapping[str, StepCost], run_seconds: float) -> Iterator[tuple[str, str, str]]:
    """The steps that took longest, where steps are what the run took its time for, and the most memory of all.

    Of a short run most is starting and loading a model, which is of no step.
    """
    timed = sorted(((cost.seconds, step) for step, cost in costs.items() if cost.seconds is not None), reverse=True)
    if timed and sum(seconds for seconds, _ in timed) >= run_seconds / 2:
        (most, first), *rest = timed[:_LONGEST_STEPS]
        others = ", ".join(f"{step} {duration_text(seconds)}" for seconds, step in rest)
        yield "longest", duration_text(most), f"{first}; then {others}" if others else first
    peaks = [cost.peak_bytes for cost in costs.values() if cost.peak_bytes is not None]
    if peaks:
        yield "memory", size_text(max(peaks)), "at most"


def _plan_lines(plan: RunPlan) -> Iterator[str]:
    yield f"Plan: {count_text(len(plan.inputs), 'input')} to {plan.output} on {plan.runner}. Nothing is written."
    for warning in plan.warnings:
        yield f"Warning: {warning}"
    yield from _section("Inputs")
    yield from _indented(_input_rows(plan.inputs))
    if len(plan.inputs) > _SHOWN:
        yield f"  … and {len(plan.inputs) - _SHOWN:,} more"
    yield from _section("By format")
    yield from _indented(_format_rows(plan.inputs))
    yield from _section("Committed already")
    yield f"  {count_text(plan.committed_batches, 'batch')}, {count_text(plan.committed_units, 'unit')}"
    yield from _indented((table, f"{rows:,}", _plural(rows, "row")) for table, rows in plan.rows)
    yield from _section("To come")
    if not plan.batches:
        yield "  nothing: every input is committed already"
    shown = list(enumerate(plan.batches, 1))[:_SHOWN]
    yield from _indented((f"batch {number}", count_text(it.units, "unit"), size_text(it.bytes)) for number, it in shown)
    if len(plan.batches) > len(shown):
        yield f"  … and {len(plan.batches) - len(shown):,} more"
    if len(plan.batches) > 1:
        units, size = sum(it.units for it in plan.batches), sum(it.bytes for it in plan.batches)
        yield f"  in all {count_text(len(plan.batches), 'batch')}, {count_text(units, 'unit')}, {size_text(size)}"
    yield from _section("Steps")
    yield from _indented((step.name, "on" if step.is_on else "off", step.note) for step in plan.steps)
    yield from _section("Layout")
    yield from _indented(plan.layout)
    changed = [it for it in plan.settings if it.value != it.default]
    yield from _section("Settings that differ from the defaults")
    yield from _indented((it.name, _value_text(it.value), f"default {_value_text(it.default)}") for it in changed)
    if not changed:
        yield "  none"
    yield from _section("All settings")
    yield from _indented((it.name, _value_text(it.value)) for it in plan.settings)


def _input_rows(inputs: Sequence[PlannedInput]) -> Iterator[tuple[str, ...]]:
    for it in inputs[:_SHOWN]:
        yield it.name, it.format, size_text(it.size), it.standing


def _format_rows(inputs: Iterable[PlannedInput]) -> Iterator[tuple[str, ...]]:
    counts: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for it in inputs:
        counts[it.format] += 1
        sizes[it.format] += it.size
    for name in sorted(counts):
        yield name, count_text(counts[name], "input"), size_text(sizes[name])


def _section(title: str) -> Iterator[str]:
    yield ""
    yield title


def _indented(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    return (f"  {line}" for line in _aligned(rows))


def _aligned(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Columns side by side; those of numbers, sizes and counts to the right, but never the first."""
    columns = [[printable(text) for text in column] for column in zip(*rows, strict=True)]
    padded = []
    for i, column in enumerate(columns):
        width = max(map(len, column))
        is_number = i > 0 and all(_NUMBER.fullmatch(text) for text in column)
        padded.append([text.rjust(width) if is_number else text.ljust(width) for text in column])
    return ("  ".join(row).rstrip() for row in zip(*padded, strict=True))


def _plural(count: int, noun: str) -> str:
    return noun if count == 1 else f"{noun}s"


def _value_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
