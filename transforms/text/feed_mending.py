"""XML with the usual small faults, mended as text: forbidden characters, a bare `&`, entities of HTML, prefixes."""

import html
import re
from html.entities import html5
from typing import Final

_AMPERSAND: Final = re.compile(r"&(?:#(?:x([0-9A-Fa-f]{1,8})|([0-9]{1,8}));|([A-Za-z][A-Za-z0-9]{1,31});)?")
_XML_ENTITIES: Final = frozenset({"amp", "lt", "gt", "quot", "apos"})
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


def mended(text: str) -> str:
    """The text without what XML forbids, and without prefixes of its own names that it does not declare.

    Outside of CDATA a bare `&` is escaped, entities of HTML are resolved.
    """
    text = _FORBIDDEN.sub("", text)
    for prefix in ("rss", "atom"):
        if f"<{prefix}:" in text and f"xmlns:{prefix}=" not in text:
            text = text.replace(f"<{prefix}:", "<").replace(f"</{prefix}:", "</")
    pieces: list[str] = []
    at = 0
    while (start := text.find("<![CDATA[", at)) >= 0:
        end = text.find("]]>", start)
        end = len(text) if end < 0 else end + 3
        pieces += (_AMPERSAND.sub(_mended_ampersand, text[at:start]), text[start:end])
        at = end
    pieces.append(_AMPERSAND.sub(_mended_ampersand, text[at:]))
    return "".join(pieces)


def _mended_ampersand(found: re.Match[str]) -> str:
    hexadecimal, decimal, name = found.groups()
    if name is not None:
        if name in _XML_ENTITIES:
            return found[0]
        return html.escape(html5.get(f"{name};", found[0]), quote=True)
    if hexadecimal is not None or decimal is not None:
        # As a browser reads it: what is no character becomes U+FFFD or nothing.
        return html.escape(_FORBIDDEN.sub("", html.unescape(found[0])), quote=True)
    return "&amp;"
