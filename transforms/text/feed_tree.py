"""The tree of a feed: where its entries are, and what it says of itself."""

from typing import Any, Final

from transforms.schemas import Document, Parser
from transforms.text.errors import TooLarge
from transforms.text.feed_draft import MAX_ENTRIES, Feed, too_many_entries
from transforms.text.feed_names import BASE, ENTRY_NAMES, ENTRY_TAGS, LANG, tags_of
from transforms.text.feed_values import link_of, local_name, person, plain, related
from transforms.text.urls import absolute_url

MAX_NAMESPACES: Final = 100
MAX_NAMESPACE_CHARS: Final = 1 << 15
"""What an entry may stand in; all of it is written, and cut off again, with each text that is markup. Feeds have 20."""

_ENTRY_PARENTS: Final = ("channel", "feed", "rdf", "rss", "items", "entries")
_READ: Final = {
    tag: name
    for name in ("atom:link", "rss:link", "rss:title", "atom:title", "atom:author", "dc:language")
    for tag in tags_of(name)
}


def items_of(root: Any) -> list[Any]:
    """The entries of the feed in their order: not what has that name inside of an entry or is of another vocabulary."""
    items: list[Any] = []
    checked = None
    levels = [(root, iter(root), True)]
    while levels:
        parent, children, usual = levels[-1]
        for child in children:
            if child.tag not in ENTRY_TAGS:
                name = local_name(child)
                if name not in ENTRY_NAMES:
                    if len(child) > 0:
                        levels.append((child, iter(child), name.lower() in _ENTRY_PARENTS))
                        break
                    continue
                if not usual:
                    continue
            if parent is not checked:
                _refuse_namespaces(parent.nsmap)
                checked = parent
            items.append(child)
            if len(items) > MAX_ENTRIES:
                raise too_many_entries()
        else:
            levels.pop()
    return items


def _refuse_namespaces(declared: dict[str | None, str]) -> None:
    if len(declared) > MAX_NAMESPACES or sum(map(len, declared.values())) > MAX_NAMESPACE_CHARS:
        raise TooLarge(
            f"entries within more than {MAX_NAMESPACES} namespaces, or {MAX_NAMESPACE_CHARS:,} characters of them"
        )


def feed_of(document: Document, root: Any, parser: Parser = "lxml") -> Feed:
    """What a feed says of itself; `parser` is what made the tree of it."""
    channel = next(root.iterchildren("{*}channel"), root)
    links: list[tuple[str, Any]] = []
    site_link: str | None = None
    language = channel.get(LANG) or root.get(LANG)
    authors: list[str | None] = []
    title: str | None = None
    for child in channel:
        tag = child.tag
        if tag in ENTRY_TAGS:
            continue
        name = _READ.get(tag)
        if name == "atom:link":
            links.append(related(child))
        elif name == "rss:link":
            site_link = site_link or plain(child) or child.get("href")
        elif name in ("rss:title", "atom:title"):
            title = title or plain(child)
        elif name == "atom:author":
            authors.append(person(child))
        elif name == "dc:language" or (isinstance(tag, str) and tag.endswith("language")):
            language = plain(child) or language
    base = channel.get(BASE) or root.get(BASE)
    around = document.url
    if base is not None:
        around = absolute_url(base, around) or around
    self_link = absolute_url(link_of(links, "self") or "", around)
    site_link = absolute_url(site_link or link_of(links, "alternate") or "", around or self_link)
    base_url = around if base is not None and around is not None else site_link or self_link or document.url
    return Feed(self_link or site_link, base_url, language, tuple(filter(None, authors)), title, parser)
