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
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner

from pipeline.config import Config
from pipeline.dataset.batch import Batch
from pipeline.flow import deduplicate, enrich_blocks, stage_units
from pipeline.processes import Processes
from pipeline.sinks.articles import WriteArticles
from pipeline.sinks.commit import commit_batch
from pipeline.sinks.dead_letters import DeadLetterDoor, write_files
from transforms.enrich import Model
from transforms.schemas import Block, DatasetFile, MarkedBlock, Unit

T = TypeVar("T")


def run_batch(processes: Processes, config: Config, batch: Batch, model: Model | None, folder: str) -> None:
    """Does the batch, from its units to its manifest. `folder` is for what workers answer.

    Raises WorkerFailed, and what deciding and committing raise.
    """
    count = len(processes)
    staged = processes.each(
        stage_shard, [(config, batch, units, folder) for units in parts(batch.units, count, lambda unit: unit.size)]
    )
    letters = [block for _, blocks, _ in staged for block in blocks]
    verdict = deduplicate(config, batch).decide()([block for blocks, _, _ in staged for block in blocks])
    if model is not None and verdict.blocks:
        shares = parts(verdict.blocks, count, lambda marked: marked.block.rows)
        enriched = processes.each(enrich_shard, [(config, batch, model, blocks, folder) for blocks in shares])
        letters += [block for blocks in enriched for block in blocks]
    shares = shares_of_files(verdict.blocks, count)
    written = processes.each(write_shard, [(batch, blocks, folder) for blocks in shares])
    files = [file for files in written for file in files]
    documents = sum(count for _, _, count in staged)
    commit_batch(verdict, files, list(write_files(letters, batch)), documents, batch, time.time)


def stage_shard(
    config: Config, batch: Batch, units: Sequence[Unit], folder: str
) -> tuple[list[Block], list[Block], int]:
    """Reads and stages some units: blocks of articles, blocks of dead letters, and the number of documents."""

    def build(root: beam.Pipeline) -> dict[str, beam.PCollection[Any]]:
        with DeadLetterDoor(batch, write=False) as errors:
            documents, blocks = stage_units(root, units, config, batch, errors)
        read = documents | "CountDocuments" >> beam.combiners.Count.Globally()
        return {"blocks": blocks, "letters": errors.output(), "documents": read}

    found = _run(build, folder)
    return found["blocks"], found["letters"], found["documents"][0]


def enrich_shard(config: Config, batch: Batch, model: Model, blocks: Sequence[MarkedBlock], folder: str) -> list[Block]:
    """Enriches some blocks; answers the blocks of dead letters."""

    def build(root: beam.Pipeline) -> dict[str, beam.PCollection[Any]]:
        with DeadLetterDoor(batch, write=False) as errors:
            enrich_blocks(root | "Blocks" >> beam.Create(blocks), batch, model, errors)
        return {"letters": errors.output()}

    letters: list[Block] = _run(build, folder)["letters"]
    return letters


def write_shard(batch: Batch, blocks: Sequence[MarkedBlock], folder: str) -> list[DatasetFile]:
    """Writes the files that the blocks name."""

    def build(root: beam.Pipeline) -> dict[str, beam.PCollection[Any]]:
        return {"files": root | "Blocks" >> beam.Create(blocks) | "Write" >> WriteArticles(batch)}

    files: list[DatasetFile] = _run(build, folder)["files"]
    return files


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


def _run(build: Callable[[beam.Pipeline], dict[str, beam.PCollection[Any]]], folder: str) -> dict[str, list[Any]]:
    """Runs a pipeline in this process and answers the elements of its collections, which are few and small."""
    root = beam.Pipeline(runner=FnApiRunner(), options=PipelineOptions([]))
    kept = {}
    for name, collection in build(root).items():
        kept[name] = os.path.join(folder, f"{name}-{uuid.uuid4().hex}.pickle")
        label = name.capitalize()
        _ = collection | f"All{label}" >> beam.combiners.ToList() | f"Keep{label}" >> beam.Map(_keep, kept[name])
    root.run().wait_until_finish()
    return {name: _kept(path) for name, path in kept.items()}


def _keep(elements: list[Any], path: str) -> None:
    with open(path, "wb") as file:
        pickle.dump(elements, file)


def _kept(path: str) -> list[Any]:
    with open(path, "rb") as file:
        elements: list[Any] = pickle.load(file)
    os.unlink(path)
    return elements
