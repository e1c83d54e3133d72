"""Bound a variable, then split into cases: the standard way through small Diophantine problems.

Linear facts, a divisor of a constant, the growth of a power or products of inequalities give a bound; an experiment
suggests which one to try. A bounded variable is split into its values, or `decide` checks the finitely many cases.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

from stepprove.agent.search.bounded import Effort, integer_log
from stepprove.agent.search.experiments import STEPS, literal_bounds, solutions, survivors
from stepprove.agent.search.goal import Goal
from stepprove.agent.search.move import Move
from stepprove.agent.search.numeric import Valuation, constants, holds
from stepprove.agent.search.term import Term, free_names, literal, num, replace, show, subterms, var

FEW_CASES = 12
MANY_CASES = 120
MOST_VALUES = 40
LONG_RANGE = 150
MOST_DECIDED = 40_000
FARTHEST = 10_000
"""The largest bound below which all numbers are checked."""


def moves(goal: Goal) -> Iterator[Move]:
    """Yield bounds for unbounded variables and case splits for bounded ones."""
    yield from _divisors(goal)
    effort = Effort(STEPS)
    for name in goal.variables:
        if not any(name in free_names(p) for p in goal.propositions):
            continue
        low, high = literal_bounds(goal, name)
        yield from _upper(goal, name, high)
        if not goal.is_natural(name):
            yield from _lower(goal, name, low)
        yield from _determined(goal, name)
        if low is not None and high is not None:
            yield from _split(goal, name, low, high, effort)
    yield from _decide(goal, effort)
    yield from _nonlinear(goal)


# Bounds.


def _upper(goal: Goal, name: str, bound: int | None) -> Iterator[Move]:
    largest = _extreme(goal, name, largest=True)
    numbers = [c for c in constants(goal) if c > 0]
    (h,) = goal.fresh("h" + name)
    if bound is None:
        candidates = sorted({d for c in numbers for d in (c - 1, c)} - {0})
        ladder = [
            f"have {h} : {name} ≤ {c} := by omega" for c in candidates if c <= 5000 and c >= (largest or 0)
        ]
        if ladder:
            yield Move(ladder[-1], 0.1, f"bound {name}", forced=True, fact=True, ladder=tuple(ladder))
    if largest is None or not _curved(goal, name) or (bound is not None and bound <= 2 * max(largest, 4)):
        return
    exponents = _bases(goal, name)
    if exponents and goal.is_natural(name):
        logs = {integer_log(c, b) + 1 for c in numbers for b in exponents}
        caps = sorted(c for c in {largest, *logs} if c >= largest and (bound is None or c < bound))
        steps = [_by_power(goal, name, h, c, exponents) for c in caps]
        if steps:
            yield Move(steps[-1], 0.1, f"bound {name}", forced=True, fact=True, ladder=tuple(steps))
        return
    values = {largest, largest + 1} | {math.isqrt(c) for c in numbers} | {c for c in numbers if c <= 5000}
    steps = [
        _by_growth(goal, name, h, c) for c in sorted(values) if c >= largest and (bound is None or c < bound)
    ][:5]
    if steps:
        yield Move(steps[-1], 0.6, f"bound {name}", fact=True, ladder=tuple(steps), seconds=8.0)


def _lower(goal: Goal, name: str, bound: int | None) -> Iterator[Move]:
    least = _extreme(goal, name, largest=False)
    (h,) = goal.fresh("h" + name)
    if bound is not None:
        return
    candidates = sorted({d for c in constants(goal) for d in (c, c + 1, -c, -c + 1)} | {0, 1}, reverse=True)
    claims = [
        f"have {h} : {_numeral(c)} ≤ {name}"
        for c in candidates
        if abs(c) <= 5000 and (least is None or c <= least)
    ]
    if claims:
        ladder = tuple(f"{claim} := by omega" for claim in claims)
        yield Move(ladder[-1], 0.1, f"bound {name}", forced=True, fact=True, ladder=ladder)
    if least is not None and _curved(goal, name):
        steps = []
        for c in dict.fromkeys((least, -abs(least) - 1)):
            forms = [f"{_numeral(c - 1)} - {name}", *_nonnegative(goal)]
            steps.append(_contradiction(h, f"{_numeral(c)} ≤ {name}", _products(forms)))
        yield Move(steps[-1], 0.7, f"bound {name}", fact=True, ladder=tuple(steps), seconds=8.0)


def _numeral(c: int) -> str:
    return str(c) if c >= 0 else f"({c})"


def _extreme(goal: Goal, name: str, *, largest: bool) -> int | None:
    """Return the largest or least value among an experiment's solutions; None if they reach its edge."""
    small = solutions(goal)
    if small is None or name not in small.names or not small.values:
        return None
    values = small.of(name)
    extreme = values[-1] if largest else values[0]
    return None if abs(extreme) >= small.reach else extreme


