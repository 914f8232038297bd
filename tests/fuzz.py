"""Arbitrary bytes, through every parser and all of normalization: nothing but `BadInput` may leave them.

    make fuzz ARGS="--seconds 60 --seed 1"
    python -m tests.fuzz [--seconds 60] [--seed 1]

The corpus is `seeds/` and the pages of the tests. Each round takes one document of it and spoils it: bytes flipped,
stretches cut out, doubled or put elsewhere, two documents spliced, words put in that parsers trip over. What comes of
it is cleaned, cleaned again, and must be storable. A document that fails is written beside the message.
"""

import argparse
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from tests.benchmarks.staged import CLEANING
from transforms.parse import ParseOptions, read_together
from transforms.schemas import Document, DocumentKind, Entries, RawEntry
from transforms.text.articles import clean_article, clean_document
from transforms.text.errors import BadInput

ROOT = Path(__file__).resolve().parents[1]
KINDS: dict[str, DocumentKind] = {
    ".html": "page", ".htm": "page", ".txt": "text", ".json": "record", ".jsonl": "record", ".xml": "feed",
    ".rss": "feed", ".atom": "feed", ".rdf": "feed",
}  # fmt: skip

WORDS = (
    b"<![CDATA[", b"]]>", b"<!DOCTYPE x [<!ENTITY a 'b'>]>", b"&a;", b"&#0;", b"&#xD800;", b"<item>", b"</item>",
    b"<entry><title>", b"</channel>", b"<p>", b"</div>", b"<script>", b"<!--", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf",
    b"\xed\xa0\x80", b"\xc3\xa2\xe2\x82\xac\xe2\x84\xa2", b"\xc3\x83\xc2\xa9", b"http://[", b"//", b"javascript:x",
    b"9" * 400, b"\r\n\r\n", b"\n\n", b"Read More: ", b" | ", b" - The Guardian", b"Mon, 31 Feb 2024 25:61:61 XYZ",
    b"1e999", b"{", b"}", b"[", b"\\ud800", b'"', b"xml:base='//'", b"<link href=' '/>", b"\xe2\x80\x8b",
    b"\xcc\x81" * 40,
)  # fmt: skip
"""What parsers trip over."""

MAX_BYTES = 200_000


def corpus() -> list[tuple[DocumentKind, bytes]]:
    """The documents to spoil."""
    files = [*sorted((ROOT / "seeds").rglob("*")), *sorted((ROOT / "tests" / "transforms").rglob("*.html"))]
    found = [(KINDS[path.suffix], path.read_bytes()) for path in files if path.suffix in KINDS]
    return [(kind, body) for kind, body in found if len(body) <= MAX_BYTES]


def spoiled(chance: random.Random, documents: Sequence[tuple[DocumentKind, bytes]]) -> tuple[DocumentKind, bytes]:
    """A document with some faults; now and then of another kind than it says."""
    kind, body = chance.choice(documents)
    data = bytearray(body)
    for _ in range(chance.randint(1, 8)):
        at = chance.randint(0, len(data))
        to = min(len(data), at + chance.randint(0, 200))
        match chance.randrange(7):
            case 0 if data:
                data[at % len(data)] = chance.randrange(256)
            case 1:
                del data[at:to]
            case 2:
                data[at:at] = data[at:to] * chance.randint(1, 5)
            case 3:
                piece = data[at:to]
                del data[at:to]
                place = chance.randint(0, len(data))
                data[place:place] = piece
            case 4:
                other = chance.choice(documents)[1]
                data[at:] = other[chance.randint(0, len(other)) :]
            case _:
                data[at:at] = chance.choice(WORDS)
    kinds: tuple[DocumentKind, ...] = ("feed", "page", "record", "text")
    return (chance.choice(kinds) if chance.random() < 0.05 else kind), bytes(data[: 2 * MAX_BYTES])


def check(kind: DocumentKind, body: bytes) -> int:
    """Reads and cleans it; how many articles came of it. Whatever is raised but `BadInput` is a defect."""
    articles = 0
    document = Document(0, "fuzz", 0, kind, body, url="https://example.org/a/b")
    for entries in _entries(document):
        cleaned, _ = clean_document(entries, CLEANING)
        articles += len(cleaned)
        for article in cleaned:
            repr(article).encode()
            again = clean_article(_entry_of(entries[0], article.title, article.text, article.url), CLEANING)
            # Of the lines that a document's entries share the article alone knows nothing; all else stays.
            if again.text != article.text:
                raise AssertionError(f"cleaned twice, the text differs: {article.text!r} {again.text!r}")
            if article.url is not None and again.canonical_url != article.canonical_url:
                raise AssertionError(f"cleaned twice, the link differs: {article.canonical_url} {again.canonical_url}")
    return articles


def _entries(document: Document) -> Iterator[Entries]:
    try:
        yield from read_together(document, ParseOptions())
    except BadInput:
        return


def _entry_of(entry: RawEntry, title: str | None, text: str, url: str | None) -> RawEntry:
    return replace(
        entry,
        url=url or "https://example.org/1",
        title=None,
        content=text,
        content_is_html=False,
        summary=None,
        site_name=None,
        problems=(),
    )


def fuzz(seed: int, seconds: float | None = None, rounds: int | None = None) -> tuple[int, int]:
    """Rounds and articles, until the time or the number of rounds is over."""
    documents = corpus()
    chance = random.Random(seed)
    started, done, articles = time.monotonic(), 0, 0
    while (rounds is None or done < rounds) and (seconds is None or time.monotonic() - started < seconds):
        kind, body = spoiled(chance, documents)
        try:
            articles += check(kind, body)
        except Exception:
            place = ROOT / "build" / f"fuzz-{seed}-{done}.{kind}"
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(body)
            sys.stderr.write(f"round {done} of seed {seed}: {place}\n")
            raise
        done += 1
    return done, articles


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzzes for some time."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    known = parser.parse_args(arguments)
    done, articles = fuzz(known.seed, known.seconds)
    sys.stdout.write(f"{done:,} spoiled documents, {articles:,} articles of them, nothing but bad input\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
