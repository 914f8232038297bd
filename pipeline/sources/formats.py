"""Which format a file has: from its content first, from its extension second.

Content is sure where it carries a signature, a root element, a doctype, or JSON that reads as such; then the extension
does not matter. Plain text is never sure, for anything may begin like it: there the extension decides.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from pipeline.sources.compression import Codec, codec_of, decompress
from pipeline.sources.documents import FormatName
from pipeline.sources.objects import JSON_FEED
from pipeline.sources.transcoding import byte_order_mark, peek, wide_encoding
from transforms.text.errors import BrokenCompression, EmptyDocument, UnknownFormat

HEAD_BYTES: Final = 1 << 16
"""What is looked at, decompressed."""

DELIMITERS: Final = (",", ";", "\t", "|")

_MAX_HEAD_BYTES: Final = 1 << 22
"""Where the content of compressed data must have begun."""

_MAX_CODECS: Final = 2
_BLANKS: Final = b" \t\r\n\f\v\0"


@dataclass(frozen=True, slots=True)
class Format:
    """The format of a file, and how it is compressed, the outermost first."""

    name: FormatName
    codecs: tuple[Codec, ...] = ()

    def __str__(self) -> str:
        """As a plan prints it: `jsonl.gz`."""
        return ".".join((self.name, *reversed(self.codecs)))


def read_head(pieces: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """What `sniff` needs of a file, and all its pieces.

    It is more than `HEAD_BYTES` where compressed data begins with nothing: with empty members of gzip, or frames of
    zstd that are to be skipped. Raises BrokenCompression where the first `_MAX_HEAD_BYTES` have no content.
    """
    size = HEAD_BYTES
    while True:
        head, pieces = peek(pieces, size)
        if len(head) < size or codec_of(head) is None or _has_content(head):
            return head, pieces
        if size >= _MAX_HEAD_BYTES:
            raise BrokenCompression(f"the first {_MAX_HEAD_BYTES:,} bytes have no content, decompressed")
        size *= 4


def _has_content(head: bytes) -> bool:
    try:
        return bool(_unfold(head)[0])
    except BrokenCompression:
        return False


def sniff(head: bytes, name: str, given: FormatName | Literal["auto"] = "auto") -> Format:
    """The format of a file that begins with these bytes; `HEAD_BYTES` of them are enough, fewer are the whole file.

    `given` is what the user says: then only the compression is looked for. Raises EmptyDocument, UnknownFormat and,
    where not even the head can be decompressed, BrokenCompression.
    """
    head, codecs = _unfold(head)
    content = _without_mark(head)
    if not content.strip(_BLANKS):
        raise EmptyDocument("the file is empty" if not head else "there is nothing but white space in the file")
    if given != "auto":
        return Format(given, codecs)
    return Format(_told(head, _extension(name, codecs)), codecs)


def _told(head: bytes, extension: str) -> FormatName:
    by_name = _EXTENSIONS.get(extension)
    content = _look(head, extension)
    if content.format is not None and (content.sure or by_name is None):
        return content.format
    if not content.sure and by_name is not None and by_name.format not in (None, "parquet", "warc"):
        return by_name.format
    if by_name is not None:
        says = f"extension .{extension} says {by_name.label}"
    else:
        says = f"extension .{extension[:20]} says nothing" if extension else "there is no extension"
    raise UnknownFormat(f"content looks like {content.label}, {says}")


@dataclass(frozen=True, slots=True)
class _Guess:
    """A format, or None for something that is known and cannot be read; how to call it; whether it is certain."""

    format: FormatName | None
    label: str
    sure: bool = True


_TEXT: Final = _Guess("text", "plain text", sure=False)
_BINARY: Final = _Guess(None, "binary data")

_FORMAT_EXTENSIONS: Final[dict[FormatName, tuple[str, str]]] = {
    "text": ("plain text", "txt text md markdown rst asc"),
    "html": ("an HTML page", "html htm xhtml shtml xht"),
    "feed": ("a feed", "rss atom rdf xml jsonfeed"),
    "jsonl": ("JSON lines", "jsonl ndjson jsonlines jl"),
    "json": ("JSON", "json"),
    "csv": ("a CSV table", "csv tsv tab psv"),
    "parquet": ("Parquet", "parquet pq parq"),
    "warc": ("a web archive", "warc"),
}
_FOREIGN_EXTENSIONS: Final = {
    "PDF": "pdf",
    "an image": "jpg jpeg png gif webp bmp tif tiff ico svg avif heic",
    "a word processor's document": "doc docx odt rtf pages",
    "a spreadsheet": "xls xlsx ods",
    "an e-book": "epub mobi",
    "an archive": "zip tar tgz 7z rar bz2 xz lz4",
    "a database": "sqlite sqlite3 db duckdb mdb",
    "a program": "exe dll so bin class jar wasm",
    "audio or video": "mp3 mp4 m4a ogg wav avi mov webm mkv",
    "Avro, ORC or Arrow": "avro orc arrow feather ipc",
    "a Python pickle": "pkl pickle",
}
_EXTENSIONS: Final = {
    extension: _Guess(name, label)
    for name, (label, extensions) in _FORMAT_EXTENSIONS.items()
    for extension in extensions.split()
} | {
    extension: _Guess(None, label)
    for label, extensions in _FOREIGN_EXTENSIONS.items()
    for extension in extensions.split()
}

_CODEC_EXTENSIONS: Final = {"gz": ("gz", "gzip"), "zst": ("zst", "zstd")}


def _extension(name: str, codecs: Sequence[Codec]) -> str:
    """The extension below those of the compressions, lower case; "" where there is none."""
    base = name.rpartition("/")[2].lower()
    for codec in codecs:
        stem, dot, last = base.rpartition(".")
        if dot and last in _CODEC_EXTENSIONS[codec]:
            base = stem
    stem, dot, extension = base.rpartition(".")
    return extension if dot and stem else ""


def _unfold(head: bytes) -> tuple[bytes, tuple[Codec, ...]]:
    """The head of the content, and the compressions around it."""
    codecs: list[Codec] = []
    while (codec := codec_of(head)) and len(codecs) < _MAX_CODECS:
        codecs.append(codec)
        content = bytearray()
        try:
            for piece in decompress([head], codec):
                content += piece
                if len(content) >= HEAD_BYTES:
                    break
        except BrokenCompression:  # the head is cut anywhere; what is damaged further on is for the reader to say
            if not content:
                raise
        head = bytes(content)
    return head[:HEAD_BYTES], tuple(codecs)


_SIGNATURES: Final[tuple[tuple[bytes, _Guess], ...]] = (
    (b"PAR1", _Guess("parquet", "Parquet")),
    (b"WARC/1.", _Guess("warc", "a web archive")),
    (b"WARC/0.", _Guess("warc", "a web archive")),
    (b"PARE", _Guess(None, "encrypted Parquet")),
    (b"%PDF-", _Guess(None, "PDF")),
    (b"%!PS", _Guess(None, "PostScript")),
    (b"{\\rtf", _Guess(None, "an RTF document")),
    (b"\x89PNG\r\n\x1a\n", _Guess(None, "a PNG image")),
    (b"\xff\xd8\xff", _Guess(None, "a JPEG image")),
    (b"GIF87a", _Guess(None, "a GIF image")),
    (b"GIF89a", _Guess(None, "a GIF image")),
    (b"II*\0", _Guess(None, "a TIFF image")),
    (b"MM\0*", _Guess(None, "a TIFF image")),
    (b"\0\0\1\0", _Guess(None, "an icon")),
    (b"SQLite format 3\0", _Guess(None, "an SQLite database")),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _Guess(None, "an old Microsoft Office document")),
    (b"7z\xbc\xaf\x27\x1c", _Guess(None, "a 7z archive")),
    (b"Rar!\x1a\x07", _Guess(None, "a RAR archive")),
    (b"BZh", _Guess(None, "bzip2 data (gzip and zstd are read)")),
    (b"\xfd7zXZ\0", _Guess(None, "xz data (gzip and zstd are read)")),
    (b"\x04\x22\x4d\x18", _Guess(None, "lz4 data (gzip and zstd are read)")),
    (b"\x1f\x8b\x08", _Guess(None, "gzip data inside two other compressions")),
    (b"\x28\xb5\x2f\xfd", _Guess(None, "zstd data inside two other compressions")),
    (b"\x7fELF", _Guess(None, "a program")),
    (b"\xca\xfe\xba\xbe", _Guess(None, "a program")),
    (b"\xcf\xfa\xed\xfe", _Guess(None, "a program")),
    (b"\0asm", _Guess(None, "a program")),
    (b"ID3", _Guess(None, "an MP3 file")),
    (b"OggS", _Guess(None, "an Ogg file")),
    (b"ARROW1\0\0", _Guess(None, "an Arrow file")),
    (b"Obj\x01", _Guess(None, "an Avro file")),
    (b"ORC", _Guess(None, "an ORC file")),
    (b"\x80\x04\x95", _Guess(None, "a Python pickle")),
)
_MARKS: Final = tuple(mark for mark, _ in _SIGNATURES)
_SHORT_SIGNATURES: Final = frozenset({b"BZh", b"ID3", b"ORC", b"PARE", b"II*\0", b"OggS"})
"""These could begin a text: they count only if what follows is no text."""

_ZIPPED: Final = (
    (b"word/", "a Word document"),
    (b"xl/", "an Excel workbook"),
    (b"ppt/", "a PowerPoint file"),
    (b"mimetypeapplication/epub+zip", "an e-book"),
    (b"mimetypeapplication/vnd.oasis.opendocument", "an OpenDocument file"),
)

_CONTROLS: Final = bytes(sorted({*range(32)} - set(b"\t\n\r\f\x1b")))


def _look(head: bytes, extension: str) -> _Guess:
    """What the content is, with the extension only where the content leaves it open which of two it is."""
    signed = _signature(head)
    if signed is not None:
        return signed
    if _is_binary(head):
        return _BINARY
    early = _early_root(head)
    if early is not None:
        return early
    text = _text(head).lstrip("\ufeff \t\r\n\f\v")
    return _from_markup(text, extension) or _from_json(text, head, extension) or _from_table(text, extension) or _TEXT


def _signature(head: bytes) -> _Guess | None:
    if head.startswith(_MARKS):
        for mark, guess in _SIGNATURES:
            if head.startswith(mark) and (mark not in _SHORT_SIGNATURES or _is_binary(head)):
                return guess
    if head.startswith(b"PK\x03\x04"):
        start = head[:4096]
        return _Guess(None, next((label for mark, label in _ZIPPED if mark in start), "a ZIP archive"))
    if head[:4] == b"RIFF" and head[8:12] in (b"WEBP", b"WAVE", b"AVI "):
        return _Guess(None, "a WebP image" if head[8:12] == b"WEBP" else "audio or video")
    if head[4:8] == b"ftyp":
        return _Guess(None, "audio or video")
    if head[257:262] == b"ustar":
        return _Guess(None, "a tar archive")
    if (head.startswith(b"MZ") or head.startswith(b"BM")) and _is_binary(head):
        return _Guess(None, "a program" if head.startswith(b"MZ") else "a BMP image")
    if b"%PDF-" in head[:1024] and _is_binary(head):  # readers accept it anywhere in the first 1,024 bytes
        return _Guess(None, "PDF")
    return None


def _is_binary(head: bytes) -> bool:
    """More than a stray byte or 2 % of the first 4,096 are control characters, and it is no UTF-16 or UTF-32."""
    start = head[:4096]
    if wide_encoding(start) is not None:
        return False
    return len(start) - len(start.translate(None, _CONTROLS)) > 1 + len(start) // 50


def _text(head: bytes) -> str:
    """The head as text, good enough to see what it is."""
    encoding = wide_encoding(head) or "utf-8"
    text = head.decode(encoding, "replace")
    if encoding == "utf-8" and "\ufffd" in text and text.count("\ufffd") >= 3:
        return head.decode("latin-1")
    return text


def _without_mark(head: bytes) -> bytes:
    marked = byte_order_mark(head)
    return head[marked[1] :] if marked is not None else head


# Markup

_PROLOG: Final = re.compile(
    r"(?:\s+|<\?.*?\?>|<!--.*?-->|<!DOCTYPE\s++(?P<doctype>[\w:.-]++)(?:\[[^\]]*+\]|[^>\[]++)*+>)*+",
    re.DOTALL | re.IGNORECASE,
)
_ELEMENT: Final = re.compile(r"<(?:(?P<prefix>[A-Za-z_][\w.-]*):)?(?P<name>[A-Za-z_][\w.-]*)(?P<rest>[^>]*)", re.DOTALL)
_BURIED_ROOT: Final = re.compile(
    r"<\?xml\s[^>]*\?>\s*(?:<[?!][^>]*>\s*)*<(?:rss|(?:\w+:)?RDF|(?:\w+:)?feed)[\s>]|<rss\s[^>]*version", re.IGNORECASE
)
_JUNK_CHARS: Final = 4096
_EARLY_BYTES: Final = 4096
_SPACE: Final = b" \t\r\n\f\v"

_ATOM_NAMESPACES: Final = ("http://www.w3.org/2005/Atom", "http://purl.org/atom/ns#")
_RSS_NAMESPACES: Final = (
    "http://purl.org/rss/1.0/",
    "http://my.netscape.com/rdf/simple/0.9/",
    "http://my.netscape.com/publish/formats/rss-0.9",
    "http://channel.netscape.com/rdf/simple/0.9/",
    "http://purl.org/net/rss1.1",
)
_OTHER_XML: Final = {
    "urlset": "a sitemap",
    "sitemapindex": "a sitemap index",
    "svg": "an SVG image",
    "opml": "an OPML list of feeds",
    "nitf": "a NITF article",
    "newsml": "NewsML",
    "newsitem": "NewsML",
    "plist": "a property list",
}
_HTML_TAGS: Final = frozenset(
    "html head body title meta link style script base noscript main article section header footer nav aside div span p "
    "h1 h2 h3 h4 h5 h6 a b i em strong u br hr img figure picture table tbody tr td th ul ol li dl blockquote pre form "
    "center font iframe video address small".split()
)


def _early_root(head: bytes) -> _Guess | None:
    """What the root element tells, if it stands in the first 4,096 bytes and all up to its end is ASCII.

    Then it is the same in any encoding but a wide one, and nothing need be decoded: that is most of the time.
    """
    start = head[:_EARLY_BYTES].lstrip(_SPACE)
    if not start.startswith(b"<") or b"\0" in head:
        return None
    text = start.decode("latin-1")
    prolog, found = _first_element(text)
    if found is None or found.end() == len(text) or not text[: found.end()].isascii():
        return None
    return _from_root(prolog, found)


def _first_element(text: str) -> tuple[re.Match[str], re.Match[str] | None]:
    prolog = _PROLOG.match(text)
    assert prolog is not None
    return prolog, _ELEMENT.match(text, prolog.end())


def _from_markup(text: str, extension: str) -> _Guess | None:
    if not text.startswith("<"):
        by_name = _EXTENSIONS.get(extension)
        is_text = by_name is not None and by_name.format == "text"
        return None if is_text else _buried_feed(text)  # a text may quote a feed
    prolog, found = _first_element(text)
    declared = text.startswith("<?xml")
    root = _from_root(prolog, found)
    if root is not None:
        return root
    if found is None:
        return _Guess(None, "XML without an element") if declared else None
    name = found["name"].lower()
    if found["prefix"] is None and name in _HTML_TAGS:
        return _buried_feed(text) or _Guess("html", "HTML", sure="</" in text)
    closed = re.search(rf"</(?:[\w.-]+:)?{re.escape(found['name'])}\s*>", text) is not None
    if declared or closed:
        return _Guess(None, f"XML <{found['name'][:40]}>", sure=declared)
    return None


def _from_root(prolog: re.Match[str], found: re.Match[str] | None) -> _Guess | None:
    """What doctype and root element tell, whatever follows."""
    if (prolog["doctype"] or "").lower() == "html":
        return _Guess("html", "an HTML page")
    if found is None:
        return None
    name, head = found["name"].lower(), found["rest"]
    if name == "rss":
        return _Guess("feed", "an RSS feed")
    if name == "rdf":
        is_feed = any(namespace in head for namespace in _RSS_NAMESPACES)
        return _Guess("feed", "an RSS feed") if is_feed else _Guess(None, "RDF that is no feed")
    if name == "channel" and any(namespace in head for namespace in _RSS_NAMESPACES):
        return _Guess("feed", "an RSS feed")
    if name == "feed":
        if "xmlns" not in head or any(namespace in head for namespace in _ATOM_NAMESPACES):
            return _Guess("feed", "an Atom feed")
        return _Guess(None, "XML <feed> of a foreign namespace")
    if name in _OTHER_XML:
        return _Guess(None, _OTHER_XML[name])
    if found["prefix"] is None and name in ("html", "head", "body"):
        return _Guess("html", "an HTML page")
    return None


def _buried_feed(text: str) -> _Guess | None:
    """A feed behind what its server printed before it, such as a warning."""
    return _Guess("feed", "a feed behind other text") if _BURIED_ROOT.search(text[:_JUNK_CHARS]) else None


# JSON

_OBJECT_START: Final = re.compile(r'\{\s*(?:"(?:[^"\\]|\\.){0,200}"\s*:|\}\s*$)', re.DOTALL)
_SAMPLE_LINES: Final = 20
_ARRAY_START: Final = re.compile(r"\[\s*(?:\{\s*[\"}]|\]\s*$)")


def _from_json(text: str, head: bytes, extension: str) -> _Guess | None:
    if not text.startswith(("{", "[")):
        return None
    if text.startswith("{"):
        lines = [line for line in text.split("\n", _SAMPLE_LINES)[:_SAMPLE_LINES] if line.strip()]
        whole_lines = [_is_json_object(line) for line in lines]
        if sum(whole_lines) >= 2 or (whole_lines[0] and len(lines) > 1):
            return _Guess("jsonl", "JSON lines")
        by_name = _EXTENSIONS.get(extension)
        if by_name is not None and by_name.format == "jsonl":
            return None  # one line, broken lines, or lines longer than the head: the extension says so
        if _OBJECT_START.match(text) is None:
            return None
        if JSON_FEED.search(head if wide_encoding(head) is None else text.encode("utf-8", "replace")):
            return _Guess("feed", "a JSON Feed")
        return _Guess("json", "a JSON object")
    if _ARRAY_START.match(text) or _is_json(text):
        return _Guess("json", "a JSON array")
    return None


def _is_json_object(line: str) -> bool:
    return line.lstrip().startswith("{") and line.rstrip().endswith("}") and _is_json(line)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


# Tables

_USUAL_COLUMNS: Final = frozenset(
    "id guid url link uri title headline head text body content article summary description lead abstract author "
    "authors byline date published published_at publish_date pubdate time timestamp updated source site domain "
    "language lang category categories section tags keywords image country".split()
)
_MIN_USUAL_COLUMNS: Final = 2
_SAMPLE_ROWS: Final = 50


def _from_table(text: str, extension: str) -> _Guess | None:
    """A table is only believed without its extension where the header names at least two usual columns."""
    by_name = _EXTENSIONS.get(extension)
    if by_name is not None and by_name.format not in (None, "text"):
        return None
    delimiter = find_delimiter(text)
    rows = list(sample_rows(text, delimiter))
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    usual = sum(cell in _USUAL_COLUMNS for cell in header)
    regular = len(rows) > 1 and all(len(row) == len(header) for row in rows[1:])
    if usual >= _MIN_USUAL_COLUMNS and usual * 2 >= len(header) and regular:
        return _Guess("csv", "a CSV table")
    return None


def find_delimiter(text: str) -> str:
    """The delimiter of a table, from its first rows: the one that cuts most of them into as many cells as the header.

    "," where nothing cuts them.
    """
    best, best_score = ",", (0.0, 0)
    for delimiter in DELIMITERS:
        rows = list(sample_rows(text, delimiter))
        if not rows or len(rows[0]) < 2:
            continue
        alike = sum(len(row) == len(rows[0]) for row in rows) / len(rows)
        score = (alike, len(rows[0]))
        if score > best_score:
            best, best_score = delimiter, score
    return best


def sample_rows(text: str, delimiter: str) -> Iterator[list[str]]:
    """The first rows of a table that are not blank; the last of the text is left out, for it may be cut off."""
    lines = list(io.StringIO(text, newline=""))
    if len(text) >= HEAD_BYTES // 4 and len(lines) > 1:
        lines = lines[:-1]
    rows = csv.reader(lines, delimiter=delimiter)
    count = 0
    try:
        for row in rows:
            if row:
                yield row
                count += 1
            if count >= _SAMPLE_ROWS:
                return
    except csv.Error:  # a cell longer than the csv module allows: what came before it is enough
        return
