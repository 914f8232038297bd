import gzip
import json
import time

import pytest
from backports import zstd

from pipeline.sources.formats import Format, find_delimiter, read_head, sniff
from tests.pipeline.sources.reading import id_of, pieces_of
from transforms.text.errors import BrokenCompression, EmptyDocument, UnknownFormat

ATOM = b'<feed xmlns="http://www.w3.org/2005/Atom"><title>x</title></feed>'
RDF = b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">'
RSS = b'<rss version="2.0"><channel>'
XML = b'<?xml version="1.0" encoding="utf-8"?>\n'
JSON_FEED = b'{"version": "https://jsonfeed.org/version/1.1", "title": "x", "items": []}'
PROSE = b"The council met on Monday, and adjourned without a vote, as it often does.\nNobody had brought the key.\n"
TABLE = b"title,url,text\nOne,https://a.example/1,Words\nTwo,https://a.example/2,More words\n"
LINES = b'{"title": "One"}\n{"title": "Two"}\n'


@pytest.mark.parametrize(
    ("name", "head", "expected"),
    [
        # text
        ("a.txt", PROSE, "text"),
        ("a", PROSE, "text"),
        ("a.foo", PROSE, "text"),
        ("notes.md", b"# Heading\n\nText", "text"),
        ("a.txt", "Caf\xe9 \x80 ferm\xe9".encode("latin-1"), "text"),
        ("a.txt", b"\xff\xfe" + "Text in UTF-16".encode("utf-16-le"), "text"),
        ("a.txt", "Text in UTF-16 without a mark".encode("utf-16-be"), "text"),
        ("a.txt", b"{curly} is how this text begins", "text"),
        ("a", b"{curly} is how this text begins", "text"),
        ("a.txt", b"[Update] The minister said no", "text"),
        ("a.txt", b"<3 is how this text begins", "text"),
        ("a.txt", b"We quote: <?xml version='1.0'?><rss version='2.0'>", "text"),
        ("a.txt", b"BMW sold more cars, ID3 tags are old, MZ is a name", "text"),
        ("a.txt", b"Roses are red, violets are blue\nSugar is sweet, and so are you\n", "text"),
        ("a.txt", b"Dear reader, \x07 a stray control character", "text"),
        # pages
        ("a.html", b"<!DOCTYPE html><html><body>", "html"),
        ("a", b"<!doctype HTML PUBLIC '-//W3C//DTD HTML 4.01//EN'>\n<HTML>", "html"),
        ("a.txt", b"<!DOCTYPE html>\n<html>", "html"),
        ("a.xml", b"<!DOCTYPE html>\n<html>", "html"),
        ("a", XML + b'<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "x.dtd">\n<html>', "html"),
        ("a", b"<!-- saved -->\n  <html lang='en'>", "html"),
        ("a", b"<p>A fragment</p>", "html"),
        ("a.html", b"A page without a tag at its start <p>", "html"),
        ("a.html", b"<my-app></my-app>", "html"),
        ("a.html", b"\xef\xbb\xbf<html>", "html"),
        ("a.html", b"\xff\xfe" + "<html><body>".encode("utf-16-le"), "html"),
        # feeds
        ("a.xml", XML + RSS, "feed"),
        ("a", RSS, "feed"),
        ("a.html", RSS, "feed"),
        ("a.xml", XML + b"<!-- made by hand -->\n<?xml-stylesheet href='x.css'?>\n" + RSS, "feed"),
        ("a.xml", XML + b'<!DOCTYPE rss PUBLIC "-//N//DTD RSS 0.91//EN" "rss.dtd" [<!ENTITY a "b">]>\n' + RSS, "feed"),
        ("a.xml", b"\n \t\xef\xbb\xbf" + RSS, "feed"),
        ("a.xml", b"\xef\xbb\xbf\n" + XML + RSS, "feed"),
        ("a.xml", b"Warning: mysql_connect() in /srv/feed.php\n" + XML + RSS, "feed"),
        ("a.xml", b"<br />\n<b>Warning</b>: headers<br />\n" + XML + RSS, "feed"),
        ("a.xml", "\ufeff".encode("utf-16-be") + (XML + RSS).decode().encode("utf-16-be"), "feed"),
        ("a.xml", XML + b"<!-- " + b"long " * 1000 + b"-->" + RSS, "feed"),
        ("a.xml", "<!-- h\xe9 -->".encode("latin-1") + RSS, "feed"),
        ("a.xml", "<!-- h\xe9 -->".encode() + RSS, "feed"),
        ("a.xml", b"<rss " + b"xmlns:a='b' " * 400 + b">", "feed"),
        ("a.rdf", XML + RDF, "feed"),
        ("a.atom", ATOM, "feed"),
        ("a", b"<atom:feed xmlns:atom='http://www.w3.org/2005/Atom'>", "feed"),
        ("a", b'<feed version="0.3" xmlns="http://purl.org/atom/ns#">', "feed"),
        ("a.json", JSON_FEED, "feed"),
        ("a", JSON_FEED.replace(b"/", b"\\/"), "feed"),
        ("feed.json", json.dumps(json.loads(JSON_FEED), indent=2).encode(), "feed"),
        ("a.xml", b"Service unavailable", "feed"),
        # JSON
        ("a.jsonl", LINES, "jsonl"),
        ("a", LINES, "jsonl"),
        ("a.json", LINES, "jsonl"),
        ("a.txt", LINES, "jsonl"),
        ("a.jsonl", b'{"one": "line"}', "jsonl"),
        ("a.jsonl", b"no JSON at all\n" + LINES, "jsonl"),
        ("a.jsonl", b'{"cut": "lin\n' + LINES, "jsonl"),
        ("a.ndjson", b'{"longer than the head": "' + b"x" * 70_000, "jsonl"),
        ("a.json", b'{"first": 1}\n{"broken"\n', "jsonl"),
        ("a", b"\xff\xfe" + LINES.decode().encode("utf-16-le"), "jsonl"),
        ("a.json", b'{"one": "object"}', "json"),
        ("a", b'{"one":\n  "object"}', "json"),
        ("a", b'[{"title": "One"}, {"title": "Two"}]', "json"),
        ("a", b'[\n  {\n    "title": "One"\n  }', "json"),
        ("a.json", b"[]", "json"),
        ("a.json", b"[1, 2]", "json"),
        ("a.json", b"no JSON at all", "json"),
        # tables
        ("a.csv", TABLE, "csv"),
        ("a", TABLE, "csv"),
        ("a.txt", TABLE, "csv"),
        ("a.xls", TABLE, "csv"),
        ("a.tsv", TABLE.replace(b",", b"\t"), "csv"),
        ("a", TABLE.replace(b",", b";"), "csv"),
        ("a", TABLE.replace(b",", b"|"), "csv"),
        ("a.csv", PROSE, "csv"),
        ("a.csv", TABLE.replace(b"\n", b"\r"), "csv"),
        # containers
        ("a.parquet", b"PAR1\x15\x04", "parquet"),
        ("a.csv", b"PAR1\x15\x04", "parquet"),
        ("a.warc", b"WARC/1.0\r\nWARC-Type: warcinfo\r\n", "warc"),
        ("a", b"WARC/1.1\r\n", "warc"),
    ],
)
def test_the_format_is_told_from_content_first_and_extension_second(name: str, head: bytes, expected: str) -> None:
    assert sniff(head, name).name == expected


