"""What elements of feeds are called: `dc:date` in our tables, and in a tree the same in any namespace that means dc."""

from typing import Final

_NAMESPACES: Final = {
    "atom": (
        "http://www.w3.org/2005/Atom",
        "https://www.w3.org/2005/Atom",
        "http://purl.org/atom/ns#",
        "http://example.com/newformat#",
        "http://necho.sourceforge.net/echo.html",
        "http://purl.org/echo/",
        "uri/of/echo/namespace#",
        "http://www.w3.org/2005/atom",
    ),
    "rss": (
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
    ),
    "dc": ("http://purl.org/dc/elements/1.1/", "http://purl.org/dc/elements/1.0/"),
    "dcterms": ("http://purl.org/dc/terms/",),
    "content": ("http://purl.org/rss/1.0/modules/content/",),
    "media": ("http://search.yahoo.com/mrss/", "http://search.yahoo.com/mrss"),
    "itunes": (
        "http://www.itunes.com/dtds/podcast-1.0.dtd",
        "http://www.itunes.com/DTDs/Podcast-1.0.dtd",
        "http://www.itunes.com/DTDs/PodCast-1.0.dtd",
    ),
    "xhtml": ("http://www.w3.org/1999/xhtml",),
}
"""The namespaces that feedparser knows."""

_ALSO: Final = {
    # Elements of Atom in an RSS feed without a namespace of their own, and the other way round.
    **{f"atom:{name}": (name,) for name in ("id", "summary", "published", "issued", "updated", "modified")},
    "rss:enclosure": tuple(f"{{{uri}}}enclosure" for uri in _NAMESPACES["atom"]),
}

ENTRY_NAMES: Final = ("item", "entry")
ABOUT: Final = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}about"
LANG: Final = "{http://www.w3.org/XML/1998/namespace}lang"
BASE: Final = "{http://www.w3.org/XML/1998/namespace}base"


def tags_of(name: str) -> list[str]:
    """The tags of the elements that a name means, as lxml spells them: `{http://purl.org/dc/elements/1.1/}date`, …"""
    prefix, _, local = name.partition(":")
    tags = [f"{{{uri}}}{local}" if uri else local for uri in _NAMESPACES[prefix]]
    # A prefix that is declared nowhere stays in the tag.
    return [*tags, name, *_ALSO.get(name, ())]


ENTRY_TAGS: Final = frozenset(
    f"{{{uri}}}{name}" if uri else name
    for prefix in ("atom", "rss")
    for uri in _NAMESPACES[prefix]
    for name in ENTRY_NAMES
)
"""What is an entry wherever it stands in a feed."""