def _curved(goal: Goal, name: str) -> bool:
    """Return whether the variable stands in a product, a power or an exponent of some fact."""
    return any(
        part.op in ("^", "*")
        and name in free_names(part)
        and (part.op == "^" or all(free_names(a) for a in part.args))
        for fact in goal.propositions
        for part in subterms(fact)
    )


def _bases(goal: Goal, name: str) -> list[int]:
    """Return the literals b ≥ 2 such that b ^ name occurs in a fact."""
    bases = {
        literal(part.args[0])
        for fact in goal.propositions
        for part in subterms(fact)
        if part.op == "^" and part.args[1] == var(name)
    }
    return sorted(b for b in bases if b is not None and b >= 2)


def _by_power(goal: Goal, name: str, h: str, c: int, bases: list[int]) -> str:
    """Prove n ≤ c, because otherwise b ^ n is too large."""
    (contra,) = goal.fresh("hc")
    powers = [f"  have := Nat.pow_le_pow_right (n := {b}) (by decide) {contra}" for b in bases]
    return "\n".join(
        [
            f"have {h} : {name} ≤ {c} := Nat.le_of_not_lt fun {contra} => by",
            *powers,
            "  simp at this",
            "  omega",
        ]
    )


def _by_growth(goal: Goal, name: str, h: str, c: int) -> str:
    """Prove x ≤ c, because otherwise some product is too large."""
    forms = [f"{_integer(goal, var(name))} - {_numeral(c + 1)}", *_nonnegative(goal)]
    return _contradiction(h, f"{name} ≤ {c}", _products(forms))


def _contradiction(h: str, claim: str, facts: list[str]) -> str:
    lines = [f"have {h} : {claim} := Classical.byContradiction fun hc => by"]
    return "\n".join(lines + ["  " + fact for fact in facts] + ["  grind"])


def _integer(goal: Goal, term: Term) -> str:
    """Return the term as integer text, with natural variables cast."""
    return show(replace(term, {n: Term("cast", (var(n),)) for n in goal.naturals}), 66)


def _nonnegative(goal: Goal) -> list[str]:
    """Return integer forms that the hypotheses make nonnegative: b - a from a ≤ b, b - a - 1 from a < b, n from n : ℕ."""
    forms: list[str] = []
    for fact in goal.propositions:
        negated = fact.op == "¬"
        part = fact.args[0] if negated else fact
        if part.op not in ("<", "≤", ">", "≥") or any(
            t.op in ("-", "app", "/", "%", "∣") for t in subterms(part)
        ):
            continue
        left, right = part.args
        if part.op in (">", "≥"):
            left, right = right, left
        strict = part.op in ("<", ">")
        if negated:
            left, right, strict = right, left, not strict
        form = _integer(goal, right)
        if literal(left) != 0:
            form += f" - {_integer(goal, left)}"
        forms.append(form + (" - 1" if strict else ""))
    forms += [_integer(goal, var(n)) for n in goal.naturals]
    return list(dict.fromkeys(forms))[:5]


