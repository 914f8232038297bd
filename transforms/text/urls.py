"""URLs: absolute, canonical, and the site they belong to.

Rule 1 of canonical URLs (`CANONICALISATION` of a dataset is its number), by which articles are told apart:

1. http and https only, with a host; anything else has no canonical form. Before the query `\\` is read as `/`.
2. The scheme becomes https where no port is named: no news site says different things over the two, and feeds move
   from one to the other. With a port the two are different servers, and the scheme stays.
3. The host is lower-cased and loses a trailing dot; user name and password go; the default port goes.
4. The fragment goes, but for a hashbang (`#!`), which is a path.
5. An empty path becomes `/`, and a trailing `/` of any other path goes.
6. `&amp;` is read as `&`. Tracking parameters go (`TRACKING_PARAMETERS`, `TRACKING_PREFIXES`); what is left keeps its
   order, case and spelling.
7. Nothing else changes. Path and values keep their case; different subdomains (`www.` too), ports and parameters stay
   different articles.
"""

import re
from typing import Final, NamedTuple
from urllib.parse import urljoin, urlsplit

from transforms.text.spacing import without_surrogates

MAX_URL_CHARS: Final = 2048
"""A longer URL is refused: browsers and search engines take no longer ones (sitemaps.org: "less than 2,048")."""

TRACKING_PREFIXES: Final = ("utm_", "mtm_", "pk_", "piwik_", "matomo_", "hsa_", "at_custom")
"""Urchin and Google Analytics, Matomo, HubSpot ads, AT Internet: names that begin so carry only campaign data."""

TRACKING_PARAMETERS: Final = frozenset(
    """
    fbclid fb_action_ids fb_action_types fb_source fb_ref gclid gclsrc dclid gbraid wbraid msclkid yclid ysclid twclid
    ttclid li_fat_id igshid igsh epik rb_clickid s_kwcid srsltid mc_cid mc_eid mkt_tok _hsenc _hsmi __hssc __hstc __hsfp
    hsctatracking oly_anon_id oly_enc_id vero_id vero_conv wickedid _openstat xtor at_medium at_campaign at_link_id
    at_link_type at_link_origin at_ptr_name at_format at_bbc_team at_campaign_type ns_mchannel ns_source ns_campaign
    ns_linkname ns_fee wt_mc wt.mc_id guccounter guce_referrer guce_referrer_sig __twitter_impression ref_src ref_url
    _ga _gl ml_subscriber ml_subscriber_hash
    """.split()
)
"""Click and campaign identifiers, compared in lower case, as the analytics, mailing and social services name them whose
links publishers use (Google, Meta, Microsoft, Mailchimp, HubSpot, AT Internet, comScore, Yahoo, …). A name that may
also say which story it is (`id`, `cid`, `source`, `ref`) is not in it."""

_COMMON: Final = re.compile(
    r"(https?)://([A-Za-z0-9-]++(?:\.[A-Za-z0-9-]++)++)(/[!-\"$->@-~]*+)?+(?:\?([!-\"$-~]*+))?+(?:\#([!-~]*+))?+"
)
"""A URL as nearly all are: printable ASCII, a host of plain labels, no port, no user."""
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_BEFORE_QUERY: Final = re.compile(r"^[^?#]+")
_DEVICE: Final = re.compile(r"^(?:www|m|mobile|amp)\.(?=.*\.)")
_HOST: Final = re.compile(r"[\w.-]+")
_BRACKETED: Final = re.compile(r"\[[0-9A-Fa-f:.]+(?:%[\w.-]+)?\](?::\d*)?")
_ESCAPED_AMPERSAND: Final = re.compile(r"&(?:amp;)+")
_UNSAFE: Final = re.compile(
    r"[\x00-\x20\x7f-\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f\u2060\u3000\ufeff\ud800-\udfff]"
)


def address(url: str, base: str | None = None) -> tuple[str | None, str | None, str | None]:
    """The absolute URL, its canonical form and its site, as `absolute_url`, `canonical_url` and `site` give them."""
    common = _COMMON.fullmatch(url)
    if common is None or "\\" in url or "&amp;" in url or len(url) > MAX_URL_CHARS:
        absolute = absolute_url(url, base)
        canonical = None if absolute is None else canonical_url(absolute)
        return absolute, canonical, None if canonical is None else site(canonical)
    scheme, host, path, query, fragment = common.groups("")  # Once for all three.
    host = host.lower()
    canonical = _canonical(scheme, host, None, path, query, fragment)
    return url, canonical, None if canonical is None else _site(host)


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
    parts = _split(_ESCAPED_AMPERSAND.sub("&", absolute) if "&amp;" in absolute else absolute)
    return None if parts is None else _canonical(*parts)


def site(canonical: str) -> str | None:
    """The site of a canonical URL: its host without a leading `www.`. None where it has no host."""
    parts = _split(canonical)
    return None if parts is None else _site(parts.host)


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
    """An http(s) URL: host in lower case, port None where it is the default one of the scheme."""

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
        scheme, host, path, query, fragment = common.groups("")
        return _Parts(scheme, host.lower(), None, path, query, fragment)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or port == 0:
        return None
    host = (parts.hostname or "").lower().rstrip(".")
    if "[" in parts.netloc:
        if not _BRACKETED.fullmatch(parts.netloc.rpartition("@")[2]):
            return None
        host = f"[{host}]"
    elif not _HOST.fullmatch(host):
        return None
    if port == (443 if parts.scheme == "https" else 80):
        port = None
    return _Parts(parts.scheme, host, port, parts.path, parts.query, parts.fragment)


def _canonical(scheme: str, host: str, port: int | None, path: str, query: str, fragment: str) -> str | None:
    start = f"https://{host}" if port is None else f"{scheme}://{host}:{port}"
    kept = _kept_parameters(query) if query else ""
    canonical = f"{start}{path.rstrip('/') or '/'}{'?' if kept else ''}{kept}"
    if fragment.startswith("!"):
        canonical += f"#{fragment}"
    return canonical if len(canonical) <= MAX_URL_CHARS else None


def _site(host: str) -> str:
    shorter = host.removeprefix("www.")
    return shorter if "." in shorter else host


def _with_slashes(found: re.Match[str]) -> str:
    return found[0].replace("\\", "/")


def _made_safe(found: re.Match[str]) -> str:
    return "%20" if found[0] == " " else ""


def _kept_parameters(query: str) -> str:
    return "&".join(parameter for parameter in query.split("&") if parameter and not _is_tracking(parameter))


def _is_tracking(parameter: str) -> bool:
    name = parameter.partition("=")[0].lower()
    return name in TRACKING_PARAMETERS or name.startswith(TRACKING_PREFIXES)
