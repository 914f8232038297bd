"""Where everything stands under the root of a dataset. The only module that spells a path of it.

articles/date=YYYY-MM-DD/part-<batch>-<shard>.parquet      duplicates/…  revisions/…   (partitioned by date)
links/part-<batch>-<shard>.parquet  dead_letters/…  runs/run-<name>.parquet
_commits/<sequence>.json  _index/segment-<batch>.parquet  _staging/<batch>/…  _lock
"""

FORMAT_NUMBER = 1
"""Of the whole dataset. A release reads the numbers that it knows and refuses others by name."""

CANONICALISATION = 1
"""Number of the rule that makes canonical URLs (`transforms.text.urls`); another one would make the index lie."""

UNREADABLE = "unreadable"
"""The checksum of a file that could not be read: as soon as it can, it has another one and is a new unit."""

MEBIBYTE = 1 << 20

PARTITIONED_TABLES = ("articles", "duplicates", "revisions")
FLAT_TABLES = ("links", "dead_letters")
RUNS = "runs"
INDEX = "_index"
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
    ("_staging/", "blocks of a batch while it runs"),
)
"""What stands where, for people."""


def data_file(table: str, partition: str | None, batch: str, shard: int) -> str:
    """The final name of a data file: a function of its place only."""
    folder = table if partition is None else f"{table}/date={partition}"
    return f"{folder}/part-{batch}-{shard:05d}.parquet"


def segment_file(batch: str) -> str:
    """The index segment of a batch."""
    return f"{INDEX}/segment-{batch}.parquet"


def manifest_file(sequence: int) -> str:
    """The manifest with this number, counted from 1."""
    return f"{COMMITS}/{sequence:012d}.json"


def staging_folder(batch: str) -> str:
    """Where a batch keeps its blocks until it is committed."""
    return f"{STAGING}/{batch}"


def run_file(run: str) -> str:
    """The row of a run."""
    return f"{RUNS}/run-{run}.parquet"
