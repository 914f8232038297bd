"""Where the time goes: CPU of each step an article, beside the floor of that step. As Markdown.

    make bench BENCH=steps ARGS="--articles 10000"
    python -m tests.benchmarks.steps --articles 10000 [--seed 1] [--repeats 3]

The functions that the steps call are called here over a whole corpus, in one process and without Beam, each step
`--repeats` times over what the step before made; the least CPU counts. A block's worth of articles goes through Read to
Stage at a time, so memory is that of a run. The floor is the same work by the cheapest means that we know, on input
that is ready: what a step could not fall below without doing less. Where there is none to name it stands empty.

At the end one whole run of the command is measured, and one over a single article, which is the fixed start. What the
steps do not account for is Beam: its graph, its bundles, its encoding.

An article is every record of the corpus, hard negatives and re-fetches too.
"""

import argparse
import hashlib
import html
import json
import re
import shutil
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from lxml import etree
from numpy.typing import NDArray
from rensa import RMinHash

from pipeline.dataset.batch import Batch
from pipeline.dataset.stores import open_storage
from pipeline.sinks.articles import pieces_of, write_file
from pipeline.sinks.history import BatchHistory
from pipeline.tally import NoTally
from tests.batches import batch_after
from tests.benchmarks.bench import BEAMWIRE, BUILD, ROOT, corpus_folder, heading, markdown, read_once, say, words_of
from tests.benchmarks.measure import measure
from tests.benchmarks.staged import BLOCK_ROWS, CLEANING, CONFIG, LIMITS, PARSING, documents_of, units_of
from transforms import dedupe
from transforms.blocks import BLOCK_SCHEMA, MARKS_SCHEMA, encode_batches, encode_block, marks_of, open_block
from transforms.dedupe import decide_batch
from transforms.parse import read_entries
from transforms.schemas import Article, Block, Document, PlannedFile, RawEntry, Unit, Verdict
from transforms.text import arrival
from transforms.text.articles import clean_document
from transforms.text.fingerprints import PERMUTATIONS, fingerprint, rule_number
from transforms.text.likeness import Likeness
from transforms.text.shingles import shingle_hashes

NEAR = CONFIG.dedupe.near
LIKENESS = Likeness(NEAR.threshold, NEAR.loose_threshold, NEAR.min_shingles)

PASS = ("keys of the blocks, in order", "identity", "candidates", "clusters", "files", "marks", "index and links")
"""The parts of the one pass, in their order."""

_TAG = re.compile(r"<[^>]+>")
_RENSA_TEXTS = 128  # from 256 on it starts threads

T = TypeVar("T")


@dataclass
class Stopwatch:
    """CPU seconds by name. `clock` is that of the process, all its threads taken together."""

    repeats: int
    clock: Callable[[], float] = time.process_time
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    def spend(self, name: str, work: Callable[[], T]) -> T:
        """Does the work as often as is said, adds the least time to the name, and gives what the last one gave."""
        least = float("inf")
        for _ in range(self.repeats):
            started = self.clock()
            done = work()
            least = min(least, self.clock() - started)
        self.seconds[name] += least
        return done


