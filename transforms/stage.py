"""Stage: text leaves the flow, references go on."""

from collections.abc import Iterator

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from transforms.blocks import MAX_BLOCK_CHARS, encode_block
from transforms.schemas import Article, Block, BlockStore


class StageBlocks(beam.PTransform[beam.PCollection[Article], beam.PCollection[Block]]):
    """Gathers articles into blocks in the staging area.

    In: Article. Out: Block, of at most `max_rows` articles. Memory: one block a worker thread.
    """

    def __init__(self, store: BlockStore, max_rows: int, shingle_words: int | None = None) -> None:
        """Keeps where blocks go, how large they get, and the length of shingles where fingerprints are wanted."""
        super().__init__()
        self.store = store
        self.max_rows = max_rows
        self.shingle_words = shingle_words

    def expand(self, articles: beam.PCollection[Article]) -> beam.PCollection[Block]:
        """Wires the step."""
        blocks: beam.PCollection[Block] = articles | "Gather" >> beam.ParDo(
            GatherBlocks(self.store, self.max_rows, self.shingle_words)
        )
        return blocks


class GatherBlocks(beam.DoFn):
    """Holds the articles of a bundle until a block is full. What a bundle holds changes blocks, never rows."""

    def __init__(self, store: BlockStore, max_rows: int, shingle_words: int | None) -> None:
        """Keeps what pickles."""
        self.store = store
        self.max_rows = max_rows
        self.shingle_words = shingle_words

    def start_bundle(self) -> None:
        """Begins with nothing, also after a bundle that failed."""
        self.articles: list[Article] = []
        self.chars = 0

    def process(self, article: Article) -> Iterator[Block]:
        """Takes one article in; a full block goes on."""
        self.articles.append(article)
        self.chars += len(article.text)
        if len(self.articles) >= self.max_rows or self.chars >= MAX_BLOCK_CHARS:
            yield self._store()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        """The rest of the bundle is a block too."""
        if self.articles:
            window = GlobalWindow()
            yield WindowedValue(self._store(), window.max_timestamp(), (window,))

    def _store(self) -> Block:
        block, data = encode_block(self.articles, self.shingle_words)
        self.store.write(block.name, data)
        self.start_bundle()
        return block
