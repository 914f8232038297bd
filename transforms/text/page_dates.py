"""The day of a page that declares no date, found in its markup by htmldate.

A function of the page alone. Left to itself, htmldate 1.11 reads the clock (for the latest date that it believes, and
where dateutil fills in what a date lacks: "2019-05" gave the day of the month on which it was read), the address of the
page, and, where it is given a text that looks like an address, the network.
"""

from typing import Any, Final, NoReturn

from htmldate import extractors, find_date

_SETTINGS: Final[dict[str, Any]] = {
    "original_date": True,
    "extensive_search": False,  # markup only: a date in the text may be that of anything
    "max_date": "2099-12-31",  # else today
    "url": "",  # else the canonical link; what an address tells is not for a page to say
}
_CLOCKED: Final = "dateutil_parse"


def day_in_markup(tree: Any) -> str | None:
    """The day (YYYY-MM-DD) on which the page was published, as its markup has it; None where it shows none.

    `tree` is of `lxml.html` and is not changed. A month without a day gives its first.
    """
    try:
        return find_date(tree, **_SETTINGS)
    except MemoryError:
        raise
    except Exception:  # It names no exceptions, and works on hostile input here.
        return None


def _refuse(*_: object, **__: object) -> NoReturn:
    raise ValueError("dateutil fills in from the clock what a date lacks")


# Takes dateutil out of htmldate, which has no setting for it. It is asked after `datetime.fromisoformat` and before
# htmldate's own patterns, so that what it alone can read is left out.
if not hasattr(extractors, _CLOCKED):
    raise ImportError(f"htmldate.extractors has no {_CLOCKED} any more: where does it read the clock now?")
setattr(extractors, _CLOCKED, _refuse)
