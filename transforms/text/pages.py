"""HTML pages to entries: the main text by trafilatura, what the page says of itself from its head.

Settings of trafilatura 2.3: `favor_precision`, no comments, with its fallbacks (F1 .964; `fast` instead .962, both
together .946). Dates come from the page's own metadata with their time of day; only where it has none does htmldate
look for one.
"""

import json
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import trafilatura
import trafilatura.settings
from lxml import etree

from transforms.schemas import Document, Problem, RawEntry
from transforms.text.decoding import decode, decode_exactly
from transforms.text.errors import EmptyDocument, MalformedPage, TooLarge
from transforms.text.urls import absolute_url, same_publisher

for _library in ("trafilatura", "htmldate", "courlan"):
    # What they warn of becomes a dead letter or an empty field here.
    logging.getLogger(_library).setLevel(logging.CRITICAL)

MAX_TAGS: Final = 100_000
"""`<` a page may have. trafilatura takes 0.06 ms for each (seen on rows, links and paragraphs), so 6 s."""

_DATE_SETTINGS: Final[dict[str, Any]] = {"original_date": True, "extensive_search": False, "max_date": "2099-12-31"}
"""For htmldate: markup only, since a date in the text may be that of anything; a fixed bound: its own is today."""
_DECLARED_WITHIN: Final = 2048
"""Where a page may declare its encoding: HTML standard, 4.2.5.4 says 1,024 bytes; some pages are late."""
_CHARSET: Final = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE)
_XML_ENCODING: Final = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]{1,40})[\"']", re.IGNORECASE)
_CONTROLS: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_STORY_TYPES: Final = ("Article", "Posting", "Report")
"""Ends of the schema.org types of stories: NewsArticle, ReportageNewsArticle, BlogPosting, LiveBlogPosting, …"""

_PUBLISHED: Final = (
    "article:published_time", "og:article:published_time", "og:published_time", "datepublished", "date", "pubdate",
    "publish_date", "publishdate", "publication_date", "dc.date.issued", "dcterms.created", "dcterms.issued", "dc.date",
    "parsely-pub-date", "sailthru.date",
)  # fmt: skip
_UPDATED: Final = (
    "article:modified_time", "og:article:modified_time", "og:updated_time", "datemodified", "last-modified",
    "dcterms.modified", "lastmod",
)  # fmt: skip


def read_page(document: Document, encoding: str | None = None) -> RawEntry:
    """The entry of an HTML page.

    `encoding` is what the user says, and then nothing else is tried; else a byte order mark, UTF-8, the document's
    `charset`, the page's own declaration. `url` is the page's canonical link (`link rel="canonical"`, else `og:url`),
    else the document's URL. Where the document has one, a canonical link to another publisher is not believed, and a
    problem says so: `foreign_canonical`. Where it has none, the page's word is all there is.

    Raises `EmptyDocument`, `WrongEncoding`, `TooLarge` (more than 100,000 tags) and `MalformedPage` where there is
    neither a main text nor a title.
    """
    body = document.body
    if not body.strip():
        raise EmptyDocument("an empty page")
    start = body[:_DECLARED_WITHIN]
    declared = [found[1].decode("ascii") for found in (_CHARSET.search(start), _XML_ENCODING.search(start)) if found]
    text = decode_exactly(body, encoding) if encoding else decode(body, document.charset, *declared)
    text = _CONTROLS.sub("", text)
    if not text.strip():
        raise EmptyDocument("a page of white space only")
    if text.count("<") > MAX_TAGS:
        raise TooLarge(f"a page of more than {MAX_TAGS:,} tags")
    head = _head_of(text)
    extracted = _extract(text, document.url)
    content = _paragraphs(extracted.text or "")
    title = head.title or extracted.title
    if not content and not title:
        raise MalformedPage("neither a main text nor a title")
    base_url = absolute_url(head.base or "", document.url) or document.url
    canonical = absolute_url(head.canonical or "", base_url)
    problems: tuple[Problem, ...] = ()
    own_url = absolute_url(document.url or "")
    if canonical is not None and own_url is not None and not same_publisher(canonical, own_url):
        problems = (Problem("url", "foreign_canonical", canonical),)
        canonical = None
    image = head.image or extracted.image
    return RawEntry(
        unit=document.unit,
        source=document.source,
        position=document.position,
        entry=0,
        url=canonical or document.url,
        base_url=base_url or canonical,
        title=title,
        content=content or None,
        summary=head.description or extracted.description,
        authors=head.authors or (tuple(extracted.author.split("; ")) if extracted.author else ()),
        published=head.published or extracted.date,
        updated=head.updated,
        fetched=document.fetched,
        language=head.language,
        categories=head.categories,
        images=(image,) if image else (),
        problems=problems,
    )


