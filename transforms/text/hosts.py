"""Hosts of URLs: one spelling for each, and the site that it belongs to."""

import re
import unicodedata
from functools import cache, lru_cache
from ipaddress import IPv6Address
from typing import Final

from publicsuffixlist import PublicSuffixList

_MAX_LABEL_CHARS: Final = 63
"""RFC 1035; it also bounds the work on one label, which grows faster than its length."""

_NAME: Final = re.compile(r"[a-z0-9_.-]+")
_NUMBER: Final = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
_DOTS: Final = str.maketrans("\u3002\uff0e\uff61", "...")


@lru_cache(maxsize=1_024)
def host_name(host: str) -> str | None:
    """The host in lower case, without a trailing dot, in ASCII; None where it can be none.

    Names in other scripts become what the name servers are asked for (`bücher.example`: `xn--bcher-kva.example`), an
    IPv6 address in brackets is written in its short form.
    """
    if host.startswith("["):
        try:
            return f"[{IPv6Address(host[1:-1]).compressed}]"
        except ValueError:
            return None
    if not host.isascii():
        try:
            host = ".".join(_ascii_label(label) for label in host.translate(_DOTS).split("."))
        except UnicodeError:
            return None
    host = host.lower().rstrip(".")
    return host if _NAME.fullmatch(host) else None


@lru_cache(maxsize=4_096)  # Feeds are of a few hosts; each look-up costs as much as all the rest of a URL.
def registrable_domain(host: str) -> str:
    """The site of a host, as `host_name` gives it: the name that someone registered, by the public suffix list.

    That is `bbc.co.uk` of `www.bbc.co.uk`, and `name.github.io` of itself, since the list names who gives names away.
    An IP address, a name without a dot and a public suffix are their own sites.
    """
    if host.startswith("[") or _NUMBER.fullmatch(host):
        return host
    return _public_suffixes().privatesuffix(host) or host


@cache
def _public_suffixes() -> PublicSuffixList:
    return PublicSuffixList()  # 60 ms: not for who needs none.


def _ascii_label(label: str) -> str:
    """As UTS 46 has it without its transitional rules: `ß` stays apart from `ss`, unlike in Python's own codec."""
    if len(label) > _MAX_LABEL_CHARS:
        raise UnicodeError(f"longer than {_MAX_LABEL_CHARS} characters")
    # Each letter by itself, for a sigma that ends a word would become another one.
    lower = "".join(map(str.lower, unicodedata.normalize("NFKC", label)))
    plain = unicodedata.normalize("NFKC", lower)
    if plain.isascii():
        return plain
    if len(plain) > _MAX_LABEL_CHARS:
        raise UnicodeError(f"longer than {_MAX_LABEL_CHARS} characters")
    return f"xn--{plain.encode('punycode').decode('ascii')}"