@dataclass
class Steps:
    """The steps over one corpus: what they cost (`watch`) and what their floors do (`floor`)."""

    batch: Batch
    units: Sequence[Unit]
    watch: Stopwatch
    floor: Stopwatch
    articles: int = 0

    def stage(self) -> list[Block]:
        """Read to Stage, a block at a time."""
        blocks = []
        held: list[Article] = []
        for units in _some(self.units, 64):
            held += self._cleaned(units)
            while len(held) >= BLOCK_ROWS:
                blocks.append(self._staged(held[:BLOCK_ROWS]))
                held = held[BLOCK_ROWS:]
        return [*blocks, self._staged(held)] if held else blocks

    def _cleaned(self, units: Sequence[Unit]) -> list[Article]:
        paths = [Path(unit.path) for unit in units]
        bodies = self.floor.spend("read", lambda: [path.read_bytes() for path in paths])
        self.floor.spend("parse", lambda: [_parsed(path, body) for path, body in zip(paths, bodies, strict=True)])
        documents: list[Document] = self.watch.spend(
            "read", lambda: [it for unit in units for it in documents_of(unit)]
        )
        parsed: list[tuple[RawEntry, ...]] = self.watch.spend(
            "parse", lambda: [tuple(read_entries(document, PARSING)) for document in documents]
        )
        self.floor.spend("clean", lambda: [_text(entry) for entries in parsed for entry in entries])
        cleaned: list[Article] = self.watch.spend(
            "clean", lambda: [article for entries in parsed for article in clean_document(entries, CLEANING)[0]]
        )
        self.articles += len(cleaned)
        return cleaned

    def _staged(self, articles: list[Article]) -> Block:
        texts = [article.text for article in articles]
        self.watch.spend("fingerprint", lambda: fingerprint(texts, NEAR.shingle_words))
        hashed = [shingle_hashes(some, NEAR.shingle_words) for some in _some(texts, _RENSA_TEXTS)]
        self.floor.spend("fingerprint", lambda: [_signatures(hashes, offsets) for hashes, offsets in hashed])

        def encode(shingle_words: int | None) -> Block:
            block, data = encode_block(articles, shingle_words)
            self.batch.blocks.write(block.name, data)
            return block

        self.watch.spend("encode and stage", lambda: encode(None))
        block = encode(NEAR.shingle_words)
        batches = _batches(open_block(self.batch.blocks, block.name))
        self.floor.spend(
            "encode and stage",
            lambda: self.batch.blocks.write("floor", encode_batches(BLOCK_SCHEMA, batches)),
        )
        return block

    def decide(self, blocks: Sequence[Block]) -> Verdict:
        """The one pass, part by part."""
        parts: dict[str, list[float]] = defaultdict(list)
        for _ in range(self.watch.repeats):
            with marked_moments(self.watch.clock) as moments:
                started = self.watch.clock()
                verdict = decide_batch(blocks, self.batch.blocks, BatchHistory(self.batch), LIMITS, NoTally(), LIKENESS)
                ended = self.watch.clock()
            for name, seconds in parts_of_pass(moments, started, ended).items():
                parts[name].append(seconds)
        for name in PASS:
            self.watch.seconds[name] = min(parts[name])
        self._floors_of_pass(blocks, verdict)
        return verdict

    def _floors_of_pass(self, blocks: Sequence[Block], verdict: Verdict) -> None:
        keys = pa.concat_tables([_table(self.batch, block.name) for block in blocks]).select(
            ["unit", "position", "entry", "url_key", "guid_key", "bands"]
        )
        order = [keys[name].to_pylist() for name in ("unit", "position", "entry")]
        self.floor.spend(PASS[0], lambda: sorted(zip(*order, strict=True)))
        named = [keys[name].to_pylist() for name in ("url_key", "guid_key")]
        self.floor.spend("identity", lambda: _first_of_each(*named))
        bands = np.frombuffer(b"".join(keys["bands"].to_pylist()), "<u4").reshape(len(keys), -1)
        columns = [np.ascontiguousarray(column).astype(np.uint64) << 32 for column in bands.T]
        self.floor.spend("candidates", lambda: [np.sort(column) for column in columns])
        marks = [_batches(open_block(self.batch.blocks, marks_of(block))) for block in blocks]
        self.floor.spend("marks", lambda: [encode_batches(MARKS_SCHEMA, batches) for batches in marks])
        written = [(file.table, _written(self.batch, file.path)) for file in verdict.written]
        self.floor.spend("index and links", lambda: [_as_parquet(table) for _, table in written])

    def write(self, verdict: Verdict) -> None:
        """The data files."""
        pieces: dict[int, list[tuple[PlannedFile, Block, int]]] = defaultdict(list)
        for marked in verdict.blocks:
            for number, piece in pieces_of(marked):
                pieces[number].append(piece)
        for planned in sorted(pieces.items()):
            file = self.watch.spend("write", partial(write_file, planned, self.batch))
            table = _written(self.batch, file.path)
            self.floor.spend("write", partial(_as_parquet, table, self.batch.parquet.compression_level))


