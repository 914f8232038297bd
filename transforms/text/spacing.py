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

_ODD_BLANK: Final = re.compile(f"[{_BLANKS}]")
_ODD_BREAK: Final = re.compile("\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028]")
_UNSEEN: Final = re.compile(f"[{_CONTROLS}{_INVISIBLE}]")
_JOINERS: Final = re.compile("[\u200c\u200d]+")
"""They shape words of Persian and the languages of India, and emoji; beside ASCII they are noise."""
_MAX_MARKS: Final = 30
"""Marks that combine with one letter; the stream-safe text format of UAX #15 has no more, and no language needs them.
More are cut: to put marks in their order takes time with the square of their number."""
_MARKS: Final = frozenset(filter(unicodedata.combining, map(chr, range(0x300, 0x20000)))) | set("\u0f73\u0f75\u0f81")
"""All of Unicode; the three spelled out do not combine themselves, but what they are composed of."""
_USUAL: Final = bytes([0x0A, *range(0x20, 0x7F)])
_HARMLESS: Final = re.compile(
    "[\xa1-\xac\xae-\u02ff\u2010-\u2027\u2030-\u205e\u20ac\u2122\ufe0f\U0001f300-\U0001f64f]*+"
)
"""Latin letters, punctuation, common emoji: printable, no blanks, and in NFC whatever stands before and after them."""


def tidy(text: str, others: str | None = None) -> str:
    r"""The text in Unicode NFC, without control and zero-width characters, with white space in one form.

    Line breaks are `\n`, every other white space is one blank, no line begins or ends with one; paragraphs are divided
    by exactly one empty line, single line breaks stay. Halves of surrogate pairs that stand alone become U+FFFD, so the
    result is always valid UTF-8. `tidy(tidy(text)) == tidy(text)`. `others` is `unusual(text)`, where it is known.
    """
    text = text.replace("\xa0", " ").replace("\t", " ")
    if "\r" in text:
        text = text.replace("\r\n", "\n")
        others = None
    others = unusual(text) if others is None else others.replace("\xa0", "").replace("\t", "")
    if others is None:
        text = _mended(text)
    elif _HARMLESS.fullmatch(others) is None:  # Then few lines are to be mended.
        lines = text.split("\n")
        text = "\n".join([line if line.isascii() and line.isprintable() else _mended(line) for line in lines])
    while text.rfind("  ") >= 0:  # In two thirds of the time of a search from the front.
        text = text.replace("  ", " ")
    if "\n" not in text:
        return text.strip(" ")
    kept: list[str] = []
    above = ""
    for line in text.split("\n"):
        line = line.strip(" ")
        if line or above:
            kept.append(line)
        above = line
    return "\n".join(kept).rstrip("\n")


def tidy_line(text: str) -> str:
    """The same on one line: titles, names, categories."""
    if not text.isascii() or not text.isprintable():
        text = tidy(text)
    elif "  " not in text:
        return text.strip(" ")  # What is printable ASCII has no other white space.
    return " ".join(text.split())


def without_surrogates(text: str) -> str:
    """Halves of surrogate pairs joined where they stand together, else U+FFFD. Nothing else is changed."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def unusual(text: str) -> str | None:
    """Its characters other than printable ASCII and line feeds, in order: what a gate looks at instead of the text.

    None where the text is in another script and they are too many for that.
    """
    # Bytes are looked up in a table, which takes a fifth of the time of any search for such characters in the text.
    data = text.encode("utf-8", "surrogatepass")
    if len(data) > 1.5 * len(text):
        return None
    data = data.translate(None, _USUAL)
    return data.decode("utf-8", "surrogatepass") if data else ""


def _mended(text: str) -> str:
    """In NFC, without characters that are not seen, and with blanks and line feeds for all white space."""
    text = _with_few_marks(text)
    # A text without its line breaks is printable exactly if it holds no control, format or separator character but the
    # blank, nor a surrogate, and no character that Unicode has not assigned.
    if not text.replace("\n", "").isprintable():
        text = _composed(without_surrogates(text))
        visible = _without_unseen(text)
        return text if visible == text else _composed(_with_few_marks(visible))  # What stood apart may now compose.
    return text if unicodedata.is_normalized("NFC", text) else _composed(text)


def _without_unseen(text: str) -> str:
    others = unusual(text)
    if others is None:
        others = text
    text = text.replace("\u2029", "\n\n")
    if _ODD_BREAK.search(others):
        text = _ODD_BREAK.sub("\n", text)
    if _ODD_BLANK.search(others):
        text = _ODD_BLANK.sub(" ", text)
    if _UNSEEN.search(others):
        text = _UNSEEN.sub("", text)
    return _JOINERS.sub(_unless_stray, text) if _JOINERS.search(others) else text


def _unless_stray(joiners: re.Match[str]) -> str:
    """Joiners that stand between characters beyond ASCII."""
    text, start, end = joiners.string, *joiners.span()
    return "" if start == 0 or end == len(text) or text[start - 1] < "\x80" or text[end] < "\x80" else joiners[0]


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
