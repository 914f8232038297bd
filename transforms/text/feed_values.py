"""What one element of a feed holds: plain text, markup, a text or a person construct of Atom. Nothing is None."""

import base64
import html
import re
from collections.abc import Iterable
from typing import Any, Final

from lxml import etree

from transforms.text.markup import looks_like_html

_PREFIXED_TAG: Final = re.compile(r"<(/?)[A-Za-z_][\w.-]*+:")


def local_name(element: Any) -> str:
    """The name of an element without namespace, or without a prefix that is declared nowhere; of an entity none."""
    tag = element.tag
    return tag.rpartition("}")[2].rpartition(":")[2] if isinstance(tag, str) else ""


def plain(element: Any) -> str | None:
    """The text of an element without markup around it."""
    text = element.text if len(element) == 0 else "".join(element.itertext())
    return text.strip() or None if text else None


def inner(element: Any) -> str:
    """What stands in an element as HTML: its text, or where it has children, their markup; "" of an empty one."""
    if len(element) == 0:
        text: str = element.text or ""
        return text
    # The element at once: lxml writes all namespaces of the feed with what it is given, so not with each child.
    markup: str = etree.tostring(element, encoding="unicode", with_tail=False)
    return _PREFIXED_TAG.sub(r"<\1", markup[markup.index(">") + 1 : markup.rindex("<")])


def title(element: Any) -> str | None:
    """A title, which is HTML in all feeds; one that says it is plain may speak of tags."""
    value = inner(element)
    if not value or value.isspace():
        return None
    return html.escape(value, quote=False) if element.get("type") == "text" and len(element) == 0 else value


def markup(element: Any) -> tuple[str, bool] | None:
    """What an element holds that is HTML by its name. True says so."""
    value = inner(element)
    return (value, True) if value and not value.isspace() else None


def construct(element: Any) -> tuple[str, bool] | None:
    """The value of a text construct of Atom, and whether it is HTML (RFC 4287, 3.1 and 4.1.3; Atom 0.3, `mode`)."""
    if element.get("mode") == "base64":
        try:
            value = base64.b64decode(element.text or "", validate=False).decode("utf-8", "replace")
        except ValueError:
            return None
    else:
        value = inner(element)
    if not value or value.isspace():
        return None
    kind = (element.get("type") or "").lower()
    if "html" in kind or len(element) > 0:
        return value, True
    if kind in ("text", "text/plain"):
        return value, False
    return value, looks_like_html(value)


def person(element: Any) -> str | None:
    """The name in a person construct of Atom, else its address; the text of an element that holds only that."""
    parts = {local_name(child): plain(child) for child in element}
    return parts.get("name") or parts.get("email") or (None if parts else plain(element))


def related(link: Any) -> tuple[str, Any]:
    """A link of Atom behind its relation."""
    return link.get("rel", "alternate"), link


def link_of(links: Iterable[tuple[str, Any]], relation: str) -> str | None:
    """The href of the first link of a relation; a page of HTML goes before other forms of it."""
    found = [
        (href, link)
        for related, link in links
        if related.lower() == relation and (href := (link.get("href") or "").strip())
    ]
    if len(found) > 1:
        return next((href for href, link in found if "html" in link.get("type", "html")), found[0][0])
    return found[0][0] if found else None


def itself(element: Any) -> Any:
    """The element, for what only the others can tell how to read."""
    return element


def label(element: Any) -> str | None:
    """A category of Atom."""
    return element.get("label") or element.get("term") or plain(element)


def subject(element: Any) -> str | None:
    """A category of RSS."""
    return plain(element) or element.get("term") or None
