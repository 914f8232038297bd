"""Bytes to text, by evidence. The same bytes give the same text.

In this order: a byte order mark; UTF-16 that shows by its zeros; UTF-8 that decodes without an error (no other encoding
looks like it by chance); an encoding that was declared and fits; UTF-8 with a few broken bytes; Windows-1252 where the
text looks Western; a guess by charset-normalizer among the encodings that news is written in.
"""

import codecs
import re
from typing import Final

import charset_normalizer

from transforms.text.errors import WrongEncoding

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""UTF-32 before UTF-16: its little-endian mark begins with that of UTF-16."""

_ALIASES: Final = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
}
"""What a declared encoding means in practice; WHATWG Encoding Standard, section 4.2 (names and labels)."""

_NOT_OF_DOCUMENTS: Final = frozenset(
    {"idna", "punycode", "unicode-escape", "unicode_escape", "raw-unicode-escape", "raw_unicode_escape", "undefined"}
)
"""Text encodings to Python, but of names and of source code."""

_SEVEN_BIT: Final = frozenset({"iso2022_jp", "iso2022_kr", "hz", "utf-7"})
"""Encodings that spell other scripts in ASCII bytes, so that their bytes pass as UTF-8."""

_GUESSED: Final = [
    "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp874", "koi8_r", "koi8_u",
    "iso8859_2", "iso8859_5", "gb18030", "big5", "cp932", "euc_jp", "euc_kr",
]  # fmt: skip
"""Legacy encodings of the WHATWG Encoding Standard; a wider list makes the guess worse on short texts."""

_GUESS_BYTES: Final = 1 << 16
"""A guess reads no more than this: enough for any story, and it bounds the time."""

_CONTROLS: Final = bytes(sorted({*range(32)} - set(b"\t\n\r\f\x1b")))
_WESTERN: Final = re.compile(
    rb"(?<![\x80-\xff])[\xc0-\xcf\xd1-\xd6\xd8-\xdc\xdf-\xef\xf1-\xf6\xf8-\xfc\xff](?![\xc0-\xff])"
)
"""Accented letters of Windows-1252 that stand alone among ASCII; not those of Icelandic, which are Turkish in 1254."""
_PUNCTUATION: Final = re.compile(rb"[\x80\x82\x84-\x87\x8b\x91-\x97\x99\x9b\xa0-\xbf]")
_INSIDE_WORD: Final = re.compile(rb"(?<=[A-Za-z])[\x8a\x8d-\x8f\x9a\x9c-\x9f\xa1-\xac\xae-\xb6\xb8-\xbf](?=[A-Za-z])")
"""Letters of Central Europe (Windows-1250), symbols in Windows-1252."""
_NO_LETTERS: Final = re.compile("[\x80-\x9f\ue000-\uf8ff]")
"""C1 controls and private characters: where a guess gives them, it is wrong."""
_HIGH: Final = re.compile(rb"[\x80-\xff]")


def decode(body: bytes, *declared: str | None) -> str:
    """The text of the bytes, without a byte order mark.

    `declared` are the encodings that a header or the document names, the most trusted first; one that is unknown or
    does not fit the bytes is passed over. Raises `WrongEncoding` for bytes that are not text.
    """
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            text = _strictly(body[len(mark) :], encoding)
            if text is not None:
                return text
    names = [name for name in map(_codec_name, declared) if name is not None]
    for name in names:
        if name in _SEVEN_BIT:
            text = _strictly(body, name)
            if text is not None:
                return text
    _refuse_binary(body)
    text = _utf16_without_mark(body)
    if text is None:
        text = _strictly(body, "utf-8")
    if text is not None:
        return text
    for name in names:
        text = _strictly(body, name)
        if text is not None:
            return text
    text = _utf8_with_faults(body) or _western(body) or _guessed(body)
    if text is None:
        raise WrongEncoding("not text in UTF-8, in a declared encoding or in any that could be found")
    return text


def decode_exactly(body: bytes, encoding: str) -> str:
    """The text of the bytes in the encoding that the user named, and in no other. Raises `WrongEncoding`."""
    name = _codec_name(encoding)
    if name is None:
        raise WrongEncoding(f"unknown encoding {encoding[:60]!r}")
    try:
        text = body.decode(name)
    except UnicodeDecodeError as error:
        raise WrongEncoding(f"byte {error.start} is not {name}: {error.reason}") from None
    except (UnicodeError, ValueError) as error:
        raise WrongEncoding(f"not {name}: {error}") from None
    return text.removeprefix("\ufeff")


def _codec_name(declared: str | None) -> str | None:
    """The Python name of a declared text encoding, None where there is none."""
    if not declared or len(declared) > 60:
        return None
    try:
        name = codecs.lookup(declared.strip().strip("\"'")).name
    except (LookupError, ValueError):
        return None
    try:
        b" ".decode(name)
    except UnicodeError:
        pass  # Half a character of an encoding that takes two bytes.
    except LookupError:  # A codec that is no text encoding: zlib, base64, rot13, …
        return None
    return None if name in _NOT_OF_DOCUMENTS else _ALIASES.get(name, name)


def _strictly(body: bytes, encoding: str) -> str | None:
    try:
        return body.decode(encoding).removeprefix("\ufeff")
    except (UnicodeError, ValueError):
        return None


def _refuse_binary(body: bytes) -> None:
    """Raises `WrongEncoding` where more than a stray byte or 2 % of the first 4,096 are control characters.

    UTF-16 without a mark has a zero in every second byte, and is let through.
    """
    head = body[:4096]
    controls = len(head) - len(head.translate(None, _CONTROLS))
    if controls > 1 + len(head) // 50 and _utf16_order(head) is None:
        raise WrongEncoding(f"binary data: {controls} control characters in the first {len(head)} bytes")


def _utf16_order(head: bytes) -> str | None:
    even, odd, pairs = head[0::2].count(0), head[1::2].count(0), len(head) // 2
    if pairs >= 4 and odd > 0.7 * pairs and even <= 0.05 * pairs:
        return "utf-16-le"
    if pairs >= 4 and even > 0.7 * pairs and odd <= 0.05 * pairs:
        return "utf-16-be"
    return None


def _utf16_without_mark(body: bytes) -> str | None:
    order = _utf16_order(body[:4096])
    return None if order is None else _strictly(body, order)


def _utf8_with_faults(body: bytes) -> str | None:
    """UTF-8 where at least five letters beyond ASCII are whole for each that is broken: other encodings give none."""
    text = body.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    whole = len(text) - len(text.encode("ascii", "ignore")) - broken
    return text.removeprefix("\ufeff") if whole >= 5 * broken else None


def _western(body: bytes) -> str | None:
    """Windows-1252 where its high bytes are accented letters beside ASCII letters, or punctuation, and are few."""
    head = body[:_GUESS_BYTES]
    high = len(_HIGH.findall(head))
    likely = len(_WESTERN.findall(head)) + len(_PUNCTUATION.findall(head))
    if high <= 0.15 * len(head) and likely >= 0.9 * high and len(_INSIDE_WORD.findall(head)) <= 0.02 * high:
        return _strictly(body, "cp1252")
    return None


def _guessed(body: bytes) -> str | None:
    matches = list(charset_normalizer.from_bytes(body[:_GUESS_BYTES], cp_isolation=_GUESSED))
    if not matches:
        return None
    best = matches[0]
    # Encodings that differ in letters the text lacks are equally good; then the most used one is it.
    for match in matches:
        if match.encoding == "cp1252" and (match.chaos, match.coherence) == (best.chaos, best.coherence):
            best = match
    if best.chaos > 0 and best.coherence == 0:
        return None
    text = _strictly(body, best.encoding)
    return None if text is None or _NO_LETTERS.search(text) else text
