"""A parser for Lean's pretty-printed terms, enough to reason about numbers.

It reads the language of elementary arithmetic and logic; for any other text `parse` returns None and the moves that inspect
terms stay silent. The same holds for a text that is too long or too deeply nested, so that plain recursion can walk every term.
Lean judges every move.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from stepprove.agent.search.terms.bounded import TooLarge, numeral

MOST_TOKENS = 2000
"""Tokens of a text."""
MOST_DEPTH = 100
"""Nodes from a term's root to a leaf, and the parser's own recursion."""

_TOKEN = re.compile(
    r"\s*(?:(?P<num>\d+)(?![\w'])|(?P<id>[A-Za-z_\u0370-\u03bb\u03bc-\u03ff\u1f00-\u1ffe\u2100-\u214f]"
    r"[\w'!?\u2080-\u209c\u1d62-\u1d6a✝]*(?:\.[A-Za-z_][\w'!?\u2080-\u209c]*|\.\d+)*)"
    r"|(?P<field>(?<=\))\.[A-Za-z_][\w'!?]*)"
    r"|(?P<op>:=|[-+*/%^()=≠<≤>≥∣∧∨¬→↔∀∃,:↑≡⁻\[\]]|&&|\|\|))"
)

_BINARY = {  # operator: (left binding power, right binding power)
    "↔": (20, 21), "→": (25, 25), "∨": (30, 30), "∧": (35, 35),
    "=": (50, 51), "≠": (50, 51), "<": (50, 51), "≤": (50, 51), ">": (50, 51), "≥": (50, 51), "∣": (50, 51),
    "+": (65, 66), "-": (65, 66), "*": (70, 71), "/": (70, 71), "%": (70, 71), "^": (76, 75),
}  # fmt: skip
_KEYWORDS = frozenset(
    {"if", "then", "else", "fun", "let", "have", "match", "with", "do", "from", "show", "by"}
)
RELATIONS = frozenset({"=", "≠", "<", "≤", ">", "≥", "∣"})


@dataclass(frozen=True, slots=True)
class Term:
    """A term: `op` is "num", "var", "app", "cast", "neg", "∀", "∃", "¬" or a binary operator.

    `name` holds the digits, the variable or the bound variable. A quantifier's arguments are its type (a
    `var` term, or an empty `var`) and its body; an application's are the function and its arguments.
    """

    op: str
    args: tuple[Term, ...] = ()
    name: str = ""

    def __str__(self) -> str:
        return show(self)


class ParseError(ValueError):
    """The text is outside the language of this parser."""


def num(value: int) -> Term:
    """Return the literal of an integer (a negative one becomes a negation)."""
    return Term("num", name=str(value)) if value >= 0 else Term("neg", (num(-value),))


def var(name: str) -> Term:
    """Return the variable or constant `name`."""
    return Term("var", name=name)


def parse(text: str) -> Term | None:
    """Parse `text`; None outside the language of this parser."""
    try:
        return _Parser(text).whole()
    except ParseError:
        return None


class _Parser:
    """A Pratt parser over the tokens of one term."""

    def __init__(self, text: str) -> None:
        self.tokens: list[str] = []
        self.depth = 0
        at = 0
        text = text.rstrip()
        while at < len(text):
            found = _TOKEN.match(text, at)
            if not found or len(self.tokens) >= MOST_TOKENS:
                raise ParseError(text[at : at + 20])
            self.tokens.append(found.group().strip())
            at = found.end()
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, expected: str | None = None) -> str:
        token = self.peek()
        if not token or (expected is not None and token != expected):
            raise ParseError(f"expected {expected!r}, found {token!r}")
        self.at += 1
        return token

    def whole(self) -> Term:
        term = self.term(0)
        if self.peek() or _deep(term):
            raise ParseError(self.peek() or "too deep")
        return term

    def term(self, power: int) -> Term:
        self.depth += 1
        if self.depth > MOST_DEPTH:
            raise ParseError("too deep")
        try:
            return self.operation(power)
        finally:
            self.depth -= 1

    def operation(self, power: int) -> Term:
        left = self.prefix()
        while True:
            operator = self.peek()
            binding = _BINARY.get(operator)
            if binding is None or binding[0] < power:
                return left
            self.take()
            left = Term(operator, (left, self.term(binding[1])))

    def prefix(self) -> Term:
        token = self.peek()
        if token == "¬":
            self.take()
            return Term("¬", (self.term(40),))
        if token == "-":
            self.take()
            return Term("neg", (self.term(75),))
        if token in ("∀", "∃"):
            return self.quantifier()
        return self.application()

    def application(self) -> Term:
        head = self.atom()
        while self.peek().startswith("."):  # `(n + 7).gcd`
            head = Term("app", (var(self.take()), head))
        arguments = []
        while self.starts_atom():
            argument = self.atom()
            while self.peek().startswith("."):
                argument = Term("app", (var(self.take()), argument))
            arguments.append(argument)
        if not arguments:
            return head
        if head.op == "app" and head.args[0].name.startswith(
            "."
        ):  # `n.gcd m`: the head has its first argument
            return Term("app", head.args + tuple(arguments))
        return Term("app", (head, *arguments))

    def starts_atom(self) -> bool:
        token = self.peek()
        return token in ("(", "↑") or (
            bool(token) and (token[0].isalnum() or token[0] == "_" or token[0] in "ℕℤℝℚ")
        )

    def atom(self) -> Term:
        token = self.take()
        if token in _KEYWORDS:
            raise ParseError(token)
        if token.isdigit():
            return Term("num", name=token)
        if token == "↑":
            return Term("cast", (self.atom(),))
        if token == "(":
            inner = self.term(0)
            if self.peek() == ":":  # a type ascription
                self.take()
                self.term(0)
            self.take(")")
            return inner
        if token[0].isalpha() or token[0] == "_":
            return _field(token)
        raise ParseError(token)

    def quantifier(self) -> Term:
        quantifier = self.take()
        binders: list[tuple[str, Term]] = []
        guards: list[Term] = []
        while True:
            if self.peek() == "(":
                self.take()
                names = self.names()
                self.take(":")
                kind = self.term(0)
                self.take(")")
                binders += [(name, kind) for name in names]
            else:
                names = self.names()
                kind = var("")
                if self.peek() == ":":
                    self.take()
                    kind = self.term(0)
                elif self.peek() in RELATIONS and len(names) == 1:
                    relation = self.take()
                    guards.append(Term(relation, (var(names[0]), self.term(51))))
                binders += [(name, kind) for name in names]
            if self.peek() == ",":
                self.take()
                break
        body = self.term(0)
        for guard in reversed(guards):
            body = Term("→" if quantifier == "∀" else "∧", (guard, body))
        for name, kind in reversed(binders):
            body = Term(quantifier, (kind, body), name)
        return body

    def names(self) -> list[str]:
        names = []
        while self.peek() and (self.peek()[0].isalpha() or self.peek()[0] == "_"):
            names.append(self.take())
        if not names:
            raise ParseError("a binder without a name")
        return names


def _field(token: str) -> Term:
    """`n.gcd` applies `.gcd` to n; `Nat.gcd` is one name."""
    if token.count(".") > MOST_DEPTH:
        raise ParseError("too deep")
    head, dot, rest = token.rpartition(".")
    if dot and head[0].islower() and not rest.isdigit():
        return Term("app", (var("." + rest), _field(head)))
    return var(token)


def _deep(term: Term) -> bool:
    """Return whether a path from the root is longer than `MOST_DEPTH`."""
    level, depth = [term], 0
    while level and depth <= MOST_DEPTH:
        level, depth = [argument for part in level for argument in part.args], depth + 1
    return bool(level)


def show(term: Term, power: int = 0) -> str:
    """Return the Lean text of `term`, with the parentheses for a place of binding power `power`."""
    match term.op:
        case "num" | "var":
            return term.name
        case "cast":
            return "↑" + show(term.args[0], 100)
        case "neg":
            return _wrap("-" + show(term.args[0], 75), power > 75)
        case "¬":
            return _wrap("¬" + show(term.args[0], 100), power > 40)
        case "∀" | "∃":
            kind, body = term.args
            typed = f" : {kind}" if kind.name else ""
            return _wrap(f"{term.op} {term.name}{typed}, {show(body)}", power > 0)
        case "app":
            head, *rest = term.args
            if head.name.startswith("."):
                first = f"({show(rest[0])})" if rest[0].op != "var" else rest[0].name
                text = " ".join([first + head.name] + [show(a, 100) for a in rest[1:]])
                return _wrap(text, power >= 100)
            return _wrap(" ".join(show(a, 100) for a in term.args), power >= 100)
    left, right = _BINARY[term.op]
    text = f"{show(term.args[0], left if left < right else left + 1)} {term.op} {show(term.args[1], right)}"
    return _wrap(text, min(left, right) < power)


def _wrap(text: str, needed: bool) -> str:
    return f"({text})" if needed else text


def subterms(term: Term) -> Iterator[Term]:
    """Yield every subterm, the outermost first."""
    todo = [term]
    while todo:
        part = todo.pop()
        yield part
        todo.extend(reversed(part.args))


def free_names(term: Term) -> set[str]:
    """Return the free names: variables, constants, functions and types."""
    if term.op == "var":
        return {term.name} if term.name else set()
    if term.op in ("∀", "∃"):
        return free_names(term.args[0]) | (free_names(term.args[1]) - {term.name})
    return set().union(*(free_names(a) for a in term.args)) if term.args else set()


def replace(term: Term, values: Mapping[str, Term]) -> Term:
    """Substitute for free variables; bound names stay, and the caller avoids capture."""
    if term.op == "var":
        return values.get(term.name, term)
    if term.op in ("∀", "∃"):
        inner = {k: v for k, v in values.items() if k != term.name}
        return Term(term.op, (term.args[0], replace(term.args[1], inner)), term.name)
    return Term(term.op, tuple(replace(a, values) for a in term.args), term.name)


def literal(term: Term) -> int | None:
    """Return the value of a literal such as `7` or `-7`; None for one too large to compute with."""
    try:
        if term.op == "num":
            return numeral(term.name)
        if term.op == "neg" and term.args[0].op == "num":
            return -numeral(term.args[0].name)
    except TooLarge:
        return None
    return None


def size(term: Term) -> int:
    """Return the number of nodes."""
    return sum(1 for _ in subterms(term))


def conjuncts(term: Term) -> Iterator[Term]:
    """Yield the parts of a conjunction, from the left."""
    if term.op == "∧":
        yield from conjuncts(term.args[0])
        yield from conjuncts(term.args[1])
    else:
        yield term
