"""What it takes to read and clean an article out of a saved feed, part by part, beside the bare minimum. As Markdown.

    make bench BENCH=normalize ARGS="--articles 10000"
    python -m tests.benchmarks.normalize --articles 10000 [--seed 1] [--repeats 3]

Bare is what the plain script does with a feed: fastfeedparser, and tags off by one regular expression. Both take turns
over the same feeds, a few at a time, in one process; of the repetitions the least CPU counts. The parts are measured
alone, each on what the one before it gives, so that their caches are warm: together they say less than the whole.
"""

import argparse
import html
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import fastfeedparser

from tests.benchmarks.bench import BUILD, at_most, corpus_folder, heading, markdown, read_once
from tests.benchmarks.plain import TAG
from tests.benchmarks.staged import CLEANING, PARSING, documents_of, units_of
from tests.benchmarks.steps import Stopwatch
from transforms.parse import read_entries
from transforms.schemas import Article, Document, Entries
from transforms.text.articles import clean_document
from transforms.text.authors import clean_authors
from transforms.text.boilerplate import strip_boilerplate
from transforms.text.dates import parse_date
from transforms.text.headlines import split_headline
from transforms.text.keys import hashes, plain_punctuation
from transforms.text.language_detection import SAMPLE_CHARS, detect_language
from transforms.text.markup import html_to_text
from transforms.text.mojibake import mend
from transforms.text.repetition import repeated_lines, strip_repeated
from transforms.text.spacing import tidy
from transforms.text.urls import address
from transforms.text.words import count_words

GOAL = 5.0
"""Times the bare minimum that parsing and normalization may take."""

_FEEDS_AT_ONCE = 16


def bare(document: Document) -> int:
    """What the plain script does: entries and their texts; how many."""
    entries = fastfeedparser.parse(document.body).entries
    return len([html.unescape(TAG.sub(" ", entry["content"][0]["value"])).strip() for entry in entries])


def read_and_clean(documents: Sequence[Document], watch: Stopwatch) -> int:
    """Both, in turns; how many articles there are."""
    total = 0
    for at in range(0, len(documents), _FEEDS_AT_ONCE):
        some = documents[at : at + _FEEDS_AT_ONCE]
        watch.spend("bare", lambda some=some: [bare(document) for document in some])
        parsed: list[Entries] = watch.spend(
            "parse", lambda some=some: [tuple(read_entries(document, PARSING)) for document in some]
        )
        cleaned: list[list[Article]] = watch.spend(
            "normalize", lambda parsed=parsed: [clean_document(entries, CLEANING)[0] for entries in parsed]
        )
        watch.spend(
            "both",
            lambda some=some: [
                clean_document(tuple(read_entries(document, PARSING)), CLEANING)[0] for document in some
            ],
        )
        total += sum(map(len, cleaned))
        for entries, articles in zip(parsed, cleaned, strict=True):
            _parts(entries, articles, watch)
    return total


def _parts(entries: Entries, articles: Sequence[Article], watch: Stopwatch) -> None:
    bodies = [entry.content or entry.summary or "" for entry in entries]
    raw = watch.spend("body: HTML to text", lambda: [html_to_text(body) for body in bodies])
    mended = watch.spend("body: encoding mended", lambda: [mend(text) for text in raw])
    clean = watch.spend("body: white space, NFC", lambda: [tidy(text) for text in mended])
    titles = [entry.title or "" for entry in entries]
    watch.spend("title: site name apart", lambda: [split_headline(title, "The Daily", None) for title in titles])
    texts = watch.spend(
        "body: boilerplate lines",
        lambda: [strip_boilerplate(text, title)[0] for text, title in zip(clean, titles, strict=True)],
    )
    plain = watch.spend("keys: punctuation folded", lambda: [plain_punctuation(text) for text in texts])
    watch.spend("keys: hashes", lambda: [hashes(title, text) for title, text in zip(titles, plain, strict=True)])
    watch.spend("words counted", lambda: [count_words(text) for text in plain])
    watch.spend("language", lambda: [detect_language(text[:SAMPLE_CHARS]) for text in texts])
    watch.spend("link", lambda: [address(entry.url, entry.base_url) for entry in entries if entry.url])
    watch.spend("date", lambda: [parse_date(entry.published) for entry in entries if entry.published])
    watch.spend("authors", lambda: [clean_authors(entry.authors) for entry in entries if entry.authors])
    watch.spend("lines that a feed repeats", lambda: _frame([article.text for article in articles]))


def _frame(texts: Sequence[str]) -> list[str]:
    repeated = repeated_lines(texts)
    return [strip_repeated(text, repeated)[0] for text in texts]


def report(documents: Sequence[Document], repeats: int) -> Iterator[str]:
    """The tables."""
    watch = Stopwatch(repeats)
    articles = read_and_clean(documents, watch)
    micros = {name: seconds / articles * 1e6 for name, seconds in watch.seconds.items()}
    least, both = micros.pop("bare"), micros.pop("both")
    rows = [
        ["fastfeedparser, tags off", f"{least:,.1f}", "1.0", ""],
        *([name, f"{micros.pop(name):,.1f}", "", ""] for name in ("parse", "normalize")),
        ["**parse and normalize**", f"{both:,.1f}", f"{both / least:.1f}", at_most(GOAL, [both / least])],
    ]
    yield from markdown([f"µs CPU an article, of {articles:,}", "", "ratio", "goal"], rows)
    yield ""
    yield from markdown(["part, by itself", "µs"], [[name, f"{spent:,.1f}"] for name, spent in micros.items()])


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.normalize", description=__doc__)
    parser.add_argument("--articles", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--build", type=Path, default=BUILD, metavar="DIR", help="default: build/bench")
    known = parser.parse_args(arguments)
    inputs = corpus_folder(known.build, known.articles, known.seed, "feeds") / "feeds"
    read_once(inputs)
    documents = [document for unit in units_of(inputs) for document in documents_of(unit)]
    sys.stdout.write("\n".join([*heading("normalize", arguments), *report(documents, known.repeats), ""]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
