"""The entries of a feed's tree: RSS 0.90 to 2.0, RDF, Atom 0.3 and 1.0, and the extensions that they share."""

import base64
import html
import re
from collections.abc import Iterable
from typing import Any, Final

from lxml import etree

from transforms.schemas import Document, Enclosure, RawEntry
from transforms.text.errors import TooLarge
from transforms.text.feed_draft import Feed, enclosure_of, refuse_many
from transforms.text.markup import looks_like_html
from transforms.text.urls import absolute_url

MAX_NAMESPACES: Final = 100
MAX_NAMESPACE_CHARS: Final = 1 << 15
"""What an entry may stand in; all of it is written, and cut off again, with each text that is markup. Feeds have 20."""

ENTRY_NAMES: Final = ("item", "entry")
_ENTRY_PARENTS: Final = ("channel", "feed", "rdf", "rss", "items", "entries")
_IMAGE_PATH: Final = re.compile(r"\.(?:avif|bmp|gif|jpe?g|png|svg|webp)(?:[?#]|$)", re.IGNORECASE)
_PREFIXED_TAG: Final = re.compile(r"<(/?)[A-Za-z_][\w.-]*+:")

_ATOM_NAMESPACES: Final = (
    "http://www.w3.org/2005/Atom",
    "https://www.w3.org/2005/Atom",
    "http://purl.org/atom/ns#",
    "http://example.com/newformat#",
    "http://necho.sourceforge.net/echo.html",
    "http://purl.org/echo/",
    "uri/of/echo/namespace#",
    "http://www.w3.org/2005/atom",
)
_RSS_NAMESPACES: Final = (
    "",
    "http://purl.org/rss/1.0/",
    "http://my.netscape.com/rdf/simple/0.9/",
    "http://channel.netscape.com/rdf/simple/0.9/",
    "http://my.netscape.com/publish/formats/rss-0.91.dtd",
    "http://backend.userland.com/rss",
    "http://backend.userland.com/rss2",
    "http://backend.userland.com/RSS2",
    "http://blogs.law.harvard.edu/tech/rss",
    "http://www.rssboard.org/rss-specification",
)
"""Both lists with the namespaces that feedparser knows."""
_EXTENSIONS: Final = {
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://purl.org/dc/elements/1.0/": "dc",
    "http://purl.org/dc/terms/": "dcterms",
    "http://purl.org/rss/1.0/modules/content/": "content",
    "http://search.yahoo.com/mrss/": "media",
    "http://search.yahoo.com/mrss": "media",
    "http://www.itunes.com/dtds/podcast-1.0.dtd": "itunes",
    "http://www.itunes.com/DTDs/Podcast-1.0.dtd": "itunes",
    "http://www.itunes.com/DTDs/PodCast-1.0.dtd": "itunes",
    "http://www.w3.org/1999/xhtml": "xhtml",
}
_WANTED: Final = {
    "atom": "id title link summary content author published issued created updated modified category rights",
    "rss": "guid title link description author pubDate category enclosure content image pubdate",
    "dc": "creator author subject date language identifier title description",
    "dcterms": "issued created modified",
    "content": "encoded",
    "media": "content thumbnail group",
    "itunes": "author image summary",
    "xhtml": "body div",
}
_ABOUT: Final = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}about"
_LANG: Final = "{http://www.w3.org/XML/1998/namespace}lang"
_BASE: Final = "{http://www.w3.org/XML/1998/namespace}base"


_MEDIA_TAGS: Final = [
    f"{{{uri}}}{name}" for uri, prefix in _EXTENSIONS.items() if prefix == "media" for name in ("content", "thumbnail")
]