def _products(forms: list[str]) -> list[str]:
    """Return facts: the first form's products with itself, its square and the other forms are nonnegative."""
    first = forms[0]
    pairs = [(first, other) for other in forms] + [(f"({first}) * ({first})", first)]
    return [
        f"have := Int.mul_nonneg (a := {a}) (b := {b}) (by omega) (by omega)"
        for a, b in pairs[:2] + pairs[2:-1]
    ] + [f"have := Int.mul_nonneg (a := {pairs[-1][0]}) (b := {pairs[-1][1]}) (by assumption) (by omega)"]


def _nonlinear(goal: Goal) -> Iterator[Move]:
    """Multiply hypotheses, add squares of differences, then run linear arithmetic, as nlinarith does."""
    if goal.term is None or goal.term.op not in ("<", "≤", ">", "≥", "=", "var") or not goal.variables:
        return
    if not any(_curved(goal, n) or _in_product(goal.term, n) for n in goal.variables):
        return
    forms = _nonnegative(goal)
    pairs = [(a, b) for i, a in enumerate(forms) for b in forms[i:]][:8]
    products = [f"have := Int.mul_nonneg (a := {a}) (b := {b}) (by omega) (by omega)" for a, b in pairs]
    if products:
        yield Move(
            "\n".join([*products, "grind"]), 0.9, "products of inequalities", closing=True, seconds=8.0
        )
    names = [(_integer(goal, var(n))) for n in goal.variables][:3]
    squares = [f"{a} - {b}" for i, a in enumerate(names) for b in names[i + 1 :]] + names
    facts = [f"have := Lean.Grind.OrderedRing.sq_nonneg (R := Int) (a := {s})" for s in squares]
    yield Move("\n".join([*facts, "grind"]), 0.95, "squares are nonnegative", closing=True, seconds=8.0)


def _in_product(term: Term, name: str) -> bool:
    return any(p.op in ("^", "*") and name in free_names(p) for p in subterms(term))


def _divisors(goal: Goal) -> Iterator[Move]:
    """Use that a factor of a constant divides it, and that a divisor of a positive constant is at most that constant."""
    for fact in goal.propositions:
        if fact.op == "=":
            for product, constant in (fact.args, fact.args[::-1]):
                value = literal(constant)
                if product.op == "*" and value is not None and value > 0:
                    yield from _factors(goal, product, value)
        elif fact.op == "∣":
            value = literal(fact.args[1])
            stated = Term("≤", (fact.args[0], num(value or 0))) in goal.propositions
            if value is not None and value > 0 and free_names(fact.args[0]) and not stated:
                yield _at_most(goal, fact.args[0], value)


def _factors(goal: Goal, product: Term, value: int) -> Iterator[Move]:
    factors = list(_flatten(product))
    (hd,) = goal.fresh("hd")
    for place, factor in enumerate(factors):
        if not free_names(factor):
            continue
        rest = " * ".join(show(f, 71) for i, f in enumerate(factors) if i != place)
        claim = Term("∣", (factor, num(value)))
        if claim not in goal.propositions:
            yield Move(
                f"have {hd} : {claim} := ⟨{rest}, by grind⟩",
                0.35 + place / 20,
                f"a factor divides {value}",
                forced=True,
                fact=True,
            )


def _flatten(product: Term) -> Iterator[Term]:
    if product.op == "*":
        yield from _flatten(product.args[0])
        yield from _flatten(product.args[1])
    else:
        yield product


def _at_most(goal: Goal, divisor: Term, value: int) -> Move:
    h, lower = goal.fresh("hle", "hge")
    proof = next(n for n, f in goal.facts if Term("∣", (divisor, num(value))) in _parts(f))
    integral = bool(free_names(divisor) & set(goal.integers))
    if not integral:
        text = f"have {h} : {divisor} ≤ {value} := Nat.le_of_dvd (by decide) {proof}"
    else:
        text = (
            f"have {h} : {divisor} ≤ {value} := Int.le_of_dvd (by decide) {proof}\n"
            f"have {lower} : -{show(divisor, 75)} ≤ {value} := "
            f"Int.le_of_dvd (by decide) (Int.neg_dvd.mpr {proof})"
        )
        if divisor.op == "var":
            text += f"\nhave {lower} : -{value} ≤ {divisor} := by omega"
    return Move(text, 0.2, "a divisor is at most the number", forced=True, fact=True)


