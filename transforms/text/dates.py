"""Dates as feeds, pages and files write them, to microseconds since 1970-01-01 UTC.

Read are, in this order:

- ISO 8601 with its liberties: `2006-01-02`, `2006/1/2`, `20060102`, `20060102T150405Z`,
  `2006-01-02T15:04:05.999+01:00`, a blank for the `T`, a comma for the point, `+01`, `+0100`, a named zone,
  a comment after it; 24:00 is the next day;
- epoch numbers of 9 or 10 digits (seconds), 12 or 13 (milliseconds), 15 or 16 (microseconds), with a fraction or not;
- RFC 822 and its usual faults: no weekday or a wrong one, long names of days and months, a missing comma, two-digit
  years (RFC 2822: 00 to 49 are of this century), no seconds, `GMT+2`, hyphens (RFC 850), am and pm;
- `January 2, 2006`, `Jan. 2nd 2006 at 3:04 pm`, `2 January 2006`; `Mon Jan  2 15:04:05 2006` (asctime).

A date without a zone is taken as UTC. A time zone that is not in `ZONE_MINUTES` makes the date unreadable: hours off in
silence would be worse than none. Whether a date can be true is not asked here (`DateBounds`).
"""

import re
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final

from transforms.schemas import Precision

MAX_DATE_CHARS: Final = 100
"""A longer value is no date: the longest form that is read has 60."""

ZONE_MINUTES: Final[dict[str, int]] = {
    "z": 0, "ut": 0, "utc": 0, "gmt": 0, "wet": 0, "west": 60, "bst": 60, "cet": 60, "cest": 120, "met": 60,
    "mest": 120, "eet": 120, "eest": 180, "sast": 120, "cat": 120, "eat": 180, "msk": 180, "ist": 330, "pkt": 300,
    "npt": 345, "hkt": 480, "sgt": 480, "pht": 480, "awst": 480, "jst": 540, "kst": 540, "acst": 570, "acdt": 630,
    "aest": 600, "aedt": 660, "nzst": 720, "nzdt": 780, "nst": -210, "ndt": -150, "ast": -240, "adt": -180,
    "est": -300, "edt": -240, "cst": -360, "cdt": -300, "mst": -420, "mdt": -360, "pst": -480, "pdt": -420,
    "akst": -540, "akdt": -480, "hst": -600,
}  # fmt: skip
"""Minutes east of Greenwich. RFC 822 names the American ones, so CST is not China's. BST is British and IST Indian, as
the most speakers mean them."""

_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            "jan january", "feb february", "mar march", "apr april", "may", "jun june", "jul july", "aug august",
            "sep sept september", "oct october", "nov november", "dec december",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip

_ZONE: Final = r"(?P<zone>(?:(?:utc|gmt)\s?)?[+-]\d{1,2}(?::?\d{2})?|[a-z]{1,5})?"
_TIME: Final = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
_CLOCK: Final = rf"{_TIME}\s?(?P<half>[ap]\.?m\.?)?\s?{_ZONE}"
_WEEKDAY: Final = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s?)?"
_MONTH: Final = r"(?P<month>[a-z]{3,9})\.?"
_DAY: Final = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR: Final = r"(?P<year>\d{4}|\d{2})"

_ISO: Final = re.compile(
    rf"(?P<year>\d{{4}})([-/.])(?P<month>\d{{1,2}})\2(?P<day>\d{{1,2}})(?:(?:t|[ ,]+){_TIME}\s?{_ZONE})?", re.ASCII
)
_BASIC: Final = re.compile(
    r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})(?:t?(?P<hour>\d{2})(?P<minute>\d{2})(?:(?P<second>\d{2})"
    rf"(?:[.,](?P<fraction>\d{{1,9}}))?)?\s?{_ZONE})?",
    re.ASCII,
)
_EPOCH: Final = re.compile(r"(\d{9,10}|\d{12,13}|\d{15,16})(?:\.(\d{0,9}))?", re.ASCII)
_WRITTEN: Final = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        rf"{_WEEKDAY}{_DAY}[ -]?{_MONTH},?[ -]?{_YEAR}(?:(?:,|,?\sat)?\s?{_CLOCK})?",
        rf"{_WEEKDAY}{_MONTH}\s?{_DAY},?\s{_YEAR}(?:(?:,|,?\sat)?\s?{_CLOCK})?",
        rf"{_WEEKDAY}{_MONTH}\s{_DAY}\s{_TIME}(?:\s(?P<zone>[a-z]{{1,5}}))?\s(?P<year>\d{{4}})",
    )
)
_USUAL: Final = re.compile(
    r"(\d{4}-\d\d-\d\dT|(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), )?\d\d [A-Z][a-z]{2} \d{4} )"
    r"([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(Z| GMT| ?[+-]\d\d:?\d\d)",
    re.ASCII,
)
"""What nearly all feeds write; found in a third of the time of the patterns above, which give the same."""
_COMMENT: Final = re.compile(r"\s?(?:\([^()]*\)|\[[^\[\]]*\])$")

