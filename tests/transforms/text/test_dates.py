from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.text.date_samples import READ, UNREADABLE
from transforms.text.dates import ParsedDate, UnreadableDate, date_bounds, parse_date
from transforms.text.months import MONTH_NAMES
from transforms.text.zones import AMBIGUOUS_ZONES, ZONE_MINUTES, zone_minutes


@pytest.mark.parametrize(("raw", "moment"), READ.items())
def test_a_date_is_read_as_far_as_it_says(raw: str, moment: str) -> None:
    assert _written(parse_date(raw)) == moment


def _written(parsed: ParsedDate) -> str:
    return _moment(parsed).replace(tzinfo=None).isoformat()[: {"day": 10, "minute": 16, "second": 26}[parsed.precision]]


def _moment(parsed: ParsedDate) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=parsed.micros)


@pytest.mark.parametrize("raw", UNREADABLE)
def test_what_names_no_one_moment_is_unreadable(raw: str) -> None:
    with pytest.raises(UnreadableDate):
        parse_date(raw)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("2/1/2006", "which is the day and which the month is not known"),
        ("2006-01-02 15:04 ET", "unknown time zone 'et'"),
        ("2 Foo 2006", "no month 'foo'"),
        ("2006-01-02T25:00Z", "no time 25:00:00"),
        ("2005-366", "no day 366 in 2005"),
        ("1" * 101, "longer than 100 characters"),
        ("soon", "in no known form"),
    ],
)
def test_the_reason_says_why_a_date_is_unreadable(raw: str, reason: str) -> None:
    with pytest.raises(UnreadableDate) as refused:
        parse_date(raw)
    assert str(refused.value) == reason


@pytest.mark.parametrize("language", MONTH_NAMES)
def test_a_language_has_twelve_months_whose_names_mean_no_other(language: str) -> None:
    months = [names.split() for names in MONTH_NAMES[language].split(",")]
    assert len(months) == 12
    for number, names in enumerate(months, start=1):
        for name in names:
            assert _moment(parse_date(f"2. {name} 2006")).month == number
            assert _moment(parse_date(f"{name.upper()} 2, 2006")).month == number


def test_a_zone_is_in_one_of_the_tables() -> None:
    assert ZONE_MINUTES.keys().isdisjoint(AMBIGUOUS_ZONES)
    assert [zone_minutes(name) for name in ("utc", "est", "cest", "et", "a")] == [0, -300, 120, None, None]


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


@given(st.text(max_size=40) | st.text(st.sampled_from("0123456789 :-+TZW.,/monjaupgdet()年"), max_size=30))
def test_any_text_is_a_date_or_unreadable(raw: str) -> None:
    try:
        assert abs(parse_date(raw).micros) < 2**63
    except UnreadableDate:
        pass


def test_bounds_hold_both_days_whole() -> None:
    bounds = date_bounds(date(1980, 1, 1), date(2099, 12, 31))
    assert bounds.earliest == parse_date("1980-01-01").micros
    assert bounds.latest == parse_date("2100-01-01").micros - 1
