"""A JSON object, or a row of a table as one, to an entry.

A field map names the columns; a field that it does not name is found under its usual names (`USUAL_NAMES`), the first
that holds something.

Names are compared without regard to case, `-` and blanks count as `_`. A name with dots (`meta.url`) goes into nested
objects, where no column has that very name. Values may be strings, numbers, lists of them, lists of objects with a
`name` (or `url`), or null. A text that holds markup is read as such.
"""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

from transforms.schemas import Document, Enclosure, Problem, RawEntry
from transforms.text.dates import UnreadableDate, parse_date
from transforms.text.decoding import decode
from transforms.text.errors import EmptyDocument, MalformedRecord, WrongEncoding
from transforms.text.markup import looks_like_html

USUAL_NAMES: Final[dict[str, tuple[str, ...]]] = {
    "url": ("url", "link", "permalink", "canonical_url", "web_url", "article_url", "source_url", "uri", "href"),
    "guid": ("guid", "id", "uuid", "article_id", "_id"),
    "feed_url": ("feed_url", "feed", "rss"),
    "title": ("title", "headline", "heading", "name"),
    "text": (
        "text", "body", "content", "article", "article_text", "article_body", "articlebody", "maintext", "main_text",
        "full_text", "content_text", "plain_text",
    ),
    "html": ("html", "content_html", "body_html", "text_html", "raw_html"),
    "summary": (
        "summary", "description", "abstract", "short_description", "excerpt", "lead", "snippet", "teaser", "standfirst",
        "subtitle",
    ),
    "authors": ("authors", "author", "byline", "creator", "writers", "writer"),
    "published": (
        "published", "date", "pubdate", "published_at", "publishedat", "publish_date", "published_date",
        "publication_date", "date_published", "datepublished", "date_publish", "pub_date", "publishdate", "created_at",
        "created", "timestamp", "time", "datetime",
    ),
    "updated": (
        "updated", "updated_at", "modified", "modified_at", "date_modified", "datemodified", "date_modify",
        "last_modified", "lastmod", "modified_date", "update_date",
    ),
    "fetched": (
        "fetched", "fetched_at", "crawled", "crawled_at", "date_crawled", "date_download", "download_date", "retrieved",
        "retrieved_at", "crawl_date", "scraped_at", "fetch_time",
    ),
    "language": ("language", "lang", "language_code", "locale"),
    "categories": (
        "categories", "tags", "category", "section", "keywords", "topics", "topic", "subjects", "news_desk",
        "section_name",
    ),
    "images": ("images", "image", "image_url", "top_image", "thumbnail", "lead_image", "img", "urltoimage", "imageurl"),
}  # fmt: skip
"""Article field to the columns that it is looked for in, the most telling first."""


_NAMES_IN_OBJECTS: Final = ("name", "full_name", "title", "term", "label", "value", "text", "url", "href", "src", "@id")
_URLS_IN_OBJECTS: Final = ("url", "href", "src", "contenturl", "@id", "name")


def read_record(document: Document, fields: Mapping[str, str]) -> RawEntry:
    """The entry of a record. `fields` maps article fields to columns.

    Raises `MalformedRecord` where the body is not one JSON object, `EmptyDocument` where it is empty. The message names
    the document's place and where in it the reading stopped. NaN and infinity are no values, and a problem says so.
    """
    record = _object(document)
    folded = {_fold(name): value for name, value in reversed(record.items())}
    values = {
        field: _column(record, fields[field]) if field in fields else _first_of(folded, USUAL_NAMES[field])
        for field in USUAL_NAMES
    }
    text, html = _text(values["text"]), _text(values["html"])
    content = html if html is not None and text is None else text
    summary = _text(values["summary"])
    problems = [
        Problem(field, "not a finite number", str(number))
        for field, value in values.items()
        for number in _listed(value)
        if _is_not_finite(number)
    ]
    fetched, raw_fetched = document.fetched, _text(values["fetched"])
    if raw_fetched is not None:
        try:
            fetched = parse_date(raw_fetched).micros
        except UnreadableDate as error:
            problems.append(Problem("fetched", str(error), raw_fetched[:200]))
    return RawEntry(
        unit=document.unit,
        source=document.source,
        position=document.position,
        entry=0,
        url=_url(values["url"]) or document.url,
        guid=_text(values["guid"]),
        feed=_url(values["feed_url"]),
        base_url=document.url,
        title=_text(values["title"]),
        content=content,
        content_is_html=content is not None and (content is html or looks_like_html(content)),
        summary=summary,
        summary_is_html=summary is not None and looks_like_html(summary),
        authors=tuple(_texts(values["authors"], _NAMES_IN_OBJECTS)),
        published=_text(values["published"]),
        updated=_text(values["updated"]),
        fetched=fetched,
        language=_text(values["language"]),
        categories=tuple(_texts(values["categories"], _NAMES_IN_OBJECTS)),
        images=tuple(_texts(values["images"], _URLS_IN_OBJECTS)),
        enclosures=tuple(_enclosures(record.get("enclosures"))),
        problems=tuple(problems),
        origin="record",
        parser="record",
    )


