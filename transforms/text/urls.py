"""URLs: absolute, canonical, and the site they belong to.

Rule 2 of canonical URLs (`CANONICALISATION` of a dataset is its number), by which articles are told apart. A wrong
merge loses an article, while a copy under two URLs is still found by its text: so what is not sure stays.

1. http and https only, with a host; anything else has no canonical form. Before the query `\\` is read as `/`.
2. The scheme becomes https where no port is named: no news site says different things over the two, and feeds move
   from one to the other. With a port the two are different servers, and the scheme stays.
3. The host is lower-cased, in ASCII (`xn--…`), and loses a trailing dot; user name and password go; the default port
   goes. IPv6 addresses are in their short form.
4. The fragment goes, but for one that is a path: a hashbang (`#!…`) or a route (`#/…`).
5. Percent-encoding: letters, digits and `-._~` are plain, what may not stand in a URL is encoded as UTF-8, with
   upper-case hexadecimal digits. Reserved characters stay as they are: `%2F` is not `/`. `&amp;` is read as `&`.
6. In the path `.` and `..` are resolved, and session ids go (`;jsessionid=…`, `/(S(…))`). An empty path becomes `/`,
   and a trailing `/` of any other path goes, as does an index file (`INDEX_FILES`).
7. AMP: copies in Google's cache (`….cdn.ampproject.org/c/s/…`) and viewer (`www.google.com/amp/s/…`) are the page that
   they name. `/amp` goes after a part of the path with a digit or a hyphen, `.amp` and `.amp.html` at the end
   (`.html` stays), and parameters that ask for it (`AMP_PARAMETERS`). Hosts such as `m.` and `amp.` stay: which host
   they stand for only the page itself knows, by its canonical link.
8. Tracking parameters go (`TRACKING_PARAMETERS`, `TRACKING_PREFIXES`), and session ids (`SESSION_PARAMETERS`,
   `SESSION_PREFIXES`) of 16 characters and more: a shorter one may be the number of an event. What is left is put in
   the order of names; parameters of one name keep theirs.
9. Nothing else changes. Path and values keep their case; different subdomains (`www.` too), ports and parameters stay
   different articles.
"""

import re
from typing import Final, NamedTuple
from urllib.parse import urljoin, urlsplit

from transforms.text.hosts import host_name, registrable_domain
from transforms.text.parameters import kept_parameters
from transforms.text.paths import publisher, quoted, resolved, shortened
from transforms.text.spacing import without_surrogates

MAX_URL_CHARS: Final = 2048
"""A longer URL is refused: browsers and search engines take no longer ones (sitemaps.org: "less than 2,048")."""

_COMMON: Final = re.compile(
    r"(https?)://([A-Za-z0-9-]++(?:\.[A-Za-z0-9-]++)++)(/[!-\"$->@-~]*+)?+(?:\?([!-\"$-~]*+))?+(?:\#([!-~]*+))?+"
)
"""A URL as nearly all are: printable ASCII, a host of plain labels, no port, no user."""
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_BEFORE_QUERY: Final = re.compile(r"^[^?#]+")
_DEVICE: Final = re.compile(r"^(?:www|m|mobile|amp)\.(?=.*\.)")
_BRACKETED: Final = re.compile(r"\[[0-9A-Fa-f:.]+(?:%[\w.-]+)?\](?::\d*)?")
_UNSAFE: Final = re.compile(
    r"[\x00-\x20\x7f-\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f\u2060\u3000\ufeff\ud800-\udfff]"
)


def address(url: str, base: str | None = None) -> tuple[str | None, str | None, str | None]:
    """The absolute URL, its canonical form and its site, as `absolute_url`, `canonical_url` and `site` give them."""
    common = _COMMON.fullmatch(url)
    if common is None or "\\" in url or len(url) > MAX_URL_CHARS:
        absolute = absolute_url(url, base)
        canonical = None if absolute is None else canonical_url(absolute)
        return absolute, canonical, None if canonical is None else site(canonical)
    scheme, host, path, query, fragment = common.groups("")  # Once for all three.
    canonical = _canonical(scheme, host.lower(), None, path, query, fragment)
    return url, canonical, None if canonical is None else registrable_domain(canonical[8 : canonical.index("/", 8)])


