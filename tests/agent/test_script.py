"""A proof tree as text."""

from __future__ import annotations

from stepprove.agent.search.script import Proof, minimise, summary, write


def test_a_step_with_one_goal_is_continued_below() -> None:
    assert write(Proof("intro h", children=(Proof("omega"),))) == ["intro h", "omega"]


def test_several_goals_get_a_bullet_each() -> None:
    proof = Proof("constructor", children=(Proof("rfl"), Proof("intro h", children=(Proof("omega"),))))

    assert write(proof) == ["constructor", "· rfl", "· intro h", "  omega"]


def test_alternatives_hold_their_proofs() -> None:
    step = "induction n with\n| zero => ?_\n| succ n ih => ?_"
    proof = Proof(step, children=(Proof("rfl"), Proof("have h := ih", children=(Proof("omega"),))))

    assert write(proof) == [
        "induction n with",
        "| zero => rfl",
        "| succ n ih =>",
        "  have h := ih",
        "  omega",
    ]


def test_a_question_mark_in_a_term_is_not_an_alternative() -> None:
    proof = Proof("refine Classical.byContradiction fun h => ?_", children=(Proof("omega"),))

    assert write(proof) == ["refine Classical.byContradiction fun h => ?_", "omega"]


def test_nothing_is_tried_where_everything_works() -> None:
    assert write(Proof("rcases h with h | h <;> try omega")) == ["rcases h with h | h <;> omega"]


def test_long_statements_are_broken_at_a_connective() -> None:
    cases = " ∨ ".join(f"x % 11 = {r}" for r in range(11))

    lines = write(Proof(f"have h : {cases} := by omega"))

    assert all(len(line) <= 100 for line in lines)
    assert lines[1].startswith("    ∨ ")


def test_what_stands_after_by_is_never_broken() -> None:
    line = "have h : a ∣ b := ⟨c, by have := " + " → ".join(["f x y z"] * 20) + "; omega⟩"

    assert write(Proof(line)) == [line]


def test_minimising_drops_steps_that_are_not_needed() -> None:
    def proof(*steps: str) -> Proof:
        head, *rest = steps
        return Proof(head, children=(proof(*rest),) if rest else ())

    def checks(candidate: Proof) -> bool:
        return "have b" in write(candidate) and write(candidate)[-1] == "omega"

    short = minimise(proof("have a", "have b", "have c", "omega"), checks)

    assert write(short) == ["have b", "omega"]


def test_minimising_keeps_what_cannot_go() -> None:
    proof = Proof("intro h", children=(Proof("omega"),))

    assert minimise(proof, lambda candidate: False) == proof


def test_the_summary_names_each_kind_of_step_once() -> None:
    proof = Proof("x", "induction n", (Proof("omega", "omega"), Proof("omega", "omega")))

    assert summary(proof) == "search: induction n; omega"
    assert summary(Proof("omega", "omega")) == "omega"
