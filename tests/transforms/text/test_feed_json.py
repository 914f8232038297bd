import json

from tests.transforms.text.feed_samples import read, read_what_can_be
from transforms.schemas import Enclosure, Problem, RawEntry


def test_json_feeds_of_both_versions_are_read() -> None:
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "home_page_url": "https://example.org/",
        "feed_url": "https://example.org/feed.json",
        "language": "en",
        "authors": [{"name": "The Desk"}],
        "items": [
            {
                "id": 7,
                "url": "/7",
                "title": "T",
                "content_html": "<p>H</p>",
                "content_text": "H",
                "summary": "S",
                "date_published": "2006-01-02T15:04:05Z",
                "date_modified": "2006-01-03T15:04:05Z",
                "author": {"name": "Ann"},
                "tags": ["a", 1, None],
                "image": "i.jpg",
                "banner_image": "b.jpg",
                "attachments": [{"url": "a.mp3", "mime_type": "audio/mpeg", "size_in_bytes": 5}, {"url": 1}, 2],
            },
            {"id": "8", "content_text": "1 < 2", "date_modified": "2006-01-04"},
        ],
    }
    first, second = read(json.dumps(feed))
    assert first == RawEntry(
        unit=1,
        source="feed.xml",
        position=2,
        entry=0,
        url="/7",
        guid="7",
        feed="https://example.org/feed.json",
        base_url="https://example.org/",
        title="T",
        content="<p>H</p>",
        content_is_html=True,
        summary="S",
        authors=("Ann",),
        published="2006-01-02T15:04:05Z",
        updated="2006-01-03T15:04:05Z",
        fetched=3,
        language="en",
        categories=("a", "1"),
        images=("i.jpg", "b.jpg"),
        enclosures=(Enclosure("a.mp3", "audio/mpeg", 5),),
        parser="json",
    )
    assert (second.entry, second.content, second.content_is_html) == (1, "1 < 2", False)
    assert (second.published, second.authors) == ("2006-01-04", ("The Desk",))


def test_items_of_a_json_feed_that_are_no_objects_are_told_after_the_others() -> None:
    titles, told = read_what_can_be('{"items": [{"title": "a"}, {"title": "b"}, "x", {"title": "c"}]}')
    assert (titles, told) == (["a", "b", "c"], "3 of 4 entries were read; item 3 is no object")


def test_values_of_a_json_feed_that_are_no_texts_are_problems() -> None:
    (entry,) = read('{"items": [{"id": NaN, "title": 1e999, "content_html": ["x"], "summary": "s", "language": ""}]}')
    assert (entry.guid, entry.title, entry.content, entry.summary) == (None, None, None, "s")
    assert entry.problems == (
        Problem("guid", "not a text", "NaN"),
        Problem("title", "not a text", "Infinity"),
        Problem("text", "not a text", '["x"]'),
    )


def test_a_number_of_any_length_is_a_text() -> None:
    number = "1" * 400
    (entry,) = read(f'{{"items": [{{"id": {number}, "title": 1.5, "summary": true}}]}}')
    assert (entry.guid, entry.title, entry.summary) == (number, "1.5", None)
