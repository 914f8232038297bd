"""A batch on several processes of this machine: what can be done side by side is, by the steps of the one flow.

    each worker     Read → Parse → Normalize → Stage      a part of the units
    the launcher    Deduplicate                           all blocks, in one ordered pass
    each worker     Enrich                                a part of the blocks
    each worker     Write                                 a part of the files
    the launcher    Commit

Workers answer with references, as small as those that cross a shuffle. Which unit, block or file is whose changes no
byte: blocks come in any size, rows are put in order by the pass, and a file is written by one of them.
"""

import heapq
import os
import pickle
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner

from pipeline.config import Config
from pipeline.dataset.batch import Batch
from pipeline.flow import deduplicate, enrich_blocks, stage_units
from pipeline.meter import Meter, beam_seconds
from pipeline.processes import Processes
from pipeline.sinks.articles import WriteArticles
from pipeline.sinks.commit import commit_batch
from pipeline.sinks.dead_letters import DeadLetterDoor, write_files
from transforms.enrich import Model
from transforms.schemas import MarkedBlock, Unit

T = TypeVar("T")


def run_batch(
    processes: Processes, config: Config, batch: Batch, model: Model | None, folder: str, meter: Meter
) -> None:
    """Does the batch, from its units to its manifest. `folder` is for what workers answer.

    Raises WorkerFailed, and what deciding and committing raise.
    """
    count = len(processes)
    with meter.phase("Read", "Parse", "Normalize", "Stage"):
        shares = parts(batch.units, count, lambda unit: unit.size)
        staged = _each(processes, meter, stage_shard, [(config, batch, units, folder) for units in shares])
    letters = staged["letters"]
    with meter.step("Deduplicate"):
        verdict = deduplicate(config, batch).decide()(staged["blocks"])
    if model is not None and verdict.blocks:
        with meter.phase("Enrich"):
            marked = parts(verdict.blocks, count, lambda it: it.block.rows)
            enriched = [(config, batch, model, blocks, folder) for blocks in marked]
            letters += _each(processes, meter, enrich_shard, enriched)["letters"]
    with meter.phase("Write"):
        marked = shares_of_files(verdict.blocks, count)
        files = _each(processes, meter, write_shard, [(batch, blocks, folder) for blocks in marked])["files"]
    with meter.step("Commit"):
        letter_files = list(write_files(letters, batch))
        commit_batch(verdict, files, letter_files, sum(staged["documents"]), batch, time.time)


def stage_shard(config: Config, batch: Batch, units: Sequence[Unit], folder: str) -> "Answer":
    """Reads and stages some units: blocks of articles, blocks of dead letters, and the number of documents."""

    def build(root: beam.Pipeline) -> dict[str, beam.PCollection[Any]]:
        with DeadLetterDoor(batch, write=False) as errors:
            documents, blocks = stage_units(root, units, config, batch, errors)
        read = documents | "CountDocuments" >> beam.combiners.Count.Globally()
        return {"blocks": blocks, "letters": errors.output(), "documents": read}

    return _run(build, folder)


def enrich_shard(config: Config, batch: Batch, model: Model, blocks: Sequence[MarkedBlock], folder: str) -> "Answer":
    """Enriches some blocks; answers the blocks of dead letters."""

    def build(root: beam.Pipeline) -> dict[str, beam.PCollection[Any]]:
        with DeadLetterDoor(batch, write=False) as errors:
            enrich_blocks(root | "Blocks" >> beam.Create(blocks), batch, model, errors)
        return {"letters": errors.output()}

    return _run(build, folder)


def write_shard(batch: Batch, blocks: Sequence[MarkedBlock], folder: str) -> "Answer":
    """Writes the files that the blocks name."""

    def build(root: beam.Pipeline) -> dict[str, beam.PCollection[Any]]:
        return {"files": root | "Blocks" >> beam.Create(blocks) | "Write" >> WriteArticles(batch)}

    return _run(build, folder)


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


@dataclass(frozen=True, slots=True)
class Answer:
    """What a shard answers: the elements of its collections by name, and the seconds of its steps."""

    found: dict[str, list[Any]]
    seconds: dict[str, float]


def _each(
    processes: Processes, meter: Meter, work: Callable[..., Answer], arguments: Sequence[tuple[Any, ...]]
) -> dict[str, list[Any]]:
    """Has every shard done, and joins what they answer."""
    joined: dict[str, list[Any]] = defaultdict(list)
    for answer in processes.each(work, arguments):
        for name, elements in answer.found.items():
            joined[name] += elements
        meter.add(answer.seconds)
    return joined


def _run(build: Callable[[beam.Pipeline], dict[str, beam.PCollection[Any]]], folder: str) -> Answer:
    """Runs a pipeline in this process and answers the elements of its collections, which are few and small."""
    root = beam.Pipeline(runner=FnApiRunner(), options=PipelineOptions([]))
    kept = {}
    for name, collection in build(root).items():
        kept[name] = os.path.join(folder, f"{name}-{uuid.uuid4().hex}.pickle")
        label = name.capitalize()
        _ = collection | f"All{label}" >> beam.combiners.ToList() | f"Keep{label}" >> beam.Map(_keep, kept[name])
    result = root.run()
    result.wait_until_finish()
    return Answer({name: _kept(path) for name, path in kept.items()}, beam_seconds(result))


def _keep(elements: list[Any], path: str) -> None:
    with open(path, "wb") as file:
        pickle.dump(elements, file)


def _kept(path: str) -> list[Any]:
    with open(path, "rb") as file:
        elements: list[Any] = pickle.load(file)
    os.unlink(path)
    return elements