def absolute_url(url: str, base: str | None = None) -> str | None:
    """The URL, joined to `base` where it is relative; None where that gives no http(s) URL of at most 2,048 characters.

    White space around it and control characters in it go, blanks in it become %20, and `\\` before the query becomes
    `/`, as browsers have it: `https://a.example\\@b.example/` leads to a.example. Nothing else is changed.
    """
    if "\\" in url:
        url = _BEFORE_QUERY.sub(_with_slashes, url, 1)
    if _COMMON.fullmatch(url) is None:
        url = _UNSAFE.sub(_made_safe, url.strip())
        if not url or len(url) > MAX_URL_CHARS:
            return None
        if not _SCHEME.match(url):
            if base is None:
                return None
            try:
                url = urljoin(without_surrogates(base), url)
            except ValueError:
                return None
        if _split(url) is None:
            return None
    return url if len(url) <= MAX_URL_CHARS else None


def canonical_url(url: str) -> str | None:
    """The URL in the canonical form that the module describes; None where it has none. Idempotent."""
    absolute = absolute_url(url)
    if absolute is None:
        return None
    parts = _split(absolute)
    return None if parts is None else _canonical(*parts)


def site(canonical: str) -> str | None:
    """The site of a canonical URL: the domain that someone registered. None where it has no host."""
    parts = _split(canonical)
    return None if parts is None else registrable_domain(parts.host)


def same_publisher(url: str, other: str) -> bool:
    """Whether two URLs are of one host, or of a host and its subdomain.

    `www.`, `m.`, `mobile.` and `amp.` before them do not count. False where one of them is no http(s) URL.
    """
    parts, others = _split(absolute_url(url) or ""), _split(absolute_url(other) or "")
    if parts is None or others is None:
        return False
    host, other_host = _DEVICE.sub("", parts.host, 1), _DEVICE.sub("", others.host, 1)
    return host == other_host or host.endswith(f".{other_host}") or other_host.endswith(f".{host}")


class _Parts(NamedTuple):
    """An http(s) URL: host as `host_name` gives it, port None where it is the default one of the scheme."""

    scheme: str
    host: str
    port: int | None
    path: str
    query: str
    fragment: str


def _split(url: str) -> _Parts | None:
    """The parts of an http(s) URL with a host that can be one and a port that can be one, else None."""
    common = _COMMON.fullmatch(url)
    if common is not None:  # In a tenth of the time.
        scheme, name, path, query, fragment = common.groups("")
        return _Parts(scheme, name.lower(), None, path, query, fragment)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or port == 0:
        return None
    if "[" in parts.netloc and not _BRACKETED.fullmatch(parts.netloc.rpartition("@")[2]):
        return None
    host = host_name(f"[{parts.hostname}]" if "[" in parts.netloc else parts.hostname or "")
    if host is None:
        return None
    if port == (443 if parts.scheme == "https" else 80):
        port = None
    return _Parts(parts.scheme, host, port, parts.path, parts.query, parts.fragment)


def _canonical(scheme: str, host: str, port: int | None, path: str, query: str, fragment: str) -> str | None:
    path = resolved(quoted(path))
    if port is None:
        scheme, (host, path) = "https", publisher(host, path)
    canonical = f"{scheme}://{host}{'' if port is None else f':{port}'}{shortened(path)}"
    kept = kept_parameters(quoted(query)) if query else ""
    if kept:
        canonical += f"?{kept}"
    if fragment.startswith(("!", "/")) and len(fragment) > 1:
        canonical += f"#{quoted(fragment)}"
    return canonical if len(canonical) <= MAX_URL_CHARS else None


def _with_slashes(found: re.Match[str]) -> str:
    return found[0].replace("\\", "/")


def _made_safe(found: re.Match[str]) -> str:
    return "%20" if found[0] == " " else ""
