import pytest

from transforms.schemas import Document, Enclosure, RawEntry
from transforms.text.feed_draft import Feed, draft, enclosure_of

DOCUMENT = Document(1, "feed.xml", 2, "feed", b"", fetched=3)
FEED = Feed("https://example.org/feed", "https://example.org/", "en", ("The Desk",))


def test_a_draft_is_an_entry_with_what_document_and_feed_hand_down_to_it() -> None:
    assert draft(DOCUMENT, 4, FEED) == RawEntry(
        unit=1,
        source="feed.xml",
        position=2,
        entry=4,
        feed="https://example.org/feed",
        base_url="https://example.org/",
        authors=("The Desk",),
        fetched=3,
        language="en",
    )


@pytest.mark.parametrize(
    ("values", "enclosure"),
    [
        ((" a.mp3 ", " audio/mpeg ", " 7 "), Enclosure("a.mp3", "audio/mpeg", 7)),
        (("a.mp3", "", "seven"), Enclosure("a.mp3")),
        (("a.mp3", None, 7), Enclosure("a.mp3", None, 7)),
        (("a.mp3", 1, True), Enclosure("a.mp3")),
        (("a.mp3", None, "9" * 19), Enclosure("a.mp3")),
        ((" ", "audio/mpeg", 7), None),
        ((1, None, None), None),
    ],
)
def test_an_enclosure_has_a_url_and_what_else_makes_sense(values: tuple[object, ...], enclosure: Enclosure) -> None:
    assert enclosure_of(*values) == enclosure
