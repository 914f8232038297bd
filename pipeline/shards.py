"""A batch on several processes of this machine: what can be done side by side is, by the steps of the one flow.

    each worker     Read → Parse → Normalize → Stage      a part of the units
    the launcher    Deduplicate                           all blocks, in one ordered pass; workers stage the next batch
    each worker     Enrich                                a part of the blocks
    each worker     Write                                 a part of the files
    the launcher    Commit

Workers answer with references, as small as those that cross a shuffle. Which unit, block or file is whose changes no
byte: blocks come in any size, rows are put in order by the pass, and a file is written by one of them.
"""

import heapq
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import apache_beam as beam
from apache_beam.metrics import MetricsFilter
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
from apache_beam.runners.runner import PipelineResult

from pipeline.config import Config
from pipeline.dataset.batch import Batch, Workplace
from pipeline.flow import deduplicate, enrich_blocks, stage_units
from pipeline.meter import Meter, beam_seconds
from pipeline.processes import Pending, Processes
from pipeline.sinks.articles import WriteArticles
from pipeline.sinks.commit import commit_batch
from pipeline.sinks.dead_letters import DeadLetterDoor, write_files
from transforms.enrich import Model
from transforms.schemas import MarkedBlock, Unit

T = TypeVar("T")


class Shards:
    """Does batches, one after the other; while one is decided, the next is staged."""

    def __init__(self, processes: Processes, config: Config, model: Model | None, meter: Meter) -> None:
        """Keeps the workers and what all batches share."""
        self._processes = processes
        self._config = config
        self._model = model
        self._meter = meter
        self._ahead: Pending | None = None

    def run(
        self,
        batch: Batch,
        units: Sequence[Unit],
        ahead: Callable[[], tuple[Workplace, Sequence[Unit]] | None],
        listed: Sequence[Unit] | None = None,
    ) -> None:
        """Does the batch, from its units to its manifest; `ahead` says where and what of the next one is to be staged.

        `listed` are the units that the manifest lists, where they are not those that are read. Raises WorkerFailed, and
        what deciding and committing raise.
        """
        count = len(self._processes)
        with self._meter.phase("Read", "Parse", "Normalize", "Stage"):
            staged = self._joined((self._ahead or self._stage(batch, units)).answers())
        letters = staged["letters"]
        following = ahead()
        self._ahead = None if following is None else self._stage(*following)
        with self._meter.step("Deduplicate"):
            verdict = deduplicate(self._config, batch).decide()(staged["blocks"])
        if self._ahead is not None:
            with self._meter.phase("Read", "Parse", "Normalize", "Stage"):
                self._ahead.wait()  # what it raises is told in its turn: this batch is sound
        if self._model is not None and verdict.blocks:
            with self._meter.phase("Enrich"):
                marked = parts(verdict.blocks, count, lambda it: it.block.rows)
                enriched = [(self._config, batch, self._model, blocks) for blocks in marked]
                letters += self._joined(self._processes.each(enrich_shard, enriched))["letters"]
        with self._meter.phase("Write"):
            marked = shares_of_files(verdict.blocks, count)
            files = self._joined(self._processes.each(write_shard, [(batch, blocks) for blocks in marked]))["files"]
        with self._meter.step("Commit"):
            letter_files = list(write_files(letters, batch))
            listed = units if listed is None else listed
            commit_batch(verdict, files, letter_files, sum(staged["documents"]), batch, listed, time.time)

    def _stage(self, place: Workplace, units: Sequence[Unit]) -> Pending:
        shares = parts(units, len(self._processes), lambda unit: unit.size)
        return self._processes.start(stage_shard, [(self._config, place, share) for share in shares])

    def _joined(self, answers: Sequence["Answer"]) -> dict[str, list[Any]]:
        """What all shards answer, together."""
        joined: dict[str, list[Any]] = defaultdict(list)
        for answer in answers:
            for name, elements in answer.found.items():
                joined[name] += elements
            self._meter.add(answer.seconds)
        return joined