_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
_SECOND: Final = 1_000_000
_DAY_MICROS: Final = 86_400 * _SECOND


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


@lru_cache(maxsize=16)  # Many entries give one date twice.
def parse_date(raw: str) -> ParsedDate:
    """The moment that the text names. Raises `UnreadableDate` where it names none, or no real one."""
    usual = _USUAL.fullmatch(raw)
    if usual is not None:
        day, hour, minute, second, zone = usual.groups()
        minutes = _usual_day(day) * 1_440 + int(hour) * 60 + int(minute) - _zone_minutes(zone.strip().lower())
        return ParsedDate((minutes * 60 + int(second)) * _SECOND, "second")
    if len(raw) > MAX_DATE_CHARS:
        raise UnreadableDate(f"longer than {MAX_DATE_CHARS} characters")
    text = " ".join(raw.lower().replace("\u2212", "-").split())
    if text[-1:] in (")", "]"):
        text = _COMMENT.sub("", text)
    found = _ISO.fullmatch(text)
    if found is None and text[:1].isdigit():
        found = _BASIC.fullmatch(text)
        # Twelve digits may be both; as milliseconds, what begins with 19 or 20 would lie in 1976.
        if found is None or not text.startswith(("19", "20")):
            epoch = _EPOCH.fullmatch(text)
            if epoch is not None:
                return _from_epoch(epoch[1], epoch[2] or "")
    if found is not None:
        return _moment(int(found["year"]), int(found["month"]), int(found["day"]), found, None)
    for pattern in _WRITTEN:
        found = pattern.fullmatch(text)
        if found is not None:
            month = _month(found["month"])
            half = found["half"] if "half" in pattern.groupindex else None
            return _moment(_full_year(found["year"]), month, int(found["day"]), found, half)
    raise UnreadableDate("in no known form")


@lru_cache(maxsize=256)
def _usual_day(written: str) -> int:
    """Days since 1970-01-01 of `2006-01-02T` or `Mon, 02 Jan 2006 `."""
    if written.endswith("T"):
        return _day_number(int(written[:4]), int(written[5:7]), int(written[8:10]))
    day, month, year = written.split()[-3:]
    return _day_number(int(year), _month(month.lower()), int(day))


def _month(name: str) -> int:
    number = _MONTHS.get(name)
    if number is None:
        raise UnreadableDate(f"no month {name!r}")
    return number


def _day_number(year: int, month: int, day: int) -> int:
    try:
        return date(year, month, day).toordinal() - _EPOCH_ORDINAL
    except ValueError as error:
        raise UnreadableDate(str(error)) from None


def _full_year(digits: str) -> int:
    year = int(digits)
    if len(digits) == 4:
        return year
    return year + (2000 if year < 50 else 1900)


def _moment(year: int, month: int, day: int, found: re.Match[str], half: str | None) -> ParsedDate:
    days = _day_number(year, month, day)
    hours, minutes, seconds, fraction, zone = found.group("hour", "minute", "second", "fraction", "zone")
    if hours is None:
        return ParsedDate(days * _DAY_MICROS, "day")
    hour, minute, second = int(hours), int(minutes), int(seconds or 0)
    micros = int(f"{fraction}00000"[:6]) if fraction else 0
    if half is not None:
        if not 1 <= hour <= 12:
            raise UnreadableDate(f"no hour {hour} {half}")
        hour = hour % 12 + (12 if half[0] == "p" else 0)
    if second == 60:
        second, micros = 59, 0  # A leap second; POSIX time has none.
    midnight = hour == 24 and minute == second == micros == 0
    if not midnight and (hour > 23 or minute > 59 or second > 59):
        raise UnreadableDate(f"no time {hour}:{minute:02}:{second:02}")
    moment = days * 86_400 + hour * 3_600 + (minute - _zone_minutes(zone)) * 60 + second
    return ParsedDate(moment * _SECOND + micros, "minute" if seconds is None else "second")


@lru_cache(maxsize=64)
def _zone_minutes(zone: str | None) -> int:
    if zone is None:
        return 0
    known = ZONE_MINUTES.get(zone)
    if known is not None:
        return known
    sign = max(zone.find("+"), zone.find("-"))
    if sign < 0:
        raise UnreadableDate(f"unknown time zone {zone!r}")
    digits = zone[sign + 1 :].replace(":", "")
    hours, minutes = (int(digits[:-2]), int(digits[-2:])) if len(digits) > 2 else (int(digits), 0)
    if hours > 15 or minutes > 59:
        raise UnreadableDate(f"no time zone {zone!r}")
    return (hours * 60 + minutes) * (-1 if zone[sign] == "-" else 1)


def _from_epoch(digits: str, fraction: str) -> ParsedDate:
    scale = 6 if len(digits) <= 10 else 3 if len(digits) <= 13 else 0
    return ParsedDate(int(digits) * 10**scale + int((fraction + "0" * scale)[:scale] or 0), "second")