def _parts(fact: Term) -> list[Term]:
    if fact.op == "∧":
        return [*_parts(fact.args[0]), *_parts(fact.args[1])]
    return [fact]


# Cases.


def _determined(goal: Goal, name: str) -> Iterator[Move]:
    """State the only value that the facts allow if linear arithmetic proves it."""
    found = solutions(goal)
    if found is None or name not in found.names or len(found.names) > 1:
        return
    values = found.of(name)
    if len(values) == 1 and abs(values[0]) < found.reach:
        text = f"obtain rfl : {name} = {_numeral(values[0])} := by omega"
        yield Move(text, 0.1, f"{name} = {values[0]}", forced=True, fact=True)


def _split(goal: Goal, name: str, low: int, high: int, effort: Effort) -> Iterator[Move]:
    """Split into one case for each value in the range, or for each value that the facts about this variable allow."""
    if high < low or high - low > 5000:
        return
    count = high - low + 1
    if count <= FEW_CASES:
        yield _cases(goal, name, list(range(low, high + 1)), "omega", 0.4 + count / 60)
        yield _cases(goal, name, list(range(low, high + 1)), "simp_all", 0.8 + count / 60)
    if FEW_CASES // 2 < count <= MANY_CASES:
        for tactic, extra in (("omega", 0.1), ("first | omega | simp_all | grind", 0.4)):
            yield _every_case(goal, name, low, high, tactic, 0.4 + extra + count / 150)
    allowed = survivors(goal, name, low, high, effort)
    few = len(allowed) < count / 2 and len(allowed) <= MOST_VALUES and count > 8
    if few and goal.is_natural(name) and high <= FARTHEST:
        yield from _sieve(goal, name, high, effort)


def _cases(goal: Goal, name: str, values: list[int], tactic: str, cost: float) -> Move:
    disjunction = " ∨ ".join(f"{name} = {v}" for v in values)
    if len(values) == 1:
        return Move(f"obtain rfl : {disjunction} := by omega", 0.1, f"{name} = {values[0]}", forced=True)
    (h,) = goal.fresh("h")
    return Move(
        f"have {h} : {disjunction} := by omega\n"
        f"rcases {h} with {' | '.join(['rfl'] * len(values))} <;> try {tactic}",
        cost,
        f"cases of {name}",
        seconds=10.0 + len(values),
    )


def _every_case(goal: Goal, name: str, low: int, high: int, tactic: str, cost: float) -> Move:
    """State all cases as one lemma, for ranges that are too long to write out."""
    assert goal.term is not None
    facts = [(n, f) for n, f in goal.facts if name in free_names(f) and not _only_bound(f, name)]
    (key,) = goal.fresh("key")
    lines = []
    variable, shifted = name, {}
    if not goal.is_natural(name):
        (variable,) = goal.fresh("k")
        lines.append(
            f"obtain ⟨{variable}, rfl⟩ : ∃ {variable} : Nat, {name} = ↑{variable} + {_numeral(low)} := "
            f"⟨({name} - {_numeral(low)}).toNat, by omega⟩"
        )
        shifted = {name: Term("+", (var(f"({variable} : {goal.kind(name)})"), num(low)))}
        high -= low
    statement = "".join(f"{show(replace(f, shifted), 26)} → " for _, f in facts) + show(
        replace(goal.term, shifted), 25
    )
    lines += [
        f"have {key} : ∀ {variable} : Nat, {variable} < {high + 1} → {statement} := by",
        "  simp only [Nat.forall_lt_succ_right, Nat.not_lt_zero, false_imp_iff, implies_true, true_and]",
        f"  and_intros <;> {tactic}",
        f"exact {key} {variable} (by omega) {' '.join(n for n, _ in facts)}".rstrip(),
    ]
    return Move("\n".join(lines), cost, f"every value of {name}", closing=True, seconds=30.0)