@pytest.mark.parametrize(
    ("name", "head", "content", "extension"),
    [
        ("a.html", b"%PDF-1.7\n%\xe2\xe3", "PDF", "extension .html says an HTML page"),
        ("a.txt", b"\x89PNG\r\n\x1a\n\0\0\0", "a PNG image", "extension .txt says plain text"),
        ("a", b"\xff\xd8\xff\xe0\0\x10JFIF", "a JPEG image", "there is no extension"),
        ("b.c.foo", b"GIF89a\1\0", "a GIF image", "extension .foo says nothing"),
        ("a", b"PK\x03\x04" + b"\0" * 26 + b"word/document.xml", "a Word document", "there is no extension"),
        ("a.zip", b"PK\x03\x04" + b"\0" * 30, "a ZIP archive", "extension .zip says an archive"),
        ("a.db", b"SQLite format 3\0", "an SQLite database", "extension .db says a database"),
        ("a", b"\x7fELF\2\1", "a program", "there is no extension"),
        ("a.exe", b"MZ\x90\0\3\0\0\0\4\0\0\0", "a program", "extension .exe says a program"),
        ("a.txt", bytes(range(256)), "binary data", "extension .txt says plain text"),
        ("a.jsonl", b"BZh91AY&SY\0\1\2\3\4", "bzip2 data (gzip and zstd are read)", "extension .jsonl says JSON lines"),
        ("a.xml", XML + b"<urlset xmlns='x'>", "a sitemap", "extension .xml says a feed"),
        ("a.xml", XML + b"<opml version='2.0'>", "an OPML list of feeds", "extension .xml says a feed"),
        ("a.svg", b"<svg xmlns='x'></svg>", "an SVG image", "extension .svg says an image"),
        ("a.xml", XML + b"<nitf>", "a NITF article", "extension .xml says a feed"),
        ("a", XML + b"<invoice>", "XML <invoice>", "there is no extension"),
        (
            "a.xml",
            XML + RDF.replace(b"http://purl.org/rss/1.0/", b"urn:x"),
            "RDF that is no feed",
            "extension .xml says a feed",
        ),
        ("a.xml", b'<feed xmlns="urn:x">', "XML <feed> of a foreign namespace", "extension .xml says a feed"),
        ("a.pdf", PROSE, "plain text", "extension .pdf says PDF"),
        ("a.parquet", PROSE, "plain text", "extension .parquet says Parquet"),
        ("a.warc", PROSE, "plain text", "extension .warc says a web archive"),
    ],
)
def test_what_cannot_be_told_names_both_guesses(name: str, head: bytes, content: str, extension: str) -> None:
    with pytest.raises(UnknownFormat) as failure:
        sniff(head, name)
    assert str(failure.value) == f"content looks like {content}, {extension}"


