"""A reader that is slow on some pages. A module of its own, since the process that runs it imports where it is."""

import time

from transforms.schemas import Document


def sleep_over_a_page(document: Document) -> tuple[str]:
    """The source of a page, after ten minutes where its body is "long"."""
    if document.body == b"long":
        time.sleep(600)
    return (document.source,)