@contextmanager
def marked_moments(clock: Callable[[], float]) -> Iterator[dict[str, list[float]]]:
    """Notes when the functions that part the one pass begin and end; each is called once a pass or once a block."""
    moments: dict[str, list[float]] = defaultdict(list)

    def noted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            moments[f"{name} begins"].append(clock())
            try:
                return function(*arguments, **named)
            finally:
                moments[f"{name} ends"].append(clock())

        return call

    with ExitStack() as stack:
        for module, name in ((dedupe, "decide"), (arrival, "_candidates"), (dedupe, "_mark")):
            stack.enter_context(mock.patch.object(module, name, noted(name, getattr(module, name))))
        yield moments


def parts_of_pass(moments: dict[str, list[float]], started: float, ended: float) -> dict[str, float]:
    """The seconds between those moments."""
    borders = [
        started,
        moments["decide begins"][0],
        moments["_candidates begins"][0],
        moments["_candidates ends"][0],
        moments["decide ends"][0],
        moments["_mark begins"][0],
        moments["_mark ends"][-1],
        ended,
    ]
    return {name: after - before for name, before, after in zip(PASS, borders[:-1], borders[1:], strict=True)}


# The floors.


def _parsed(path: Path, body: bytes) -> object:
    return json.loads(body) if path.suffix == ".json" else etree.fromstring(body)


def _text(entry: RawEntry) -> str:
    stripped = _TAG.sub(" ", entry.content or "")
    return html.unescape(stripped) if "&" in stripped else stripped


def _signatures(hashes: NDArray[np.uint64], offsets: NDArray[np.uint64]) -> object:
    return RMinHash.digest_matrix_from_flat_token_hashes(hashes, offsets, PERMUTATIONS, 42).to_rows()


def _first_of_each(*columns: Sequence[bytes | None]) -> int:
    first: dict[bytes | None, int] = {}
    for keys in columns:
        for row, key in enumerate(keys):
            first.setdefault(key, row)
    return len(first)


def _as_parquet(table: pa.Table, level: int = 3) -> int:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", compression_level=level)
    return int(sink.tell())


def _checksums(paths: Sequence[Path]) -> list[bytes]:
    return [hashlib.sha256(path.read_bytes()).digest() for path in paths]


# What they are made of.


