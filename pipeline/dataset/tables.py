"""The one Arrow schema of each table, with a description per column, inside the files too."""

import pyarrow as pa

from pipeline.dataset.layout import FORMAT_NUMBER, PARTITIONED_TABLES

_TIME = pa.timestamp("us", tz="UTC")


def _column(name: str, kind: pa.DataType, description: str) -> pa.Field:
    return pa.field(name, kind, metadata={"description": description})


def _table(*columns: pa.Field) -> pa.Schema:
    return pa.schema(list(columns), metadata={"beamwire.format": str(FORMAT_NUMBER)})


ENTITY = pa.struct([("text", pa.string()), ("type", pa.string()), ("start", pa.int32()), ("end", pa.int32())])
ENCLOSURE = pa.struct([("url", pa.string()), ("type", pa.string()), ("length", pa.int64())])
PROBLEM = pa.struct([("field", pa.string()), ("reason", pa.string()), ("raw", pa.string())])
STEP_REASON = pa.struct([("step", pa.string()), ("reason", pa.string()), ("count", pa.int64())])

ORIGINS = "feed, page, url, record, text or detected"

ARTICLES = _table(
    _column("id", pa.string(), "Id of the article, 32 hex digits: a hash of the key by which it was first seen"),
    _column("revision", pa.int32(), "Version of the article, from 1, in order of arrival"),
    _column("cluster_id", pa.string(), "Id of the article that founded the cluster of this row"),
    _column("duplicate_of", pa.string(), "Id of the founder that this row repeats; null where it repeats none"),
    _column("duplicate_kind", pa.string(), "exact (text equal to the founder's) or near; null where it repeats none"),
    _column("similarity", pa.float32(), "Jaccard similarity to the founder, 0 to 1; null where unknown or none"),
    _column("arrival", pa.int64(), "Number of the row in the whole dataset, from 0, in order of arrival"),
    _column(
        "effective",
        _TIME,
        "Time by which the row is ordered: of publication (of a mere date its end), else of its unit",
    ),
    _column(
        "content_hash",
        pa.string(),
        "Hash of the folded text (case, quotes, white space), before lines shared with its neighbours are out",
    ),
    _column("record_hash", pa.string(), "Hash of folded title and text, 32 hex digits"),
    _column("url", pa.string(), "Link of the article as the source gives it, made absolute"),
    _column("canonical_url", pa.string(), "The link in canonical form, by which articles are told apart"),
    _column("site", pa.string(), "Registered domain of the canonical URL, by the public suffix list"),
    _column("guid", pa.string(), "Identifier that the feed or record gives"),
    _column("feed_url", pa.string(), "Self link of the feed, else its site's link: the scope of guid"),
    _column("source", pa.string(), "Input that the row came from, relative to the PATH that was given"),
    _column("title", pa.string(), "Headline, without the name of the site"),
    _column("text", pa.string(), "Body as plain text without boilerplate lines, paragraphs divided by an empty line"),
    _column("excerpt", pa.bool_(), "The text is the source's summary, which has nothing longer"),
    _column("summary", pa.string(), "Shorter description; equal to text where the source has nothing longer"),
    _column("authors", pa.list_(pa.string()), "Names of the authors"),
    _column("published", _TIME, "Time of publication; null where missing or refused"),
    _column("published_precision", pa.string(), "second, minute or day"),
    _column("updated", _TIME, "Time of the last change that the source names"),
    _column("fetched", _TIME, "Time at which it was fetched, where the source keeps it"),
    _column("language", pa.string(), "Language of the text, two letters of ISO 639-1; else the declared one"),
    _column(
        "language_confidence", pa.float64(), "Part of the evidence in the text that speaks for it; null: not detected"
    ),
    _column("language_declared", pa.string(), "Language that the source declares, two letters of ISO 639-1"),
    _column("categories", pa.list_(pa.string()), "Categories and tags of the source"),
    _column("images", pa.list_(pa.string()), "URLs of images"),
    _column("enclosures", pa.list_(ENCLOSURE), "Files that the entry carries: url, media type, length in bytes"),
    _column("section", pa.string(), "Section of the site that the page names"),
    _column("site_name", pa.string(), "What the site or feed calls itself"),
    _column("is_article", pa.bool_(), "False for a page that is an index or a cookie wall; null where not known"),
    _column("html", pa.string(), "Body with harmless markup, where `normalize.keep_html` is set"),
    _column("removed_lines", pa.list_(pa.string()), "Lines that were taken out of the text as boilerplate"),
    _column("word_count", pa.int32(), "Words of the text"),
    _column(
        "parser", pa.string(), "What read it: lxml, lxml_recovering, feedparser, json, trafilatura, record or text"
    ),
    _column("title_from", pa.string(), f"Where the title was found: {ORIGINS}"),
    _column("text_from", pa.string(), "Where the text was found; likewise"),
    _column("published_from", pa.string(), "Where published was found; url: the day that the address names"),
    _column("authors_from", pa.string(), "Where the authors were found"),
    _column("language_from", pa.string(), "detected: in the text; else where it was declared"),
    _column(
        "entities", pa.list_(ENTITY), "Named entities; start and end count code points of text; null: not looked for"
    ),
    _column("problems", pa.list_(PROBLEM), "Fields that could not be read: field, reason, raw value"),
)
"""Columns of `articles`, `duplicates` and `revisions`, without the partition column `date`."""