def _sieve(goal: Goal, name: str, high: int, effort: Effort) -> Iterator[Move]:
    """Let `decide` find the values below the bound that satisfy the facts about this variable, and split on them."""
    facts = [
        (n, f)
        for n, f in goal.facts
        if free_names(f) & set(goal.variables) == {name} and not _only_bound(f, name)
    ]
    if not facts:
        return
    key, h = goal.fresh("key", "h")
    natural = frozenset(goal.naturals)

    def passing(chosen: list[tuple[str, Term]]) -> list[int] | None:
        """Return the values that satisfy the facts; None if that takes too long."""
        at = [Valuation({name: v}, natural, effort=effort) for v in range(high + 1)]
        found = [v for v, here in enumerate(at) if all(holds(f, here) is not False for _, f in chosen)]
        return None if effort.spent else found

    found = passing(facts)
    if found is None:
        return
    allowed = found
    for fact in reversed(facts):  # drop the facts that the sieve does not need, the latest first
        fewer = [f for f in facts if f is not fact]
        if fewer and passing(fewer) == allowed:
            facts = fewer
    premises = " ∧ ".join(show(f, 36) for _, f in facts)
    values = "[" + ", ".join(map(str, allowed)) + "]"
    names = facts[0][0] if len(facts) == 1 else "⟨" + ", ".join(n for n, _ in facts) + "⟩"
    lines = [
        f"have {key} : {_below(name, high + 1)}{premises} → {name} ∈ {values} := by decide +kernel",
        f"have {h} := {key} {name} {_is_below(high + 1)} {names}",
    ]
    if not allowed:
        yield Move(
            "\n".join([*lines, f"exact absurd {h} List.not_mem_nil"]), 0.5, "no value is left", closing=True
        )
        return
    lines.append(f"simp only [List.mem_cons, List.not_mem_nil, or_false] at {h}")
    if len(allowed) == 1:
        lines.append(f"subst {h}")
    else:
        lines.append(f"rcases {h} with {' | '.join(['rfl'] * len(allowed))} <;> try omega")
    yield Move("\n".join(lines), 0.6, f"the possible values of {name}", seconds=30.0)


def _below(name: str, limit: int) -> str:
    """Quantify over the naturals below a limit; for a high limit over a list, which `decide` walks faster."""
    if limit > LONG_RANGE:
        return f"∀ {name} ∈ List.range {limit}, "
    return f"∀ {name} : Nat, {name} < {limit} → "


def _is_below(limit: int) -> str:
    return "(List.mem_range.mpr (by omega))" if limit > LONG_RANGE else "(by omega)"


def _only_bound(fact: Term, name: str) -> bool:
    return fact.op in ("<", "≤", ">", "≥") and {a.op for a in fact.args} <= {"var", "num", "neg"}


def _decide(goal: Goal, effort: Effort) -> Iterator[Move]:
    """Check all cases by computation if every relevant variable is bounded."""
    if goal.term is None:
        return
    connected = set(goal.variables) & _connected(goal)
    named = set(goal.variables) & free_names(goal.term)
    for involved in (named, connected) if named and named != connected else (connected,):
        yield from _decide_with(goal, involved, effort)


def _decide_with(goal: Goal, involved: set[str], effort: Effort) -> Iterator[Move]:
    assert goal.term is not None
    if not 1 <= len(involved) <= 4:
        return
    ranges = {}
    for name in goal.variables:
        if name in involved:
            low, high = literal_bounds(goal, name)
            if low is None or high is None:
                return
            ranges[name] = (low, high)
    cases = math.prod(max(0, high - low + 1) for low, high in ranges.values())
    far = any(goal.is_natural(name) and high > MOST_DECIDED for name, (_, high) in ranges.items())
    if cases > MOST_DECIDED or far:  # for a natural number, all values below its bound are checked
        return
    facts = [
        (n, f)
        for n, f in goal.facts
        if free_names(f) & set(goal.variables) <= involved
        and free_names(f) & involved
        and not any(_only_bound(f, v) and _implied(f, v, ranges[v][0]) for v in involved)
    ]
    if _fails_somewhere(goal, ranges, [f for _, f in facts], effort) is not True:
        if cases <= 3000:  # drop the facts that the experiment does not need, the latest first
            for fact in reversed(facts):
                fewer = [f for f in facts if f is not fact]
                if _fails_somewhere(goal, ranges, [f for _, f in fewer], effort) is False:
                    facts = fewer
        text = _decide_text(goal, ranges, facts)
        yield Move(text, 0.45 + cases / 20_000, "all cases by computation", closing=True, seconds=40.0)


