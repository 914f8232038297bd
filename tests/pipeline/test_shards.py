"""How a batch is parted among processes. That the parts give the bytes of the whole: tests/test_flow.py."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.shards import parts, shares_of_files
from transforms.schemas import Block, MarkedBlock, PlannedFile


@given(st.lists(st.integers(0, 100)), st.integers(1, 5))
def test_parts_hold_everything_once_in_order_and_none_is_empty(items: list[int], count: int) -> None:
    numbered = list(enumerate(items))
    shares = parts(numbered, count, lambda item: item[1])
    assert sorted(item for share in shares for item in share) == numbered
    assert all(share and share == sorted(share) for share in shares)
    assert len(shares) <= count


def test_parts_weigh_about_the_same() -> None:
    assert parts([9, 1, 1, 1, 5, 4], 2, lambda it: it) == [[9, 1, 1], [1, 5, 4]]
    assert parts([3], 2, lambda it: it) == [[3]]


def test_a_file_is_written_by_one_worker_though_its_rows_lie_in_several_blocks() -> None:
    one, two, three = (PlannedFile(number, "articles", number, 0) for number in range(3))
    blocks = [
        MarkedBlock(0, Block("a", 5), ((one, 0), (two, 1))),
        MarkedBlock(1, Block("b", 5), ((one, 0), (three, 2))),
        MarkedBlock(2, Block("c", 5), ()),
    ]
    assert shares_of_files(blocks, 2) == [
        [MarkedBlock(0, Block("a", 5), ((one, 0),)), MarkedBlock(1, Block("b", 5), ((one, 0),))],
        [MarkedBlock(0, Block("a", 5), ((two, 1),)), MarkedBlock(1, Block("b", 5), ((three, 2),))],
    ]
