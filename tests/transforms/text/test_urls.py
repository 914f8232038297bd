import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.text.url_samples import DIFFERENT, SAME
from transforms.text.urls import absolute_url, address, canonical_url, same_publisher, site


@pytest.mark.parametrize(("one", "other"), SAME)
def test_spellings_of_one_address_merge(one: str, other: str) -> None:
    assert canonical_url(one) == canonical_url(other) is not None


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_addresses_never_merge(one: str, other: str) -> None:
    first, second = canonical_url(one), canonical_url(other)
    assert first is not None and second is not None and first != second


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        (
            "http://me:pw@WWW.Example.org:80/Path/To/?B=2&utm_id=9&a=1&B=1#part",
            "https://www.example.org/Path/To?B=2&B=1&a=1",
        ),
        ("http://[2001:DB8::1]:8080/a", "http://[2001:db8::1]:8080/a"),
        ("http://b\u00fccher.example/\u00e4?\u00e4", "https://xn--bcher-kva.example/%C3%A4?%C3%A4"),
        ("http://fa\u00df.example/", "https://xn--fa-hia.example/"),
        ("https://\u2603.example/", "https://xn--n3h.example/"),
        ("https://e.example/%%41%zz?%", "https://e.example/%25A%25zz?%25"),
        ("https://e.example/#!a#b", "https://e.example/#!a%23b"),
        ("https://a.cdn.ampproject.org/c/s/b.cdn.ampproject.org/v/e.example/x-1/amp", "https://e.example/x-1"),
    ],
)
def test_the_canonical_form_is_what_the_rule_says(url: str, canonical: str) -> None:
    assert canonical_url(url) == canonical


@pytest.mark.parametrize(
    "url",
    ["https://" + "\u00e4" * 64 + ".example/", "https://\u2474\u00e9.example/", "https://e.example/" + "\u00e4" * 400],
)
def test_what_has_no_spelling_in_ascii_has_no_canonical_form(url: str) -> None:
    assert canonical_url(url) is None


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


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://www.example.org/a", "example.org"),
        ("https://news.example.org/a", "example.org"),
        ("https://www.bbc.co.uk/a", "bbc.co.uk"),
        ("https://someone.github.io/a", "someone.github.io"),
        ("https://github.io/a", "github.io"),
        ("https://www.org/", "www.org"),
        ("http://www.b\u00fccher.de/", "xn--bcher-kva.de"),
        ("http://127.0.0.1/a", "127.0.0.1"),
        ("http://127.1/a", "127.1"),
        ("http://0x7f.0.0.0x1/a", "0x7f.0.0.0x1"),
        ("http://[::1]:8080/a", "[::1]"),
        ("http://localhost/a", "localhost"),
        ("https://news.example/a", "news.example"),
        ("nonsense", None),
    ],
)
def test_the_site_is_the_domain_that_someone_registered(url: str, expected: str | None) -> None:
    assert site(canonical_url(url) or "") == expected
    assert address(url)[2] == expected


PIECES = (
    "http://", "https://", "e.example", "www.google.com", "a.cdn.ampproject.org", "/c/s/", "/v/", "/amp", "/amp/s/",
    "x-1", ".amp", ".html", "/index.html", "/./", "/../", "..", "//", ";jsessionid=1", "/(S(lit3py55t21z5v55vlm25s55))",
    "?", "&", "amp;", "amp", "=", "utm_a=1", "id=3", "#", "#!", "%", "%41", "%2e", "%2F", "%25", "%61", "%c3", "\u00e9",
    "\u00df", "\u2474", "\u2026", "\u3002", ":80", ":8080", "@", "[::1]", "[", "]", "\\", " ", "\ud800", "\u0130", ".",
)  # fmt: skip
URLS = (
    st.text(max_size=60)
    | st.text(st.sampled_from("htps:/.example?&=#!%@[]:80utm_ AZ\u00e9\\\n;amp"), max_size=60)
    | st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
    | st.lists(st.sampled_from(PIECES), max_size=12).map(lambda pieces: "http://e.example" + "".join(pieces))
    | st.lists(st.sampled_from(PIECES), max_size=12).map(lambda pieces: "//a.cdn.ampproject.org" + "".join(pieces))
)


@given(URLS, st.none() | URLS)
@settings(max_examples=400)
def test_an_address_is_what_the_single_functions_give(url: str, base: str | None) -> None:
    absolute = absolute_url(url, base)
    canonical = None if absolute is None else canonical_url(absolute)
    assert address(url, base) == (absolute, canonical, None if canonical is None else site(canonical))


@given(URLS)
@settings(max_examples=1_000)
def test_a_canonical_form_is_its_own(url: str) -> None:
    canonical = canonical_url(url)
    if canonical is not None:
        assert canonical_url(canonical) == canonical
        assert canonical.isascii()
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
