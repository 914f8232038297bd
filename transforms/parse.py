"""Parse: raw documents become raw entries; a feed gives several at once, everything else one."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import apache_beam as beam
from apache_beam.transforms.error_handling import ErrorHandler

from transforms.dead_letters import DivertFailures, entry_of
from transforms.schemas import Document, Entries, RawEntry
from transforms.text.errors import BadInput
from transforms.text.feeds import read_feed
from transforms.text.pages import read_page
from transforms.text.plain import read_text
from transforms.text.records import read_record


@dataclass(frozen=True, slots=True)
class ParseOptions:
    """The field map of records (article field to column), the encoding of texts where it is known, and what reads a
    page (`read_page`, or a stand-in that gives up after some time).
    """

    fields: Mapping[str, str] = field(default_factory=dict)
    encoding: str | None = None
    read_page: Callable[[Document, str | None], RawEntry] = read_page


class ParseDocuments(beam.PTransform[beam.PCollection[Document], beam.PCollection[Entries]]):
    """Reads the entries of a document as it says them; nothing is cleaned yet.

    In: Document. Out: Entries, none of an empty feed. They stay together, for what they share tells what is no text of
    theirs. Memory: the entries of one document, which Read has bounded.
    Dead letters: the document, with any reason of `transforms.text.errors` that its reader gives. The entries of
    a feed that can be read in part flow on beside its dead letter.
    """

    def __init__(self, options: ParseOptions, errors: ErrorHandler | None = None) -> None:
        """Keeps how documents are read."""
        super().__init__()
        self.options = options
        self.errors = errors

    def expand(self, documents: beam.PCollection[Document]) -> beam.PCollection[Entries]:
        """Wires the step."""
        entries: beam.PCollection[Entries] = documents | "ReadEntries" >> DivertFailures(
            read_together, self.options, step="Parse", to=self.errors
        ).with_output_types(Entries)
        return entries


def read_together(document: Document, options: ParseOptions) -> Iterator[Entries]:
    """All that can be read of a document, at once; then raises as `read_entries` does."""
    entries: list[RawEntry] = []
    failure: BadInput | None = None
    try:
        entries.extend(read_entries(document, options))
    except BadInput as error:
        failure = error
    if entries:
        yield tuple(entries)
    if failure is not None:
        raise failure


def read_entries(document: Document, options: ParseOptions) -> Iterable[RawEntry]:
    """The entries of a document by the reader of its kind.

    Raises BadInput; where a feed can be read in part, after the entries that could be.
    """
    entries = _entries(document, options)
    return entries if document.stood is None else (replace(entry, stood=document.stood) for entry in entries)


def _entries(document: Document, options: ParseOptions) -> Iterable[RawEntry]:
    match document.kind:
        case "feed":
            return read_feed(document)
        case "page":
            return (options.read_page(document, options.encoding),)
        case "record":
            return (read_record(document, options.fields),)
        case "text":
            return (read_text(document, options.encoding),)
        case "entry":
            return (entry_of(document),)
