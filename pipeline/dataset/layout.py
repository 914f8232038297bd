"""Where everything stands under the root of a dataset. The only module that spells a path of it.

articles/date=YYYY-MM-DD/part-<batch>-<shard>.parquet      duplicates/…  revisions/…   (partitioned by date)
links/part-<sequence>-<batch>-<shard>.parquet  dead_letters/…  runs/run-<name>.parquet
_commits/<sequence>.json  _index/segment-<sequence>-<batch>.parquet  _removed/part-<sequence>-<batch>-<shard>.parquet
_staging/<batch>/…  _lock

`<sequence>` is the number of the first manifest whose rows are in the file: sorted by name, such files stand in the
order of arrival, also after some of them were merged.
"""

import re

FORMAT_NUMBER = 2
"""Of the whole dataset. A release writes this number, reads those in `READABLE_FORMATS`, and refuses others by name."""

READABLE_FORMATS = (1, 2)
"""1, of release 0.1, is read only: its index has no fingerprints."""

CANONICALISATION = 2
"""Number of the rule that makes canonical URLs (`transforms.text.urls`); another one would make the index lie."""

UNREADABLE = "unreadable"
"""The checksum of a file that could not be read: as soon as it can, it has another one and is a new unit."""

REPLAYED = "replayed:"
"""How the checksum of a unit begins that is a file of dead letters: no input has such a one, whatever its name."""

MEBIBYTE = 1 << 20

PARTITIONED_TABLES = ("articles", "duplicates", "revisions")
FLAT_TABLES = ("links", "dead_letters")
RUNS = "runs"
INDEX = "_index"
REMOVED = "_removed"
COMMITS = "_commits"
STAGING = "_staging"
LOCK = "_lock"

TREE = (
    ("articles/date=YYYY-MM-DD/", "each story once: the row that founded its cluster"),
    ("duplicates/date=YYYY-MM-DD/", "other articles that repeat one"),
    ("revisions/date=YYYY-MM-DD/", "later versions of an article"),
    ("links/", "further keys of articles, pairs that belong together"),
    ("dead_letters/", "what could not be used, and why"),
    ("runs/", "a row a run"),
    ("_commits/", "a manifest a batch: what exists"),
    ("_index/", "what is known of earlier batches"),
    ("_removed/", "what the index knows of articles that were removed"),
    ("_staging/", "blocks of a batch while it runs"),
)
"""What stands where, for people."""

COMMITTED_FOLDERS = (*PARTITIONED_TABLES, *FLAT_TABLES, INDEX, REMOVED)
"""Where the files stand that manifests name."""

_BATCH = "[0-9a-f]{16}"
_COMMITTED_FILE = re.compile(
    rf"(?:{'|'.join(PARTITIONED_TABLES)})/date=\d{{4}}-\d\d-\d\d/part-{_BATCH}-\d{{5,}}\.parquet"
    rf"|(?:{'|'.join(FLAT_TABLES)}|{REMOVED})/part-\d{{12,}}-{_BATCH}-\d{{5,}}\.parquet"
    rf"|{INDEX}/segment-\d{{12,}}-{_BATCH}\.parquet",
    re.ASCII,
)


def data_file(table: str, partition: str, batch: str, shard: int) -> str:
    """The final name of a data file of a partitioned table: a function of its place only."""
    return f"{table}/date={partition}/part-{batch}-{shard:05d}.parquet"


def flat_file(table: str, sequence: int, batch: str, shard: int) -> str:
    """The final name of a data file of a table without partitions, with rows from this manifest on."""
    return f"{table}/part-{sequence:012d}-{batch}-{shard:05d}.parquet"


def segment_file(sequence: int, batch: str) -> str:
    """An index segment: it holds entries from this manifest on, and this batch has written it."""
    return f"{INDEX}/segment-{sequence:012d}-{batch}.parquet"


def is_committed_name(name: str) -> bool:
    """Whether it is a name that `data_file`, `flat_file` or `segment_file` gives: others are not ours to delete."""
    return _COMMITTED_FILE.fullmatch(name) is not None


def partition_of(path: str) -> str:
    """The partition of a data file of a partitioned table, YYYY-MM-DD."""
    return path.split("/")[1].removeprefix("date=")


def first_sequence(path: str) -> int:
    """The number of the first manifest of which something is in an index segment or in a file of a table without
    partitions. ValueError for other paths.
    """
    kind, _, rest = path.partition("/")[2].partition("-")
    if kind not in ("part", "segment"):
        raise ValueError(f"no number in {path}")
    return int(rest.partition("-")[0])


def manifest_file(sequence: int) -> str:
    """The manifest with this number, counted from 1."""
    return f"{COMMITS}/{sequence:012d}.json"


def run_file(run: str) -> str:
    """The row of a run."""
    return f"{RUNS}/run-{run}.parquet"