def _object(document: Document) -> dict[str, Any]:
    where = document.place or f"record {document.position + 1}"
    if not document.body.strip():
        raise EmptyDocument(f"{where}: empty")
    try:
        text = decode(document.body, document.charset)
    except WrongEncoding as error:
        raise WrongEncoding(f"{where}: {error}") from None
    try:
        record = json.loads(text)
    except json.JSONDecodeError as error:
        near = text[max(0, error.pos - 20) : error.pos + 20]
        place = f"line {error.lineno} of it, column {error.colno}" if "\n" in text else f"column {error.colno}"
        raise MalformedRecord(f"{where}: {error.msg.removesuffix(' at')} at {place}, near {near!r}") from None
    except RecursionError:
        raise MalformedRecord(f"{where}: nested too deeply") from None
    except ValueError as error:  # A number of more digits than Python turns into an integer.
        raise MalformedRecord(f"{where}: {error}") from None
    if not isinstance(record, dict):
        raise MalformedRecord(f"{where}: not a JSON object but {_JSON_NAMES[type(record)]}")
    return record


_JSON_NAMES: Final = {
    list: "an array",
    str: "a string",
    int: "a number",
    float: "a number",
    bool: "a boolean",
    type(None): "null",
}


def _first_of(folded: Mapping[str, Any], names: Iterable[str]) -> Any:
    first: Any = None
    for name in names:
        value = folded.get(name)
        if _is_not_finite(value):
            first = value if first is None else first
        elif value not in (None, "", [], {}):
            return value
    return first


def _fold(name: str) -> str:
    return name.lower().replace("-", "_").replace(" ", "_")


def _column(record: Mapping[str, Any], column: str) -> Any:
    """The value under a name, or under the path that its dots give."""
    if column in record:
        return record[column]
    value: Any = record
    for part in column.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _text(value: Any) -> str | None:
    """One text of a value: itself, a number as it is written, the first of a list, the name in an object."""
    return next(iter(_texts(value, _NAMES_IN_OBJECTS)), None)


def _url(value: Any) -> str | None:
    return next(iter(_texts(value, _URLS_IN_OBJECTS)), None)


def _texts(value: Any, names: tuple[str, ...]) -> Iterable[str]:
    """All texts of a value that is a text, a number, an object with a name, or a list of these."""
    if isinstance(value, str):
        if value.strip():
            yield value
    elif isinstance(value, bool) or value is None:
        return
    elif isinstance(value, int | float):
        if not _is_not_finite(value):
            yield _number(value)
    elif isinstance(value, list):
        for item in value:
            if not isinstance(item, list):
                yield from _texts(item, names)
    elif isinstance(value, dict):
        folded = {name.lower(): item for name, item in value.items()}
        for name in names:
            if isinstance(folded.get(name), str | int | float):
                yield from _texts(folded[name], names)
                return


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _is_not_finite(value: Any) -> bool:
    """NaN, which some write where there is nothing, or infinity, as which a number beyond all floats is read."""
    return isinstance(value, float) and not math.isfinite(value)


def _number(value: int | float) -> str:
    """As it is written: `1136239445`, not `1136239445.0`, which a table with gaps makes of it."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value)


def _enclosures(value: Any) -> Iterable[Enclosure]:
    for item in value if isinstance(value, list) else ():
        if isinstance(item, dict) and isinstance(item.get("url"), str):
            kind, length = item.get("type"), item.get("length")
            yield Enclosure(
                item["url"],
                kind if isinstance(kind, str) else None,
                length if isinstance(length, int) and not isinstance(length, bool) else None,
            )
