"""Hashes and keys: 16 bytes each, the same for ever. A changed byte here is another dataset format.

A key is BLAKE2b of a kind and its parts, each preceded by its length, so that no two lists of parts give one input.
Lone surrogates are hashed as they are, so that none is refused.
"""

from functools import lru_cache
from hashlib import blake2b
from typing import Final

from transforms.text.spacing import unusual

KEY_BYTES: Final = 16

_PUNCTUATION: Final = (
    *((character, "'") for character in "\u2019\u2018"),
    *((character, '"') for character in "\u201c\u201d"),
    *((character, "-") for character in "\u2013\u2014"),
    ("\u2026", "..."),
    *((character, "'") for character in "\u201a\u201b\u2032\u2035\u2039\u203a\u00b4"),
    *((character, '"') for character in "\u201e\u201f\u2033\u2036\u00ab\u00bb"),
    *((character, "-") for character in "\u2010\u2011\u2012\u2015\u2212"),
)
"""Typographic quotes, primes, dashes and the ellipsis to their ASCII forms; the usual ones first."""

_FEW: Final = 30
"""So many different characters are folded one by one."""


def plain_punctuation(text: str) -> str:
    """The text with typographic quotes, primes, dashes and the ellipsis in ASCII. None of them is part of a word.

    What is computed from a text in either form is computed faster from this one, as it mostly is ASCII.
    """
    if not text.isascii():
        # A search for a character costs a tenth of a regular expression over the whole text.
        for character, plain in _PUNCTUATION:
            if character in text:
                text = text.replace(character, plain)
                if text.isascii():
                    break
    return text


def fold(text: str) -> str:
    """The text as it is compared: quotes and dashes in ASCII, case folded, one blank for white space. Idempotent."""
    return " ".join(_folded(plain_punctuation(text)).decode("utf-8", "surrogatepass").split())


def _folded(text: str) -> bytes:
    """The same of a text in plain punctuation, with white space as it is, in UTF-8."""
    text = text.replace("`", "'")
    if text.isascii():
        return text.encode().lower()
    text = text.replace("\u200c", "").replace("\u200d", "")  # Joiners.
    others = unusual(text)
    cased = set() if others is None or _without_case(others) == others else set(others)
    if others is None or len(cased) > _FEW:
        return _utf8(_without_case(text))
    # What else has case are few characters, and bytes fold that of ASCII in a tenth of the time.
    for character in cased:
        text = text.replace(character, _without_case(character))
    return _utf8(text).lower()


def _without_case(text: str) -> str:
    return text.casefold().replace("\u02bc", "'")  # Which is a quote, and what U+0149 is folded to.


def _kind(name: str) -> blake2b:
    """A hash that has taken in what all keys of the kind begin with."""
    return blake2b(_part(_utf8(name)), digest_size=KEY_BYTES)


def _part(data: bytes) -> bytes:
    return len(data).to_bytes(8, "little") + data


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _key(kind: blake2b, *parts: bytes) -> bytes:
    begun = kind.copy()  # In half the time of a new one.
    begun.update(b"".join(parts))
    return begun.digest()


_URL, _GUID, _FEED, _TITLE, _CONTENT, _RECORD = map(_kind, ("url", "guid", "feed", "title", "content", "record"))


def url_key(canonical: str) -> bytes:
    """The key of a canonical URL."""
    return _key(_URL, _part(_utf8(canonical)))


def guid_key(guid: str, scope: str) -> bytes:
    """The key of an identifier within the feed (or input) that gives it."""
    return _key(_guids(scope), _part(_utf8(guid)))


@lru_cache(maxsize=64)  # Of all entries of a feed it is the same, as the next.
def _guids(scope: str) -> blake2b:
    """A hash that has taken in what all keys of guids of a scope begin with."""
    begun = _GUID.copy()
    begun.update(_part(_utf8(scope)))
    return begun


@lru_cache(maxsize=64)
def feed_key(scope: str) -> bytes:
    """The key of a feed's scope."""
    return _key(_FEED, _part(_utf8(scope)))


def title_key(title: str) -> bytes:
    """The key of a title, folded."""
    return _key(_TITLE, _part(_utf8(fold(title))))


def content_hash(text: str) -> bytes:
    """The hash of a text, folded."""
    return _key(_CONTENT, _part(_utf8(fold(text))))


def record_hash(title: str, text: str) -> bytes:
    """The hash of title ("" where there is none) and text, folded: of the text its hash stands in it."""
    return _key(_RECORD, _part(_utf8(fold(title))), _part(content_hash(text).hex().encode()))


def hashes(title: str, text: str) -> tuple[bytes, bytes, bytes]:
    """`title_key`, `content_hash` and `record_hash` of a tidy title and a tidy text in plain punctuation.

    Each is folded once.
    """
    # Tidy text has no other white space than single blanks within lines and line feeds between them.
    title_part = _part(_folded(plain_punctuation(title)))
    content = _key(_CONTENT, _part(_folded(text).replace(b"\n\n", b" ").replace(b"\n", b" ")))
    return _key(_TITLE, title_part), content, _key(_RECORD, title_part, _part(content.hex().encode()))
