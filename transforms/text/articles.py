"""A raw entry to an article: every field cleaned, every key made.

What cannot be read is null and named in `problems`.
"""

from functools import lru_cache
from typing import Final, TypeVar

from transforms.schemas import Article, Enclosure, Problem, RawEntry
from transforms.text.dates import DateBounds, ParsedDate, UnreadableDate, parse_date
from transforms.text.errors import MalformedEntry
from transforms.text.keys import feed_key, guid_key, hashes, plain_punctuation, url_key
from transforms.text.languages import MAX_LANGUAGE_CHARS, UnknownLanguage, language_code
from transforms.text.markup import html_to_text, inline_text
from transforms.text.spacing import tidy, tidy_line, without_surrogates
from transforms.text.urls import MAX_URL_CHARS, absolute_url, address
from transforms.text.words import count_words

MAX_ITEMS: Final = 100
"""Authors, categories, images, enclosures and problems that an article keeps of each; more come from faults and attacks
only. A longer list is cut, and a problem says so."""

MAX_NAME_CHARS: Final = 1_000
"""A longer title, author, category, guid or media type is cut: the longest headline of 14,781 of HuffPost has 125."""

MAX_RAW_CHARS: Final = 200
"""What a problem keeps of the raw value."""

MAX_ENCLOSURE_BYTES: Final = 2**63 - 1

_NO_URL: Final = f"not an http(s) URL of at most {MAX_URL_CHARS} characters"
_OUT_OF_BOUNDS: Final = "outside of the dates that are accepted"

Item = TypeVar("Item", str, Enclosure)


def clean_article(entry: RawEntry, bounds: DateBounds) -> Article:
    """The article that the entry holds.

    `text` is the content, or the summary where there is no content; then `excerpt` is true and `summary` equals
    `text`. A summary that only repeats the content is left out. So `excerpt` holds exactly where `text` is not empty
    and equal to `summary`. Dates outside of `bounds` are refused. The scope of `guid`, which `feed_key` is
    made of, is `feed`, else `source`, so that every key can be made again from the columns of a row.

    Raises `MalformedEntry` where there is neither text nor title nor link, and nothing else.
    """
    problems = list(entry.problems)
    source = without_surrogates(entry.source)
    text = _body(entry.content, entry.content_is_html)
    summary: str | None = _body(entry.summary, entry.summary_is_html) or None
    excerpt = not text and summary is not None
    if excerpt and summary is not None:
        text = summary
    elif summary == text:
        summary = None
    title = _name(inline_text(entry.title), "title", problems) if entry.title else None
    url, canonical, site = _link(entry, problems)
    if not text and title is None and url is None:
        raise MalformedEntry(_nothing_kept(entry))
    guid = _name(tidy_line(entry.guid), "guid", problems) if entry.guid else None
    feed = _feed_url(entry.feed) if entry.feed else None
    if entry.feed and feed is None:
        problems.append(Problem("feed_url", _NO_URL, entry.feed))
    scope = feed or source
    published = _date("published", entry.published, bounds, problems)
    updated = _date("updated", entry.updated, bounds, problems)
    fetched = entry.fetched
    if fetched is not None and not bounds.earliest <= fetched <= bounds.latest:
        problems.append(Problem("fetched", _OUT_OF_BOUNDS, str(fetched) if abs(fetched) < 10**50 else ""))
        fetched = None
    authors = _names("authors", entry.authors, problems) if entry.authors else ()
    language = _language(entry.language, problems)
    categories = _names("categories", entry.categories, problems) if entry.categories else ()
    images = _images(entry, problems) if entry.images else ()
    enclosures = _enclosures(entry, problems) if entry.enclosures else ()
    plain = plain_punctuation(text)
    title_hash, text_hash, whole_hash = hashes(title or "", plain)
    return Article(
        unit=entry.unit,
        position=entry.position,
        entry=entry.entry,
        source=source,
        url=url,
        canonical_url=canonical,
        site=site,
        guid=guid,
        feed_url=feed,
        title=title,
        text=text,
        summary=summary,
        excerpt=excerpt,
        authors=authors,
        published=None if published is None else published.micros,
        published_precision=None if published is None else published.precision,
        updated=None if updated is None else updated.micros,
        fetched=fetched,
        language=language,
        categories=categories,
        images=images,
        enclosures=enclosures,
        word_count=count_words(plain),
        problems=_kept_problems(problems) if problems else (),
        url_key=None if canonical is None else url_key(canonical),
        guid_key=None if guid is None else guid_key(guid, scope),
        feed_key=feed_key(scope),
        title_key=None if title is None else title_hash,
        title_words=0 if title is None else count_words(title),
        content_hash=text_hash,
        record_hash=whole_hash,
    )


