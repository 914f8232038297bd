import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.text.dates import parse_date
from transforms.text.url_dates import date_in_url


@pytest.mark.parametrize(
    ("path", "day"),
    [
        ("/2024/03/05/slug", "2024-03-05"),
        ("/2024/3/5/slug", "2024-03-05"),
        ("/2024/03/05", "2024-03-05"),
        ("/world/2024/03/05/slug.html?page=2#top", "2024-03-05"),
        ("/world/2024/mar/05/slug", "2024-03-05"),
        ("/2024-03-05-slug", "2024-03-05"),
        ("/2024-03-05_slug", "2024-03-05"),
        ("/2024-03-05/slug", "2024-03-05"),
        ("/archive/2024-03-05", "2024-03-05"),
        ("/20240305/", "2024-03-05"),
        ("/20240305/slug", "2024-03-05"),
        ("/2024/03/05/2024-03-05-slug", "2024-03-05"),
        ("/2024/02/29/", "2024-02-29"),
        ("/1990/01/01/", "1990-01-01"),
        ("/2099/12/31/", "2099-12-31"),
    ],
)
def test_a_day_in_the_path_is_found(path: str, day: str) -> None:
    assert date_in_url(f"https://example.org{path}") == parse_date(day)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/",
        "https://example.org/2024/03/slug",
        "https://example.org/2024/13/05/slug",
        "https://example.org/2023/02/29/slug",
        "https://example.org/2024/foo/05/slug",
        "https://example.org/1989/12/31/slug",
        "https://example.org/2100/01/01/slug",
        "https://example.org/05/03/2024/slug",
        "https://example.org/news/20240305",
        "https://example.org/news/20240305.html",
        "https://example.org/news/202403051234/slug",
        "https://example.org/news/120240305/slug",
        "https://example.org/20241305/slug",
        "https://example.org/2024/03/0512/slug",
        "https://example.org/12024/03/05/slug",
        "https://example.org/2024-03-0512",
        "https://example.org/vote-2024-03-05",
        "https://example.org/2024/03/05/2023-01-01-review",
        "https://example.org/slug?d=/2024/03/05/",
        "https://example.org/slug#/2024/03/05/",
        "https://2024/03/05/slug",
        "2024/03/05",
        "\u0662\u0660\u0662\u0664/03/05",
    ],
)
def test_where_no_day_is_named_for_sure_there_is_none(url: str) -> None:
    assert date_in_url(url) is None


@given(st.text() | st.text(st.sampled_from("/-2019035mar?#"), max_size=40).map("https://e.example/".__add__))
def test_no_url_makes_the_search_for_a_day_fail(url: str) -> None:
    found = date_in_url(url)
    assert found is None or found.precision == "day"