LINKS = _table(
    _column(
        "kind",
        pa.string(),
        "alias: another key of an id; related: two ids under one key with texts alike; "
        "cluster: a row that fits a second cluster",
    ),
    _column("id", pa.string(), "Id of the article"),
    _column("other_id", pa.string(), "The other id (related) or the founder of the other cluster (cluster)"),
    _column("canonical_url", pa.string(), "alias: the further canonical URL"),
    _column("guid", pa.string(), "alias: the further guid"),
    _column("feed_url", pa.string(), "Scope of guid"),
    _column("source", pa.string(), "Input that it came from"),
    _column("arrival", pa.int64(), "Number of the next row at the time: places the link in the order of arrival"),
)

DEAD_LETTERS = _table(
    _column("source", pa.string(), "Input that it came from, relative to the PATH that was given"),
    _column(
        "position",
        pa.int64(),
        "Document in the input, from 0; in a slice of a large file of JSON lines the byte at which its line begins",
    ),
    _column("entry", pa.int64(), "Entry in the document, from 0"),
    _column("step", pa.string(), "Step that gave up"),
    _column("reason", pa.string(), "Why, one word of a closed list"),
    _column("detail", pa.string(), "Why, in a sentence with line, row or field"),
    _column("kind", pa.string(), "What the payload replays as: unit, text, page, feed, record or entry"),
    _column("payload", pa.binary(), "The bytes that could not be used, cut at a size of the config"),
    _column("payload_bytes", pa.int64(), "Their full length"),
    _column("url", pa.string(), "Address of the document, where its web archive names it"),
    _column("charset", pa.string(), "Encoding of the document, where its web archive or the config names it"),
    _column("fetched", _TIME, "Time at which the document was fetched, where its web archive names it"),
    _column("place", pa.string(), "Where the document stands in the input, in words, as in line 2; null: all of it"),
)

_BATCH = pa.struct(
    [
        ("batch", pa.string()),
        ("sequence", pa.int64()),
        ("units", pa.int64()),
        ("seconds", pa.float64()),
        ("committed", _TIME),
    ]
)

_STEP = pa.struct(
    [("step", pa.string()), ("elements", pa.int64()), ("seconds", pa.float64()), ("peak_bytes", pa.int64())]
)