def _kept_problems(found: list[Problem]) -> tuple[Problem, ...]:
    """Each once, the first `MAX_ITEMS`, cut and free of lone surrogates."""
    return tuple(
        Problem(
            without_surrogates(problem.field[:MAX_RAW_CHARS]),
            without_surrogates(problem.reason[:MAX_RAW_CHARS]),
            without_surrogates(problem.raw[:MAX_RAW_CHARS]),
        )
        for problem in dict.fromkeys(found[:MAX_ITEMS])
    )


def _body(value: str | None, is_html: bool) -> str:
    if not value:
        return ""
    return tidy(html_to_text(value) if is_html else value)


def _name(value: str, name: str, problems: list[Problem]) -> str | None:
    if len(value) > MAX_NAME_CHARS:
        problems.append(Problem(name, f"longer than {MAX_NAME_CHARS} characters", value))
        value = value[:MAX_NAME_CHARS].rstrip()
    return value or None


def _names(name: str, values: tuple[str, ...], problems: list[Problem]) -> tuple[str, ...]:
    """Names without markup, each once without regard to case."""
    kept: dict[str, str] = {}
    for value in values:
        cleaned = _name(inline_text(value), name, problems)
        if cleaned is not None:
            kept.setdefault(cleaned.casefold(), cleaned)
    return _first(name, list(kept.values()), problems)


def _first(name: str, items: list[Item], problems: list[Problem]) -> tuple[Item, ...]:
    if len(items) > MAX_ITEMS:
        problems.append(Problem(name, f"more than {MAX_ITEMS}", str(len(items))))
    return tuple(items[:MAX_ITEMS])


def _link(entry: RawEntry, problems: list[Problem]) -> tuple[str | None, str | None, str | None]:
    """The URL, its canonical form and its site."""
    if not entry.url or not entry.url.strip():
        return None, None, None
    url, canonical, site = address(entry.url, entry.base_url)
    if url is None:
        problems.append(Problem("url", _NO_URL, entry.url))
    return url, canonical, site


def _feed_url(declared: str) -> str | None:
    return absolute_url(declared) if len(declared) > MAX_URL_CHARS else _usual_feed_url(declared)


@lru_cache(maxsize=64)  # Of all entries of a feed it is the same.
def _usual_feed_url(declared: str) -> str | None:
    return absolute_url(declared)


def _date(name: str, raw: str | None, bounds: DateBounds, problems: list[Problem]) -> ParsedDate | None:
    if raw is None or not raw.strip():
        return None
    try:
        parsed = parse_date(raw)
    except UnreadableDate as error:
        problems.append(Problem(name, str(error), raw))
        return None
    if not bounds.earliest <= parsed.micros <= bounds.latest:
        problems.append(Problem(name, _OUT_OF_BOUNDS, raw))
        return None
    return parsed


def _language(declared: str | None, problems: list[Problem]) -> str | None:
    if declared is None or not declared.strip():
        return None
    try:
        return language_code(declared.strip()[:MAX_LANGUAGE_CHARS])
    except UnknownLanguage as error:
        problems.append(Problem("language", str(error), declared))
        return None


def _images(entry: RawEntry, problems: list[Problem]) -> tuple[str, ...]:
    kept: dict[str, None] = {}
    for raw in entry.images:
        url = absolute_url(raw, entry.base_url)
        if url is not None:
            kept[url] = None
        elif raw.strip():
            problems.append(Problem("images", _NO_URL, raw))
    return _first("images", list(kept), problems)


def _enclosures(entry: RawEntry, problems: list[Problem]) -> tuple[Enclosure, ...]:
    kept: dict[str, Enclosure] = {}
    for raw in entry.enclosures:
        url = absolute_url(raw.url, entry.base_url)
        if url is None:
            problems.append(Problem("enclosures", _NO_URL, raw.url))
            continue
        kind = _name(tidy_line(raw.type), "enclosures", problems) if raw.type else None
        length = raw.length
        if length is not None and not 0 <= length <= MAX_ENCLOSURE_BYTES:
            problems.append(Problem("enclosures", "not a length", str(length) if abs(length) < 10**50 else ""))
            length = None
        kept.setdefault(url, Enclosure(url, kind, length))
    return _first("enclosures", list(kept.values()), problems)


def _nothing_kept(entry: RawEntry) -> str:
    detail = f"entry {entry.entry}: no text, no title and no link"
    if entry.url and entry.url.strip():
        detail += f" (the link {without_surrogates(entry.url[:MAX_RAW_CHARS])!r} is no http(s) URL)"
    return detail
