"""Blocks go through the pipes of a child whole, in order, and wherever the pieces happen to break."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepprove.process import Child, ChildDied, ChildSilent, ChildTooLoud

BLANK_LINE = re.compile(rb"\n\r?\n")


def soon() -> float:
    return time.monotonic() + 10


@pytest.fixture(scope="module")
def echo() -> Iterator[Child]:
    """A child that repeats what it is told."""
    child = Child(["cat"], block_limit=100_000_000)
    yield child
    child.end()


def is_one_block(text: bytes) -> bool:
    """Whether the blank line that is put after the text is the first one."""
    found = BLANK_LINE.search(text + b"\n\n")
    return found is not None and found.start() == len(text)


# Pieces that make trouble where they meet, some of them larger than a pipe.
pieces = st.sampled_from(
    [b"\n", b"\r", b"\r\n", b"{", b"a", "λ".encode(), b"\x00", b"b" * 65_535, b"c" * 200_000]
)
blocks = st.lists(pieces, max_size=8).map(b"".join).filter(is_one_block)


@given(st.lists(blocks, max_size=4))
def test_blocks_come_back_as_they_were_sent(echo: Child, sent: list[bytes]) -> None:
    for block in sent:
        echo.send_block(block, soon())
    assert [echo.read_block(soon()) for _ in sent] == sent
    assert echo.read_unasked() == b""


def test_a_block_may_be_read_a_byte_at_a_time() -> None:
    child = Child(
        ["sh", "-c", r"for c in a '\n' b '\n' '\n' c; do printf $c; sleep 0.01; done"], block_limit=9
    )
    assert child.read_block(soon()) == b"a\nb"
    with pytest.raises(ChildDied):
        child.read_block(soon())
    assert child.unfinished_block() == b"c"
    child.end()


def test_what_comes_after_a_block_is_kept_for_whoever_asks() -> None:
    child = Child(["sh", "-c", r"printf 'one\n\ntwo\n\nthree'; sleep 60"], block_limit=99)
    assert child.read_block(soon()) == b"one"
    time.sleep(0.05)
    assert child.read_unasked() == b"two\n\nthree"
    assert child.read_unasked() == b""
    child.end()


def test_a_block_may_be_as_large_as_the_limit_and_no_larger() -> None:
    child = Child(["cat"], block_limit=1_000_000)
    child.send_block(b"x" * 999_998, soon())
    assert len(child.read_block(soon())) == 999_998
    with pytest.raises(ChildTooLoud):
        child.send_block(b"x" * 1_100_000, soon())
        child.read_block(soon())
    child.end()


def test_a_deadline_that_has_passed_is_kept(echo: Child) -> None:
    with pytest.raises(ChildSilent):
        echo.read_block(time.monotonic() - 1)


@pytest.fixture
def speaker(tmp_path: Path) -> Path:
    program = tmp_path / "speak"
    program.write_text("#!/bin/sh\necho spoken; echo\n")
    program.chmod(0o755)
    return program


def test_a_program_is_looked_for_in_the_path_of_the_child(speaker: Path) -> None:
    child = Child(["speak"], environment={"PATH": f"{speaker.parent}:/bin"}, block_limit=99)
    assert child.read_block(soon()) == b"spoken"
    child.end()


def test_a_relative_program_is_looked_for_in_the_directory_of_the_child(speaker: Path) -> None:
    child = Child(["./speak"], cwd=speaker.parent, block_limit=99)
    assert child.read_block(soon()) == b"spoken"
    child.end()