def _some(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (values[start : start + size] for start in range(0, len(values), size))


def _batches(reader: pa.ipc.RecordBatchFileReader) -> list[pa.RecordBatch]:
    return [reader.get_batch(number) for number in range(reader.num_record_batches)]


def _table(batch: Batch, name: str) -> pa.Table:
    return open_block(batch.blocks, name).read_all()


def _written(batch: Batch, path: str) -> pa.Table:
    return pq.read_table(pa.BufferReader(batch.storage.read(path))).combine_chunks()


def _batch(folder: Path) -> Batch:
    """A first batch in a dataset of which nothing is kept."""
    rule = rule_number(NEAR.shingle_words)
    return batch_after(open_storage(str(folder)), "steps", fingerprint=rule, max_payload_bytes=1 << 20)


def measure_steps(corpus: Path, folder: Path, repeats: int) -> Steps:
    """All steps over a corpus, in a folder that is emptied before and after."""
    shutil.rmtree(folder, ignore_errors=True)
    watch, floor = Stopwatch(repeats), Stopwatch(repeats)
    read_once(corpus / "feeds")
    units = watch.spend("find and checksum", lambda: units_of(corpus / "feeds"))
    floor.spend("find and checksum", lambda: _checksums([Path(unit.path) for unit in units]))
    steps = Steps(_batch(folder), units, watch, floor)
    blocks = steps.stage()
    steps.write(steps.decide(blocks))
    shutil.rmtree(folder)
    return steps


def measure_runs(corpus: Path, folder: Path, repeats: int, beamwire: str) -> tuple[float, float]:
    """CPU seconds of a run over the corpus, and of one over a single article; the least of several."""
    single = folder / "single"
    single.mkdir(parents=True, exist_ok=True)
    (single / "one.txt").write_text("A short story. It has a title, and a few words of text.\n")
    least = []
    for inputs in (corpus / "feeds", single):
        costs = []
        for _ in range(repeats):
            output = folder / "dataset"
            shutil.rmtree(output, ignore_errors=True)
            words = words_of(beamwire, corpus=inputs, output=output)
            costs.append(measure(words, folder.with_name(f"{folder.name}.log"), ROOT).cpu_seconds)
            say(f"a run over {inputs.name}: {costs[-1]:.1f} s CPU")
        least.append(min(costs))
    shutil.rmtree(folder)
    return least[0], least[1]


STEPS = ("find and checksum", "read", "parse", "clean", "fingerprint", "encode and stage", *PASS, "write")
"""What is measured, in the order of the flow."""

FLOORS = {
    "find and checksum": "SHA-256 of the bytes",
    "read": "the bytes of the files",
    "parse": "lxml or json alone",
    "clean": "tags off by one regular expression, unescaped",
    "fingerprint": "rensa on ready hashes",
    "encode and stage": "ready record batches",
    PASS[0]: "sorting ready tuples",
    "identity": "a dict of the keys",
    "candidates": "32 sorts",
    "marks": "ready record batches",
    "index and links": "Parquet of ready columns",
    "write": "Parquet of ready columns",
}
"""What each floor does."""


def table(steps: Steps, whole: float | None, start: float | None) -> Iterator[str]:
    """Steps, their floors, and what of a whole run they account for."""

    def micros(seconds: float) -> str:
        return f"{seconds / steps.articles * 1e6:,.1f}"

    rows = []
    for name in STEPS:
        shown = f"one pass: {name}" if name in PASS else name
        floor = micros(steps.floor.seconds[name]) if name in FLOORS else ""
        rows.append([shown, micros(steps.watch.seconds[name]), floor, FLOORS.get(name, "")])
    total, floors = sum(steps.watch.seconds[name] for name in STEPS), sum(steps.floor.seconds[name] for name in FLOORS)
    rows.append(["**all steps**", micros(total), micros(floors), ""])
    if whole is not None and start is not None:
        rows.append(["fixed start", micros(start), "", f"{start:.2f} s: a run over one article"])
        rows.append(["the rest: Beam", micros(whole - start - total), "", ""])
        rows.append(["**the command**", micros(whole), "", f"{whole:.2f} s"])
    yield from markdown([f"µs CPU an article, of {steps.articles:,}", "step", "floor", "the floor is"], rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.steps", description="CPU of each step an article, beside its floor."
    )
    parser.add_argument("--articles", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3, help="of which the least counts")
    parser.add_argument("--without-command", action="store_true", help="only the steps, no run of the whole command")
    parser.add_argument("--beamwire", default=BEAMWIRE, metavar="COMMAND", help="default: %(default)s")
    parser.add_argument("--build", type=Path, default=BUILD, metavar="DIR", help="default: build/bench")
    options = parser.parse_args(arguments)
    above = list(heading("steps", arguments))
    corpus = corpus_folder(options.build, options.articles, options.seed, "feeds")
    folder = options.build / "steps"
    steps = measure_steps(corpus, folder, options.repeats)
    whole = start = None
    if not options.without_command:
        whole, start = measure_runs(corpus, folder, options.repeats, options.beamwire)
    sys.stdout.write("\n".join((*above, *table(steps, whole, start))) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
