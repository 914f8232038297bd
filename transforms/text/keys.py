"""Hashes and keys: 16 bytes each, the same for ever. A changed byte here is another dataset format.

A key is BLAKE2b of a kind and its parts, each preceded by its length, so that no two lists of parts give one input.
"""

from functools import lru_cache
from hashlib import blake2b
from typing import Final

KEY_BYTES: Final = 16

_PUNCTUATION: Final = (
    *((character, "'") for character in "\u2018\u2019\u201a\u201b\u2032\u2035\u2039\u203a\u00b4"),
    *((character, '"') for character in "\u201c\u201d\u201e\u201f\u2033\u2036\u00ab\u00bb"),
    *((character, "-") for character in "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"),
    ("\u2026", "..."),
)
"""Typographic quotes, primes, dashes and the ellipsis to their ASCII forms."""


def plain_punctuation(text: str) -> str:
    """The text with typographic quotes, primes, dashes and the ellipsis in ASCII. None of them is part of a word.

    What is computed from a text in either form is computed faster from this one, as it mostly is ASCII.
    """
    if not text.isascii():
        # A search for a character costs a tenth of a regular expression over the whole text.
        for character, plain in _PUNCTUATION:
            if character in text:
                text = text.replace(character, plain)
    return text


def fold(text: str) -> str:
    """The text as it is compared: quotes and dashes in ASCII, case folded, one blank for white space. Idempotent."""
    return " ".join(_folded(text).split())


def _folded(text: str) -> str:
    """The same with white space as it is."""
    text = plain_punctuation(text).replace("`", "'")
    if text.isascii():
        return text.lower()
    # Joiners go; U+02BC is a quote, too, and what U+0149 is folded to.
    return text.replace("\u200c", "").replace("\u200d", "").casefold().replace("\u02bc", "'")


def key(kind: str, *parts: str) -> bytes:
    """The key of the parts among the keys of its kind. Lone surrogates are hashed as they are, so it never raises."""
    pieces = [_prefix(kind)]
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        pieces += (len(data).to_bytes(8, "little"), data)
    return blake2b(b"".join(pieces), digest_size=KEY_BYTES).digest()


@lru_cache(maxsize=64)  # There are few kinds.
def _prefix(kind: str) -> bytes:
    data = kind.encode("utf-8", "surrogatepass")
    return len(data).to_bytes(8, "little") + data


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
    """The hash of title ("" where there is none) and text, folded: of the text its hash stands in it."""
    return key("record", fold(title), content_hash(text).hex())


def hashes(title: str, text: str) -> tuple[bytes, bytes, bytes]:
    """`title_key`, `content_hash` and `record_hash` of a title and a text that are tidy; each is folded once."""
    title = fold(title)
    # Tidy text has no more white space than a blank between words and line feeds between lines.
    text = " ".join(filter(None, _folded(text).split("\n")))
    content = key("content", text)
    return key("title", title), content, key("record", title, content.hex())
