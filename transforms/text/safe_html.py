"""Markup that is safe to show: what an article looks like, and nothing that acts, loads or hides.

nh3 parses it as browsers do and writes out what is listed here. All else goes: of elements that show nothing or bring
something of their own (`_WITHOUT_TEXT`) the content too, of others the tags alone.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from html import escape
from typing import Final

import nh3

from transforms.text.markup import html_to_text
from transforms.text.spacing import without_surrogates
from transforms.text.urls import absolute_url

ELEMENTS: Final = frozenset(
    """
    p br hr div section article aside header footer main address details summary h1 h2 h3 h4 h5 h6
    ul ol li dl dt dd blockquote q cite pre figure figcaption
    a img em strong b i u s small sub sup mark ins del code kbd samp abbr time
    table caption thead tbody tfoot tr th td
    """.split()
)
"""Blocks, headings, lists, quotes, emphasis, links, images and tables."""

ATTRIBUTES: Final[dict[str, set[str]]] = {
    "a": {"href", "title"},
    "img": {"src", "alt", "title", "width", "height"},
    "q": {"cite"},
    "blockquote": {"cite"},
    "abbr": {"title"},
    "time": {"datetime"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
}
"""No style, class or id, no handlers. Links also get `rel="noopener noreferrer"`."""

MAX_TAGS: Final = 10_000
"""`<` that are read as markup. With more only paragraphs are kept: to parse deep nesting takes time with the square of
their number, 0.2 s at this one."""

MAX_REFERENCES: Final = 10_000
"""`&` that are read as character references: to parse them takes time with the square of their number too."""

_WITHOUT_TEXT: Final = frozenset(
    """
    script style iframe object embed applet noscript noembed noframes template svg math canvas audio video button select
    textarea title head
    """.split()
)
_ADDRESSES: Final = frozenset({"href", "src", "cite"})
_NUMBERS: Final = frozenset({"width", "height", "colspan", "rowspan", "start"})
_NUMBER: Final = re.compile("[0-9]{1,4}")

_FORMATTING: Final = re.compile(
    r"<(/?)(?:(b|code|em|i|s|small|strong|u)|big|font|nobr|strike|tt)[\s/][^>]*>", re.IGNORECASE | re.ASCII
)
"""Elements that a parser opens again in each block after one in which they were left open, three of a kind and with
the same attributes at most. They need none, and without them 27 kB no longer become 16 MB."""
_BARE: Final = re.compile("</?(?:big|font|nobr|strike|tt)>", re.IGNORECASE | re.ASCII)
_IMAGE: Final = re.compile('<img(?: [a-z]+="[^"]*")*>')

_MAX_PASSES: Final = 5
"""The last must change nothing. Of news the second does not."""


def sanitize_html(markup: str, base_url: str | None = None) -> str:
    """The markup with the elements and attributes listed here alone; any text is safe to give, none raises.

    Links and images are http(s) and absolute, by `base_url` where they were not; others lose their address, images
    without one go. Of markup with more than 10,000 tags or `&`, read or written, and of such as changes each time it
    is parsed, the text is left, in paragraphs. `sanitize_html(sanitize_html(markup)) == sanitize_html(markup)`.
    """
    markup = without_surrogates(markup)
    cleaner = _cleaner(base_url)
    before = markup
    for _ in range(_MAX_PASSES):  # What is written out may be parsed otherwise: a block within a table, say.
        if before.count("<") > MAX_TAGS or before.count("&") > MAX_REFERENCES:
            break
        after = _cleaned(cleaner, before)
        if after == before:
            return after
        before = after
    return _paragraphs(markup)


def _cleaned(cleaner: nh3.Cleaner, markup: str) -> str:
    if "<" not in markup:
        return cleaner.clean(markup)
    cleaned = cleaner.clean(_BARE.sub("", _FORMATTING.sub(_without_attributes, markup)))
    return _IMAGE.sub(_unless_empty, cleaned) if "<img" in cleaned else cleaned


def _without_attributes(tag: re.Match[str]) -> str:
    return f"<{tag[1]}{tag[2]}>" if tag[2] else ""


def _unless_empty(image: re.Match[str]) -> str:
    return image[0] if ' src="' in image[0] else ""


def _paragraphs(markup: str) -> str:
    paragraphs = filter(None, map(str.strip, html_to_text(markup).split("\n\n")))
    return "".join(f"<p>{escape(paragraph, quote=False)}</p>" for paragraph in paragraphs).replace("\xa0", "&nbsp;")


@lru_cache(maxsize=256)  # Of all entries of a feed it is the same.
def _cleaner(base_url: str | None) -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=ELEMENTS,
        clean_content_tags=_WITHOUT_TEXT,
        attributes=ATTRIBUTES,
        attribute_filter=_filter(base_url),
        url_schemes={"http", "https"},
    )


def _filter(base_url: str | None) -> Callable[[str, str, str], str | None]:
    def kept(element: str, attribute: str, value: str) -> str | None:
        if attribute in _ADDRESSES:
            return absolute_url(value, base_url)
        if attribute in _NUMBERS:
            return value if _NUMBER.fullmatch(value) else None
        return value

    return kept
