"""Keeps Apache Beam quiet where it has nothing to say. Imported before Beam, so it imports none of it.

Without the extra `gcp`, `import apache_beam` warns that apitools is missing, and warns in a way that installs a handler
on the root logger, which then prints every line that Beam logs. `PipelineOptions()` installs the same handler.
"""

import logging

_NOISE = ("apitools not found", "No semi_persistent_directory found")
"""How the messages begin that say nothing about a run: the missing extra, and a folder that only containers have."""


_FAILURES = ("apache_beam.runners.common", "apache_beam.runners.worker.sdk_worker")
"""Loggers that write down a step's failure with all its frames; the run raises it as well, and says it in a line."""


def quiet_beam() -> None:
    """Hides what Beam says about itself; other warnings still go to stderr, as bare lines, as Python does by default.

    Call it before the first import of Beam; calling it again changes nothing.
    """
    root = logging.getLogger()
    if _says_something not in root.filters:
        root.addFilter(_says_something)
    _quiet_failures()
    if not root.handlers and logging.lastResort is not None:  # where a handler is, Beam's basicConfig() adds none
        root.addHandler(logging.lastResort)


def _quiet_failures() -> None:
    for name in _FAILURES:
        logging.getLogger(name).addFilter(_is_no_failure)


def _is_no_failure(record: logging.LogRecord) -> bool:
    return record.levelno < logging.ERROR


def _says_something(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith(_NOISE)
