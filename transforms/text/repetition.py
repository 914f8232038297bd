"""Boilerplate that no pattern knows: lines with which most entries of one feed document begin or end."""

from collections import Counter
from collections.abc import Callable, Iterable, Set
from typing import Final, NamedTuple

MIN_ENTRIES: Final = 4
"""Among fewer texts nothing is known of what repeats."""

MAX_LINE_CHARS: Final = 240
"""A longer line is a paragraph."""

MAX_LINES: Final = 8
"""More lines that all begin (or end) with are no frame but one article in many versions."""


class RepeatedLines(NamedTuple):
    """What most entries of a document begin and end with."""

    first: frozenset[str]
    last: frozenset[str]


NONE_REPEATED: Final = RepeatedLines(frozenset(), frozenset())


def repeated_lines(texts: Iterable[str]) -> RepeatedLines:
    """The lines with which more than half of the texts begin, and those with which more than half end.

    The texts are tidy; equal ones count once, empty ones not at all, and of fewer than `MIN_ENTRIES` nothing repeats.
    What stands behind a line that repeats is looked at like an outer one. The order of the texts does not matter.
    """
    distinct = list(dict.fromkeys(filter(None, texts)))
    if len(distinct) < MIN_ENTRIES:
        return NONE_REPEATED
    return RepeatedLines(_repeated(distinct, _first_line, _after), _repeated(distinct, _last_line, _before))


def strip_repeated(text: str, repeated: RepeatedLines) -> tuple[str, tuple[str, ...]]:
    """A tidy text without the repeated lines at its beginning and its end, and these lines in their order.

    The text stays tidy, and nothing more is removed of it. One that is made of such lines only stays as it is.
    """
    start = _after(text, repeated.first) if _first_line(text) in repeated.first else text
    middle = _before(start, repeated.last) if _last_line(start) in repeated.last else start
    if not middle or middle == text:
        return text, ()
    removed = text[: len(text) - len(start)] + "\n" + start[len(middle) :]
    return middle, tuple(filter(None, removed.split("\n")))


def _repeated(
    texts: list[str], outer_line: Callable[[str], str], peeled: Callable[[str, Set[str]], str]
) -> frozenset[str]:
    found: set[str] = set()
    rest = texts
    while len(found) <= MAX_LINES:
        line, times = Counter(map(outer_line, rest)).most_common(1)[0]
        if times * 2 <= len(texts) or not line or len(line) > MAX_LINE_CHARS:
            return frozenset(found)
        found.add(line)
        rest = [peeled(text, found) for text in rest]
    return frozenset()


def _first_line(text: str) -> str:
    return text.partition("\n")[0]


def _last_line(text: str) -> str:
    return text[text.rfind("\n") + 1 :]


def _after(text: str, lines: Set[str]) -> str:
    start, end = 0, text.find("\n")
    while end >= 0 and text[start:end] in lines:
        start = end + 1
        while text.startswith("\n", start):
            start += 1
        end = text.find("\n", start)
    return "" if end < 0 and text[start:] in lines else text[start:]


def _before(text: str, lines: Set[str]) -> str:
    start, end = text.rfind("\n"), len(text)
    while start >= 0 and text[start + 1 : end] in lines:
        end = start
        while text.endswith("\n", 0, end):
            end -= 1
        start = text.rfind("\n", 0, end)
    return "" if start < 0 and text[:end] in lines else text[:end]
