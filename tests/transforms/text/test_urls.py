import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.text.urls import absolute_url, address, canonical_url, same_publisher, site

SAME = [
    ("http://example.org/a", "https://example.org/a"),
    ("HTTPS://Example.ORG/a", "https://example.org/a"),
    ("https://example.org:443/a", "https://example.org/a"),
    ("http://example.org:80/a", "http://example.org/a"),
    ("https://example.org", "https://example.org/"),
    ("https://example.org./a", "https://example.org/a"),
    ("https://user:secret@example.org/a", "https://example.org/a"),
    ("https://example.org/a/", "https://example.org/a"),
    ("https://example.org/a#comments", "https://example.org/a"),
    ("https://example.org/a?", "https://example.org/a"),
    ("https://example.org/a/?id=3", "https://example.org/a?id=3"),
    ("https://example.org/a?utm_source=rss&utm_medium=feed", "https://example.org/a"),
    ("https://example.org/a?id=3&fbclid=x&gclid=y", "https://example.org/a?id=3"),
    ("https://example.org/a?UTM_Campaign=x&mc_cid=1&mc_eid=2", "https://example.org/a"),
    ("https://example.org/a?id=3&amp;utm_term=x", "https://example.org/a?id=3"),
    ("https://example.org/a?a=1&amp;b=2", "https://example.org/a?a=1&b=2"),
    ("https://example.org/a?&id=3&", "https://example.org/a?id=3"),
    ("  https://example.org/a\n", "https://example.org/a"),
    ("https://example.org/a b", "https://example.org/a%20b"),
]

DIFFERENT = [
    ("https://example.org/a", "https://example.org/A"),
    ("https://example.org/a?id=3", "https://example.org/a?id=4"),
    ("https://example.org/a?id=x", "https://example.org/a?id=X"),
    ("https://example.org/a?ID=3", "https://example.org/a?id=3"),
    ("https://example.org/a?p=1", "https://example.org/a"),
    ("https://example.org/a?story=1", "https://example.org/a"),
    ("https://example.org/a?cid=1", "https://example.org/a"),
    ("https://example.org/a?source=wire", "https://example.org/a"),
    ("https://example.org/a?ref=1", "https://example.org/a"),
    ("https://example.org/a?page=2", "https://example.org/a"),
    ("https://example.org/?utm=1", "https://example.org/"),
    ("https://www.example.org/a", "https://example.org/a"),
    ("https://sport.example.org/a", "https://news.example.org/a"),
    ("https://m.example.org/a", "https://example.org/a"),
    ("https://example.org:8443/a", "https://example.org/a"),
    ("http://example.org:8080/a", "https://example.org:8080/a"),
    ("https://example.org/#!/a", "https://example.org/#!/b"),
    ("https://example.org/a.html", "https://example.org/a"),
    ("https://example.org/a?a=1&b=2", "https://example.org/a?b=2&a=1"),
    ("https://example.org/a%2Fb", "https://example.org/a/b"),
    ("https://example.org/a+b", "https://example.org/a%20b"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_spellings_of_one_address_merge(one: str, other: str) -> None:
    assert canonical_url(one) == canonical_url(other) is not None


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_addresses_never_merge(one: str, other: str) -> None:
    first, second = canonical_url(one), canonical_url(other)
    assert first is not None and second is not None and first != second


def test_the_canonical_form_is_what_the_rule_says() -> None:
    assert (
        canonical_url("http://me:pw@WWW.Example.org:80/Path/To/?B=2&utm_id=9&a=1#part")
        == "https://www.example.org/Path/To?B=2&a=1"
    )
    assert canonical_url("http://[2001:DB8::1]:8080/a") == "http://[2001:db8::1]:8080/a"
    assert canonical_url("http://bücher.example/ä") == "https://bücher.example/ä"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/a",
        "a",
        "ftp://example.org/a",
        "javascript:alert(1)",
        "data:text/html,x",
        "mailto:a@example.org",
        "file:///a",
        "http:///a",
        "https://",
        "http://a b/",
        "http://[::1",
        "http://e[x]y/",
        "http://example.org:99999/",
        "http://e:x/",
        "http://example.org:0/",
        "https://example.org/" + "a" * 2048,
        "http://..../",
        "//example.org/a",
    ],
)
def test_what_is_no_absolute_web_address_is_refused(url: str) -> None:
    assert absolute_url(url) is None and canonical_url(url) is None