@dataclass(frozen=True, slots=True)
class Answer:
    """What a shard answers: the elements of its collections by name, and the seconds of its steps."""

    found: dict[str, list[Any]]
    seconds: dict[str, float]


def stage_shard(config: Config, place: Workplace, units: Sequence[Unit]) -> Answer:
    """Reads and stages some units: blocks of articles, blocks of dead letters, and the number of documents."""

    def build(root: beam.Pipeline) -> None:
        with DeadLetterDoor(place, _keep("letters")) as errors:
            _, blocks = stage_units(root, units, config, place, errors)
        _ = blocks | "KeepBlocks" >> _keep("blocks")

    answer, result = _run(build)
    counted = result.metrics().query(MetricsFilter().with_namespace("read").with_name("documents"))["counters"]
    answer.found["documents"] = [counter.committed for counter in counted]
    return answer


def enrich_shard(config: Config, batch: Batch, model: Model, blocks: Sequence[MarkedBlock]) -> Answer:
    """Enriches some blocks; answers the blocks of dead letters."""

    def build(root: beam.Pipeline) -> None:
        with DeadLetterDoor(batch, _keep("letters")) as errors:
            enrich_blocks(root | "Blocks" >> beam.Create(blocks), batch, model, errors)

    return _run(build)[0]


def write_shard(batch: Batch, blocks: Sequence[MarkedBlock]) -> Answer:
    """Writes the files that the blocks name."""

    def build(root: beam.Pipeline) -> None:
        _ = root | "Blocks" >> beam.Create(blocks) | "Write" >> WriteArticles(batch) | "KeepFiles" >> _keep("files")

    return _run(build)[0]


def parts(items: Iterable[T], count: int, weight: Callable[[T], int]) -> list[list[T]]:
    """The items in at most `count` parts of about the same weight, none empty; in each they keep their order."""
    ordered = list(items)
    held = [(0, number) for number in range(count)]
    part_of: dict[int, int] = {}
    for at in sorted(range(len(ordered)), key=lambda at: -weight(ordered[at])):
        total, number = heapq.heappop(held)
        part_of[at] = number
        heapq.heappush(held, (total + weight(ordered[at]), number))
    shares: list[list[T]] = [[] for _ in range(count)]
    for at, item in enumerate(ordered):
        shares[part_of[at]].append(item)
    return [share for share in shares if share]


def shares_of_files(blocks: Sequence[MarkedBlock], count: int) -> list[list[MarkedBlock]]:
    """The blocks for each worker, each naming the files only that are that worker's to write."""
    pieces: dict[int, int] = {}
    for marked in blocks:
        for file, _ in marked.files:
            pieces[file.number] = pieces.get(file.number, 0) + 1
    shares = []
    for numbers in parts(sorted(pieces), count, lambda number: pieces[number]):
        mine = set(numbers)
        named = [
            MarkedBlock(it.number, it.block, tuple(piece for piece in it.files if piece[0].number in mine))
            for it in blocks
        ]
        shares.append([marked for marked in named if marked.files])
    return shares


_found: dict[str, list[Any]] = defaultdict(list)
"""What the pipeline of this process, which runs one at a time, has found."""


def _run(build: Callable[[beam.Pipeline], None]) -> tuple[Answer, PipelineResult]:
    """Runs a pipeline in this process and answers what it keeps."""
    _found.clear()
    root = beam.Pipeline(runner=FnApiRunner(), options=PipelineOptions([]))
    build(root)
    result = root.run()
    result.wait_until_finish()
    return Answer(dict(_found), beam_seconds(result)), result


def _keep(name: str) -> beam.PTransform[beam.PCollection[Any], beam.PCollection[None]]:
    """The end of a collection whose elements, few and small, are part of the answer."""
    end: beam.PTransform[beam.PCollection[Any], beam.PCollection[None]] = beam.Map(_kept, name)
    return end


def _kept(element: Any, name: str) -> None:
    _found[name].append(element)