def _slots() -> dict[str, str]:
    """Tags as lxml spells them, to names: `{http://purl.org/dc/elements/1.1/}date` to `dc:date`."""
    spaces = [(uri, "atom") for uri in _ATOM_NAMESPACES]
    spaces += [(uri, "rss") for uri in _RSS_NAMESPACES]
    spaces += list(_EXTENSIONS.items())
    slots = {
        (f"{{{uri}}}{name}" if uri else name): f"{prefix}:{name}"
        for uri, prefix in spaces
        for name in _WANTED[prefix].split()
    }
    # A prefix that is declared nowhere stays in the name.
    for prefix, names in _WANTED.items():
        slots |= {f"{prefix}:{name}": f"{prefix}:{name}" for name in names.split()}
    # Elements of Atom in an RSS feed without a namespace of their own, and the other way round.
    for name in ("id", "summary", "published", "issued", "updated", "modified"):
        slots[name] = f"atom:{name}"
    for uri in _ATOM_NAMESPACES:
        slots[f"{{{uri}}}enclosure"] = "rss:enclosure"
    return slots


_SLOTS: Final = _slots()
_ENTRY_TAGS: Final = frozenset(
    f"{{{uri}}}{name}" if uri else name for uri in (*_ATOM_NAMESPACES, *_RSS_NAMESPACES) for name in ENTRY_NAMES
)


def _refuse_namespaces(declared: dict[str | None, str]) -> None:
    if len(declared) > MAX_NAMESPACES or sum(map(len, declared.values())) > MAX_NAMESPACE_CHARS:
        raise TooLarge(
            f"entries within more than {MAX_NAMESPACES} namespaces, or {MAX_NAMESPACE_CHARS:,} characters of them"
        )


def items_of(root: Any) -> list[Any]:
    """The entries of the feed in their order: not what has that name inside of an entry or is of another vocabulary."""
    items: list[Any] = []
    levels = [(iter(root), True)]
    while levels:
        children, usual = levels[-1]
        for child in children:
            name = local_name(child)
            if name in ENTRY_NAMES:
                if usual or child.tag in _ENTRY_TAGS:
                    if not items or items[-1].getparent() is not child.getparent():
                        _refuse_namespaces(child.getparent().nsmap)
                    items.append(child)
                    refuse_many(len(items))
            elif len(child) > 0:
                levels.append((iter(child), name.lower() in _ENTRY_PARENTS))
                break
        else:
            levels.pop()
    return items


def local_name(element: Any) -> str:
    """The name of an element without namespace, or without a prefix that is declared nowhere; of an entity none."""
    tag = element.tag
    return tag.rpartition("}")[2].rpartition(":")[2] if isinstance(tag, str) else ""


def _children(element: Any) -> dict[str, list[Any]]:
    """The children that are read, by slot, each in document order."""
    children: dict[str, list[Any]] = {}
    for child in element:
        slot = _SLOTS.get(child.tag)
        if slot is not None:
            children.setdefault(slot, []).append(child)
    return children


def feed_of(document: Document, root: Any) -> Feed:
    """What a feed says of itself."""
    channel = next(root.iterchildren("{*}channel"), root)
    atom_links: list[Any] = []
    site_link: str | None = None
    language = channel.get(_LANG) or root.get(_LANG)
    authors: list[str] = []
    for child in channel:
        slot = _SLOTS.get(child.tag)
        if slot == "atom:link":
            atom_links.append(child)
        elif slot == "rss:link":
            site_link = site_link or _plain(child) or child.get("href")
        elif slot == "atom:author":
            authors += _person(child)
        elif slot == "dc:language" or (isinstance(child.tag, str) and child.tag.endswith("language")):
            language = _plain(child) or language
    base = channel.get(_BASE) or root.get(_BASE)
    around = document.url
    if base is not None:
        around = absolute_url(base, around) or around
    self_link = absolute_url(_link_of(atom_links, "self") or "", around)
    site_link = absolute_url(site_link or _link_of(atom_links, "alternate") or "", around or self_link)
    base_url = around if base is not None and around is not None else site_link or self_link or document.url
    return Feed(self_link or site_link, base_url, language, tuple(authors))


