"""The day that the path of a URL names."""

import re
from typing import Final

from transforms.text.dates import ParsedDate, UnreadableDate, whole_day
from transforms.text.months import MONTHS

_PATH: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#]*([^?#]*)")
_YEAR: Final = r"(199[0-9]|20[0-9]{2})"
_DAYS: Final = tuple(
    re.compile(pattern)
    for pattern in (
        rf"/{_YEAR}/([0-9]{{1,2}}|[a-z]{{3}})/([0-9]{{1,2}})(?=/|$)",
        rf"/{_YEAR}-([0-9]{{2}})-([0-9]{{2}})(?=[/_-]|$)",
        rf"/{_YEAR}([0-9]{{2}})([0-9]{{2}})(?=/)",
    )
)


def date_in_url(url: str) -> ParsedDate | None:
    """The day in the path of an absolute URL, of 1990 to 2099, year before month before day; None where there is none.

    Read are `/2024/03/05/`, `/2024/mar/05/`, `/2024-03-05-slug` and `/20240305/`: whole parts of the path or the
    beginning of one, and eight digits only where the path goes on after them, for the last part may be the number of
    an article. A path that names two days names none, nor does one with a day that is not in the calendar.
    """
    found = _PATH.match(url)
    if found is None:
        return None
    named = {day for pattern in _DAYS for day in pattern.findall(found[1])}
    days: set[ParsedDate | None] = {_whole_day(*day) for day in named}
    return days.pop() if len(days) == 1 else None


def _whole_day(year: str, month: str, day: str) -> ParsedDate | None:
    number = int(month) if month.isdigit() else MONTHS.get(month)
    if number is None:
        return None
    try:
        return whole_day(int(year), number, int(day))
    except UnreadableDate:
        return None