def _extract(text: str, url: str | None) -> trafilatura.settings.Document:
    """What trafilatura makes of the page; an empty document where it finds nothing or gives up."""
    try:
        extracted = trafilatura.bare_extraction(
            text,
            url=url,
            favor_precision=True,
            include_comments=False,
            with_metadata=True,
            date_extraction_params=_DATE_SETTINGS,
        )
    except MemoryError:
        raise
    except Exception:  # It names no exceptions, works on hostile input here, and the head may be enough.
        extracted = None
    return extracted if isinstance(extracted, trafilatura.settings.Document) else trafilatura.settings.Document()


def _paragraphs(text: str) -> str:
    """trafilatura ends a paragraph with one line break; ours are divided by an empty line."""
    return "\n\n".join(line for line in text.splitlines() if line.strip())


@dataclass(frozen=True, slots=True)
class _Head:
    """What a page says of itself."""

    title: str | None = None
    description: str | None = None
    authors: tuple[str, ...] = ()
    published: str | None = None
    updated: str | None = None
    language: str | None = None
    categories: tuple[str, ...] = ()
    canonical: str | None = None
    base: str | None = None
    image: str | None = None


def _head_of(text: str) -> _Head:
    """Title, dates and so on of JSON-LD, OpenGraph, microdata and plain `meta`, in this order of trust."""
    try:
        tree = etree.fromstring(text.encode("utf-8", "replace"), etree.HTMLParser(encoding="utf-8", huge_tree=False))
    except etree.XMLSyntaxError:
        return _Head()
    if tree is None:
        return _Head()
    meta: dict[str, list[str]] = {}
    for element in tree.iter("meta"):
        name = element.get("property") or element.get("name") or element.get("itemprop") or ""
        content = (element.get("content") or "").strip()
        if name and content:
            meta.setdefault(name.lower(), []).append(content)
    for element in tree.iter("time"):
        if element.get("datetime") and (element.get("itemprop") or element.get("pubdate") is not None):
            meta.setdefault((element.get("itemprop") or "pubdate").lower(), []).append(element.get("datetime"))
    story = _linked_data(tree)
    canonical = next(
        (link.get("href") for link in tree.iter("link") if "canonical" in (link.get("rel") or "").lower().split()), None
    )
    base = next((element.get("href") for element in tree.iter("base")), None)
    page_title = next((" ".join("".join(element.itertext()).split()) for element in tree.iter("title")), None)
    return _Head(
        title=_one(story.get("headline")) or _first(meta, ("og:title", "twitter:title", "headline")) or page_title,
        description=_first(meta, ("og:description", "description", "twitter:description")),
        authors=tuple(_all(story.get("author"))) or tuple(meta.get("author", ())),
        published=_one(story.get("datePublished")) or _first(meta, _PUBLISHED),
        updated=_one(story.get("dateModified")) or _first(meta, _UPDATED),
        language=_one(story.get("inLanguage")) or tree.get("lang") or _first(meta, ("og:locale", "language")),
        categories=tuple(_all(story.get("articleSection"))) or tuple(meta.get("article:section", ())),
        canonical=canonical or _first(meta, ("og:url",)),
        base=base,
        image=_first(meta, ("og:image", "og:image:url", "twitter:image")),
    )


def _first(meta: dict[str, list[str]], names: tuple[str, ...]) -> str | None:
    return next((meta[name][0] for name in names if name in meta), None)


def _linked_data(tree: Any) -> dict[str, Any]:
    """The first object of JSON-LD that is an article of some kind; empty where there is none."""
    for script in tree.iter("script"):
        if (script.get("type") or "").lower() != "application/ld+json" or not script.text:
            continue
        try:
            data = json.loads(script.text)
        except (ValueError, RecursionError):
            continue
        for holder in _objects(data):
            if any(isinstance(kind, str) and kind.endswith(_STORY_TYPES) for kind in _listed(holder.get("@type"))):
                return holder
    return {}


def _objects(data: Any) -> Iterator[dict[str, Any]]:
    """The objects of JSON-LD at the places where pages put the article: top level, lists, `@graph`, `mainEntity`."""
    for holder in _listed(data):
        if isinstance(holder, dict):
            yield holder
            for inner in (*_listed(holder.get("@graph")), holder.get("mainEntity")):
                if isinstance(inner, dict):
                    yield inner


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _all(value: Any) -> Iterator[str]:
    """The texts of a value of JSON-LD: a text, an object with a name, or a list of these."""
    for item in _listed(value):
        name = item.get("name") if isinstance(item, dict) else item
        if isinstance(name, str) and name.strip():
            yield name


def _one(value: Any) -> str | None:
    return next(_all(value), None)