def _fails_somewhere(
    goal: Goal, ranges: dict[str, tuple[int, int]], facts: list[Term], effort: Effort
) -> bool | None:
    """Return whether an experiment finds values that satisfy the facts but not the target; None if it takes too long."""
    assert goal.term is not None
    natural = frozenset(goal.naturals)
    for values in itertools.product(*(range(low, high + 1) for low, high in ranges.values())):
        at = Valuation(dict(zip(ranges, values, strict=True)), natural, effort=effort)
        if all(holds(f, at) is not False for f in facts) and holds(goal.term, at) is False:
            return True
        if effort.spent:
            return None
    return False


def _connected(goal: Goal) -> set[str]:
    """Return the names that share facts with the target, directly or through others."""
    assert goal.term is not None
    names = set(free_names(goal.term))
    if not names & set(goal.variables):  # the target is False: every variable counts
        names |= {n for p in goal.propositions for n in free_names(p)}
    changed = True
    while changed:
        changed = False
        for fact in goal.propositions:
            used = free_names(fact) & set(goal.variables)
            if used & names and not used <= names:
                names |= used
                changed = True
    return names


def _implied(fact: Term, name: str, low: int) -> bool:
    """Return whether the quantifier's range already implies the fact."""
    upper = (fact.op in ("<", "≤") and fact.args[0] == var(name)) or (
        fact.op in (">", "≥") and fact.args[1] == var(name)
    )
    return upper or low == 0


def _decide_text(goal: Goal, ranges: dict[str, tuple[int, int]], facts: list[tuple[str, Term]]) -> str:
    """Return `have key : ∀ x < 10, facts about x → ∀ y < 10, … → target := by decide +kernel`, applied to the hypotheses."""
    assert goal.term is not None
    (key,) = goal.fresh("key")
    statement, use = f"have {key} : ", [f"exact {key}"]
    shifts: list[str] = []
    substitution: dict[str, Term] = {}
    done: set[str] = set()
    remaining = list(facts)
    for name, (low, high) in ranges.items():
        if goal.is_natural(name):
            statement += _below(name, high + 1)
            use.append(f"{name} {_is_below(high + 1)}")
        else:
            (k,) = goal.fresh(name + "'")
            shifts.append(
                f"obtain ⟨{k}, rfl⟩ : ∃ {k} : Nat, {name} = ↑{k} + {_numeral(low)} := "
                f"⟨({name} - {_numeral(low)}).toNat, by omega⟩"
            )
            statement += _below(k, high - low + 1)
            use.append(f"{k} {_is_below(high - low + 1)}")
            substitution[name] = Term("+", (var(f"({k} : {goal.kind(name)})"), num(low)))
        done.add(name)
        ready = [f for f in remaining if free_names(f[1]) & set(goal.variables) <= done]
        remaining = [f for f in remaining if f not in ready]
        if (
            ready
        ):  # one conjunction: Lean looks for decidability step by step, and long chains of premises defeat it
            statement += " ∧ ".join(show(replace(f, substitution), 36) for _, f in ready) + " → "
            use.append(ready[0][0] if len(ready) == 1 else "⟨" + ", ".join(n for n, _ in ready) + "⟩")
    statement += show(replace(goal.term, substitution), 26) + " := by decide +kernel"
    return "\n".join([*shifts, statement, " ".join(use)])
