"""Articles and a block store for tests of steps."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import apache_beam as beam
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from transforms.schemas import Article
from transforms.text.keys import content_hash, feed_key, guid_key, record_hash, title_key, url_key


def article(**values: Any) -> Article:
    """An article with the keys that follow from its values."""
    known: dict[str, Any] = {
        "unit": 0,
        "position": 0,
        "entry": 0,
        "source": "feed.xml",
        "url": None,
        "guid": None,
        "feed_url": None,
        "title": None,
        "text": "",
        "summary": None,
        "excerpt": False,
        "authors": (),
        "published": None,
        "published_precision": None,
        "updated": None,
        "fetched": None,
        "language": None,
        "language_confidence": None,
        "language_declared": None,
        "section": None,
        "site_name": None,
        "is_article": None,
        "html": None,
        "removed_lines": (),
        "parser": "lxml",
        "title_from": None,
        "text_from": None,
        "published_from": None,
        "authors_from": None,
        "language_from": None,
        "categories": (),
        "images": (),
        "enclosures": (),
        "problems": (),
        "site": None,
    }
    known |= values
    title, text, scope = known["title"], known["text"], known["feed_url"] or known["source"]
    derived = {
        "canonical_url": known["url"],
        "word_count": len(text.split()),
        "url_key": url_key(known["url"]) if known["url"] else None,
        "guid_key": guid_key(known["guid"], scope) if known["guid"] else None,
        "feed_key": feed_key(scope),
        "title_key": title_key(title) if title else None,
        "title_words": len(title.split()) if title else 0,
        "content_hash": content_hash(text),
        "record_hash": record_hash(title or "", text),
    }
    return Article(**(derived | known))


@dataclass(frozen=True)
class FolderBlocks:
    """A block store in a folder, so that what a pickled step writes is seen."""

    folder: Path

    def write(self, name: str, data: bytes | memoryview) -> None:
        """Keeps the bytes."""
        (self.folder / name).write_bytes(data)

    def open(self, name: str) -> BinaryIO:
        """Opens them."""
        return io.BytesIO((self.folder / name).read_bytes())


class NoTally:
    """A Tally that nobody reads."""

    def done(self, phase: str, item: int) -> None:
        """Forgets it."""

    def expect(self, phase: str, weights: Mapping[int, int]) -> None:
        """Forgets it."""


def local_pipeline() -> beam.Pipeline:
    """A pipeline on the runner that `--runner=DirectRunner` means; Beam's own default would look for a download."""
    return beam.Pipeline(runner=FnApiRunner())
