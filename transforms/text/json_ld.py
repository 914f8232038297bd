"""JSON-LD of a page: which story it tells of, and what pages put into its fields.

Read where pages put stories: at the top level, in lists, in `@graph`, and in `mainEntity` or `mainEntityOfPage` of
these. Comments and CDATA marks around the JSON go, line breaks within texts are let through, and an object that says no
more than its `@id` is looked up. Nothing is fetched: `@context` is not read, types are known by their last part.

What is broken, or larger than the caps, is left out and named in `problems`: `broken_json_ld`, `too_large_json_ld`.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from transforms.schemas import Problem

MAX_CHARS: Final = 1 << 20
"""Of all JSON-LD of a page; a live blog that repeats all of its posts there has a tenth of it."""
MAX_DEPTH: Final = 64
"""Brackets within brackets. Without it the depth at which json gives up is that of the machine's stack."""
MAX_OBJECTS: Final = 1_000
"""Objects that are looked at."""

STORY_TYPES: Final = frozenset(
    """
    article advertisercontentarticle newsarticle analysisnewsarticle askpublicnewsarticle backgroundnewsarticle
    opinionnewsarticle reportagenewsarticle reviewnewsarticle report satiricalarticle scholarlyarticle
    medicalscholarlyarticle techarticle socialmediaposting blogposting liveblogposting mediagallery
    imagegallery videogallery
    """.split()
)
"""schema.org: `Article` with its subtypes, but for postings in forums, and the types of galleries; in lower case."""

_BEFORE: Final = ("<!--", "//", "/*", "*/", "<![CDATA[")
_AFTER: Final = ("-->", "//", "/*", "*/", "]]>", ";")
_MARKS: Final = 4
"""On each side; `/*<![CDATA[*/` has three."""
_BRACKETS: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


@dataclass(frozen=True, slots=True)
class LinkedData:
    """What the JSON-LD of a page says: its stories in the order of the page, the types of all else, what is broken."""

    stories: tuple[dict[str, Any], ...] = ()
    types: frozenset[str] = frozenset()
    by_id: dict[str, dict[str, Any]] | None = None
    problems: tuple[Problem, ...] = ()

    def texts(self, value: Any) -> tuple[str, ...]:
        """The texts of a value: a text, a number, an object with a name, a reference to one, or lists of these."""
        return tuple(self._texts(value, 4))

    def _texts(self, value: Any, depth: int) -> Iterator[str]:
        if isinstance(value, str):
            if value.strip():
                yield value
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield str(value)
        elif depth and isinstance(value, list):
            for item in value[:MAX_OBJECTS]:
                yield from self._texts(item, depth - 1)
        elif depth and isinstance(value, dict):
            known = value
            if set(value) <= {"@id", "@type"} and isinstance(value.get("@id"), str):
                known = (self.by_id or {}).get(value["@id"], value)
            for key in ("name", "@value", "@list"):
                if known.get(key):
                    yield from self._texts(known[key], depth - 1)
                    break


def read_linked_data(scripts: Iterable[str]) -> LinkedData:
    """What the texts of a page's `application/ld+json` scripts say."""
    holders: list[dict[str, Any]] = []
    problems: dict[str, Problem] = {}  # one of a kind
    left = MAX_CHARS
    for script in scripts:
        text = _unwrapped(script) if len(script) <= left else script
        if not text:
            continue
        reason = None
        if len(text) > left or _depth(text) > MAX_DEPTH:
            reason = "too_large_json_ld"
        else:
            left -= len(text)
            try:
                holders.extend(_objects(json.loads(text, strict=False), MAX_OBJECTS - len(holders)))
            except (ValueError, RecursionError):
                reason = "broken_json_ld"
        if reason is not None:
            problems.setdefault(reason, Problem("json_ld", reason, text[:200]))
    stories = []
    types: set[str] = set()
    for holder in holders:
        own = types_of(holder)
        if own & STORY_TYPES:
            stories.append(holder)
        else:
            types |= own
    by_id: dict[str, dict[str, Any]] = {}
    for holder in holders:
        if isinstance(holder.get("@id"), str):
            by_id.setdefault(holder["@id"], holder)
    return LinkedData(tuple(stories), frozenset(types), by_id, tuple(problems.values()))


def types_of(holder: dict[str, Any]) -> frozenset[str]:
    """The types of an object, without what is before the last `/`, `#` or `:`, in lower case."""
    kinds = holder.get("@type")
    names = kinds if isinstance(kinds, list) else [kinds]
    return frozenset(re.split("[/#:]", name)[-1].strip().lower() for name in names if isinstance(name, str))


def addresses_of(holder: dict[str, Any]) -> Sequence[str]:
    """What an object says of its own address: `url`, `mainEntityOfPage`, `@id`."""
    values = [holder.get("url"), holder.get("mainEntityOfPage"), holder.get("@id")]
    named = [value.get("@id") or value.get("url") if isinstance(value, dict) else value for value in values]
    return [value for value in named if isinstance(value, str)]


def _unwrapped(text: str) -> str:
    """The JSON without what hides it from old browsers and XML parsers."""
    text = text.strip()
    for _ in range(_MARKS):
        text = next((text[len(mark) :] for mark in _BEFORE if text.startswith(mark)), text).lstrip()
        text = next((text[: -len(mark)] for mark in _AFTER if text.endswith(mark)), text).rstrip()
    return text


def _depth(text: str) -> int:
    """How many brackets are open at once, those in texts left out."""
    if text.count("{") + text.count("[") <= MAX_DEPTH:
        return 0
    deepest = depth = 0
    for found in _BRACKETS.finditer(text):
        if found[0] in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif found[0] in "]}":
            depth -= 1
    return deepest


def _objects(data: Any, limit: int) -> Iterator[dict[str, Any]]:
    """The objects at the places where pages put stories, in their order, at most `limit`."""
    waiting = [data]
    while waiting and limit > 0:
        holder = waiting.pop()
        if isinstance(holder, list):
            waiting.extend(reversed(holder[:limit]))
        elif isinstance(holder, dict):
            limit -= 1
            yield holder
            inner = (holder.get("@graph"), holder.get("mainEntity"), holder.get("mainEntityOfPage"))
            waiting.extend(value for value in reversed(inner) if isinstance(value, list | dict))
