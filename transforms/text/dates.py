"""Dates as feeds, pages and files write them, to microseconds since 1970-01-01 UTC.

Read are, in this order:

- ISO 8601 with its liberties: `2006-01-02`, `2006/1/2`, `2006:01:02`, `20060102`, `20060102T150405Z`,
  `2006-01-02T15:04:05.999+01:00`, a blank for the `T`, a comma for the point, `+01`, `+0100`, a named zone, an offset
  with its name (`+0100 CET`: the offset counts), a comment after it, which counts as a zone where there is no other
  (`15:04 (EST)`); 24:00 is the next day; week dates (`2006-W01-1`) and ordinal dates (`2006-002`);
- epoch numbers of 9 or 10 digits (seconds), 12 or 13 (milliseconds), 15 or 16 (microseconds), 18 or 19 (nanoseconds),
  with a fraction or not; `/Date(1136214245000)/`;
- RFC 822 and its usual faults: no weekday or a wrong one, long names of days and months, a missing comma, two-digit
  years (RFC 2822: 00 to 49 are of this century; three digits count from 1900), no seconds, one-digit minutes, `GMT+2`,
  hyphens (RFC 850), slashes (`02/Jan/2006:15:04:05 +0000`), am and pm;
- `January 2, 2006`, `Jan. 2nd 2006 at 3:04 pm`, `2 January 2006`, `2006 January 2`, with the time before or after them;
  `Mon Jan  2 15:04:05 2006` (asctime);
- these with the names of months in other European languages (`MONTH_NAMES`), and with what stands between:
  `lundi 2 janvier 2006 à 15h04`, `2 de enero de 2006 a las 15:04`, `Montag, 2. Januar 2006, 15.04 Uhr`; one word before
  a date is taken for its weekday;
- `2.1.2006` (the day first); `25/12/2006` and `12/25/2006`, where only one of both can be the month; `2006年1月2日`.

A date without a zone is taken as UTC. A time zone that is in neither `ZONE_MINUTES` nor `AMBIGUOUS_ZONES` makes the
date unreadable: hours off in silence would be worse than none. Unreadable too are `2/1/2006` (January or February?) and
what names no day (`2006-01`). Whether a date can be true is not asked here (`DateBounds`).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final, TypeAlias

from transforms.schemas import Precision
from transforms.text.months import MONTHS, folded
from transforms.text.zones import zone_minutes

MAX_DATE_CHARS: Final = 100
"""A longer value is no date: the longest form that is read has 60."""

_USUAL: Final = re.compile(
    r"(\d{4}-\d\d-\d\dT|(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), )?\d\d [A-Z][a-z]{2} \d{4} )"
    r"([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(Z| GMT| ?[+-]\d\d:?\d\d)",
    re.ASCII,
)
"""What nearly all feeds write; found in a third of the time of the patterns below, which give the same."""

_ZONE: Final = (
    r"(?:(?:(?:utc|gmt|ut) ?)?(?P<offset>[+-][0-9]{1,2}(?::?[0-9]{2})?)(?: ?[a-z]{1,5})?|(?P<zone>[a-z]{1,5}))?"
)
_SECONDS: Final = r"(?P<second>[0-9]{1,2})(?:[.,](?P<fraction>[0-9]{1,9}))?"
_TIME: Final = rf"(?P<hour>[0-9]{{1,2}})(?P<mark>[:.])(?P<minute>[0-9]{{1,2}})(?:(?P=mark){_SECONDS})?"
_HALF: Final = r"(?: ?(?P<half>[ap])\.?m\b\.?)?"
_CLOCK: Final = rf"{_TIME}{_HALF} ?{_ZONE}"
_CLOCK_GROUPS: Final = ("hour", "minute", "second", "fraction", "half", "offset", "zone")
_WEEKDAY: Final = r"(?:[^\W\d_]+(?:-[^\W\d_]+)?(?:[.,]+ ?| ))?"
_MONTH: Final = r"(?P<month>[^\W\d_]{3,14})\.?"
_DAY: Final = r"(?P<day>[0-9]{1,2})\.?(?:st|nd|rd|th|er|o)?"
_YEAR: Final = r"(?P<year>[0-9]{2,4})\.?"
_FULL_YEAR: Final = r"(?P<year>[0-9]{4})"

_EPOCH: Final = re.compile(
    r"(?P<wrapped>/date\()?(?P<digits>[0-9]{9,10}|[0-9]{12,13}|[0-9]{15,16}|[0-9]{18,19})(?:\.(?P<fraction>[0-9]{0,9}))?"
    r"(?(wrapped)(?:[+-][0-9]{4})?\)/)"
)
_COMMENT: Final = re.compile(r" ?(?:\([^()]*\)|\[[^\[\]]*\])$")
_BRACKETED_ZONE: Final = re.compile(
    r"(:[0-9]{2}(?:[.,][0-9]+)?(?: ?[ap]\.?m\.?)?) ?(?:\(([a-z]{2,5})\)|\[([a-z]{2,5}|[a-z_]+/[a-z_/]+)\])$"
)
_OFFSET_END: Final = re.compile(r"[0-9 tzc][+-][0-9]{1,2}:[0-9]{2}$")
_DASHES: Final = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"), "-")
_EAST_ASIAN: Final = re.compile(r"([0-9]{4}) ?[年년] ?([0-9]{1,2}) ?[月월] ?([0-9]{1,2}) ?[日일]")
_FILLERS: Final = re.compile(
    r"\b(?:de|del|of|the|le|el|den|at|um|a las|a les|as|alle|ore|om|kl|klo|uhr|uur|hrs|h|godz|года|року)\b\.?,?"
    r"|\b(?:a|o|v|в|о)(?= [0-9])|(?<=[0-9]{4}) ?(?:г|r|р)\b\.?,?"  # noqa: RUF001
)
"""What other languages put between the parts of a date."""
_HOUR_MARK: Final = re.compile(r"(?<=[0-9]) ?h ?(?=[0-9]{2}\b)")
_BARE_HOUR: Final = re.compile(r"(?<![:.0-9])([0-9]{1,2}) ?(?=[ap]\.?m\b)")

_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
_SECOND: Final = 1_000_000
_DAY_MICROS: Final = 86_400 * _SECOND


_Form: TypeAlias = tuple[re.Pattern[str], Callable[[re.Match[str]], int]]
"""What a date looks like, with what makes days since 1970-01-01 of it."""


class UnreadableDate(ValueError):
    """A date in no form that is read. It makes a problem of its article, never a dead letter."""


@dataclass(frozen=True, slots=True)
class ParsedDate:
    """A moment in microseconds since 1970-01-01 UTC, and how exactly it was given: `day` is its first moment."""

    micros: int
    precision: Precision


@dataclass(frozen=True, slots=True)
class DateBounds:
    """Dates that are believed, in microseconds: from `earliest` on, up to and with `latest`."""

    earliest: int
    latest: int


def date_bounds(earliest: date, latest: date) -> DateBounds:
    """The bounds that let two days and all between them pass, in UTC."""
    first, last = ((day.toordinal() - _EPOCH_ORDINAL) * _DAY_MICROS for day in (earliest, latest))
    return DateBounds(first, last + _DAY_MICROS - 1)


def whole_day(year: int, month: int, day: int) -> ParsedDate:
    """A day of the calendar. Raises `UnreadableDate` where there is no such day."""
    return ParsedDate(_day_number(date, year, month, day) * _DAY_MICROS, "day")


@lru_cache(maxsize=16)  # Many entries give one date twice.
def parse_date(raw: str) -> ParsedDate:
    """The moment that the text names. Raises `UnreadableDate` where it names none, or no real one."""
    usual = _USUAL.fullmatch(raw)
    if usual is not None:
        day, hour, minute, second, zone = usual.groups()
        minutes = _usual_day(day) * 1_440 + int(hour) * 60 + int(minute) - _usual_zone(zone)
        return ParsedDate((minutes * 60 + int(second)) * _SECOND, "second")
    if len(raw) > MAX_DATE_CHARS:
        raise UnreadableDate(f"longer than {MAX_DATE_CHARS} characters")
    text = _plain(raw)
    # Twelve digits may be both; as milliseconds, what begins with 19 or 20 would lie in 1976.
    if not (text.startswith(("19", "20")) and _BASIC.fullmatch(text)):
        epoch = _EPOCH.fullmatch(text)
        if epoch is not None:
            return _from_epoch(epoch["digits"], epoch["fraction"] or "")
    parsed = _read(_NUMBERED_FORMS, text)
    if parsed is None:
        text = " ".join(_FILLERS.sub(" ", _BARE_HOUR.sub(r"\1:00 ", _HOUR_MARK.sub(":", text))).split())
        parsed = _read(_WRITTEN_FORMS, text)
    if parsed is None:
        raise UnreadableDate("in no known form")
    return parsed


def _plain(raw: str) -> str:
    """In lower case, without accents, with single blanks and hyphens of one kind, without a comment at its end."""
    text = raw
    if not text.isascii():
        text = folded(_EAST_ASIAN.sub(r"\1-\2-\3 ", text.translate(_DASHES)))
    text = " ".join(text.lower().split())
    if text[-1:] in (")", "]"):
        bracketed = _BRACKETED_ZONE.search(text)
        if bracketed is not None:
            clock, zone = text[: bracketed.end(1)], bracketed[2] or bracketed[3]
            # The minutes of an offset look like a clock's, and a name after them is a comment.
            if ("/" in zone or zone_minutes(zone) is not None) and not _OFFSET_END.search(clock):
                return f"{clock} {zone}"
        text = _COMMENT.sub("", text)
    return text


def _read(forms: tuple[_Form, ...], text: str) -> ParsedDate | None:
    for pattern, day in forms:
        found = pattern.fullmatch(text)
        if found is not None:
            return _moment(day(found), found)
    return None


@lru_cache(maxsize=256)
def _usual_day(written: str) -> int:
    """Days since 1970-01-01 of `2006-01-02T` or `Mon, 02 Jan 2006 `."""
    if written.endswith("T"):
        return _day_number(date, int(written[:4]), int(written[5:7]), int(written[8:10]))
    day, month, year = written.split()[-3:]
    return _day_number(date, int(year), _month(month.lower()), int(day))


@lru_cache(maxsize=64)
def _usual_zone(written: str) -> int:
    return 0 if written in ("Z", " GMT") else _offset_minutes(written.strip())


def _calendar_day(found: re.Match[str]) -> int:
    year, month, day = found.group("year", "month", "day")
    return _day_number(date, _full_year(year), _month(month), int(day))


def _week_day(found: re.Match[str]) -> int:
    return _day_number(date.fromisocalendar, int(found["year"]), int(found["week"]), int(found["weekday"]))


def _ordinal_day(found: re.Match[str]) -> int:
    year, ordinal = int(found["year"]), int(found["ordinal"])
    first, last = _day_number(date, year, 1, 1), _day_number(date, year, 12, 31)
    if not first <= first + ordinal - 1 <= last:
        raise UnreadableDate(f"no day {ordinal} in {year}")
    return first + ordinal - 1


def _day_told_apart(found: re.Match[str]) -> int:
    day, month = _in_order(int(found["first"]), int(found["other"]), found["between"])
    return _day_number(date, int(found["year"]), month, day)


def _in_order(first: int, other: int, between: str) -> tuple[int, int]:
    """Day and month of `2.1.`, `25/12/` or `12/25/`."""
    if between == "." or first > 12 or first == other:
        return first, other
    if other > 12:
        return other, first
    raise UnreadableDate("which is the day and which the month is not known")


def _month(name: str) -> int:
    number = int(name) if name.isdigit() else MONTHS.get(name)
    if number is None:
        raise UnreadableDate(f"no month {name!r}")
    return number


def _day_number(calendar: Callable[[int, int, int], date], year: int, month: int, day: int) -> int:
    try:
        return calendar(year, month, day).toordinal() - _EPOCH_ORDINAL
    except ValueError as error:
        raise UnreadableDate(str(error)) from None


def _full_year(digits: str) -> int:
    year = int(digits)
    if len(digits) == 4:
        return year
    return year + (2000 if len(digits) == 2 and year < 50 else 1900)


def _moment(days: int, found: re.Match[str]) -> ParsedDate:
    hours, minutes, seconds, fraction, half, offset, zone = found.group(*_CLOCK_GROUPS)
    if hours is None:
        return ParsedDate(days * _DAY_MICROS, "day")
    hour, minute, second = int(hours), int(minutes), int(seconds or 0)
    micros = int(f"{fraction}00000"[:6]) if fraction else 0
    if half is not None:
        if not 1 <= hour <= 12:
            raise UnreadableDate(f"no hour {hour} {half}m")
        hour = hour % 12 + (12 if half == "p" else 0)
    if second == 60:
        second, micros = 59, 0  # A leap second; POSIX time has none.
    midnight = hour == 24 and minute == second == micros == 0
    if not midnight and (hour > 23 or minute > 59 or second > 59):
        raise UnreadableDate(f"no time {hour}:{minute:02}:{second:02}")
    east = _minutes_east(offset, zone)
    moment = days * 86_400 + hour * 3_600 + (minute - east) * 60 + second
    return ParsedDate(moment * _SECOND + micros, "minute" if seconds is None else "second")


@lru_cache(maxsize=64)
def _minutes_east(offset: str | None, zone: str | None) -> int:
    if offset is not None:
        return _offset_minutes(offset)
    if zone is None:
        return 0
    known = zone_minutes(zone)
    if known is None:
        raise UnreadableDate(f"unknown time zone {zone!r}")
    return known


def _offset_minutes(offset: str) -> int:
    digits = offset[1:].replace(":", "")
    hours, minutes = (int(digits[:-2]), int(digits[-2:])) if len(digits) > 2 else (int(digits), 0)
    if hours > 15 or minutes > 59:
        raise UnreadableDate(f"no time zone {offset!r}")
    return (hours * 60 + minutes) * (-1 if offset[0] == "-" else 1)


def _from_epoch(digits: str, fraction: str) -> ParsedDate:
    whole = digits + fraction.ljust(9, "0")
    unit = 0 if len(digits) <= 10 else 3 if len(digits) <= 13 else 6 if len(digits) <= 16 else 9
    return ParsedDate(int(whole) // 10 ** (3 + unit), "second")


_BASIC: Final = re.compile(
    rf"{_FULL_YEAR}(?P<month>[0-9]{{2}})(?P<day>[0-9]{{2}})"
    rf"(?:[t ]?(?P<hour>[0-9]{{2}})(?P<minute>[0-9]{{2}})(?:{_SECONDS})?{_HALF} ?{_ZONE})?"
)
_CALENDAR: Final = rf"{_FULL_YEAR}(?P<between>[-/.:])(?P<month>[0-9]{{1,2}})(?P=between)(?P<day>[0-9]{{1,2}})"
_NUMBERED_FORMS: Final[tuple[_Form, ...]] = (
    (re.compile(rf"{_CALENDAR}(?:(?:t|[ ,]+){_CLOCK})?"), _calendar_day),
    (_BASIC, _calendar_day),
    (re.compile(rf"{_FULL_YEAR}-?w(?P<week>[0-9]{{2}})-?(?P<weekday>[1-7])(?:(?:t|[ ,]+){_CLOCK})?"), _week_day),
    (re.compile(rf"{_FULL_YEAR}-(?P<ordinal>[0-9]{{3}})(?:(?:t|[ ,]+){_CLOCK})?"), _ordinal_day),
)
_WRITTEN: Final = (
    (rf"{_WEEKDAY}{_DAY}[ /-]?{_MONTH},?[ /-]?{_YEAR}", _calendar_day),
    (rf"{_WEEKDAY}{_MONTH} ?{_DAY},? {_YEAR}", _calendar_day),
    (rf"{_WEEKDAY}{_FULL_YEAR}\.?[ -]{_MONTH}[ -]{_DAY}", _calendar_day),
    (_CALENDAR, _calendar_day),
    (
        rf"{_WEEKDAY}(?P<first>[0-9]{{1,2}})(?P<between>[-/.])(?P<other>[0-9]{{1,2}})(?P=between){_FULL_YEAR}",
        _day_told_apart,
    ),
)
_WRITTEN_FORMS: Final[tuple[_Form, ...]] = (
    *((re.compile(rf"{written}(?:[ ,:|t-]+{_CLOCK})?"), day) for written, day in _WRITTEN),
    (re.compile(rf"{_WEEKDAY}{_MONTH} {_DAY} {_CLOCK} {_FULL_YEAR}"), _calendar_day),
    *((re.compile(rf"{_CLOCK}[ ,|-]+{written}"), day) for written, day in _WRITTEN),
)
