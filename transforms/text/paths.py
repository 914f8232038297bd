"""Paths of URLs: one spelling for each."""

import re
from typing import Final

INDEX_FILES: Final = frozenset(
    "index.html index.htm index.xhtml index.shtml index.php index.asp index.aspx index.jsp index.cgi default.htm"
    " default.html default.asp default.aspx".split()
)
"""What a web server gives for a folder; whole names in lower case."""

_PLAIN: Final = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@/?-]*+")
_QUOTED: Final = re.compile(r"%([0-9A-Fa-f]{2})?+|[^A-Za-z0-9._~!$&'()*+,;=:@/?-]")
"""A percent sign, with its byte or alone, or what RFC 3986 lets stand neither in a path nor in a query."""
_UNRESERVED: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_ESCAPED_AMPERSAND: Final = re.compile(r"&(?:amp;)+")
_JAVA_SESSION: Final = re.compile(r"(?i);jsessionid=[^/;]*")
_ASP_SESSION: Final = re.compile(r"/\(S\([0-9a-z]{24}\)\)(?=/|$)")
_AMP_COPY: Final = re.compile(
    r"(?:[a-z0-9-]+\.cdn\.ampproject\.org/[cv]|www\.google\.(?:com?\.)?[a-z]{2,3}/amp)"
    r"/(?:s/)?([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)(?=/|$)"
)
_AMP_ENDING: Final = re.compile(r"(?<=[A-Za-z0-9])\.amp(?=(?:\.html)?$)")
_SLUG: Final = re.compile(r"[0-9-]")


def quoted(text: str) -> str:
    """A path or query with one spelling for each character.

    Letters, digits, `-._~` are plain, others that may not stand there are the bytes of UTF-8 in upper-case hexadecimal
    digits, as is a percent sign that begins none; `&amp;` is `&`. What is reserved stays as it is, plain or not.
    """
    if _PLAIN.fullmatch(text) is None:
        text = _QUOTED.sub(_spelled, text)
    return _ESCAPED_AMPERSAND.sub("&", text) if "&amp;" in text else text


def resolved(path: str) -> str:
    """A quoted path without session ids, `.` and `..`."""
    if ";" in path:
        path = _JAVA_SESSION.sub("", path)
    if "/(S(" in path:
        path = _ASP_SESSION.sub("", path)
    return _without_dots(path) if "/." in path else path


def publisher(host: str, path: str) -> tuple[str, str]:
    """Host and path that a copy of Google's AMP cache or viewer was made from; other URLs as they are."""
    while host.endswith(".cdn.ampproject.org") or host.startswith("www.google."):
        copied = _AMP_COPY.match(f"{host}{path}")
        if copied is None:
            break
        path = path[copied.end() - len(host) :]
        host = copied[1].lower()
    return host, path


def shortened(path: str) -> str:
    """A path without a trailing slash, index file or AMP ending; at least `/`.

    `/amp` ends a slug or a number only (`/some-story/amp`, `/123/amp`): there it asks for another form of the page.
    """
    while True:
        if path.endswith("/"):
            path = path.rstrip("/")
        folder, _, last = path.rpartition("/")
        if last in INDEX_FILES or (last == "amp" and _SLUG.search(folder, folder.rfind("/") + 1)):
            path = folder
        elif ".amp" in last and _AMP_ENDING.search(last):
            path = f"{folder}/{_AMP_ENDING.sub('', last)}"
        else:
            return path or "/"


def _spelled(found: re.Match[str]) -> str:
    if found[1] is not None:
        byte = int(found[1], 16)
        return chr(byte) if byte in _UNRESERVED else f"%{byte:02X}"
    return "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8"))


def _without_dots(path: str) -> str:
    kept: list[str] = []
    parts = path.split("/")
    for part in parts:
        if part == "..":
            if len(kept) > 1:
                kept.pop()
        elif part != ".":
            kept.append(part)
    if parts[-1] in (".", ".."):
        kept.append("")
    return "/".join(kept)
