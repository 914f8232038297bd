"""The reference of settings, commands, tables and rules, made from the code: `python -m tests.reference` writes it.

`configs/REFERENCE.md` and `configs/schema.json` are what `reference()` and `schema()` give; a test holds them equal.
What the code says of itself is taken from there; the rest is written here, with the code's own numbers.
"""

import argparse
import inspect
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from types import ModuleType, NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import annotated_types
import pyarrow as pa
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pipeline.cli import build_parser
from pipeline.config import ArticleField, Config
from pipeline.dataset import quotes
from pipeline.dataset.layout import PARTITIONED_TABLES, TREE
from pipeline.dataset.results import SHOWN_ROWS
from pipeline.dataset.tables import PARTITION, PARTITION_DESCRIPTION, TABLES
from pipeline.dataset.views import (
    KIND_DESCRIPTION,
    STORY_COLUMNS,
    VIEW_DESCRIPTIONS,
)
from pipeline.log import COLUMNS
from pipeline.quiet import quiet_beam
from pipeline.sources.documents import FormatName
from pipeline.sources.formats import _CODEC_EXTENSIONS, _FORMAT_EXTENSIONS, DELIMITERS
from transforms.text import (
    articles,
    authors,
    boilerplate,
    dates,
    headlines,
    language_detection,
    page_kinds,
    page_metadata,
    parameters,
    repetition,
    urls,
    zones,
)
from transforms.text.clusters import SHORT_TEXT_WORDS
from transforms.text.errors import BadInput
from transforms.text.identity import TITLE_WORDS
from transforms.text.months import MONTH_NAMES
from transforms.text.paths import INDEX_FILES
from transforms.text.plain import MAX_TITLE_CHARS
from transforms.text.records import USUAL_NAMES

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "configs" / "REFERENCE.md"
SCHEMA = ROOT / "configs" / "schema.json"

ENVIRONMENT = {
    "STORAGE_EMULATOR_HOST": "Address of a GCS emulator: `gs://` then means that server, and no credentials are used.",
    "OPENBLAS_NUM_THREADS": "BLAS threads of a process. Where it is not set, `beamwire` sets it to 1.",
    "TERM": "Progress is shown as bars in a terminal, as plain lines where this is `dumb` or empty.",
}
"""The variables that the code reads."""

FORMATS: dict[FormatName, str] = {
    "text": f"One article. The first line is its title if it has at most {MAX_TITLE_CHARS} characters and an empty "
    "line and more text follow.",
    "html": "One article: the main text of the page, and what its head says of title, authors, dates, language, "
    "canonical link and image.",
    "feed": "An article an entry. RSS 0.90 to 2.0, RDF, Atom 0.3 and 1.0, JSON Feed 1.0 and 1.1.",
    "jsonl": "An article a line, each line one JSON object.",
    "json": "An article an object: an array of objects, or one object. A JSON Feed is read as a feed.",
    "csv": "An article a row below the header. The delimiter is found: "
    + ", ".join({"\t": "tab", "|": r"`\|`"}.get(it, f"`{it}`") for it in DELIMITERS)
    + ".",
    "parquet": "An article a row.",
    "warc": "Each response with status 200 and each resource is read as a page, a feed, a text or JSON, whichever it "
    "is. Other records are left out.",
}
"""What is made of a file of each format."""


def schema() -> str:
    """The JSON schema of the config, as `beamwire schema config` prints it."""
    return json.dumps(Config.model_json_schema(), indent=2) + "\n"


def reference() -> str:
    """The whole of REFERENCE.md."""
    sections = (
        _intro(),
        _commands(build_parser()),
        _settings(),
        _field_map(),
        _formats(),
        _tables(),
        _dead_letters(),
        _identity(),
        _canonical_urls(),
        _dates(),
        _text(),
        _exit_codes(),
        _environment(),
    )
    return "\n\n".join(sections) + "\n"


