"""HTML pages to entries: the main text by trafilatura, all else by what the page says of itself.

`page_metadata` says whom to believe, `page_dates` looks for a day where the page declares none, `page_kinds` tells
whether it is an article. A page is parsed once for all of them.

Settings of trafilatura 2.3: `favor_precision`, no comments, with its fallbacks (F1 .964; `fast` instead .962, both
together .946).
"""

import logging
import re
from typing import Any, Final

import trafilatura
import trafilatura.metadata
from lxml import etree, html

from transforms.schemas import Document, Problem, RawEntry
from transforms.text.decoding import decode, decode_exactly
from transforms.text.errors import EmptyDocument, MalformedPage, TooLarge
from transforms.text.page_dates import day_in_markup
from transforms.text.page_kinds import is_article
from transforms.text.page_metadata import PageMetadata, read_metadata
from transforms.text.urls import absolute_url, same_publisher

for _library in ("trafilatura", "htmldate", "courlan"):
    # What they warn of becomes a dead letter or an empty field here.
    logging.getLogger(_library).setLevel(logging.CRITICAL)

MAX_TAGS: Final = 100_000
"""`<` a page may have. trafilatura takes 0.06 ms for each (seen on rows, links and paragraphs), so 6 s."""

MAX_CHILDREN: Final = 10_000
"""Elements side by side in one. For some of them trafilatura takes time that grows with the square: 4 s for 16,000
spans."""

_DECLARED_WITHIN: Final = 2048
"""Where a page may declare its encoding: HTML standard, 4.2.5.4 says 1,024 bytes; some pages are late."""
_CHARSET: Final = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE)
_XML_ENCODING: Final = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]{1,40})[\"']", re.IGNORECASE)
_CLOSED_ROOT: Final = re.compile(r"(<html\b[^<>]{0,1000}?)\s*/>", re.IGNORECASE)
"""Some templates close the root at once; browsers do not mind, libxml2 ends there."""
_CONTROLS: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def read_page(document: Document, encoding: str | None = None) -> RawEntry:
    """The entry of an HTML page.

    `encoding` is what the user says, and then nothing else is tried; else a byte order mark, UTF-8, the document's
    `charset`, the page's own declaration. `url` is the page's canonical link (`link rel="canonical"`, else `og:url`),
    else the document's URL. Where the document has one, a canonical link to another publisher is not believed, and a
    problem says so: `foreign_canonical`. Where it has none, the page's word is all there is.

    `is_article` is False for an index or a cookie wall, which is kept: the caller decides.

    Raises `EmptyDocument`, `WrongEncoding`, `TooLarge` (more than 100,000 tags, or 10,000 elements side by side) and
    `MalformedPage` where there is neither a main text nor a title.
    """
    tree = _parsed(_text(document, encoding))
    said = read_metadata(tree, document.url)
    content = _main_text(tree, document.url)
    if not content and not said.title:
        raise MalformedPage("neither a main text nor a title")
    canonical, problems = _believed(said, document.url)
    kind = is_article(tree, content, said.is_article)
    # In an index they would be those of a teaser.
    authors = said.authors or (() if kind is False else _byline(tree))
    published = said.published or (None if kind is False else day_in_markup(tree))
    return RawEntry(
        unit=document.unit,
        source=document.source,
        position=document.position,
        entry=0,
        url=canonical or document.url,
        base_url=said.base_url or canonical,
        title=said.title,
        content=content or None,
        summary=said.description,
        authors=authors,
        published=published,
        updated=said.updated,
        fetched=document.fetched,
        language=said.language,
        categories=said.sections,
        images=(said.image,) if said.image else (),
        problems=problems,
        origin="page",
        section=next(iter(said.sections), None),
        site_name=said.site_name,
        is_article=kind,
        parser="trafilatura",
    )


def _text(document: Document, encoding: str | None) -> str:
    """The characters of the page that XML can hold."""
    body = document.body
    if not body.strip():
        raise EmptyDocument("an empty page")
    start = body[:_DECLARED_WITHIN]
    declared = [found[1].decode("ascii") for found in (_CHARSET.search(start), _XML_ENCODING.search(start)) if found]
    text = decode_exactly(body, encoding) if encoding else decode(body, document.charset, *declared)
    text = _CONTROLS.sub("", text)
    if not text.strip():
        raise EmptyDocument("a page of white space only")
    return text


def _parsed(text: str) -> Any:
    """The page as a tree of `lxml.html`, of a size that what reads it can take."""
    if text.count("<") > MAX_TAGS:
        raise TooLarge(f"a page of more than {MAX_TAGS:,} tags")
    text = _CLOSED_ROOT.sub(r"\1>", text[:_DECLARED_WITHIN], count=1) + text[_DECLARED_WITHIN:]
    parser = html.HTMLParser(
        encoding="utf-8", collect_ids=False, remove_comments=True, remove_pis=True, default_doctype=False
    )
    try:
        tree = etree.fromstring(text.encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError:
        tree = None
    if tree is None:
        raise MalformedPage("no HTML")
    if max(map(len, tree.iter())) > MAX_CHILDREN:
        raise TooLarge(f"a page with more than {MAX_CHILDREN:,} elements side by side")
    return tree


def _main_text(tree: Any, url: str | None) -> str:
    """The main text by trafilatura, its paragraphs divided by empty lines; "" where it finds nothing or gives up."""
    try:
        # It works on a copy of the tree.
        extracted = trafilatura.bare_extraction(tree, url=url, favor_precision=True, include_comments=False)
    except MemoryError:
        raise
    except Exception:  # It names no exceptions, works on hostile input here, and the head may be enough.
        return ""
    text = getattr(extracted, "text", None) or ""
    return "\n\n".join(line for line in text.splitlines() if line.strip())


def _byline(tree: Any) -> tuple[str, ...]:
    """The authors that trafilatura finds by how pages call the elements of a byline."""
    try:
        authors = trafilatura.metadata.extract_author(tree)
    except MemoryError:
        raise
    except Exception:  # As above.
        return ()
    return tuple(authors.split("; ")) if authors else ()


def _believed(said: PageMetadata, url: str | None) -> tuple[str | None, tuple[Problem, ...]]:
    """The canonical link, unless the page was found at another publisher, and the page's problems."""
    own = absolute_url(url or "")
    if said.canonical is None or own is None or same_publisher(said.canonical, own):
        return said.canonical, said.problems
    return None, (Problem("url", "foreign_canonical", said.canonical), *said.problems)
