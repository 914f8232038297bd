"""A corpus as the project's own steps stage it, and what the one pass decides on it, without Beam.

The functions that are called are those that the steps call. `stage` keeps blocks, fingerprints included, under the
build directory, so that a pass with other thresholds costs seconds; `decide` is one such pass over a whole corpus that
nothing came before.
"""

import json
import shutil
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from pipeline.config import Config
from pipeline.dataset.segments import table_of
from pipeline.dataset.staging import StagedBlocks
from pipeline.dataset.stores import open_storage
from pipeline.flow import cleaning_of
from pipeline.sources.documents import ReadOptions
from pipeline.sources.inputs import find_inputs
from pipeline.sources.read import read_documents
from pipeline.sources.units import plan_units
from pipeline.tally import NoTally
from tests.benchmarks.bench import ROOT, digest_of, say
from tests.benchmarks.score import Output
from transforms.blocks import encode_block, marks_of, open_block
from transforms.dedupe import FileLimits, decide_batch
from transforms.parse import ParseOptions, read_entries
from transforms.schemas import Article, Block, BlockStore, DatasetFile, Document, EntryTable, IndexEntry, Link, Unit
from transforms.text.articles import clean_document
from transforms.text.likeness import Likeness

CONFIG = Config()
BLOCK_ROWS = CONFIG.batch.block_rows
READING, PARSING = ReadOptions(), ParseOptions()
CLEANING = cleaning_of(CONFIG)
LIMITS = FileLimits(CONFIG.write.max_file_rows, CONFIG.write.max_file_mebibytes << 20)


def units_of(inputs: Path) -> list[Unit]:
    """The units that a first run would read."""
    return plan_units(find_inputs((str(inputs),)).files, 0, frozenset(), int(CONFIG.source.slice_mebibytes * (1 << 20)))


def documents_of(unit: Unit) -> list[Document]:
    """The documents of a unit. Raises ValueError for what is none: a corpus has no bad inputs."""
    documents = []
    for item in read_documents(unit, READING):
        if not isinstance(item, Document):
            raise ValueError(f"{unit.name}: {item}")
        documents.append(item)
    return documents


def articles_of(unit: Unit) -> Iterator[Article]:
    """The clean articles of a unit."""
    for document in documents_of(unit):
        yield from clean_document(tuple(read_entries(document, PARSING)), CLEANING)[0]


@dataclass(frozen=True)
class Staged:
    """The blocks of a corpus, fingerprints in them."""

    folder: Path
    blocks: tuple[Block, ...]

    @property
    def store(self) -> BlockStore:
        """Where they lie."""
        return StagedBlocks(open_storage(str(self.folder)), "blocks")


def stage(inputs: Path, lengths: Collection[int], folder: Path) -> dict[int, Staged]:
    """The blocks of the corpus by shingles of each of these lengths, made where they are not there yet.

    The name of what is kept holds a digest of the code that makes it. Parsing and cleaning is done once for all.
    """
    code = digest_of([*sorted((ROOT / "transforms").rglob("*.py")), *sorted((ROOT / "pipeline/sources").rglob("*.py"))])
    folders = {length: folder / f"{inputs.parent.name}-k{length}-{code}" for length in lengths}
    missing = {length: path for length, path in folders.items() if not (path / "blocks.json").is_file()}
    if missing:
        say(f"staging {inputs.parent.name} by shingles of {', '.join(map(str, missing))} words")
        _stage(inputs, missing)
    return {
        length: Staged(path, tuple(Block(*block) for block in json.loads((path / "blocks.json").read_text())))
        for length, path in folders.items()
    }


def _stage(inputs: Path, folders: dict[int, Path]) -> None:
    for path in folders.values():
        shutil.rmtree(path, ignore_errors=True)
    stores = {length: StagedBlocks(open_storage(str(path)), "blocks") for length, path in folders.items()}
    names: dict[int, list[tuple[str, int]]] = {length: [] for length in folders}
    for articles in batched((article for unit in units_of(inputs) for article in articles_of(unit)), BLOCK_ROWS):
        for length, store in stores.items():
            block, data = encode_block(articles, length)
            store.write(block.name, data)
            names[length].append((block.name, block.rows))
    for length, path in folders.items():
        (path / "blocks.json").write_text(json.dumps(names[length]))


def batched(articles: Iterable[Article], size: int) -> Iterator[list[Article]]:
    """The articles, so many at a time."""
    rest = iter(articles)
    while some := list(islice(rest, size)):
        yield some


def decide(staged: Staged, likeness: Likeness | None) -> Output:
    """What the one pass makes of a corpus, for the scorer: clusters by `<file>#<entry>`, and the rows that stay."""
    store = _Beside(staged.store)
    verdict = decide_batch(staged.blocks, store, NoPast(), LIMITS, NoTally(), likeness)
    clusters: dict[str, str] = {}
    kept: set[str] = set()
    for marked in verdict.blocks:
        tables = {file.number: file.table for file, _ in marked.files}
        marks = open_block(store, marks_of(marked.block)).read_all()
        places = open_block(store, marked.block.name).read_all().select(["source", "entry"])
        columns = (*places.columns, marks["file"], marks["cluster_id"])
        for source, entry, file, cluster in zip(*(column.to_pylist() for column in columns), strict=True):
            if file < 0:
                continue
            clusters[f"{source}#{entry}"] = cluster.hex()
            if tables[file] == "articles":
                kept.add(f"{source}#{entry}")
    return Output(clusters, frozenset(kept))


@dataclass
class _Beside:
    """A block store over another one: what is written stays in memory, and with it what is already there."""

    under: BlockStore
    written: dict[str, pa.Buffer] = field(default_factory=dict)

    def write(self, name: str, data: bytes | memoryview) -> None:
        """Keeps the bytes."""
        self.written[name] = pa.py_buffer(data)

    def open(self, name: str) -> BinaryIO:
        """Opens what was written, else what lies below."""
        return pa.BufferReader(self.written[name]) if name in self.written else self.under.open(name)


class NoPast:
    """The History of a dataset in which nothing is."""

    rows = 0
    unit_time = 0
    tombstones: frozenset[bytes] = frozenset()

    def find(self, column: str, values: Collection[bytes]) -> list[IndexEntry]:
        """Nothing."""
        return []

    def neighbours(self, bands: bytes | memoryview) -> EntryTable:
        """Nothing."""
        return table_of([])

    def numbers(self, values: Collection[int]) -> list[IndexEntry]:
        """Nothing."""
        return []

    def save(self, entries: EntryTable, links: Sequence[Link]) -> tuple[tuple[DatasetFile, ...], tuple[str, ...]]:
        """Keeps nothing."""
        return (), ()