@pytest.mark.parametrize(
    ("name", "head", "expected"),
    [
        ("a.jsonl.gz", gzip.compress(LINES, mtime=0), "jsonl.gz"),
        ("a.gz", gzip.compress(LINES, mtime=0), "jsonl.gz"),
        ("a.jsonl", gzip.compress(LINES, mtime=0), "jsonl.gz"),
        ("a.txt.gz", gzip.compress(PROSE, mtime=0), "text.gz"),
        ("a.html.zst", zstd.compress(b"No tag at the start"), "html.zst"),
        ("a.csv.gz.zst", zstd.compress(gzip.compress(PROSE, mtime=0)), "csv.gz.zst"),
        ("a.warc.gz", gzip.compress(b"WARC/1.0\r\n", mtime=0), "warc.gz"),
        ("a.txt.gz", gzip.compress(PROSE * 100, mtime=0)[:60], "text.gz"),
        ("a.html.gz", b"<html>", "html"),
    ],
    ids=id_of,
)
def test_compression_is_told_from_content(name: str, head: bytes, expected: str) -> None:
    assert str(sniff(head, name)) == expected


NOTHING = {
    "gz": gzip.compress(b"", mtime=0) * 4000,
    "zst": b"\x50\x2a\x4d\x18" + (1 << 17).to_bytes(4, "little") + bytes(1 << 17),
}


@pytest.mark.parametrize("codec", ["gz", "zst"])
def test_compressed_data_that_begins_with_nothing_is_read_on(codec: str) -> None:
    data = NOTHING[codec] + (gzip.compress(LINES, mtime=0) if codec == "gz" else zstd.compress(LINES))
    head, pieces = read_head(pieces_of(data, 9999))
    assert str(sniff(head, "a")) == f"jsonl.{codec}"
    assert b"".join(pieces) == data


def test_compressed_data_of_nothing_but_nothing_is_given_up() -> None:
    with pytest.raises(BrokenCompression, match="the first 4,194,304 bytes have no content"):
        read_head([gzip.compress(b"", mtime=0) * 250_000])


@pytest.mark.parametrize("start", [b"<!DOCTYPE ", b"<!DOCTYPE x [", b"<!--", b"<?", b"<a", b"<a:"])
def test_markup_that_never_ends_is_told_in_linear_time(start: bytes) -> None:
    started = time.process_time()
    sniff(start + b"a" * 65_000, "a.txt")
    assert time.process_time() - started < 1


def test_a_third_compression_is_refused() -> None:
    with pytest.raises(UnknownFormat, match="gzip data inside two other compressions"):
        sniff(gzip.compress(gzip.compress(gzip.compress(LINES, mtime=0))), "a.gz")


def test_a_compressed_head_without_content_is_broken() -> None:
    with pytest.raises(BrokenCompression):
        sniff(b"\x1f\x8b\x08" + b"\xff" * 20, "a.jsonl.gz")


@pytest.mark.parametrize(
    "head",
    [b"", b" \r\n\t", b"\xef\xbb\xbf", b"\xff\xfe \0\n\0", b"\0" * 512, gzip.compress(b"", mtime=0)],
    ids=id_of,
)
def test_nothing_is_an_empty_document(head: bytes) -> None:
    with pytest.raises(EmptyDocument):
        sniff(head, "a.txt")


def test_a_format_that_is_given_is_believed() -> None:
    assert sniff(gzip.compress(PROSE, mtime=0), "a.html", "csv") == Format("csv", ("gz",))
    assert sniff(b"%PDF-1.7", "a.pdf", "text") == Format("text")


def test_given_formats_do_not_save_empty_files() -> None:
    with pytest.raises(EmptyDocument, match="the file is empty"):
        sniff(b"", "a.csv", "csv")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_that_cuts_all_rows_alike(delimiter: str) -> None:
    rows = [["title", "date"], ["One, two; three", "2025-11-01"], ['say "hi"', "2025-11-02"]]
    text = "\n".join(delimiter.join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows)
    assert find_delimiter(text) == delimiter
