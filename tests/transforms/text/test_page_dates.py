import pytest
from lxml import html

from transforms.text.page_dates import day_in_markup


def day(head: str = "", body: str = "") -> str | None:
    return day_in_markup(html.document_fromstring(f"<html><head>{head}</head><body>{body}<p>x</p></body></html>"))


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("<p class='date'>2 January 2006</p>", "2006-01-02"),
        ("<time datetime='2006-01-02T15:04:05Z'>that day</time>", "2006-01-02"),
        ("<span class='published'>02.01.2006</span>", "2006-01-02"),
        ("<p>On 2 January 2006 he wrote a letter.</p>", None),
        ("<p class='date'>yesterday</p>", None),
        ("", None),
    ],
)
def test_a_day_is_found_in_the_markup_and_not_in_the_text(body: str, found: str | None) -> None:
    assert day(body=body) == found


def test_what_a_date_lacks_is_not_filled_in_from_the_clock() -> None:
    # Before, the day of the month was that on which it was read.
    assert day("<meta name='date' content='2019-05'>") == "2019-05-01"
    assert day("<meta name='date' content='2019, Monday 12:30'>") is None


def test_a_date_of_any_year_up_to_a_fixed_one_is_as_good_on_any_day() -> None:
    assert day("<meta name='date' content='2098-01-02'>") == "2098-01-02"
    assert day("<meta name='date' content='2100-01-02'>") is None


def test_the_address_of_the_page_tells_no_date() -> None:
    assert day("<link rel='canonical' href='https://daily.example/2006/01/02/ferry'>") is None


def test_the_page_is_not_changed() -> None:
    tree = html.document_fromstring("<body><iframe></iframe><p>x</p></body>")
    before = html.tostring(tree)
    assert day_in_markup(tree) is None
    assert html.tostring(tree) == before


def test_what_htmldate_stumbles_over_is_no_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transforms.text.page_dates.find_date", lambda *_, **__: 1 / 0)
    assert day(body="<p class='date'>2 January 2006</p>") is None