def entry_of(document: Document, number: int, item: Any, feed: Feed) -> RawEntry:
    """What an element says of an entry, in one pass over its children."""
    children = _children(item)
    get = children.get
    links = get("atom:link", [])
    guid_element = next(iter(get("rss:guid", ())), None)
    guid = _first_text(children, "atom:id", "rss:guid") or item.get(_ABOUT) or _first_text(children, "dc:identifier")
    url = _first_text(children, "rss:link") or _link_of(links, "alternate")
    if url is None and guid_element is not None and guid_element.get("isPermaLink", "true").lower() != "false":
        permalink = _plain(guid_element)
        url = permalink if permalink is not None and permalink.startswith(("http://", "https://")) else None
    if url is None and item.get(_ABOUT, "").startswith(("http://", "https://")):
        url = item.get(_ABOUT)
    content = _content_of(children)
    summary = _summary_of(children)
    if content is None and summary is None and "rss:content" in children:
        content = _marked_up(children["rss:content"][0]), True
    published = _first_text(
        children, "rss:pubDate", "rss:pubdate", "atom:published", "atom:issued", "dcterms:issued", "dc:date",
        "atom:created", "dcterms:created",
    )  # fmt: skip
    updated = _first_text(children, "atom:updated", "atom:modified", "dcterms:modified")
    enclosures, images = _media_of(item, children, links)
    base = item.get(_BASE)
    return RawEntry(
        unit=document.unit,
        source=document.source,
        position=document.position,
        entry=number,
        url=url,
        guid=guid,
        feed=feed.scope,
        base_url=feed.base_url if base is None else _joined(feed.base_url, base),
        title=_title_of(children),
        content=None if content is None else content[0],
        content_is_html=content is not None and content[1],
        summary=None if summary is None else summary[0],
        summary_is_html=summary is not None and summary[1],
        authors=_authors_of(children) or feed.authors,
        published=published or updated,
        updated=updated,
        fetched=document.fetched,
        language=_first_text(children, "dc:language") or item.get(_LANG) or feed.language,
        categories=_categories_of(children),
        images=images,
        enclosures=enclosures,
    )


def _joined(base: str | None, url: str) -> str | None:
    return absolute_url(url, base) or base


def _plain(element: Any) -> str | None:
    """The text of an element without markup around it; None where there is none."""
    text = element.text if len(element) == 0 else "".join(element.itertext())
    text = text.strip() if text else None
    return text or None


def _marked_up(element: Any) -> str:
    """What stands in an element as HTML: its text, or where it has children, their markup."""
    if len(element) == 0:
        text: str = element.text or ""
        return text
    # The element at once: lxml writes all namespaces of the feed with what it is given, so not with each child.
    markup: str = etree.tostring(element, encoding="unicode", with_tail=False)
    return _PREFIXED_TAG.sub(r"<\1", markup[markup.index(">") + 1 : markup.rindex("<")])


def _first_text(children: dict[str, list[Any]], *slots: str) -> str | None:
    for slot in slots:
        for element in children.get(slot, ()):
            text = _plain(element)
            if text is not None:
                return text
    return None


def _typed(element: Any) -> tuple[str, bool] | None:
    """The value of a text construct of Atom, and whether it is HTML (RFC 4287, 3.1 and 4.1.3; Atom 0.3, `mode`)."""
    kind = (element.get("type") or "").lower()
    if element.get("mode") == "base64":
        try:
            value = base64.b64decode(element.text or "", validate=False).decode("utf-8", "replace")
        except ValueError:
            return None
    else:
        value = _marked_up(element)
    if not value.strip():
        return None
    if len(element) > 0 or "html" in kind:
        return value, True
    if kind in ("text", "text/plain"):
        return value, False
    return value, looks_like_html(value)


def _title_of(children: dict[str, list[Any]]) -> str | None:
    for slot in ("atom:title", "rss:title", "dc:title"):
        for element in children.get(slot, ()):
            value = _marked_up(element)
            if value.strip():
                # A title that says it is plain may speak of tags.
                return html.escape(value, quote=False) if element.get("type") == "text" and len(element) == 0 else value
    return None


