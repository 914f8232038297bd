"""Makes the samples that no editor can write: compressed, encoded, Parquet, WARC, and those that are broken on purpose.

    python seeds/make_binary.py [FOLDER]

writes them below the folder (this one by default), the same bytes each time.
"""

import gzip
import json
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from backports import zstd

Story = Mapping[str, str]

WIRE_2 = (
    {
        "id": "nw-7720",
        "url": "https://northernwire.example/2025/11/19/rail-strike",
        "headline": "Rail signallers call strike for Friday",
        "body": "Signallers on the northern railway will stop work for 24 hours from four on Friday morning, "
        "their union said on Wednesday. Long-distance trains will end at Aldmoor; a bus will run every hour from "
        "there.\n\n"
        "The dispute is about night shifts with a single signaller. The railway says that the new control centre "
        "at Denholm needs fewer people, the union says that it needs rested ones.",
        "published": "2025-11-19T08:00:00Z",
        "source": "Northern Wire",
        "language": "en",
    },
    {
        "id": "nw-7721",
        "url": "https://northernwire.example/2025/11/19/herring-quota",
        "headline": "Herring quota cut by a fifth",
        "body": "Ministers agreed on Wednesday to cut the quota for herring in the northern sea by a fifth, less "
        "than the third that scientists had advised.\n\n"
        "Fishing boats may land 94,000 tonnes next year. Environmental groups called the decision a gamble; the "
        "fishermen's association said that its members can live with it, if the quota for mackerel stays.",
        "published": "2025-11-19T17:20:00Z",
        "source": "Northern Wire",
        "language": "en",
    },
    {
        "id": "nw-7712",
        "url": "https://northernwire.example/2025/11/18/reactor-cooling",
        "headline": "Reactor at Hallin stays off until spring",
        "body": "The second reactor of the Hallin power station will stay off until April because a cooling pump "
        "has to be built anew, the operator Nordkraft said on Tuesday.\n\n"
        "The pump failed in September after 31 years. Its maker no longer exists, and a foundry in Ostrava needs "
        "five months for the casing.\n\n"
        "The price of electricity for January rose by 6 percent after the news. The energy ministry sees no "
        "danger of shortages, since the reservoirs in the north are 88 percent full.",
        "published": "2025-11-18T10:30:00Z",
        "source": "Northern Wire",
        "language": "en",
    },
)

WIRE_3 = (
    {
        "id": "nw-7730",
        "url": "https://northernwire.example/2025/11/20/museum-return",
        "headline": "Museum returns 112 bronze weights to Ghana",
        "body": "The ethnographic museum in Aldmoor handed 112 bronze weights back to Ghana on Thursday. The "
        "figures of birds, fish and knots were used to weigh gold dust and had been bought from an officer's "
        "widow in 1901.\n\n"
        "Ambassador Kwabena Asante said that they will be shown in Kumasi from March. The museum keeps casts, and "
        "the right to borrow the originals every ten years.",
        "published": "2025-11-20T14:00:00Z",
        "source": "Northern Wire",
        "language": "en",
    },
    {
        "id": "el-5530",
        "url": "https://eveningledger.example/sport/chess-title-15",
        "headline": "Fifteen-year-old wins national chess title",
        "body": "(Northern Wire) Amina Yusuf, a fifteen-year-old pupil from Malmö, won the national chess "
        "championship on Tuesday with a queen sacrifice on move 34.\n\n"
        "She is the youngest champion since 1978. Her opponent, Grandmaster Pontus Ek, shook her hand and asked "
        "for a copy of the score sheet.\n\n"
        '"I saw it at breakfast," she said of the sacrifice. "I only had to wait until he let me."\n\n'
        "Read more in our sports section.",
        "published": "2025-11-20T15:10:00Z",
        "source": "Evening Ledger",
        "language": "en",
    },
)

CAFE = """\
À Valmont, le café à un euro fait de la résistance

Par Édith Lacombe
3 décembre 2025

« Tant que je serai derrière ce comptoir, il restera à un euro », promet Marcel Bénichou. À Valmont, son bistrot est \
l’un des derniers de la région à servir l’espresso à ce prix, quand la moyenne a dépassé 1,80 € cette année.

Le patron compense avec le plat du jour, et avec une machine de 1987 qu’il répare lui-même. La chambre de commerce \
recense encore quarante établissements de ce genre dans le département ; ils étaient trois cents en 2010.

La mairie songe à une aide pour les cafés qui restent ouverts l’hiver. Le conseil se prononcera en février.
"""

