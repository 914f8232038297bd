from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.text.dates import ParsedDate, UnreadableDate, date_bounds, parse_date


@pytest.mark.parametrize(
    ("raw", "moment", "precision"),
    [
        ("2006-01-02", "2006-01-02T00:00:00", "day"),
        ("2006/1/2", "2006-01-02T00:00:00", "day"),
        ("20060102", "2006-01-02T00:00:00", "day"),
        ("2006-01-02T15:04Z", "2006-01-02T15:04:00", "minute"),
        ("2006-01-02 15:04", "2006-01-02T15:04:00", "minute"),
        ("2006-01-02T15:04:05Z", "2006-01-02T15:04:05", "second"),
        ("2006-01-02T15:04:05.9999999Z", "2006-01-02T15:04:05.999999", "second"),
        ("2006-01-02T15:04:05,5+01:00", "2006-01-02T14:04:05.5", "second"),
        ("2006-01-02T15:04:05+0530", "2006-01-02T09:34:05", "second"),
        ("2006-01-02T15:04:05-07", "2006-01-02T22:04:05", "second"),
        ("2006-01-02T15:04:05+01:00[Europe/Paris]", "2006-01-02T14:04:05", "second"),
        ("2006-01-02T24:00:00Z", "2006-01-03T00:00:00", "second"),
        ("2006-01-02 15:04:05 UTC", "2006-01-02T15:04:05", "second"),
        ("20060102T150405Z", "2006-01-02T15:04:05", "second"),
        ("200601021504", "2006-01-02T15:04:00", "minute"),
        ("20060102150405", "2006-01-02T15:04:05", "second"),
        ("Mon, 02 Jan 2006 15:04:05 GMT", "2006-01-02T15:04:05", "second"),
        ("Mon, 02 Jan 2006 15:04:05 -0700", "2006-01-02T22:04:05", "second"),
        ("Mon,02 Jan 2006 15:04:05 \u22120700", "2006-01-02T22:04:05", "second"),
        ("Mon, 2 January 2006 15:04:05 +0000 (Coordinated)", "2006-01-02T15:04:05", "second"),
        ("Fri, 02 Jan 06 15:04 EST", "2006-01-02T20:04:00", "minute"),
        ("Monday, 02-Jan-06 15:04:05 PDT", "2006-01-02T22:04:05", "second"),
        ("2 Jan 70 15:04 GMT+2", "1970-01-02T13:04:00", "minute"),
        ("Tuesday, 30 Jun 2015 23:59:60 Z", "2015-06-30T23:59:59", "second"),
        ("2 January 2006", "2006-01-02T00:00:00", "day"),
        ("January 2, 2006", "2006-01-02T00:00:00", "day"),
        ("Mon, Jan. 2nd, 2006 at 3:04 p.m.", "2006-01-02T15:04:00", "minute"),
        ("Sept 3 2020 12:00 AM EDT", "2020-09-03T04:00:00", "minute"),
        ("Mon Jan  2 15:04:05 2006", "2006-01-02T15:04:05", "second"),
        ("Mon Jan 2 15:04:05 PST 2006", "2006-01-02T23:04:05", "second"),
        ("1136214245", "2006-01-02T15:04:05", "second"),
        ("1136214245.25", "2006-01-02T15:04:05.25", "second"),
        ("1136214245000", "2006-01-02T15:04:05", "second"),
        ("1136214245000001", "2006-01-02T15:04:05.000001", "second"),
    ],
)
def test_a_date_is_read_in_its_usual_forms(raw: str, moment: str, precision: str) -> None:
    parsed = parse_date(raw)
    assert datetime.fromisoformat(moment).replace(tzinfo=UTC) == _moment(parsed)
    assert parsed.precision == precision


def _moment(parsed: ParsedDate) -> datetime:
    seconds, micros = divmod(parsed.micros, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "soon",
        "yesterday",
        "2 days ago",
        "2006",
        "2006-01",
        "12:30",
        "2006-02-30",
        "2006-13-01",
        "2006-01-02T25:00:00Z",
        "2006-01-02T15:61:00Z",
        "30 Feb 2006",
        "2 Foo 2006",
        "Mon, 02 Jan 2006 15:04:05 XYZ",
        "2006-01-02T15:04:05+99:00",
        "January 2 2006 13:00 pm",
        "0000-01-01",
        "12",
        "99999999999999999",
        "1" * 200,
        "02.01.2006",
        "\u0662\u0660\u0660\u0666-01-02",
    ],
)
def test_what_names_no_one_moment_is_unreadable(raw: str) -> None:
    with pytest.raises(UnreadableDate):
        parse_date(raw)


@given(st.datetimes(min_value=datetime(1950, 1, 1), max_value=datetime(2049, 12, 31)))  # noqa: DTZ001
def test_every_way_of_writing_a_moment_gives_the_same(moment: datetime) -> None:
    moment = moment.replace(microsecond=0)
    forms = (
        "%Y-%m-%dT%H:%M:%SZ",
        "%Y%m%d%H%M%S",
        "%a, %d %b %Y %H:%M:%S GMT",
        "%d-%b-%y %H:%M:%S",
        "%B %d, %Y %I:%M:%S %p",
    )
    assert {_moment(parse_date(moment.strftime(form))).replace(tzinfo=None) for form in forms} == {moment}


@given(st.text(max_size=40) | st.text(st.sampled_from("0123456789 :-+TZ.,/monjaupg()"), max_size=30))
def test_any_text_is_a_date_or_unreadable(raw: str) -> None:
    try:
        assert abs(parse_date(raw).micros) < 2**63
    except UnreadableDate:
        pass


def test_bounds_hold_both_days_whole() -> None:
    bounds = date_bounds(date(1980, 1, 1), date(2099, 12, 31))
    assert bounds.earliest == parse_date("1980-01-01").micros
    assert bounds.latest == parse_date("2100-01-01").micros - 1
