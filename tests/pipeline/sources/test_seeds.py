"""The samples are documentation: each is listed, each gives what the page says."""

import importlib.util
import re
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from pipeline.sources.documents import ReadOptions, Skipped
from pipeline.sources.inputs import find_inputs
from pipeline.sources.read import read_documents
from pipeline.sources.units import plan_units
from tests.pipeline.sources.reading import letters
from transforms.schemas import DeadLetter, Document

SEEDS = Path(__file__).resolve().parents[3] / "seeds"
PAGE = (SEEDS / "README.md").read_text(encoding="utf-8")

DOCUMENTS = {
    "text/cafe-cp1252.txt": {"text": 1},
    "text/glacier-utf16.txt": {"text": 1},
    "text/harbour-ferry.txt": {"text": 1},
    "text/us-pakistan-ties.txt": {"text": 1},
    "pages/bridge-inspection.html": {"page": 1},
    "pages/library-latin1.html": {"page": 1},
    "feeds/atom-0.3.xml": {"feed": 1},
    "feeds/atom-1.0.atom": {"feed": 1},
    "feeds/json-feed-1.1.json": {"feed": 1},
    "feeds/rss-0.91.xml": {"feed": 1},
    "feeds/rss-1.0.rdf": {"feed": 1},
    "feeds/rss-2.0-day-1.xml": {"feed": 1},
    "feeds/rss-2.0-day-2.xml": {"feed": 1},
    "records/agency.json": {"record": 3},
    "records/canal-post.parquet": {"record": 3},
    "records/council.csv": {"record": 3},
    "records/markets.tsv": {"record": 2},
    "records/regional-cp1252.csv": {"record": 2},
    "records/wire-1.jsonl": {"record": 3},
    "records/wire-2.jsonl.gz": {"record": 3},
    "records/wire-3.jsonl.zst": {"record": 2},
    "archives/crawl.warc.gz": {"page": 2, "feed": 1, "record_type": 2, "status": 1, "content_type": 1},
}

READ_LETTERS = {
    "binary.txt": (0, "unknown_format"),
    "empty.txt": (0, "empty_document"),
    "half.jsonl.gz": (2, "broken_compression"),
    "report.html": (0, "unknown_format"),
    "shifted-cells.csv": (1, "malformed_record"),
    "sitemap.xml": (0, "unknown_format"),
    "torn.warc.gz": (2, "broken_container"),
    "unclosed-quote.csv": (1, "broken_container"),
    "unfinished.json": (1, "broken_container"),
}


def read(folder: Path, **options: tuple[str, ...]) -> dict[str, list[Document | DeadLetter | Skipped]]:
    units = plan_units(find_inputs([str(folder)]).files, 0, (), 1 << 26)
    return {unit.name: list(read_documents(unit, ReadOptions(**options))) for unit in units}  # type: ignore[arg-type]


def test_good_samples_give_documents_only() -> None:
    kinds = {
        name: Counter(item.why if isinstance(item, Skipped) else item.kind for item in items)
        for name, items in read(SEEDS / "good").items()
    }
    assert kinds == DOCUMENTS


def test_bad_samples_give_the_dead_letters_that_the_page_names() -> None:
    found = {name: letters(items) for name, items in read(SEEDS / "bad").items()}
    assert {name: one[0][:2] for name, one in found.items() if one} == READ_LETTERS
    for name, (_, reason) in READ_LETTERS.items():
        assert f"| `{name}` | `{reason}` | Read |" in PAGE


def test_the_sample_of_a_missing_column_needs_a_field_map() -> None:
    assert [letters(items) for items in read(SEEDS / "field_map").values()] == [[]]
    (items,) = read(SEEDS / "field_map", columns=("article_body",)).values()
    assert letters(items)[0][1] == "missing_column"


def test_every_sample_has_a_line_on_the_page() -> None:
    listed = set(re.findall(r"^\| `([^`]+)` \|", PAGE, re.MULTILINE))
    there = {one.name for folder in ("good", "bad", "field_map") for one in find_inputs([str(SEEDS / folder)]).files}
    assert listed == there


@pytest.fixture
def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_binary", SEEDS / "make_binary.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_program_makes_the_samples_that_are_there(maker: ModuleType, tmp_path: Path) -> None:
    """By what is read of them: another zlib or pyarrow may write other bytes."""
    maker.main(tmp_path)
    made = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert made == {name for name, _ in maker.samples()}
    for folder in ("good", "bad", "field_map"):
        there = read(SEEDS / folder)
        for name, items in read(tmp_path / folder).items():
            again = [item.body for item in items if isinstance(item, Document)]
            assert again == [item.body for item in there[name] if isinstance(item, Document)], name