GLACIER = """\
Glacier survey finds lake under Breida ice cap

Sigrún Aradóttir, 9 December 2025

A lake the size of 300 football pitches lies under the Breida ice cap, radar measurements from an aircraft have shown. \
It was not there when the same line was flown in 2011.

Glaciologists at the University of Reykjavík believe that the water comes from the surface and has found its way down \
through crevasses in three warm summers. If it drains at once, the bridge at Kvíá would be flooded within five hours.

A gauge that sends its readings by satellite will be lowered through a borehole in April.
"""

LIBRARY = """\
<HTML>
<HEAD>
<META HTTP-EQUIV="Content-Type" CONTENT="text/html; charset=iso-8859-1">
<TITLE>Stadtbücherei öffnet künftig auch sonntags</TITLE>
<META NAME="date" CONTENT="2025-12-02">
</HEAD>
<BODY BGCOLOR="#FFFFFF">
<H1>Stadtbücherei öffnet künftig auch sonntags</H1>
<P>Die Stadtbücherei in Grünau öffnet vom neuen Jahr an auch am Sonntag. Das beschloss der Stadtrat am Dienstag mit 27
gegen 9 Stimmen.
<P>Zwischen 13 und 18 Uhr können Besucher lesen, arbeiten und Bücher an Automaten ausleihen. Personal ist nur für die
Aufsicht da, denn das Ladenschlussgesetz lässt an Sonntagen keine Beratung zu.
<P>"Wir haben lange gezögert, aber die Nachfrage ist eindeutig", sagte die Leiterin Annegret Höfling. In einer Umfrage
hatten sich 71 Prozent der Leser für den Sonntag ausgesprochen.
<P>Der Versuch ist auf zwei Jahre befristet und kostet 84.000 Euro im Jahr.
</BODY>
</HTML>
"""

REGIONAL = """\
title;link;date;text
Straßenbahn fährt wieder bis Grünau-Süd;https://gruenauer-bote.example/tram;2025-12-04;"Nach vier Monaten Bauzeit \
fährt die Linie 3 seit Donnerstag wieder bis Grünau-Süd. Die Schienen liegen nun auf Gummi, damit die Häuser nicht \
mehr zittern; gemessen wurde ein Drittel der früheren Erschütterung."
Bäcker gibt Brot vom Vortag für 50 Cent ab;https://gruenauer-bote.example/brot;2025-12-05;"Die Bäckerei Söllner in \
Grünau verkauft Brot vom Vortag künftig für 50 Cent. „Weggeworfen haben wir bisher jeden zehnten Laib“, sagt \
Inhaberin Käthe Söllner. Der Erlös geht an die Tafel; in der ersten Woche waren es 312 Euro."
"""

ARCHIVE_STORIES = (
    {
        "article_id": 90211,
        "headline": "Lock-keeper retires after opening 400,000 gates",
        "permalink": "https://canalpost.example/90211",
        "published": datetime(2025, 10, 30, 6, 0, tzinfo=UTC),
        "print_date": date(2025, 10, 31),
        "writers": ["Gwen Ashdown"],
        "tags": ["canals", "people"],
        "text": "Harold Binns opened his last gate on Thursday. In 44 years as keeper of Denholm Lock he let "
        "through about 400,000 boats, by his own count, which he kept with a pencil on the wall of the hut.\n\n"
        "The lock will be worked by boaters themselves from now on. The canal trust has asked that the wall be "
        "left as it is.",
    },
    {
        "article_id": 90230,
        "headline": "Mosses keep a record of city air",
        "permalink": "https://canalpost.example/90230",
        "published": datetime(2025, 11, 21, 5, 30, tzinfo=UTC),
        "print_date": date(2025, 11, 21),
        "writers": ["Lucía Ferrán", "Science Weekly"],
        "tags": ["science"],
        "text": "Moss on old city walls stores metals from the air in layers that can be read like tree rings, a "
        "team at the University of Lisbon reports.\n\n"
        "The botanists cut cushions from 38 churches and found that lead falls sharply after 1999, when leaded "
        "petrol was banned, while copper from brakes rises to this day.\n\n"
        "A cushion two centimetres thick goes back about 25 years. Sampling costs next to nothing, which makes it "
        "useful where no one has ever measured.",
    },
    {
        "article_id": 90244,
        "headline": "Heron nests on a crane, work stops until June",
        "permalink": "https://canalpost.example/90244",
        "published": datetime(2026, 3, 18, 15, 45, tzinfo=UTC),
        "print_date": None,
        "writers": [],
        "tags": ["nature"],
        "text": "A pair of grey herons has built a nest in the cab of a crane at Denholm basin. The law protects "
        "it until the young have left, so the new quay wall will be finished two months later than planned.\n\n"
        "The builder has put up a camera, and by Wednesday evening nine thousand people had watched two birds do "
        "very little.",
    },
)