RUNS = _table(
    _column("run", pa.string(), "Name of the run"),
    _column("started", _TIME, "Start, by the clock of the machine that launched it"),
    _column("finished", _TIME, "End of the last batch; null while it runs or where it was killed"),
    _column("seconds", pa.float64(), "Seconds from start to end"),
    _column("runner", pa.string(), "Beam runner"),
    _column("units", pa.int64(), "Units committed"),
    _column("documents", pa.int64(), "Documents read"),
    _column("parsed", pa.int64(), "Articles parsed"),
    _column("unchanged", pa.int64(), "Articles that added no row: content seen before, or an excerpt of a known text"),
    _column("removed", pa.int64(), "Articles that were refused, since they were removed from the dataset before"),
    _column("articles", pa.int64(), "Rows written to articles"),
    _column("duplicates", pa.int64(), "Rows written to duplicates"),
    _column("revisions", pa.int64(), "Rows written to revisions"),
    _column("links", pa.int64(), "Rows written to links"),
    _column("dead_letters", pa.list_(STEP_REASON), "Dead letters by step and reason"),
    _column("bytes", pa.int64(), "Bytes of Parquet written"),
    _column("batches", pa.list_(_BATCH), "What was committed, a batch each"),
    _column(
        "steps",
        pa.list_(_STEP),
        "What each step handed on (documents, entries, articles, rows, files), its seconds at work over all processes, "
        "and the most memory that the run held meanwhile: one figure for steps that work side by side, with worker "
        "processes Read to Stage, in one process all; seconds and bytes are null on remote runners",
    ),
    _column("settings", pa.string(), "Settings of the run as JSON"),
    _column("versions", pa.map_(pa.string(), pa.string()), "Versions of beamwire, Python, libraries and model"),
)

INDEX = _table(
    _column("kind", pa.int8(), "0 a row of the dataset, 1 an alias of an id, 2 a pair of ids already linked"),
    _column("number", pa.int64(), "Arrival number of the row; of aliases and links the number of the next row"),
    _column("id", pa.binary(16), "Id of the article; null where it is url_key, else guid_key, else record_hash"),
    _column("other_id", pa.binary(16), "Of a link: the other id"),
    _column("revision", pa.int32(), "Revision of the row"),
    _column("url_key", pa.binary(16), "Hash of the canonical URL"),
    _column("guid_key", pa.binary(16), "Hash of guid and feed"),
    _column("feed_key", pa.binary(16), "Hash of the feed's scope"),
    _column("title_key", pa.binary(16), "Hash of the folded title"),
    _column("title_words", pa.int32(), "Words of the title"),
    _column("content_hash", pa.binary(16), "Hash of the folded text"),
    _column("record_hash", pa.binary(16), "Hash of folded title and text"),
    _column("words", pa.int32(), "Words of the text"),
    _column("chars", pa.int32(), "Characters of the text"),
    _column("excerpt", pa.bool_(), "The text is a summary"),
    _column("cluster", pa.int64(), "Arrival number of the row that founded its cluster"),
    _column("unit_time", _TIME, "Unit time: what the horizon counts from"),
    _column("shingles", pa.int32(), "Shingles of the text"),
    _column("signature", pa.binary(128), "MinHash of the text, 128 permutations in 8 bits each"),
    _column("bands", pa.binary(128), "32 hashes of four permutations each, 32 bits, little-endian"),
)

TABLES: dict[str, pa.Schema] = {
    "articles": ARTICLES,
    "duplicates": ARTICLES,
    "revisions": ARTICLES,
    "links": LINKS,
    "dead_letters": DEAD_LETTERS,
    "runs": RUNS,
}
"""Every table that people can query."""


PARTITION = "date"
PARTITION_DESCRIPTION = "UTC date of publication, else of landing, else 1970-01-01: the folder of the row"
"""The column that stands in the path of a file and not in the file."""


def describe(table: str) -> list[dict[str, str]]:
    """The columns of a table: name, Arrow type, description."""
    columns = [
        {"column": it.name, "type": str(it.type), "description": it.metadata[b"description"].decode()}
        for it in TABLES[table]
    ]
    if table in PARTITIONED_TABLES:
        columns.append({"column": PARTITION, "type": "date32[day]", "description": PARTITION_DESCRIPTION})
    return columns
