"""White space in one form: what every title, text and name goes through last."""

import re
import unicodedata
from typing import Final

_BLANKS: Final = "\t\xa0\u1680\u2000-\u200a\u202f\u205f\u3000"
_CONTROLS: Final = "\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f"
_INVISIBLE: Final = (
    "\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff"
)
"""Soft hyphen, zero-width space, word joiner, byte order mark, direction marks and overrides, non-characters."""
_JOINERS: Final = "\u200c\u200d"
"""They shape words of Persian and the languages of India, and emoji; among ASCII they are noise."""

_ODD_BLANK: Final = re.compile(f"[{_BLANKS}]")
_ODD_BREAK: Final = re.compile("\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028]")
_UNSEEN: Final = re.compile(f"[{_CONTROLS}{_INVISIBLE}]")
_STRAY_JOINER: Final = re.compile(f"(?<![^\x00-\x7f])[{_JOINERS}]+|[{_JOINERS}]+(?![^\x00-\x7f])")
_MAX_MARKS: Final = 30
"""Marks that combine with one letter; the stream-safe text format of UAX #15 has no more, and no language needs them.
More are cut: to put marks in their order takes time with the square of their number."""
_MARKS: Final = frozenset(filter(unicodedata.combining, map(chr, range(0x300, 0x20000)))) | set("\u0f73\u0f75\u0f81")
"""All of Unicode; the three spelled out do not combine themselves, but what they are composed of."""
_EMPTY_LINES: Final = re.compile(r"\n\n\n+")


def tidy(text: str) -> str:
    r"""The text in Unicode NFC, without control and zero-width characters, with white space in one form.

    Line breaks are `\n`, every other white space is one blank, no line begins or ends with one; paragraphs are divided
    by exactly one empty line, single line breaks stay. Halves of surrogate pairs that stand alone become U+FFFD, so the
    result is always valid UTF-8. `tidy(tidy(text)) == tidy(text)`.
    """
    # Gates first. A text without its line breaks is printable exactly if it holds no control, format or separator
    # character but the blank, nor a surrogate, and no character that Unicode has not assigned.
    plain = text.isascii()
    if not plain:
        text = _with_few_marks(text.replace("\xa0", " "))
    if not text.replace("\n", "").isprintable():
        text = _without_oddities(text)
    elif not plain and not unicodedata.is_normalized("NFC", text):
        text = _composed(text)
    while "  " in text:
        text = text.replace("  ", " ")
    if "\n" not in text:
        return text.strip(" ")
    text = "\n".join([line.strip(" ") for line in text.split("\n")])
    return _EMPTY_LINES.sub("\n\n", text).strip("\n")


def tidy_line(text: str) -> str:
    """The same on one line: titles, names, categories."""
    if not text.isascii() or not text.isprintable():
        text = tidy(text)
    return " ".join(text.split())


def without_surrogates(text: str) -> str:
    """Halves of surrogate pairs joined where they stand together, else U+FFFD. Nothing else is changed."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _without_oddities(text: str) -> str:
    text = _composed(without_surrogates(text))
    text = text.replace("\t", " ").replace("\r\n", "\n")
    if not text.replace("\n", "").isprintable():  # Mostly, that was all.
        text = _ODD_BREAK.sub("\n", text).replace("\u2029", "\n\n")
        text = _UNSEEN.sub("", _ODD_BLANK.sub(" ", text))
        text = _STRAY_JOINER.sub("", text)
        text = _composed(_with_few_marks(text))  # What stood apart may now compose.
    return text


def _composed(text: str) -> str:
    """A text of few marks in NFC, in which one may have become several. What is cut then leaves it in NFC."""
    return _with_few_marks(unicodedata.normalize("NFC", text))


def _with_few_marks(text: str) -> str:
    # One of too many marks in a row stands at a multiple of this number, so a look at those is enough.
    step = _MAX_MARKS + 1
    looked_at = text[::step]
    if _MARKS.isdisjoint(looked_at):
        return text
    pieces: list[str] = []
    kept, end = 0, 0
    for place, character in enumerate(looked_at):
        if character not in _MARKS or place * step < end:
            continue
        start = end = place * step
        while start > kept and text[start - 1] in _MARKS:
            start -= 1
        while end < len(text) and text[end] in _MARKS:
            end += 1
        if end - start > _MAX_MARKS:
            pieces.append(text[kept : start + _MAX_MARKS])
            kept = end
    return "".join([*pieces, text[kept:]]) if pieces else text