TUNNEL_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Tunnel drill breaks through under the Aldmoor hills</title>
<meta name="author" content="Wilhelmina Crane">
<meta property="article:published_time" content="2025-11-24T13:05:00Z">
</head>
<body>
<header><a href="/">Aldmoor Courier</a></header>
<article>
<h1>Tunnel drill breaks through under the Aldmoor hills</h1>
<p>After 26 months under the Aldmoor hills the drill Matilda broke through on Monday, four centimetres off the planned
axis. Miners and engineers climbed through the hole and shook hands with colleagues who had dug from the other side.</p>
<p>The tunnel is 8.3 kilometres long and will shorten the train journey to the coast by 19 minutes. Tracks, cables and
doors are to be built in next year; the first train with passengers is due in December 2027.</p>
<p>It has cost 1.1 billion so far, within the budget, said project manager Silke Brandvold. The rock was kinder than the
forecast: water came in only once.</p>
</article>
<footer>Contact | Imprint</footer>
</body>
</html>
"""

COURIER_FEED = """\
<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0"><channel><title>Aldmoor Courier</title><link>https://aldmoorcourier.example/</link>
<description>All stories</description>
<item><title>Night buses to run until two</title><link>https://aldmoorcourier.example/2025/night-buses</link>
<guid>https://aldmoorcourier.example/2025/night-buses</guid><pubDate>Mon, 24 Nov 2025 10:00:00 GMT</pubDate>
<description>Night buses in Aldmoor will run until two instead of midnight on Fridays and Saturdays, from the first of \
December. The council pays 210,000 a year for it, and expects to save some of that on police: most fights, the chief \
constable told the transport committee, begin where people wait for a taxi.</description></item>
</channel></rss>
"""


def main(folder: Path) -> None:
    """Writes every sample."""
    for name, data in samples():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def samples() -> Iterator[tuple[str, bytes]]:
    """The name and the bytes of each sample."""
    yield "good/text/cafe-cp1252.txt", CAFE.encode("cp1252")
    yield "good/text/glacier-utf16.txt", b"\xff\xfe" + GLACIER.encode("utf-16-le")
    yield "good/pages/library-latin1.html", LIBRARY.encode("iso-8859-1")
    yield "good/records/wire-2.jsonl.gz", compressed(lines(WIRE_2))
    yield "good/records/wire-3.jsonl.zst", zstd.compress(lines(WIRE_3), 3)
    yield "good/records/regional-cp1252.csv", REGIONAL.encode("cp1252")
    yield "good/records/canal-post.parquet", parquet(ARCHIVE_STORIES)
    archive = web_archive()
    yield "good/archives/crawl.warc.gz", archive
    yield "bad/half.jsonl.gz", half(compressed(lines(HALF)))
    yield "bad/torn.warc.gz", archive[: archive.rindex(b"\x1f\x8b\x08") + 180]
    yield "bad/binary.txt", bytes(range(256)) * 4
    yield "bad/wrong-encoding.txt", MAINFRAME.encode("cp500")
    yield "bad/report.html", PDF
    yield "field_map/no-such-column.parquet", parquet(ARCHIVE_STORIES[:1])


def lines(stories: Sequence[Story]) -> bytes:
    """JSON lines."""
    return "".join(json.dumps(story, ensure_ascii=False) + "\n" for story in stories).encode()


def compressed(data: bytes) -> bytes:
    """One gzip member without a time in its header."""
    return gzip.compress(data, 9, mtime=0)


def half(data: bytes) -> bytes:
    """What is left when a copy breaks off."""
    return data[: len(data) * 3 // 4]


def parquet(stories: Sequence[Mapping[str, object]]) -> bytes:
    """A table with numbers, times, dates and lists."""
    schema = pa.schema(
        [
            ("article_id", pa.int64()),
            ("headline", pa.string()),
            ("permalink", pa.string()),
            ("published", pa.timestamp("ms", "UTC")),
            ("print_date", pa.date32()),
            ("writers", pa.list_(pa.string())),
            ("tags", pa.list_(pa.string())),
            ("text", pa.large_string()),
        ]
    )
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(list(stories), schema), sink, compression="zstd")
    return bytes(sink.getvalue())


def web_archive() -> bytes:
    """A crawl of a few records, one gzip member each, as a crawler writes it."""
    site = "https://aldmoorcourier.example"
    html = "text/html; charset=utf-8"
    bridge_url = "https://www.valleyherald.example/2025/11/calder-bridge-cracks"
    bridge = (Path(__file__).parent / "good/pages/bridge-inspection.html").read_bytes()
    request = b"GET /2025/tunnel HTTP/1.1\r\nHost: aldmoorcourier.example\r\n\r\n"
    records = (
        record("warcinfo", None, "application/warc-fields", b"format: WARC File Format 1.1\r\n"),
        fetched("request", f"{site}/2025/tunnel", request),
        fetched("response", f"{site}/2025/tunnel", http(200, html, TUNNEL_PAGE.encode())),
        fetched("response", f"{site}/feed", http(200, "application/rss+xml", COURIER_FEED.encode())),
        fetched("response", f"{site}/2024/gone", http(404, html, b"<html><h1>Not found</h1></html>")),
        fetched("response", f"{site}/logo.png", http(200, "image/png", b"\x89PNG\r\n\x1a\n" + bytes(40))),
        fetched("response", bridge_url, http(200, html, bridge)),
    )
    return b"".join(map(compressed, records))


def fetched(kind: str, url: str, message: bytes) -> bytes:
    """The record of an HTTP message."""
    return record(kind, url, f"application/http; msgtype={kind}", message)


def http(status: int, media: str, body: bytes) -> bytes:
    """An HTTP response."""
    reason = {200: "OK", 404: "Not Found"}[status]
    return f"HTTP/1.1 {status} {reason}\r\nContent-Type: {media}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def record(kind: str, url: str | None, media: str, block: bytes) -> bytes:
    """A WARC record whose id is made of its content."""
    identity = uuid.uuid5(uuid.NAMESPACE_URL, f"{kind} {url} {len(block)}")
    target = "" if url is None else f"WARC-Target-URI: {url}\r\n"
    head = (
        f"WARC/1.1\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:uuid:{identity}>\r\nWARC-Date: 2025-11-24T14:00:00Z\r\n"
        f"{target}Content-Type: {media}\r\nContent-Length: {len(block)}\r\n\r\n"
    )
    return head.encode() + block + b"\r\n\r\n"


HALF = (
    {
        "title": "Lights return to Denholm main street",
        "url": "https://valleyherald.example/2025/11/denholm-lights",
        "published": "2025-11-25T07:00:00Z",
        "text": "The lamps on Denholm main street burn again after eight nights of darkness. A digger had cut the "
        "cable that was drawn on no map, the network operator said on Tuesday. It has been drawn on one now. "
        "Shopkeepers who had put candles into their windows say that they may do so again next year, without the "
        "digger.",
    },
    {
        "title": "Mast on Gallow Hill may stay",
        "url": "https://valleyherald.example/2025/11/gallow-hill-mast",
        "published": "2025-11-25T11:00:00Z",
        "text": "The radio mast on Gallow Hill may stay where it is, the planning inspector ruled on Tuesday, "
        "although it stands eleven metres outside the plot that was approved. Taking it down would leave three "
        "villages without a telephone. The owner has to plant a hedge instead, of yew, and to water it for five "
        "summers.",
    },
    {
        "title": "The end of this file is missing",
        "url": "https://valleyherald.example/2025/11/missing",
        "published": "2025-11-25T12:00:00Z",
        "text": "What stands in this line cannot be read, for the file ends before it does. Its beginning is "
        "still there, but a line without an end is no record; the two lines before it are used all the same, and "
        "the dead letter says in which member of the gzip data the break was found. A second copy of the file, "
        "once it is whole, is a new unit with another checksum, which is read from its start, and the two stories "
        "that are known add nothing.",
    },
)

MAINFRAME = """\
The reservoir board met on Monday evening and adjourned without a vote, since nobody had brought the key to the room \
where the plans are kept. It will meet again in a week. This text is in EBCDIC, as a mainframe writes it, and no \
reader takes that for news unless it is told.
"""

PDF = b"""%PDF-1.4
1 0 obj << /Type /Catalog /Pages 2 0 R >> endobj
2 0 obj << /Type /Pages /Kids [3 0 R] /Count 1 >> endobj
3 0 obj << /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] >> endobj
trailer << /Root 1 0 R >>
%%EOF
"""


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
