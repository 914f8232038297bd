"""What a page says of itself, and whom to believe.

For each field the first source that has it:

1. JSON-LD: the one story, or that which names the page's own address;
2. OpenGraph and `article:…`;
3. microdata, in the page's head and of its one story;
4. other `meta` tags: those of Dublin Core, Parsely, Sailthru and so on;
5. the markup: the only `h1` if `title` begins with it, else `title`; `time pubdate`; links to the author; `html lang`.

Of several stories in JSON-LD or microdata none is believed if none names the page: they are teasers of a list.
Descriptions and images are not read from JSON-LD. `og:locale` comes last, since its default is `en_US` and many a
template leaves it so. The canonical link is the `link`, else `og:url`, as search engines have it, and believed only if
it is http(s). Values are as they stand, dates are texts; white space only is no value.
"""

from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from transforms.schemas import Problem
from transforms.text.json_ld import STORY_TYPES, LinkedData, addresses_of, read_linked_data
from transforms.text.urls import absolute_url, canonical_url

MAX_NAMES: Final = 50
"""Authors and sections; more names are a list of all there are."""

_LINKED_DATA: Final = {
    "title": ("headline", "name"),
    "authors": ("author", "creator"),
    "published": ("datePublished",),
    "updated": ("dateModified",),
    "sections": ("articleSection",),
    "site_name": ("publisher",),
    "language": ("inLanguage",),
}
_OPEN_GRAPH: Final = {
    "title": ("og:title",),
    "description": ("og:description",),
    "authors": ("og:article:author", "article:author"),
    "published": ("article:published_time", "og:article:published_time", "og:published_time"),
    "updated": ("article:modified_time", "og:article:modified_time", "og:updated_time"),
    "sections": ("article:section", "og:article:section"),
    "site_name": ("og:site_name",),
    "image": ("og:image", "og:image:url", "og:image:secure_url"),
}
_MICRODATA: Final = {
    "title": ("headline",),
    "description": ("description",),
    "authors": ("author", "creator"),
    "published": ("datepublished",),
    "updated": ("datemodified",),
    "sections": ("articlesection",),
    "site_name": ("publisher",),
    "image": ("image",),
    "language": ("inlanguage",),
}
_META: Final = {
    "title": ("twitter:title", "dc.title", "dcterms.title", "parsely-title", "sailthru.title", "headline"),
    "description": ("description", "twitter:description", "dc.description", "dcterms.description"),
    "authors": ("author", "authors", "byl", "dc.creator", "dcterms.creator", "parsely-author", "sailthru.author"),
    "published": (
        "datepublished", "date", "pubdate", "publish_date", "publishdate", "publication_date", "dc.date.issued",
        "dcterms.created", "dcterms.issued", "dc.date", "dcterms.date", "parsely-pub-date", "sailthru.date",
    ),
    "updated": ("datemodified", "last-modified", "dcterms.modified", "lastmod"),
    "sections": ("section", "parsely-section", "sailthru.section"),
    "site_name": ("application-name", "publisher", "dc.publisher", "dcterms.publisher"),
    "image": ("twitter:image", "twitter:image:src"),
    "language": ("language", "content-language", "dc.language", "dcterms.language"),
}  # fmt: skip
_LAST: Final = {"language": ("og:locale",)}
_LISTS: Final = frozenset("collectionpage searchresultspage profilepage aboutpage contactpage checkoutpage".split())
"""schema.org types of pages that are no article, in lower case."""

_Said = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class PageMetadata:
    """What the page says of itself; `is_article` is None where it does not say."""

    title: str | None
    description: str | None
    authors: tuple[str, ...]
    published: str | None
    updated: str | None
    language: str | None
    sections: tuple[str, ...]
    site_name: str | None
    image: str | None
    canonical: str | None
    base_url: str | None
    is_article: bool | None
    problems: tuple[Problem, ...]


def read_metadata(tree: Any, url: str | None) -> PageMetadata:
    """What a page (an element of `lxml.html`, not changed) says of itself. `url` is where it was found, if known."""
    meta = _meta(tree)
    base = next((element.get("href") for element in tree.iter("base") if element.get("href")), "")
    base_url = absolute_url(base, url) or url
    links = (link.get("href") for link in tree.iter("link") if "canonical" in (link.get("rel") or "").lower().split())
    candidates = (absolute_url(link or "", base_url) for link in (*links, *meta.get("og:url", ())))
    canonical = next((link for link in candidates if link is not None), None)
    linked = read_linked_data(script.text or "" for script in tree.iter("script") if _is_json_ld(script))
    story = _own_story(linked, {canonical_url(link) for link in (canonical, url) if link})
    scopes = [scope for scope in tree.iterfind(".//*[@itemtype]") if _is_story(scope)]
    said = ChainMap(
        _of_story(linked, story),
        _named(meta, _OPEN_GRAPH),
        _named(_microdata(tree, scopes[0] if len(scopes) == 1 else None), _MICRODATA),
        _named(meta, _META),
        _markup(tree),
        _named(meta, _LAST),
    )

    def first(field: str) -> str | None:
        return said[field][0] if field in said else None

    return PageMetadata(
        title=first("title"),
        description=first("description"),
        authors=tuple(dict.fromkeys(said.get("authors", ())))[:MAX_NAMES],
        published=first("published"),
        updated=first("updated"),
        language=first("language"),
        sections=tuple(dict.fromkeys(said.get("sections", ())))[:MAX_NAMES],
        site_name=first("site_name"),
        image=first("image"),
        canonical=canonical,
        base_url=base_url,
        is_article=_is_article(story is not None, linked.types, meta.get("og:type", ()), len(scopes)),
        problems=linked.problems,
    )


