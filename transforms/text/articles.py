"""A raw entry to an article: every field cleaned, every key made.

What cannot be read is null and named in `problems`; what is taken out of a text is kept in `removed_lines`.

    encoding mended → white space in one form → site name off the title → boilerplate lines out → hashes
    → (with the other entries of a document) lines that most of them share out
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple, TypeVar

from transforms.schemas import Article, Enclosure, Origin, Problem, RawEntry
from transforms.text.authors import clean_authors
from transforms.text.boilerplate import strip_boilerplate
from transforms.text.dates import DateBounds, ParsedDate, UnreadableDate, parse_date
from transforms.text.errors import MalformedEntry
from transforms.text.headlines import split_headline
from transforms.text.keys import feed_key, guid_key, hashes, plain_punctuation, url_key
from transforms.text.language_detection import SAMPLE_CHARS, detect_language
from transforms.text.languages import MAX_LANGUAGE_CHARS, UnknownLanguage, language_code
from transforms.text.markup import html_to_text, inline_text
from transforms.text.mojibake import mend
from transforms.text.repetition import MIN_ENTRIES, repeated_lines, strip_repeated
from transforms.text.safe_html import sanitize_html
from transforms.text.spacing import tidy, tidy_line, unusual, without_surrogates
from transforms.text.url_dates import date_in_url
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
_NO_CANONICAL: Final = f"its canonical form has more than {MAX_URL_CHARS} characters"
_OUT_OF_BOUNDS: Final = "outside of the dates that are accepted"
_AFTER_FETCH: Final = "later than the page was fetched"
_NOBODY: Final = "names nobody"

_MEDIA_TYPES: Final = {
    "aac": "audio/aac",
    "avif": "image/avif",
    "flac": "audio/flac",
    "gif": "image/gif",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "m4a": "audio/mp4",
    "m4v": "video/mp4",
    "mov": "video/quicktime",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "oga": "audio/ogg",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "pdf": "application/pdf",
    "png": "image/png",
    "svg": "image/svg+xml",
    "wav": "audio/wav",
    "webm": "video/webm",
    "webp": "image/webp",
}
"""Of files whose feed does not say it, by the ending of the path (IANA's registry of media types)."""

Item = TypeVar("Item", str, Enclosure)


@dataclass(frozen=True, slots=True)
class Cleaning:
    """What the user can set: between which dates one is believed, and how much later than the fetch (microseconds);
    whether the body is kept with its markup.
    """

    bounds: DateBounds
    after_fetch: int
    keep_html: bool = False


def clean_document(
    entries: Sequence[RawEntry], cleaning: Cleaning
) -> tuple[list[Article], list[tuple[RawEntry, MalformedEntry]]]:
    """The articles of a document, and the entries of which nothing can be kept, each with the reason.

    Lines that most of them begin or end with are taken out of their texts: a frame that no pattern knows.
    """
    articles: list[Article] = []
    failures: list[tuple[RawEntry, MalformedEntry]] = []
    for entry in entries:
        try:
            articles.append(clean_article(entry, cleaning))
        except MalformedEntry as failure:
            failures.append((entry, failure))
    if len(articles) >= MIN_ENTRIES:
        _without_frame(articles)
    return articles, failures


def clean_article(entry: RawEntry, cleaning: Cleaning) -> Article:
    """The article that the entry holds, by itself.

    `text` is the content, or the summary where there is no content; then `excerpt` is true and `summary` equals
    `text`. A summary that only repeats the content is left out. So `excerpt` holds exactly where `text` is not empty
    and equal to `summary`. Dates out of bounds are refused; a day that the address names stands in for one that is
    missing or refused. `language` is that of the text, else the declared one. The scope of `guid`, which `feed_key` is
    made of, is `feed`, else `source`.

    Raises `MalformedEntry` where there is neither text nor title nor link, and nothing else.
    """
    problems = list(entry.problems)
    source = without_surrogates(entry.source)
    url, canonical, site = _link(entry, problems)
    site_name = _site_name(entry.site_name) if entry.site_name else None
    title = _name(inline_text(entry.title), "title", problems) if entry.title else None
    if title is not None:
        title, beside = split_headline(title, site_name, site)
        site_name = site_name or beside
    text, removed = _body(entry.content, entry.content_is_html, title)
    short, removed_of_short = _body(entry.summary, entry.summary_is_html, title)
    summary = short or None
    excerpt = not text and summary is not None
    if excerpt:
        text, removed = short, removed + removed_of_short
    elif summary == text:
        summary = None
    if not text and title is None and url is None:
        raise MalformedEntry(_nothing_kept(entry))
    guid = _name(tidy_line(entry.guid), "guid", problems) if entry.guid else None
    feed = _feed_url(entry.feed) if entry.feed else None
    if entry.feed and feed is None:
        problems.append(Problem("feed_url", _NO_URL, entry.feed))
    scope = feed or source
    bounds = cleaning.bounds
    fetched = entry.fetched
    if fetched is not None:
        if bounds.earliest <= fetched <= bounds.latest:
            bounds = DateBounds(bounds.earliest, min(bounds.latest, fetched + cleaning.after_fetch))
        else:
            problems.append(Problem("fetched", _OUT_OF_BOUNDS, str(fetched) if abs(fetched) < 10**50 else ""))
            fetched = None
    published = _date("published", entry.published, bounds, cleaning.bounds, problems)
    updated = _date("updated", entry.updated, bounds, cleaning.bounds, problems)
    published_from: Origin | None = entry.origin if published is not None else None
    if published is None and url is not None:
        published = _day_of_address(url, bounds)
        published_from = "url" if published is not None else None
    authors = _authors(entry.authors, site_name, problems) if entry.authors else ()
    declared = _language(entry.language, problems)
    detected = detect_language(f"{title or ''}\n{text[:SAMPLE_CHARS]}", declared)
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
        language=declared if detected is None else detected.code,
        language_confidence=None if detected is None else detected.confidence,
        language_declared=declared,
        categories=categories,
        images=images,
        enclosures=enclosures,
        section=_name(inline_text(entry.section), "section", problems) if entry.section else None,
        site_name=site_name,
        is_article=entry.is_article,
        html=_html(entry) if cleaning.keep_html and entry.content_is_html and entry.content else None,
        removed_lines=removed,
        word_count=count_words(plain),
        parser=entry.parser,
        title_from=None if title is None else entry.origin,
        text_from=entry.origin if text else None,
        published_from=published_from,
        authors_from=entry.origin if authors else None,
        language_from="detected" if detected is not None else None if declared is None else entry.origin,
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


def _without_frame(articles: list[Article]) -> None:
    """Takes out of the texts the lines that they share. Hashes stay: a neighbour's text makes no revision.

    Of articles with one title a single text counts: versions of a story are no frame.
    """
    repeated = repeated_lines(
        {article.title_key or article.content_hash: article.text for article in articles}.values()
    )
    if not repeated.first and not repeated.last:
        return
    for article in articles:
        text, removed = strip_repeated(article.text, repeated)
        if not removed:
            continue
        if article.excerpt:
            article.summary = text
        elif article.summary == text:
            article.summary = None
        article.text = text
        article.word_count = count_words(plain_punctuation(text))
        article.removed_lines += removed


class _Body(NamedTuple):
    text: str
    removed: tuple[str, ...]


_NO_BODY: Final = _Body("", ())


def _body(value: str | None, is_html: bool, title: str | None) -> _Body:
    """The text of a body, and the lines that are none of it."""
    if not value:
        return _NO_BODY
    raw = html_to_text(value) if is_html else value
    others = unusual(raw)
    text = mend(raw, others)
    text = tidy(text, others if text is raw else None)
    return _Body(*strip_boilerplate(text, title)) if text else _NO_BODY


@lru_cache(maxsize=64)  # Of all entries of a feed it is the same.
def _site_name(declared: str) -> str | None:
    return inline_text(declared[:MAX_NAME_CHARS]) or None


def _html(entry: RawEntry) -> str | None:
    return without_surrogates(sanitize_html(entry.content or "", entry.base_url)) or None


def _authors(values: tuple[str, ...], site_name: str | None, problems: list[Problem]) -> tuple[str, ...]:
    """The people that the values name; the site itself, which may be called "Table & Ledger", where they name none."""
    said = _names("authors", values, problems)
    site = "" if site_name is None else site_name.casefold()
    names = clean_authors([name for name in said if name.casefold() != site])
    if not names and site_name is not None and any(name.casefold() == site for name in said):
        return (site_name,)
    if not names:
        problems.append(Problem("authors", _NOBODY, "; ".join(values)[:MAX_RAW_CHARS]))
    return _first("authors", list(names), problems)


def _day_of_address(url: str, bounds: DateBounds) -> ParsedDate | None:
    day = date_in_url(url)
    return day if day is not None and bounds.earliest <= day.micros <= bounds.latest else None


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
    elif canonical is None:
        problems.append(Problem("canonical_url", _NO_CANONICAL, url))
    return url, canonical, site


def _feed_url(declared: str) -> str | None:
    return absolute_url(declared) if len(declared) > MAX_URL_CHARS else _usual_feed_url(declared)


@lru_cache(maxsize=64)  # Of all entries of a feed it is the same.
def _usual_feed_url(declared: str) -> str | None:
    return absolute_url(declared)


def _date(
    name: str, raw: str | None, bounds: DateBounds, usual: DateBounds, problems: list[Problem]
) -> ParsedDate | None:
    """The date of a text. `bounds` are those of this entry, `usual` those of all."""
    if raw is None or not raw.strip():
        return None
    try:
        parsed = parse_date(raw)
    except UnreadableDate as error:
        problems.append(Problem(name, str(error), raw))
        return None
    if not bounds.earliest <= parsed.micros <= bounds.latest:
        is_usual = usual.earliest <= parsed.micros <= usual.latest
        problems.append(Problem(name, _AFTER_FETCH if is_usual else _OUT_OF_BOUNDS, raw))
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
        kind = _media_type(raw.type or "", url)
        length = raw.length
        if length is not None and not 0 <= length <= MAX_ENCLOSURE_BYTES:
            problems.append(Problem("enclosures", "not a length", str(length) if abs(length) < 10**50 else ""))
            length = None
        kept.setdefault(url, Enclosure(url, kind, length))
    return _first("enclosures", list(kept.values()), problems)


def _media_type(declared: str, url: str) -> str | None:
    """The type as the feed declares it, without parameters; else by the ending of the path."""
    kind = tidy_line(declared[:MAX_NAME_CHARS]).partition(";")[0].strip().lower()
    path = url.partition("?")[0].partition("#")[0]
    return kind or _MEDIA_TYPES.get(path[path.rfind("/") + 1 :].rpartition(".")[2].lower())


def _nothing_kept(entry: RawEntry) -> str:
    detail = f"entry {entry.entry}: no text, no title and no link"
    if entry.url and entry.url.strip():
        detail += f" (the link {without_surrogates(entry.url[:MAX_RAW_CHARS])!r} is no http(s) URL)"
    return detail
