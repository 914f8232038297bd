"""A feed in XML to entries, whatever its faults.

Well-formed XML is read by lxml. XML with the usual faults is mended first and read by lxml in its recovering mode;
where that stops early or runs entries into each other, each is read by itself; what then still shows no entry goes to
feedparser. All of them give the same record.
"""

from collections.abc import Iterator
from typing import Any, Final

from lxml import etree

from transforms.schemas import Document, RawEntry
from transforms.text.errors import MalformedFeed
from transforms.text.feed_draft import Feed
from transforms.text.feed_elements import entry_of
from transforms.text.feed_mending import mended
from transforms.text.feed_names import ENTRY_NAMES
from transforms.text.feed_outline import HEAD_CHARS, Part, closed, outline
from transforms.text.feed_tolerant import read_tolerantly
from transforms.text.feed_tree import feed_of, items_of
from transforms.text.feed_values import local_name

_END: Final = "end-of-the-entry"
"""The element behind an entry that is read by itself: where it is missing, the parser stopped early."""


def read_well_formed(document: Document, data: bytes | memoryview) -> Iterator[RawEntry] | None:
    """The entries of a feed in UTF-8 that begins with its root element; None where it has none or any fault.

    The parser refuses bytes that are not UTF-8. Raises TooLarge.
    """
    root, _ = _tree(data)
    return None if root is None else _entries_of(document, root)


def read_xml(document: Document, text: str) -> Iterator[RawEntry]:
    """The entries of a feed that begins with its root element.

    Raises TooLarge and MalformedFeed; the latter also at the end, where some entries could not be read.
    """
    root, _ = _tree(text.encode("utf-8", "replace"))
    if root is not None:
        entries = _entries_of(document, root)
        if entries is not None:
            yield from entries
        elif any(part.entries for part in outline(text)):
            yield from read_tolerantly(document, text)
        return
    text = mended(text)
    parts = outline(text)
    named = sum(len(part.entries) for part in parts)
    cut = sum(not entry.whole for part in parts for entry in part.entries)
    read = 0
    for part in parts:
        for entry in _read_part(document, text, part, read):
            yield entry
            read += 1
    if read == 0 and named > cut:
        for entry in read_tolerantly(document, text)[: named - cut]:
            yield entry
            read += 1
    if read < named:
        detail = "an entry is cut off" if cut else "the others cannot be parsed"
        raise MalformedFeed(f"{read:,} of about {named:,} entries were read; {detail}")
    if named == 0 and not parts[-1].ended:
        raise MalformedFeed("it is cut off before its first entry")


def _entries_of(document: Document, root: Any) -> Iterator[RawEntry] | None:
    items = items_of(root)
    if not items:
        return None
    feed = feed_of(document, root)
    return (entry_of(document, number, item, feed) for number, item in enumerate(items))


def _read_part(document: Document, text: str, part: Part, number: int) -> Iterator[RawEntry]:
    """The entries of a faulty feed: from its tree, where that has them all, else each by itself."""
    root, whole = _tree(text[part.start : part.end].encode("utf-8", "replace"), recover=True)
    if root is None:
        return
    try:
        feed = feed_of(document, root, "lxml_recovering")
    except UnicodeDecodeError:
        return
    items = items_of(root)
    if whole and len(items) >= len(part.entries):
        cut = sum(not entry.whole for entry in part.entries)
        for item in items[: len(items) - cut]:
            read = _readable(document, number, item, feed)
            if read is not None:
                yield read
                number += 1
        return
    head_end = closed(text[part.start : part.start + HEAD_CHARS], 0, ">")
    head = "<rss>" if head_end is None else text[part.start : part.start + head_end]
    for entry in part.entries:
        item = _read_alone(f"{head}{text[entry.start : entry.end]}<{_END}/>") if entry.whole else None
        read = None if item is None else _readable(document, number, item, feed)
        if read is not None:
            yield read
            number += 1


def _readable(document: Document, number: int, item: Any, feed: Feed) -> RawEntry | None:
    """The entry; None where the recovering parser has left bytes in it that are no UTF-8."""
    try:
        return entry_of(document, number, item, feed)
    except UnicodeDecodeError:
        return None


def _read_alone(text: str) -> Any:
    """The one entry of a text, None where the parser did not come to its end."""
    root, _ = _tree(text.encode("utf-8", "replace"), recover=True)
    if root is None or len(root) == 0 or local_name(root[0]) not in ENTRY_NAMES:
        return None
    item = root[0]
    ends = list(root.iter(f"{{*}}{_END}"))
    if not ends:
        return None
    ends[-1].getparent().remove(ends[-1])
    return item


def _tree(data: bytes | memoryview, *, recover: bool = False) -> tuple[Any, bool]:
    """The root element, None where the parser finds none, and whether no cap of libxml2 stopped it.

    Parsers are made anew: they hold state. The recovering one may go 2,048 levels deep and takes texts of any length,
    the other 256 and 10 MB.
    """
    parser = etree.XMLParser(
        recover=recover,
        huge_tree=recover,
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        collect_ids=False,
        remove_comments=True,
        remove_pis=True,
        encoding="utf-8",
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError:
        return None, False
    last = parser.error_log.last_error
    return root, last is None or last.type_name != "ERR_RESOURCE_LIMIT"