def settings_of(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every setting of a config by its dotted name; sections come before what is in them."""
    for name, field in model.model_fields.items():
        yield prefix + name, field
        if _is_section(field):
            yield from settings_of(field.annotation, f"{prefix}{name}.")  # type: ignore[arg-type]


def _is_section(field: FieldInfo) -> bool:
    return isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)


def _intro() -> str:
    return """\
# Reference

Made from the code by `python -m tests.reference`; a test holds it equal. Change the code, not this file.

[Commands](#commands) · [Settings](#settings) · [Field map](#field-map) · [Formats](#formats) · [Tables](#tables) ·
[Dead letters](#dead-letters) · [Identity and clusters](#identity-and-clusters) · [Canonical URLs](#canonical-urls) ·
[Dates](#dates) · [Text](#text) · [Exit codes](#exit-codes) · [Environment variables](#environment-variables)"""


# Commands


def _commands(parser: argparse.ArgumentParser) -> str:
    parts = ["## Commands", f"`beamwire`: {parser.description}", _arguments(parser)]
    for name, command in _subparsers(parser):
        parts += [f"### `beamwire {name}`", str(command.description), _arguments(command)]
        if name == "run":
            parts.append(_run_notes())
        if name == "replay":
            parts.append(_replay_notes())
        if name == "commits":
            parts.append(_commit_notes())
    return "\n\n".join(parts)


def _replay_notes() -> str:
    return """\
When a mistake is mended, in a newer release or in the settings, a replay does the rest of the earlier runs. Each letter
gives what it would have given then: a document goes on at Parse, an entry at Normalize, a whole file at Read, under the
name of its input. Articles arrive after all that is committed, in the order in which their inputs came. What was read
of a file or feed before it failed comes again and adds nothing.

The table then holds what failed again, with its step and reason of now, and what was kept, as it was:

- letters for other reasons than those chosen;
- payloads that were cut, or erased with a removed article;
- texts in which no entities could be found: their article was written;
- files that could not be opened or changed while they were read: the next `beamwire run` reads them again;
- pieces of a file that mean nothing without the rest: rows of CSV, records of a web archive that could not be unpacked.

One manifest puts the new file in the place of the old ones, so nothing is lost or there twice, whatever happens.
Counts of the batch and of `runs` tell what failed now, not what was kept. Settings are those of the last batch, or of
the file that `--config` names, then come those of `--set`; Beam's options are as for `beamwire run`."""


def _commit_notes() -> str:
    return f"""\
The table has the last {SHOWN_ROWS} commits and fewer columns (`copies` are duplicates, `known` is what added no row);
CSV and JSON lines have all:

{_column_table(COLUMNS)}"""


def _subparsers(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def _arguments(parser: argparse.ArgumentParser) -> str:
    rows = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            continue
        shown = str(action.metavar or action.dest)
        if action.option_strings:
            value = "" if action.nargs == 0 else f" {action.metavar or action.dest.upper()}"
            shown = ", ".join(f"{flag}{value}" for flag in action.option_strings)
        help_text = "" if action.help is None else str(action.help)
        if action.choices is not None:
            listed = f"one of {', '.join(f'`{choice}`' for choice in action.choices)}"
            default = "" if action.default is None else f"; default `{action.default}`"
            help_text = f"{listed}{default}"
        rows.append((f"`{shown}`", help_text))
    return _table(("argument", "what it does"), rows)


def _run_notes() -> str:
    quiet_beam()
    from pipeline.options import ENRICHED_WEIGHT, RUNNERS, WORTH_A_PROCESS

    runners = ", ".join(f"`{name}`" for name in RUNNERS)
    plain, enriched = WORTH_A_PROCESS >> 20, (WORTH_A_PROCESS // ENRICHED_WEIGHT) >> 20
    return f"""\
A PATH is a file, a directory (with all below it), a glob (`*`, `?`, `[…]`, `**` for folders of any depth) or any of
these at `gs://bucket/…`, which needs the extra `gcp`. Names that begin with `.` or `_` are left out unless the PATH
spells them. PATHs are read in the order given, the files of one by name. Relative paths, also those in a config, are
relative to the current directory.

Settings come from the file that `--config` names, then from `--set KEY=VALUE` (the value is read as YAML), then from
PATH and `--output`; the later one wins.

Any other flag is an option of Apache Beam. All are checked before anything runs, and an unknown one is refused with the
nearest known name. `--runner` takes one of these, in any letter case:
{runners}.
`DirectRunner`, the default, runs on this machine and never uses the network. A run takes one process for each {plain}
MiB of input that it has to read ({enriched} MiB with entities), and at most one a processor; `--direct_num_workers=N`
takes N (1: no further process; 0: one a processor). Each worker reads, cleans, enriches and writes a part of a batch,
the command itself decides and commits; the dataset is the same to the byte. The tests of this release run on it, in
both ways; the other runners are accepted and not tested. Refused are `--streaming`, which this release does not have,
and `--direct_running_mode=multi_threading` and `--experiments=data_buffer_time_limit_ms=…`, with which Beam 2.77 loses
data."""


# Settings


def _settings() -> str:
    parts = [
        "## Settings",
        "A config is a YAML file; it says what differs from the defaults. An unknown key is an error. The first line\n"
        "`# yaml-language-server: $schema=schema.json` makes editors check and complete it by `configs/schema.json`.\n"
        "`example.yaml` shows every setting.",
    ]
    top = [(name, field) for name, field in Config.model_fields.items() if not _is_section(field)]
    parts.append(_setting_table(top))
    for section, field in settings_of(Config):
        if _is_section(field):
            inner = field.annotation.model_fields.items()  # type: ignore[union-attr]
            plain = [(f"{section}.{name}", it) for name, it in inner if not _is_section(it)]
            parts += [f"### `{section}`", f"{field.description}", *([_setting_table(plain)] if plain else [])]
    shaping = Config().row_settings()
    names = [name for name, field in settings_of(Config) if not _is_section(field) and _is_in(shaping, name)]
    parts.append(
        "Each manifest records the settings that shape rows or files. They may change from run to run, which a run\n"
        "says in one line; rows that are written stay as they are. They are:\n"
        + ", ".join(f"`{name}`" for name in names)
        + "."
    )
    return "\n\n".join(parts)


def _is_in(settings: Any, name: str) -> bool:
    for part in name.split("."):
        if not isinstance(settings, dict) or part not in settings:
            return False
        settings = settings[part]
    return True


def _setting_table(settings: Sequence[tuple[str, FieldInfo]]) -> str:
    rows = [
        (f"`{name}`", _type_text(field), f"`{_default_text(field)}`", _cell(str(field.description)))
        for name, field in settings
    ]
    return _table(("setting", "type", "default", "what it does"), rows)


def _default_text(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if isinstance(value, date):
        return value.isoformat()
    return json.dumps(list(value) if isinstance(value, tuple) else value)


def _type_text(field: FieldInfo) -> str:
    return " ".join([_plain_type(field.annotation), *_bounds(field.metadata)])


def _plain_type(kind: Any) -> str:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return "one of " + ", ".join(f"`{choice}`" for choice in arguments)
    if origin in (Union, UnionType):
        return " or ".join("null" if it is NoneType else _plain_type(it) for it in arguments)
    if origin is tuple:
        return f"list of {_plain_type(arguments[0])}s"
    if origin is dict:
        return f"mapping of article field to column ({_plain_type(arguments[1])})"
    return {str: "text", bool: "true or false", int: "whole number", float: "number", date: "date"}[kind]


def _bounds(metadata: Iterable[Any]) -> Iterator[str]:
    bounds = {type(it): it for it in metadata}
    least, most = bounds.pop(annotated_types.Ge, None), bounds.pop(annotated_types.Le, None)
    above = bounds.pop(annotated_types.Gt, None)
    if bounds:
        raise TypeError(f"a bound that is not known here: {bounds}")
    if least and most:
        yield f"from {least.ge} to {most.le}"
    elif least:
        yield f"of at least {least.ge}"
    elif most:
        yield f"of at most {most.le}"
    if above:
        yield f"above {above.gt}"


# Field map, formats


def _field_map() -> str:
    rows = [(f"`{name}`", ", ".join(f"`{it}`" for it in USUAL_NAMES[name])) for name in get_args(ArticleField)]
    return f"""\
## Field map

Records (JSON lines, JSON, CSV, Parquet) name their columns as they like. `source.fields` maps fields of an article to
columns:

```yaml
source:
  fields:
    title: kicker
    published: meta.first_seen
```

A dot goes into nested objects, unless a column has that very name. A CSV or Parquet file without a column that the map
names is a dead letter (`missing_column`). A field that is not mapped is taken from the first of its usual names that
holds something; letter case does not count, `-` and blanks count as `_`.

{_table(("field", "usual names of its column"), rows)}

`html` is a body with markup; a `text` that holds markup is read as such. Lists, and objects with a `name` or a `url`,
are understood where a field takes several values. A column `enclosures` (objects with `url`, `type`, `length`) is taken
as it is."""


def _formats() -> str:
    rows = []
    for name in get_args(FormatName):
        _, extensions = _FORMAT_EXTENSIONS[name]
        rows.append((f"`{name}`", ", ".join(f"`.{it}`" for it in extensions.split()), FORMATS[name]))
    codecs = " and ".join(f"`.{'`, `.'.join(it)}`" for it in _CODEC_EXTENSIONS.values())
    return f"""\
## Formats

The format of a file is told from its content first and from its extension second; `source.format` names one for all.
Where the content is certain (a signature, a root element, JSON) it decides, where it is not a known extension does.
What neither tells, or what is told to be something that is not read (PDF, an image, a sitemap, …), is a dead letter
(`unknown_format`) that names both guesses. Each may be compressed with gzip or zstd ({codecs}).

{_table(("format", "extensions", "what is made of it"), rows)}"""


# Tables


def _tables() -> str:
    layout = "\n".join(f"- `{place}`: {what}" for place, what in TREE)
    views = _table(("view", "a row is"), [(f"`{name}`", _cell(text)) for name, text in VIEW_DESCRIPTIONS.items()])
    partitioned = ", ".join(f"`{name}`" for name in PARTITIONED_TABLES)
    parts = [
        f"""\
## Tables

Under the root of a dataset:

{layout}

Names that begin with `_` are beamwire's own, and readers skip them. While a run works on a local dataset, `_lock` names
its process. What no manifest in `_commits/` names does not exist for `beamwire query` and `beamwire files`. A plain
glob sees whole files only, at worst those of a batch that is about to be committed or was abandoned. Data files are
Parquet, compressed with zstd; the rows of one are sorted by `published`, `id`, `revision`. Each file's schema holds
the descriptions below, and `beamwire.format`, the format number of the dataset.

`beamwire query` shows these views:

{views}""",
        f"### {partitioned}\n\nThe partition `{PARTITION}` stands in the path, not in the files.",
        _column_table(TABLES["articles"], [(PARTITION, "date", PARTITION_DESCRIPTION)]),
        "### `all_articles`\n\nThe columns of `articles`, and:",
        _table(("column", "type", "what it holds"), [("`kind`", "string", KIND_DESCRIPTION)]),
        "### `stories`\n\nThe columns of `articles` without `duplicate_of`, `duplicate_kind` and `similarity`, and:",
        _table(("column", "what it holds"), [(f"`{name}`", _cell(text)) for name, text in STORY_COLUMNS.items()]),
    ]
    for table in TABLES:
        if table not in PARTITIONED_TABLES:
            parts += [f"### `{table}`", _column_table(TABLES[table])]
    return "\n\n".join(parts)


def _column_table(columns: pa.Schema, further: Sequence[tuple[str, str, str]] = ()) -> str:
    rows = [(it.name, _arrow_type(it.type), it.metadata[b"description"].decode()) for it in columns]
    shown = [(f"`{name}`", kind, _cell(text)) for name, kind, text in (*rows, *further)]
    return _table(("column", "type", "what it holds"), shown)


def _arrow_type(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return f"list<{_arrow_type(kind.value_type)}>"
    if pa.types.is_map(kind):
        return f"map<{_arrow_type(kind.key_type)}, {_arrow_type(kind.item_type)}>"
    if pa.types.is_struct(kind):
        inner = (kind.field(number) for number in range(kind.num_fields))
        return f"struct<{', '.join(f'{it.name} {_arrow_type(it.type)}' for it in inner)}>"
    return str(kind)


# Dead letters


def reasons() -> dict[str, str]:
    """The reason of every dead letter and what it means, in the order of the module that names them."""
    return {it.reason: inspect.getdoc(it) or "" for it in BadInput.__subclasses__()}


def _dead_letters() -> str:
    rows = [(f"`{reason}`", _cell(text)) for reason, text in reasons().items()]
    return f"""\
## Dead letters

What cannot be used becomes a row of `dead_letters` with its step, one of these reasons, a sentence, and the bytes (the
first `dead_letters.max_payload_kibibytes` of them); the run goes on. A field that cannot be read does not make a dead
letter: it is null, and `problems` names it, the reason and the raw value.

{_table(("reason", "meaning"), rows)}

When a removed article is erased, payloads that tell of it are emptied, and their `url` with them: those that hold a URL
or guid of it (of at least {quotes.LEAST_NAME_BYTES} bytes) or stand beside such a `url`, those that hold the first
{quotes.BEGINNING_CHARS} characters of its text, as they are or as JSON writes them, and those of
{quotes.LEAST_PART_BYTES} bytes or more that are a part of its text. Payloads that spell all of these otherwise are not
found, and stay: whole files that are compressed or in UTF-16, texts with markup or entities within their beginning,
payloads that were cut before it ends. Nor are shorter texts of articles without URL and guid.
With `dead_letters.max_payload_kibibytes` 0 no payload is kept."""


# Rules


def _identity() -> str:
    quiet_beam()
    from transforms.enrich import MODELS

    return f"""\
## Identity and clusters

Articles are taken one after the other in the order of arrival: inputs in their order, what was committed earlier
first; within one input by `published` (of a mere day its end; where there is none, by the time of the input, which is
the latest median of `published` in the inputs up to it), then by keys. Where a run is cut into batches, and how many
runs there were, changes no row.

**Which article it is.**

1. An article's own key is its canonical URL; without one, its guid within its feed (within its input where the feed
   has no link); without one, its title and text. `id` is a hash of the own key by which the article was first seen.
2. Further keys that come with a known article become its aliases (`links`, kind `alias`).
3. A key that contradicts what is known (a known URL under another guid of the same feed, a known guid with another
   URL) counts only if the record is alike: its text is like some revision (`dedupe.near.loose_threshold`), or it has
   the same title of at least {TITLE_WORDS} words. Otherwise the other key makes a new article.
4. Title and text that were seen in any revision of the article add no row. A mere summary adds none where a longer
   full text is known. Anything else is the next `revision`.

**Which story it repeats.** An article whose text equals that of an earlier row (letter case, kinds of quotes and
dashes, and white space do not count) joins the cluster of that row, however old it is. If the text has fewer than
{SHORT_TEXT_WORDS} words, the titles must be equal too; without text and title nothing is repeated.

Else it joins the cluster of the earlier row that its text is most like, if their similarity is at least
`dedupe.near.threshold`, and if it is like the founder of that cluster too, by `dedupe.near.loose_threshold`: an edit of
an edit of a story is a duplicate as long as it is like the story. Similarity is the estimated share of common runs of
`dedupe.near.shingle_words` words (Jaccard; the estimate deviates by about .04). A text of fewer than
`dedupe.near.min_shingles` such runs is compared for equality only, so that short reports do not become one because they
are short. What fits no cluster founds one, and its row stands in `articles/`.

| what arrives | id | row |
|---|---|---|
| known URL, title and text seen before | the same | none |
| known URL, another full text | the same | in `revisions` |
| known URL, a summary, a longer text is known | the same | none |
| another URL, a known text | its own | in `duplicates`, `exact` |
| another URL, a text that is like a known one | its own | in `duplicates`, `near` |
| known guid of the feed, another URL, alike | the same | in `revisions` if title or text is new |
| known guid of the feed, another URL, not alike | new, of the URL | as its text says |
| known URL, another guid of the feed, not alike | new, of the guid | as its text says |
| neither URL nor guid, known title and text | the same | none |
| neither URL nor guid, edited | new | as its text says |

What to know when you count:

- Inputs in another order give other founders and clusters: the first to arrive stands in `articles/`, not the first
  published. In a simulation 1.4 % of the articles had other partners when sorted by publication, 7 % at random.
- Reports made from one template, such as those of a weather service, are duplicates where most of their words are.
- With a horizon (`dedupe.near.horizon_days`) a near copy that comes later is a story of its own; an equal one is not.
- Ids and clusters never merge. Two ids that turn out to be one article stay two, and `links` holds the pair (kind
  `related`); so do two clusters that one text fits (kind `cluster`).
- An article that goes back to an earlier version adds no row.
- A text of {SHORT_TEXT_WORDS} words or more that many pages share, such as the notice of a paywall, makes duplicates of
  them all, whatever their titles.
- `articles/` holds the text with which a story was founded. The newest is in the view `stories`.
- A later version of a duplicate stays in its cluster while it is like the founder (`dedupe.near.loose_threshold`, for
  short texts an equal title of at least {TITLE_WORDS} words). If not, it is matched anew: it may stand in `articles/`
  as the founder of a cluster, though it is revision 2 of its id.
- An article that was taken out by `beamwire remove` is refused when it comes again, and counted (`removed` in `runs`).

**Entities.** Every row that is written is enriched, duplicates and revisions too, unless its declared language is
another than the model's (then `entities` is null). A text without a declared language is taken for the model's. Where
`enrich.model` names no model, the first of these that is installed is used: {", ".join(f"`{it}`" for it in MODELS)}."""


def _canonical_urls() -> str:
    described = inspect.cleandoc(urls.__doc__ or "")
    rule = described[described.index("Rule ") :]
    tables = {
        "TRACKING_PREFIXES": [f"{name}…" for name in parameters.TRACKING_PREFIXES],
        "TRACKING_PARAMETERS": sorted(parameters.TRACKING_PARAMETERS),
        "SESSION_PREFIXES": [f"{name}…" for name in parameters.SESSION_PREFIXES],
        "SESSION_PARAMETERS": sorted(parameters.SESSION_PARAMETERS),
        "AMP_PARAMETERS": sorted(parameters.AMP_PARAMETERS),
        "INDEX_FILES": sorted(INDEX_FILES),
    }
    lists = "\n\n".join(f"`{table}`: {', '.join(f'`{name}`' for name in names)}." for table, names in tables.items())
    return f"""\
## Canonical URLs

{rule}

{lists}

`site` is the domain that someone registered, by the [public suffix list](https://publicsuffix.org) of the installed
`publicsuffixlist`: `bbc.co.uk` of `www.bbc.co.uk`, and `name.github.io` of itself, since the list names who gives names
away. An IP address, a name without a dot and a public suffix are their own sites.

A URL of more than {urls.MAX_URL_CHARS:,} characters is refused and named in `problems`; one whose canonical form is
longer has none. A dataset whose URLs were made by another rule can be queried, not added to."""


def _dates() -> str:
    described = inspect.cleandoc(dates.__doc__ or "")
    forms = described[described.index("Read are") : described.index(" Whether a date can be true")]
    sure = ", ".join(f"`{name.upper()}` {_offset(minutes)}" for name, minutes in zones.ZONE_MINUTES.items())
    ambiguous = [
        (f"`{name.upper()}`", _offset(minutes), others) for name, (minutes, others) in zones.AMBIGUOUS_ZONES.items()
    ]
    return f"""\
## Dates

{forms}

`MONTH_NAMES` are those of {", ".join(MONTH_NAMES)}.

`ZONE_MINUTES`, in hours east of Greenwich: {sure}.

`AMBIGUOUS_ZONES`, names that several zones share:

{_table(("name", "is read as", "and not as that of"), ambiguous)}

A date before `normalize.earliest_date` or after `normalize.latest_date`, or much later than the fetch where its time is
known (`normalize.future_hours`), is refused, and named in `problems`. Then, and where none is given, the day that the
address names stands in (`/2024/03/05/`), and `published_from` is `url`."""


def _text() -> str:
    def rules(module: ModuleType) -> str:
        return inspect.cleandoc(module.__doc__ or "").partition("\n\n")[2]

    return f"""\
## Text

Every text goes this way, whatever it came from: {articles_flow()}. What was taken out stands in `removed_lines`.

**Encoding.** What was read in a wrong encoding ("cafÃ©") is mended by ftfy, and only that.

**White space.** Unicode NFC, without control and zero-width characters, one blank for white space, an empty line
between paragraphs. Typographic quotes stay in the text and are folded in keys.

**Titles.** {rules(headlines)}

**Boilerplate.** {inspect.cleandoc(boilerplate.__doc__ or "")}

**Repeated lines.** {inspect.cleandoc(repetition.__doc__ or "")}
Of at least {repetition.MIN_ENTRIES} entries more than half must have the line, which has at most
{repetition.MAX_LINE_CHARS} characters. `content_hash` is of the text before this step.

**Authors.** {inspect.cleandoc(authors.__doc__ or "")}

**Language.** {inspect.cleandoc(language_detection.__doc__ or "")}

**Pages.** {rules(page_metadata)}

{inspect.cleandoc(page_kinds.__doc__ or "")}"""


def articles_flow() -> str:
    """What the module says that becomes of a text, on one line."""
    shown = inspect.cleandoc(articles.__doc__ or "").partition("\n\n")[2]
    return " ".join(shown.split())


def _offset(minutes: int) -> str:
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"


def _exit_codes() -> str:
    rows = [
        ("0", "Done, also where there are dead letters."),
        ("1", "The run failed. What it committed stays; the same command goes on after it."),
        (
            "2",
            "Something to mend first, in the command, the config, the SQL, a PATH or the dataset: the message says it.",
        ),
        ("130", "Stopped by Ctrl-C. What was committed stays; the same command goes on after it."),
        ("143", "Stopped by SIGTERM. The same holds."),
    ]
    return f"""\
## Exit codes

{_table(("code", "meaning"), rows)}

A run may be stopped at any moment and any number of times, also by SIGKILL or a power cut. The same command goes on
after the last commit, does the batch at hand again, and ends with the same bytes as a run that nothing disturbed, but
for `runs/`, which holds times. What was committed is never done twice. What a killed run leaves (`_staging/`, `_lock`,
files that no manifest names) does not count; on a local disk the next run takes the lock over, which it says, and
deletes it all. Object stores have no lock: of two runs that commit at the same time one ends with code 1 and names the
batch that was committed; the same command goes on after it. A staged file that was damaged on its way is named too, and
its batch is not committed."""


def _environment() -> str:
    rows = [(f"`{name}`", text) for name, text in ENVIRONMENT.items()]
    return f"""\
## Environment variables

{_table(("variable", "what it does"), rows)}

`gs://` takes Google's application default credentials, as `gcloud auth application-default login` leaves them or
`GOOGLE_APPLICATION_CREDENTIALS` names them."""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def main() -> None:
    """Writes both files."""
    REFERENCE.write_text(reference(), encoding="utf-8")
    SCHEMA.write_text(schema(), encoding="utf-8")


if __name__ == "__main__":
    main()