def _content_of(children: dict[str, list[Any]]) -> tuple[str, bool] | None:
    for slot in ("content:encoded", "xhtml:body", "xhtml:div"):
        for element in children.get(slot, ()):
            value = _marked_up(element)
            if value.strip():
                return value, True
    for element in children.get("atom:content", ()):
        content = _typed(element)
        if content is not None:
            return content
    return None


def _summary_of(children: dict[str, list[Any]]) -> tuple[str, bool] | None:
    for element in children.get("atom:summary", ()):
        summary = _typed(element)
        if summary is not None:
            return summary
    for slot in ("rss:description", "dc:description", "itunes:summary"):
        for element in children.get(slot, ()):
            value = _marked_up(element)
            if value.strip():
                return value, True
    return None


def _authors_of(children: dict[str, list[Any]]) -> tuple[str, ...]:
    names = [name for element in children.get("atom:author", ()) for name in _person(element)]
    for slot in ("dc:creator", "dc:author", "rss:author", "itunes:author"):
        if not names:
            names = [name for element in children.get(slot, ()) if (name := _plain(element)) is not None]
    return tuple(names)


def _person(element: Any) -> list[str]:
    """The name in a person construct of Atom, else its address; the text of an element that holds only that."""
    parts = {local_name(child): _plain(child) for child in element}
    name = parts.get("name") or parts.get("email") or (None if parts else _plain(element))
    return [] if name is None else [name]


def _categories_of(children: dict[str, list[Any]]) -> tuple[str, ...]:
    found = [
        element.get("label") or element.get("term") or _plain(element) for element in children.get("atom:category", ())
    ]
    for slot in ("rss:category", "dc:subject"):
        found += [_plain(element) or element.get("term") for element in children.get(slot, ())]
    return tuple(name for name in found if name)


def _link_of(links: Iterable[Any], relation: str) -> str | None:
    """The href of the first link of a relation; a page of HTML goes before other forms of it."""
    hrefs = [
        ("html" not in link.get("type", "html"), href)
        for link in links
        if link.get("rel", "alternate").lower() == relation and (href := (link.get("href") or "").strip())
    ]
    return min(hrefs, key=lambda found: found[0])[1] if hrefs else None


def _media_of(
    item: Any, children: dict[str, list[Any]], links: Iterable[Any]
) -> tuple[tuple[Enclosure, ...], tuple[str, ...]]:
    """Enclosures, and images: those of Media RSS, `image`, and image files among the enclosures."""
    enclosures = [enclosure_of(e.get("url"), e.get("type"), e.get("length")) for e in children.get("rss:enclosure", ())]
    enclosures += [
        enclosure_of(link.get("href"), link.get("type"), link.get("length"))
        for link in links
        if link.get("rel") == "enclosure"
    ]
    images: list[str | None] = []
    if "media:content" in children or "media:group" in children or "media:thumbnail" in children:
        for element in item.iter(*_MEDIA_TAGS):
            url = element.get("url")
            if element.tag.endswith("thumbnail"):
                images.append(url)
            elif url:
                kind, medium = element.get("type") or "", element.get("medium") or ""
                if (
                    medium == "image"
                    or kind.startswith("image/")
                    or (not medium and not kind and _IMAGE_PATH.search(url))
                ):
                    images.append(url)
                else:
                    enclosures.append(enclosure_of(url, kind or None, element.get("fileSize")))
    images += [element.get("href") for element in children.get("itunes:image", ())]
    for element in children.get("rss:image", ()):
        nested = next(element.iterchildren("{*}url"), None)
        images.append(element.get("href") or _plain(element if nested is None else nested))
    kept = tuple(enclosure for enclosure in enclosures if enclosure is not None)
    images += [enclosure.url for enclosure in kept if (enclosure.type or "").startswith("image/")]
    return kept, tuple(dict.fromkeys(image for image in images if image))
