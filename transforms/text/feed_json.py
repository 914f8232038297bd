"""JSON Feed 1.0 and 1.1 to entries."""

import json
import math
from collections.abc import Iterable, Iterator
from typing import Any, Final

from transforms.schemas import Document, Problem, RawEntry
from transforms.text.errors import MalformedFeed
from transforms.text.feed_draft import MAX_ENTRIES, Feed, draft, enclosure_of, too_many_entries
from transforms.text.urls import absolute_url

_TEXTS: Final = {
    "url": "url",
    "external_url": "url",
    "id": "guid",
    "title": "title",
    "content_html": "text",
    "content_text": "text",
    "summary": "summary",
    "date_published": "published",
    "date_modified": "updated",
    "language": "language",
    "image": "images",
    "banner_image": "images",
}
"""What JSON Feed says in a text, and the field of the article that it is for."""


def read_json(document: Document, text: str) -> Iterator[RawEntry]:
    """The entries of a JSON Feed.

    Raises TooLarge and MalformedFeed; the latter also at the end, where some of the items are no objects.
    """
    try:
        feed = json.loads(text)
    except RecursionError:
        raise MalformedFeed("JSON nested too deeply") from None
    except ValueError as error:
        raise MalformedFeed(f"not JSON: {error}") from None
    items = feed.get("items") if isinstance(feed, dict) else None
    if not isinstance(items, list):
        raise MalformedFeed("a JSON object without a list of items")
    if len(items) > MAX_ENTRIES:
        raise too_many_entries()
    self_link = absolute_url(_text(feed.get("feed_url")) or "", document.url)
    site_link = absolute_url(_text(feed.get("home_page_url")) or "", document.url or self_link)
    shared = Feed(
        self_link or site_link,
        site_link or self_link or document.url,
        _text(feed.get("language")),
        _authors_of(feed),
        title=_text(feed.get("title")),
        parser="json",
    )
    read = 0
    others: list[int] = []
    for place, item in enumerate(items, 1):
        if isinstance(item, dict):
            yield _entry_of(document, read, item, shared)
            read += 1
        else:
            others.append(place)
    if others:
        places = ", ".join(map(str, others[:10])) + (", …" if len(others) > 10 else "")
        which = f"item {places} is no object" if len(others) == 1 else f"items {places} are no objects"
        raise MalformedFeed(f"{read:,} of {len(items):,} entries were read; {which}")


def _entry_of(document: Document, number: int, item: dict[str, Any], feed: Feed) -> RawEntry:
    texts: dict[str, str] = {}
    refused: list[str] = []
    for name, value in item.items():
        if isinstance(value, str):
            if value and not value.isspace():
                texts[name] = value
        elif name in _TEXTS and value is not None:
            text = _text(value)
            if text is None:
                refused.append(name)
            else:
                texts[name] = text
    get = texts.get
    entry = draft(document, number, feed)
    entry.url = get("url") or get("external_url")
    entry.guid = get("id")
    entry.title = get("title")
    entry.content = get("content_html") or get("content_text")
    entry.content_is_html = "content_html" in texts
    entry.summary = get("summary")
    entry.authors = _authors_of(item) or feed.authors
    entry.updated = get("date_modified")
    entry.published = get("date_published") or entry.updated
    entry.language = get("language") or feed.language
    entry.categories = _texts_of(_list(item.get("tags")))
    entry.images = tuple({image: None for name in ("image", "banner_image") if (image := get(name)) is not None})
    if attachments := _list(item.get("attachments")):
        entry.enclosures = tuple(
            enclosure
            for it in attachments
            if isinstance(it, dict)
            and (enclosure := enclosure_of(it.get("url"), it.get("mime_type"), it.get("size_in_bytes"))) is not None
        )
    if refused:
        entry.problems = tuple(
            Problem(field, "not a text", json.dumps(item[name])[:200])
            for name, field in _TEXTS.items()
            if name in refused
        )
    return entry


def _authors_of(holder: dict[str, Any]) -> tuple[str, ...]:
    """`authors` of version 1.1, else `author` of 1.0."""
    authors = holder.get("authors")
    people = authors if isinstance(authors, list) else [holder.get("author")]
    return _texts_of(person.get("name") if isinstance(person, dict) else person for person in people)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _texts_of(values: Iterable[Any]) -> tuple[str, ...]:
    return tuple([text for value in values if (text := _text(value)) is not None])


def _text(value: Any) -> str | None:
    """The text of a JSON string or number; None of anything else, of NaN, infinity and blanks."""
    if isinstance(value, str):
        return value if value and not value.isspace() else None
    if isinstance(value, float):
        return str(value) if math.isfinite(value) else None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None
