"""The embedded Lean's memory: how much it may have, and that all of it can be used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stepprove.cli.check import check
from stepprove.lean_project import Repl, ReplFailure
from stepprove.lean_project.engines.doctor import diagnose
from stepprove.lean_project.engines.embedded.engine import embedded_engine
from stepprove.lean_project.engines.embedded.memory import LEAST_MB, MOST_MB, VARIABLE, pages
from stepprove.lean_project.engines.errors import LeanNotFound

BLOCK_MB = 64
# What `markPersistent` gets is never freed. Nothing is written to the blocks, so that they take addresses and no memory.
FILL = f"""
unsafe def fill (blocks : Nat) : IO Unit := do
  let mut all : Array ByteArray := #[]
  for i in [0:blocks] do
    all := all.push ((ByteArray.emptyWithCapacity ({BLOCK_MB} * 1024 * 1024)).push (UInt8.ofNat i))
  discard <| Runtime.markPersistent all
#eval fill"""


def test_the_usual_limit_gives_lean_two_gigabytes() -> None:
    engine = embedded_engine()
    assert engine.memory_limit_mb == 1800
    assert engine.environment["STEPPROVE_LEAN_PAGES"] == str(2**31 // 65536)


def test_the_user_sets_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    assert embedded_engine(memory_mb=3000).memory_limit_mb == 3000
    monkeypatch.setenv(VARIABLE, "4000")
    assert embedded_engine().memory_limit_mb == 4000
    assert embedded_engine(memory_mb=3000).memory_limit_mb == 3000, "the caller's word counts"


def test_no_limit_gives_more_than_32_bits_address() -> None:
    assert pages(MOST_MB) == 65_535
    assert pages(LEAST_MB) * 65_536 > LEAST_MB * 1e6


@pytest.mark.parametrize("words", ["a lot", "0", "-1", "nan", "100", "9000"])
def test_a_limit_that_cannot_be_is_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    monkeypatch.setenv(VARIABLE, words)
    with pytest.raises(LeanNotFound, match=f"between 800 and 4500 MB, not {words}"):
        embedded_engine()


def test_doctor_says_how_much_each_lean_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    def told() -> tuple[bool, str, str | None]:
        (finding,) = [f for f in diagnose() if f.name == "memory for Lean"]
        return finding.ok, finding.detail, finding.mend

    monkeypatch.setenv(VARIABLE, "1000")
    ok, detail, mend = told()
    assert ok and mend is None
    assert detail.startswith("1000 MB for each embedded Lean; --engine-memory")
    monkeypatch.setenv(VARIABLE, "much")
    ok, detail, mend = told()
    assert not ok
    assert mend == f"unset {VARIABLE}"


def test_check_takes_the_limit_as_an_option(tmp_path: Path) -> None:
    file = tmp_path / "two.lean"
    file.write_text("theorem two : 1 + 1 = 2 := rfl\n")
    assert check([file], engine="embedded", engine_memory=2500) == 0


def above(limit_mb: float, blocks: int) -> Repl:
    """An engine of which so many blocks of addresses are taken."""
    repl = Repl(embedded_engine(memory_mb=limit_mb), timeout=120)
    try:
        answer = repl.request({"cmd": f"{FILL} {blocks}"})
        assert "messages" not in answer, answer
    except BaseException:
        repl.close()
        raise
    return repl


def test_all_that_the_engine_does_works_above_two_gigabytes(tmp_path: Path) -> None:
    """Whatever Lean allocates here has an address of which the first bit is set."""
    with above(4000, 33) as repl:

        def ask(**request: Any) -> dict[str, Any]:
            return repl.request(request)

        original = ask(cmd="import Lean\ntheorem t (a b : Nat) (h : a < b) : a + 1 ≤ b := by sorry")
        assert [s["goal"] for s in original["sorries"]] == ["a b : Nat\nh : a < b\n⊢ a + 1 ≤ b"]
        step = ask(proofState=original["sorries"][0]["proofState"], tactic="omega", axioms=True)
        assert step["proofStatus"] == "Completed"
        text = (
            "import Lean\ninductive T | a | b (n : Nat) deriving Repr, DecidableEq\n"
            "theorem t (a b : Nat) (h : a < b) : a + 1 ≤ b := by grind\n#eval [T.a, T.b 3].reverse"
        )
        proved = ask(cmd=text, allTactics=True, infotree="original")
        assert [m["data"] for m in proved["messages"]] == ["[T.b 3, T.a]"]
        assert [t["tactic"] for t in proved["tactics"]] == ["grind"]
        facts = ask(inspect=proved["env"], against=original["env"], replay=True)
        (fact,) = [d for d in facts["declarations"] if d["name"] == "t"]
        assert (facts["replay"], facts["breach"], fact["statement"]) == (None, None, "same")
        exported = ask(export=proved["env"])["exported"]
        audit = ask(audit=exported, against=original["env"])
        assert "t" in {d["name"] for d in audit["declarations"]}
        assert "message" not in ask(env=proved["env"], pickleTo=str(tmp_path / "pickle"))
        assert "env" in ask(unpickleEnvFrom=str(tmp_path / "pickle"))


def test_the_usual_limit_holds_no_more_than_two_gigabytes() -> None:
    with pytest.raises(ReplFailure, match=r"the code ended Lean|out of memory"):
        above(1800, 33).close()
