"""The last resort: feedparser, which takes almost anything and is 50 to 200 times slower."""

import io
from collections.abc import Sequence
from typing import Any, Final

import feedparser

from transforms.schemas import Document, RawEntry
from transforms.text.errors import MalformedFeed, TooLarge
from transforms.text.feed_draft import Feed, enclosure_of
from transforms.text.feed_mending import mended
from transforms.text.urls import absolute_url

MAX_TOLERANT_CHARS: Final = 4 << 20
MAX_TOLERANT_TAGS: Final = 50_000
"""What feedparser is given at most; it takes some 25 µs for a tag (16 s for 2 MB of `<a `), so 2 s."""


def read_tolerantly(document: Document, text: str) -> list[RawEntry]:
    """The entries that feedparser finds.

    Raises MalformedFeed where it finds none, and TooLarge for what would take it long.
    """
    tags = text.count("<")
    if len(text) > MAX_TOLERANT_CHARS or tags > MAX_TOLERANT_TAGS:
        raise TooLarge(
            f"a broken feed of {len(text):,} characters and {tags:,} tags; at most {MAX_TOLERANT_CHARS:,} and "
            f"{MAX_TOLERANT_TAGS:,} are mended"
        )
    data = b'<?xml version="1.0" encoding="utf-8"?>\n' + mended(text).encode("utf-8", "replace")
    try:
        # A stream, never the bytes: feedparser would try to open a file of that name.
        result = feedparser.parse(
            io.BytesIO(data),
            response_headers={"content-type": "application/xml; charset=utf-8"},
            resolve_relative_uris=False,
            sanitize_html=False,
        )
    except MemoryError:
        raise
    except Exception as error:  # It says of no exception that it is the only one, and meets hostile input here.
        raise MalformedFeed(f"feedparser gave up: {type(error).__name__}: {error}"[:300]) from None
    if not result.entries:
        raise MalformedFeed("it names entries, and none can be read")
    head = result.feed
    links = head.get("links", [])
    self_link = absolute_url(_loose_link(links, "self") or "", document.url)
    site_link = absolute_url(head.get("link") or "", document.url or self_link)
    feed = Feed(
        self_link or site_link,
        site_link or self_link or document.url,
        head.get("language"),
        title=head.get("title"),
        parser="feedparser",
    )
    return [_loose_entry(document, number, entry, feed) for number, entry in enumerate(result.entries)]


def _loose_entry(document: Document, number: int, entry: Any, feed: Feed) -> RawEntry:
    content = next((part for part in entry.get("content", ()) if (part.get("value") or "").strip()), None)
    summary = entry.get("summary") if (entry.get("summary") or "").strip() else None
    if content is not None and content.get("value") == summary:
        content = None
    # By `dict.get`: feedparser's own gives the one date for the other, with a warning.
    published, updated = dict.get(entry, "published"), dict.get(entry, "updated")
    people = [person.get("name") or person.get("email") for person in entry.get("authors", ())]
    images = [media.get("url") for media in entry.get("media_thumbnail", ())]
    images += [media.get("url") for media in entry.get("media_content", ()) if _is_image(media)]
    enclosures = [
        enclosure_of(link.get("href"), link.get("type"), link.get("length"))
        for link in entry.get("links", ())
        if link.get("rel") == "enclosure"
    ]
    return RawEntry(
        unit=document.unit,
        source=document.source,
        position=document.position,
        entry=number,
        url=entry.get("link"),
        guid=entry.get("id"),
        feed=feed.scope,
        base_url=feed.base_url,
        title=entry.get("title"),
        content=None if content is None else content.get("value"),
        content_is_html=content is not None and "html" in (content.get("type") or ""),
        summary=summary,
        summary_is_html=summary is not None and "html" in (entry.get("summary_detail", {}).get("type") or ""),
        authors=tuple(name for name in people if name),
        published=published or updated,
        updated=updated,
        fetched=document.fetched,
        language=dict.get(entry, "language") or feed.language,
        categories=tuple(tag.get("label") or tag.get("term") or "" for tag in entry.get("tags", ())),
        images=tuple(dict.fromkeys(image for image in images if image)),
        enclosures=tuple(enclosure for enclosure in enclosures if enclosure is not None),
        parser=feed.parser,
        site_name=feed.title,
    )


def _loose_link(links: Sequence[Any], relation: str) -> str | None:
    return next((link.get("href") for link in links if link.get("rel") == relation), None)


def _is_image(media: Any) -> bool:
    return media.get("medium") == "image" or (media.get("type") or "").startswith("image/")