@pytest.mark.parametrize(
    ("url", "base", "expected"),
    [
        ("/a", "https://example.org/x/y", "https://example.org/a"),
        ("a?b", "https://example.org/x/y", "https://example.org/x/a?b"),
        ("//cdn.example.org/i.jpg", "https://example.org/", "https://cdn.example.org/i.jpg"),
        ("#part", "https://example.org/x", "https://example.org/x#part"),
        ("https://other.example/a", "https://example.org/", "https://other.example/a"),
        ("javascript:alert(1)", "https://example.org/", None),
        ("a", "not a base", None),
        (" /a\n/b ", "https://example.org/", "https://example.org/a/b"),
    ],
)
def test_relative_addresses_are_joined(url: str, base: str, expected: str | None) -> None:
    assert absolute_url(url, base) == expected


def test_the_site_is_the_host_without_www() -> None:
    assert site("https://www.example.org/a") == "example.org"
    assert site("https://news.example.org/a") == "news.example.org"
    assert site("https://www.org/") == "www.org"
    assert site("nonsense") is None


URLS = st.text(st.sampled_from("htps:/.example?&=#!%@[]:80utm_ AZé\\\n;amp"), max_size=60) | st.text(
    st.sampled_from("/a?&=#!%@:utm_.;ampB"), max_size=40
).map("http://e.example".__add__)


@given(URLS, st.none() | URLS)
def test_an_address_is_what_the_single_functions_give(url: str, base: str | None) -> None:
    absolute = absolute_url(url, base)
    canonical = None if absolute is None else canonical_url(absolute)
    assert address(url, base) == (absolute, canonical, None if canonical is None else site(canonical))


@given(URLS)
def test_a_canonical_form_is_its_own(url: str) -> None:
    canonical = canonical_url(url)
    if canonical is not None:
        assert canonical_url(canonical) == canonical
        assert site(canonical)


@pytest.mark.parametrize(
    ("url", "absolute"),
    [
        ("https://a.example\\@b.example/", "https://a.example/@b.example/"),
        ("https:\\\\a.example\\b?c\\d#e\\f", "https://a.example/b?c\\d#e\\f"),
        ("\\\\b.example\\x", "https://b.example/x"),
        ("b\\c", "https://a.example/b/c"),
        ("?b\\c", "https://a.example/?b\\c"),
    ],
)
def test_a_backslash_is_what_browsers_take_it_for(url: str, absolute: str) -> None:
    assert absolute_url(url, "https://a.example/") == absolute


@pytest.mark.parametrize(
    ("url", "other", "same"),
    [
        ("https://a.example/1", "http://A.example:8080/2", True),
        ("https://www.a.example/", "https://m.a.example/", True),
        ("https://news.a.example/", "https://www.a.example/", True),
        ("https://a.example/", "https://amp.a.example/", True),
        ("https://a.example/", "https://b.example/", False),
        ("https://a.example/", "https://nota.example/", False),
        ("https://m.example/", "https://www.example/", False),
        ("https://a.example\\@b.example/", "https://b.example/", False),
        ("mailto:a@a.example", "https://a.example/", False),
    ],
)
def test_a_publisher_is_a_host_with_its_subdomains(url: str, other: str, same: bool) -> None:
    assert same_publisher(url, other) is same_publisher(other, url) is same


def test_what_a_base_brings_is_text_too() -> None:
    assert absolute_url("b", "https://a.example/\udc80/") == "https://a.example/\ufffd/b"
