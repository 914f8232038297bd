"""Where a feed and its entries stand in a text, found by their tags alone: it need not be well-formed."""

import re
from dataclasses import dataclass, field
from typing import Final

from transforms.text.feed_draft import MAX_ENTRIES, too_many_entries

_ROOT_WITHIN: Final = 1 << 16
_BEFORE_ROOT: Final = re.compile(
    r"<!--|<!DOCTYPE|(?P<root><(?:[A-Za-z_][\w.-]*+:)?(?:rss|feed|rdf|channel)(?=[\s>]))", re.IGNORECASE
)
_WITHIN_DOCTYPE: Final = re.compile(r"[\[\]>\"']|<!--|<\?")
_CLOSING: Final = {'"': '"', "'": "'", "<!--": "-->", "<?": "?>", "<![CDATA[": "]]>"}

_OUTLINE: Final = re.compile(
    r"<!--|<!\[CDATA\[|<\?xml\s|<(?P<slash>/?)(?P<name>(?:[A-Za-z_][\w.-]*+:)?(?:"
    r"(?P<entry>item|entry)|(?P<root>rss|feed|rdf)|channel))(?=[\s/>])",
    re.IGNORECASE,
)
HEAD_CHARS: Final = 1 << 12
"""What a start tag may have: no end of a longer one is looked for."""


def root_of(text: str) -> int | None:
    """Where the root element starts, behind comments and a DTD, which may name others; None where there is none."""
    at = 0
    endless: set[str] = set()
    while (found := _BEFORE_ROOT.search(text, at, at + _ROOT_WITHIN)) is not None:
        if found["root"] is not None:
            return found.start()
        at, kind = found.end(), found[0].upper()
        if kind in endless:
            continue
        end = closed(text, at, "-->") if kind == "<!--" else _end_of_doctype(text, at)
        if end is None:
            endless.add(kind)
        else:
            at = end
    return None


def closed(text: str, at: int, closing: str) -> int | None:
    """Where what is closed so ends, None where it does not."""
    end = text.find(closing, at)
    return None if end < 0 else end + len(closing)


def _end_of_doctype(text: str, at: int) -> int | None:
    """Where a DOCTYPE ends, with the declarations in its brackets; None where it does not."""
    inside = False
    while (found := _WITHIN_DOCTYPE.search(text, at)) is not None:
        at, token = found.end(), found[0]
        if token in _CLOSING:
            end = closed(text, at, _CLOSING[token])
            if end is None:
                return None
            at = end
        elif token == ">":
            if not inside:
                return at
        else:
            inside = token == "["
    return None


@dataclass(slots=True)
class Span:
    """Where an entry stands in the text, and whether it has an end."""

    start: int
    end: int = 0
    whole: bool = True


@dataclass(slots=True)
class Part:
    """One feed in the text: mostly the only one."""

    start: int
    end: int = 0
    entries: list[Span] = field(default_factory=list)
    ended: bool = False


def outline(text: str) -> list[Part]:
    """The feeds in a text and their entries, found by their tags alone, outside of comments and CDATA.

    An entry goes to its end tag, else to the start tag of the next one or the end tag of the feed; without any of these
    it is cut off. What never ends is no comment and no CDATA.
    """
    parts = [Part(0)]
    name: str | None = None  # Of the entry that is open.
    entries = 0
    at = 0
    endless: set[str] = set()
    while (found := _OUTLINE.search(text, at)) is not None:
        at, part = found.end(), parts[-1]
        if found["name"] is None:
            opening = found[0]
            if opening not in _CLOSING:  # An XML declaration: another document.
                _close(part, name, found.start(), whole=False)
                name = None
                part.ended = True
            elif opening not in endless:
                end = closed(text, at, _CLOSING[opening])
                if end is None:
                    endless.add(opening)
                else:
                    at = end
        elif found["entry"] is None:
            if found["slash"]:
                _close(part, name, found.start())
                name = None
                part.ended = part.ended or found["root"] is not None
            elif part.ended and found["root"] is not None:
                _close(part, name, found.start(), whole=False)
                name = None
                part.end = found.start()
                parts.append(Part(found.start()))
        elif found["slash"]:
            if name == found["name"].lower():
                end = closed(text, at, ">")
                _close(part, name, len(text) if end is None else end, whole=end is not None)
                name = None
        elif name is None or name == found["name"].lower():
            _close(part, name, found.start())
            name = found["name"].lower()
            part.entries.append(Span(found.start()))
            entries += 1
            if entries > MAX_ENTRIES:
                raise too_many_entries()
            tag_end = text.find(">", at, at + HEAD_CHARS)
            if text.startswith("/", tag_end - 1) and tag_end > 0:
                _close(part, name, tag_end + 1)
                name = None
    _close(parts[-1], name, len(text), whole=False)
    parts[-1].end = len(text)
    return parts


def _close(part: Part, name: str | None, end: int, *, whole: bool = True) -> None:
    """Ends the entry of the part that is open, if one is."""
    if name is not None:
        part.entries[-1].end = end
        part.entries[-1].whole = whole
