"""JSON Feed 1.0 and 1.1 to entries."""

import json
import math
from collections.abc import Iterator
from typing import Any, Final

from transforms.schemas import Document, Problem, RawEntry
from transforms.text.errors import MalformedFeed
from transforms.text.feed_draft import Feed, enclosure_of, refuse_many
from transforms.text.urls import absolute_url


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
    refuse_many(len(items))
    self_link = absolute_url(_string(feed.get("feed_url")) or "", document.url)
    site_link = absolute_url(_string(feed.get("home_page_url")) or "", document.url or self_link)
    shared = Feed(
        self_link or site_link,
        site_link or self_link or document.url,
        _string(feed.get("language")),
        _json_authors(feed),
    )
    read = 0
    others: list[int] = []
    for place, item in enumerate(items, 1):
        if isinstance(item, dict):
            yield _json_entry(document, read, shared, item)
            read += 1
        else:
            others.append(place)
    if others:
        places = ", ".join(map(str, others[:10])) + (", …" if len(others) > 10 else "")
        which = f"item {places} is no object" if len(others) == 1 else f"items {places} are no objects"
        raise MalformedFeed(f"{read:,} of {len(items):,} entries were read; {which}")


def _json_entry(document: Document, number: int, feed: Feed, item: dict[str, Any]) -> RawEntry:
    problems = [
        Problem(of, "not a text", json.dumps(value)[:200])
        for name, of in _JSON_TEXTS.items()
        if (value := item.get(name)) is not None and not isinstance(value, str) and _string(value) is None
    ]
    markup, plain = _string(item.get("content_html")), _string(item.get("content_text"))
    updated = _string(item.get("date_modified"))
    attachments = item.get("attachments")
    enclosures = [
        enclosure_of(attachment.get("url"), attachment.get("mime_type"), attachment.get("size_in_bytes"))
        for attachment in (attachments if isinstance(attachments, list) else ())
        if isinstance(attachment, dict)
    ]
    tags = item.get("tags")
    images = (_string(item.get("image")), _string(item.get("banner_image")))
    return RawEntry(
        unit=document.unit,
        source=document.source,
        position=document.position,
        entry=number,
        url=_string(item.get("url")) or _string(item.get("external_url")),
        guid=_string(item.get("id")),
        feed=feed.scope,
        base_url=feed.base_url,
        title=_string(item.get("title")),
        content=markup or plain,
        content_is_html=markup is not None,
        summary=_string(item.get("summary")),
        authors=_json_authors(item) or feed.authors,
        published=_string(item.get("date_published")) or updated,
        updated=updated,
        fetched=document.fetched,
        language=_string(item.get("language")) or feed.language,
        categories=tuple(
            name for tag in (tags if isinstance(tags, list) else ()) if (name := _string(tag)) is not None
        ),
        images=tuple(dict.fromkeys(image for image in images if image is not None)),
        enclosures=tuple(enclosure for enclosure in enclosures if enclosure is not None),
        problems=tuple(problems),
    )


_JSON_TEXTS: Final = {
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


def _json_authors(holder: dict[str, Any]) -> tuple[str, ...]:
    """`authors` of version 1.1, else `author` of 1.0."""
    authors = holder.get("authors")
    people = authors if isinstance(authors, list) else [holder.get("author")]
    names = [_string(person.get("name")) if isinstance(person, dict) else _string(person) for person in people]
    return tuple(name for name in names if name is not None)


def _string(value: Any) -> str | None:
    """The text of a JSON string or number; None of anything else, of NaN, infinity and blanks."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value) if math.isfinite(value) else None
    return value if isinstance(value, str) and value.strip() else None
