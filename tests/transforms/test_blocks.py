"""Blocks: what the columnar files hold."""

from datetime import UTC, datetime
from pathlib import Path

import apache_beam as beam
from apache_beam.testing.util import assert_that, is_empty

from tests.articles import FolderBlocks, article, local_pipeline
from transforms.blocks import encode_block, open_block, partition_day
from transforms.schemas import Block, Enclosure, Problem
from transforms.stage import StageBlocks

DAY = 86_400_000_000


def test_an_article_stands_in_the_day_of_its_publication_else_of_its_landing_else_in_day_zero() -> None:
    assert partition_day(article(published=3 * DAY + 1, fetched=9 * DAY)) == 3
    assert partition_day(article(fetched=9 * DAY)) == 9
    assert partition_day(article()) == 0


def test_a_block_has_one_record_batch_a_day_sorted_by_place(tmp_path: Path) -> None:
    late, early, second = (
        article(entry=0, published=5 * DAY),
        article(entry=1, published=DAY),
        article(entry=2, published=DAY),
    )
    block, data = encode_block([late, second, early])
    FolderBlocks(tmp_path).write(block.name, data)
    reader = open_block(FolderBlocks(tmp_path), block.name)
    assert [reader.get_batch(number)["entry"].to_pylist() for number in range(reader.num_record_batches)] == [
        [1, 2],
        [0],
    ]


def test_the_same_articles_in_another_order_give_the_same_block() -> None:
    articles = [article(entry=number, text=f"text {number}") for number in range(5)]
    assert encode_block(articles) == encode_block(articles[::-1])


def test_a_block_keeps_every_value(tmp_path: Path) -> None:
    one = article(
        text="Text.",
        authors=("A", "B"),
        published=1,
        enclosures=(Enclosure("http://x/a.mp3", "audio/mpeg", 5),),
        problems=(Problem("updated", "unreadable", "soon"),),
    )
    block, data = encode_block([one])
    FolderBlocks(tmp_path).write(block.name, data)
    row = open_block(FolderBlocks(tmp_path), block.name).read_all().to_pylist()[0]
    assert row["authors"] == ["A", "B"]
    assert row["published"] == datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC)
    assert row["enclosures"] == [{"url": "http://x/a.mp3", "type": "audio/mpeg", "length": 5}]
    assert row["problems"] == [{"field": "updated", "reason": "unreadable", "raw": "soon"}]
    assert (row["chars"], row["content_hash"], row["url_key"]) == (5, one.content_hash, None)


def test_staging_closes_a_block_at_its_number_of_rows_and_at_the_end_of_the_bundle(tmp_path: Path) -> None:
    def sizes(blocks: list[Block]) -> None:
        assert sorted(block.rows for block in blocks) == [1, 2, 2]
        assert {block.name for block in blocks} == {path.name for path in tmp_path.iterdir()}

    with local_pipeline() as root:
        articles = root | beam.Create([article(entry=number) for number in range(5)], reshuffle=False)
        assert_that(articles | StageBlocks(FolderBlocks(tmp_path), max_rows=2), sizes)


def test_staging_nothing_gives_no_block(tmp_path: Path) -> None:
    with local_pipeline() as root:
        assert_that(root | beam.Create([]) | StageBlocks(FolderBlocks(tmp_path), max_rows=2), is_empty())
