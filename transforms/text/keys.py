"""Hashes and keys: 16 bytes each, the same for ever. A changed byte here is another dataset format.

A key is BLAKE2b of a kind and its parts, each preceded by its length, so that no two lists of parts give one input.
"""

from hashlib import blake2b
from typing import Final

KEY_BYTES: Final = 16

_FOLDED: Final = (
    *((character, "'") for character in "\u2018\u2019\u201a\u201b\u2032\u2035\u02bc\u2039\u203a\u00b4\u0060"),
    *((character, '"') for character in "\u201c\u201d\u201e\u201f\u2033\u2036\u00ab\u00bb"),
    *((character, "-") for character in "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"),
    ("\u2026", "..."),
    ("\u200c", ""),
    ("\u200d", ""),
)
"""Typographic quotes, primes, dashes and the ellipsis to their ASCII forms; joiners out."""


def fold(text: str) -> str:
    """The text as it is compared: quotes and dashes in ASCII, case folded, one blank for white space. Idempotent."""
    text = text.replace("\n", " ").replace("\u0060", "'")
    if not text.isascii():
        # A replacement of one character costs a tenth of a regular expression over the whole text.
        for character, folded in _FOLDED:
            if character in text:
                text = text.replace(character, folded)
    if text.isascii():
        text = text.lower()
    else:
        text = text.casefold().replace("\u02bc", "'")  # To which U+0149 is folded.
    if not text.isprintable():
        return " ".join(text.split())
    # A printable text has no other white space than blanks.
    while "  " in text:
        text = text.replace("  ", " ")
    return text.strip(" ")


def key(kind: str, *parts: str) -> bytes:
    """The key of the parts among the keys of its kind. Lone surrogates are hashed as they are, so it never raises."""
    pieces: list[bytes] = []
    for part in (kind, *parts):
        data = part.encode("utf-8", "surrogatepass")
        pieces += (len(data).to_bytes(8, "little"), data)
    return blake2b(b"".join(pieces), digest_size=KEY_BYTES).digest()


def url_key(canonical: str) -> bytes:
    """The key of a canonical URL."""
    return key("url", canonical)


def guid_key(guid: str, scope: str) -> bytes:
    """The key of an identifier within the feed (or input) that gives it."""
    return key("guid", scope, guid)


def feed_key(scope: str) -> bytes:
    """The key of a feed's scope."""
    return key("feed", scope)


def title_key(title: str) -> bytes:
    """The key of a title, folded."""
    return key("title", fold(title))


def content_hash(text: str) -> bytes:
    """The hash of a text, folded."""
    return key("content", fold(text))


def record_hash(title: str, text: str) -> bytes:
    """The hash of title ("" where there is none) and text, folded."""
    return key("record", fold(title), fold(text))


def hashes(title: str, text: str) -> tuple[bytes, bytes]:
    """`content_hash(text)` and `record_hash(title, text)`; the text is folded once."""
    folded = fold(text)
    return key("content", folded), key("record", fold(title), folded)
