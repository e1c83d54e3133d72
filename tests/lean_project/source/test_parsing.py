"""Texts of clients, taken apart in a process with limits."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest

from stepprove.lean_project.source.file import parse_source
from stepprove.lean_project.source.vetting import ParseLimits, Parser, TooMuch

LONG = "".join(f"namespace A\n/-- doc -/\ntheorem t{i} : p := by\n  sorry\nend A\n" for i in range(3000))


@pytest.mark.parametrize("text", ["", "import A\ntheorem t : p := sorry", LONG, LONG.replace("doc", "𝒜")])
def test_the_result_is_that_of_taking_it_apart_here(text: str) -> None:
    async def main() -> None:
        parser = Parser()
        await parser.vet(text)
        found, here = await parser.parse(text), parse_source(text)
        assert [d.full_name for d in found.declarations] == [d.full_name for d in here.declarations]
        places = range(len(here.positions.code.tokens))
        assert list(map(found.positions.is_tactic, places)) == list(map(here.positions.is_tactic, places))
        assert replace(found, positions=here.positions) == here

    asyncio.run(main())


@pytest.mark.parametrize(
    ("limits", "ending", "words"),
    [
        (ParseLimits(memory_mb=40), "memory", "more than 40 MB"),
        (ParseLimits(seconds=0.2), "timeout", "timed out after 0.2 s"),
        (ParseLimits(max_bytes=1000), "memory", "more than 0.001 MB"),
    ],
)
def test_what_costs_too_much_is_told_in_a_sentence(limits: ParseLimits, ending: str, words: str) -> None:
    async def main() -> None:
        parser = Parser(limits)
        for work in (parser.vet, parser.parse):
            with pytest.raises(TooMuch, match=words) as told:
                await work("(" * 1_000_000)
            assert told.value.ending == ending
        await parser.vet("(" * 100)

    asyncio.run(main())


def test_others_are_served_meanwhile() -> None:
    async def main() -> None:
        parser = Parser()
        task = asyncio.create_task(parser.vet("(" * 2_000_000))
        longest = 0.0
        while not task.done():
            begun = time.monotonic()
            await asyncio.sleep(0.01)
            longest = max(longest, time.monotonic() - begun)
        await task
        assert longest < 0.5

    asyncio.run(main())


def test_a_client_that_leaves_takes_the_process_with_it() -> None:
    async def main() -> None:
        parser = Parser()
        task = asyncio.create_task(parser.vet("(" * 3_000_000))
        await asyncio.sleep(0.3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        begun = time.monotonic()
        await asyncio.gather(*(parser.vet(LONG) for _ in range(2)))
        assert time.monotonic() - begun < 10

    asyncio.run(main())