def _is_article(story: bool, types: frozenset[str], og_types: tuple[str, ...], scopes: int) -> bool | None:
    """What the page declares to be: JSON-LD before OpenGraph, since blogs call the list of a category an article too.

    `website` is what many templates say of every page, and so says nothing.
    """
    if story or types & _LISTS:
        return story
    return True if scopes == 1 or any(kind.lower() in ("article", "newsarticle") for kind in og_types) else None


def _own_story(linked: LinkedData, addresses: set[str | None]) -> dict[str, Any] | None:
    """The story that the page is about: the one that names its address, else the only one."""
    for story in linked.stories:
        if addresses & {canonical_url(address) for address in addresses_of(story)} - {None}:
            return story
    return linked.stories[0] if len(linked.stories) == 1 else None


def _of_story(linked: LinkedData, story: Mapping[str, Any] | None) -> _Said:
    said: _Said = {}
    for field, names in _LINKED_DATA.items():
        values = next(filter(None, (linked.texts((story or {}).get(name)) for name in names)), ())
        if values:
            said[field] = values
    return said


def _named(values: Mapping[str, tuple[str, ...]], fields: Mapping[str, tuple[str, ...]]) -> _Said:
    """The fields by the first of their names that has values; an author's address is no name."""
    said: _Said = {}
    for field, names in fields.items():
        for name in names:
            found = values.get(name, ())
            if field == "authors":
                found = tuple(value for value in found if not value.startswith(("http://", "https://")))
            if found:
                said[field] = found
                break
    return said


def _meta(tree: Any) -> dict[str, tuple[str, ...]]:
    """The contents of `meta` tags by their name in lower case."""
    meta: dict[str, tuple[str, ...]] = {}
    for element in tree.iter("meta"):
        name = element.get("property") or element.get("name") or element.get("http-equiv") or ""
        content = (element.get("content") or "").strip()
        if name and content:
            meta[name.lower()] = (*meta.get(name.lower(), ())[:MAX_NAMES], content)
    return meta


def _microdata(tree: Any, story: Any) -> dict[str, tuple[str, ...]]:
    """The properties of the page's story, and those outside of any item, by their name in lower case."""
    items: dict[str, tuple[str, ...]] = {}
    for element in tree.iterfind(".//*[@itemprop]"):
        scope = next((holder for holder in element.iterancestors() if holder.get("itemscope") is not None), None)
        if scope is not None and scope is not story:
            continue
        value = _value(element)
        for name in element.get("itemprop").lower().split() if value else ():
            items[name] = (*items.get(name, ())[:MAX_NAMES], value)
    return items


def _value(element: Any) -> str:
    """The value of a property: what its attributes say, the name of an item, or the text."""
    said = element.get("content") or element.get("datetime")
    if said:
        return str(said).strip()
    if element.get("itemscope") is not None:
        name = next((inner for inner in element.iterfind(".//*[@itemprop]") if inner.get("itemprop") == "name"), None)
        return "" if name is None else str(name.get("content") or "").strip() or _text(name)
    return str(element.get("src") or "") if element.tag == "img" else _text(element)


def _markup(tree: Any) -> _Said:
    """What can be told from the markup itself."""
    said: _Said = {}
    titles, headings = ([_text(element) for element in tree.iter(tag)] for tag in ("title", "h1"))
    title = titles[0] if titles else ""
    if len(headings) == 1 and headings[0] and (not title or title.startswith(headings[0])):
        title = headings[0]
    authors = [_text(link) for link in tree.iter("a") if "author" in (link.get("rel") or "").lower().split()]
    dates = [time.get("datetime") or "" for time in tree.iter("time") if time.get("pubdate") is not None]
    language = tree.get("lang") or tree.get("xml:lang") or ""
    for field, values in (("title", [title]), ("authors", authors), ("published", dates), ("language", [language])):
        if found := tuple(value for value in values if value.strip()):
            said[field] = found
    return said


def _text(element: Any) -> str:
    return " ".join("".join(element.itertext()).split())


def _is_json_ld(script: Any) -> bool:
    return (script.get("type") or "").partition(";")[0].strip().lower() == "application/ld+json"


def _is_story(scope: Any) -> bool:
    """Whether it is an item of microdata that is a story."""
    kinds = scope.get("itemtype").split()
    return any(kind.rpartition("/")[2].lower() in STORY_TYPES for kind in kinds)
