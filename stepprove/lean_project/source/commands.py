"""The commands of a Lean file, read from its text alone: header, chunks, declarations.

A chunk starts only at column 0, where a command certainly starts; an indented command stays in the chunk before it. A chunk may
hold several of Lean's commands, but never a part of one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from stepprove.lean_project.source.lexer import Code, Token

__all__ = [
    "DECLARING",
    "NOTATIONS",
    "PREFIXES",
    "Chunk",
    "Declaration",
    "Header",
    "find_declarations",
    "read_header",
    "split_commands",
]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_MODIFIERS = _words("private protected public meta noncomputable unsafe partial nonrec local scoped")
DECLARING = _words(
    """abbrev axiom class coinductive def example inductive instance irreducible_def lemma opaque structure
    theorem"""
)
NOTATIONS = _words("infix infixl infixr notation notation3 postfix prefix")
"""Commands whose right-hand side Lean does not elaborate at once."""
PREFIXES = _words("attribute include omit open set_option universe variable")
"""Commands that become a prefix of another one by a final `in`."""
_OTHER = _words(
    """add_decl_doc alias binder_predicate builtin_dsimproc builtin_initialize builtin_simproc
    declare_syntax_cat deriving dsimproc dsimproc_decl elab elab_rules end export grind_pattern init_quot
    initialize initialize_simps_projections library_note macro macro_rules mutual namespace proof_wanted
    register_builtin_option register_label_attr register_option register_simp_attr run_cmd run_elab run_meta
    seal section simproc simproc_decl suppress_compilation syntax unif_hint unseal"""
)
_COMMANDS = DECLARING | NOTATIONS | PREFIXES | _OTHER
_STARTS = _COMMANDS | _MODIFIERS
_ENDS_DECLARATION = NOTATIONS | _words("end macro macro_rules mutual namespace section syntax variable")


@dataclass(frozen=True, slots=True)
class Header:
    """The text before the first command: `module`, `prelude`, imports, and the comments among them."""

    end: int
    """The offset at which the body starts."""
    imports: tuple[str, ...]
    """The imported modules, in order, as written."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A run of whole commands, most often one."""

    index: int
    start: int
    """In code points from the start of the file."""
    end: int
    line: int
    """The line of `start`, from 1."""
    keyword: str | None
    """The command's keyword, after all modifiers; None for text before the first command."""
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Namespace:
    """The open namespaces at a point of a text, as a node in the tree of all its namespaces."""

    tree: list[tuple[int | None, str]]
    """Each part of a namespace's name with the index of its parent, which precedes it: one list for the whole text."""
    at: int

    def parts(self) -> list[str]:
        """The parts of the whole name, the outermost first."""
        names: list[str] = []
        at: int | None = self.at
        while at is not None:
            at, part = self.tree[at]
            names.append(part)
        return names[::-1]


@dataclass(frozen=True, slots=True)
class Declaration:
    """A declaration as written; Lean may derive more from it (constructors, projections, instances)."""

    index: int
    keyword: str
    name: str | None
    """As written; None for an `example` or an instance without a name."""
    namespace: Namespace | None = field(compare=False, repr=False)
    """The open namespaces; None: the root. `full_name` is computed on demand: a thousand names under a thousand namespaces have a
    million parts."""
    private: bool
    chunk: int
    start: int
    """The offset of the keyword."""
    line: int
    """The line of the keyword, from 1."""
    end: int
    """The offset of the next declaration, of a command that ends this one, or of the next chunk."""
    holes: tuple[int, ...] = ()
    """The indices of its holes."""

    @property
    def full_name(self) -> str | None:
        """The name with its namespaces, « and » as written."""
        if self.name is None or self.name.startswith("_root_."):
            return self.name and self.name.removeprefix("_root_.")
        return ".".join([*(self.namespace.parts() if self.namespace else ()), self.name])


def read_header(code: Code) -> Header:
    """Find the header. A byte order mark belongs to it."""
    tokens, index, imports = code.tokens, 0, []

    def word(offset: int) -> str | None:
        at = index + offset
        return tokens[at].text if at < len(tokens) and tokens[at].kind == "word" else None

    for opening in ("module", "prelude"):
        if word(0) == opening:
            index += 1
    while True:
        length = 0
        for modifier in ("public", "meta"):
            length += word(length) == modifier
        if word(length) != "import":
            break
        length += 1
        length += word(length) == "all" and word(length + 1) is not None
        name = word(length)
        if name is None:
            break
        imports.append(name)
        index += length + 1
    end = tokens[index - 1].end if index else code.line_starts[0]
    rest = re.compile(r"[ \t\r]*\n").match(code.text, end) if index else None
    return Header(rest.end() if rest else end, tuple(imports))


def split_commands(code: Code, start: int) -> list[Chunk]:
    """Split the text from an offset to its end into chunks; together they are that text."""
    text, tokens = code.text, code.tokens
    bounds: list[int] = []
    keywords: list[str | None] = []
    consumed = -1  # tokens up to here belong to an earlier command
    in_mutual = False
    for index, token in enumerate(tokens):
        if token.start < start:
            continue
        if in_mutual:
            in_mutual = not (token.kind == "word" and token.text == "end" and token.depth == 0)
            continue
        at_margin = token.start == start or text[token.start - 1] == "\n"
        if token.depth or index <= consumed or not at_margin or not _may_start(token):
            continue
        if index and tokens[index - 1].text == "in" and tokens[index - 1].kind == "word":
            continue
        main, consumed = _command_at(tokens, index)
        if main is not None:
            bounds.append(token.start)
            keywords.append(tokens[main].text or None)
            in_mutual = tokens[main].text == "mutual"
    if not bounds or bounds[0] > start:
        if bounds and not any(start <= token.start < bounds[0] for token in tokens[: consumed + 1]):
            bounds[0] = start  # nothing but space and comments before the first command
        else:
            bounds.insert(0, start)
            keywords.insert(0, None)
    ends = [*bounds[1:], len(text)]
    return [
        Chunk(index, begin, end, code.position(begin)[0], keyword, text[begin:end])
        for index, (begin, end, keyword) in enumerate(zip(bounds, ends, keywords, strict=True))
        if begin < end
    ]


def _may_start(token: Token) -> bool:
    """Whether a command could start with this token; `_command_at` looks further."""
    if token.kind == "word":
        return token.text in _COMMANDS or token.text in _MODIFIERS
    return token.kind in ("doc", "moduledoc", "hash") or token.text == "@"


def _command_at(tokens: list[Token], index: int) -> tuple[int | None, int]:
    """Find the command that starts at a token, past its prefixes.

    Returns:
        The index of the command's keyword, or None if there is no command; and the index of the last token read.
    """
    start = index
    while index < len(tokens):
        token = tokens[index]
        following = tokens[index + 1] if index + 1 < len(tokens) else None
        if token.kind == "doc" or (token.kind == "word" and token.text in _MODIFIERS):
            index += 1
        elif token.text == "@" and following is not None and following.text == "[":
            index = _after_bracket(tokens, index + 1)
        elif token.text == "[" and index > start and tokens[index - 1].text == "scoped":
            index = _after_bracket(tokens, index)
        elif token.kind in ("hash", "moduledoc"):
            return index, index
        elif token.kind != "word" or token.text not in _COMMANDS:
            break
        elif token.text == "deriving" and (following is None or following.text != "instance"):
            break  # the end of the declaration before
        elif token.text in PREFIXES and (last := _final_in(tokens, index)) is not None:
            index = last + 1
        else:
            return index, index
    return None, index


def _after_bracket(tokens: list[Token], index: int) -> int:
    """The index after the bracket that closes the one at an index."""
    depth = tokens[index].depth
    index += 1
    while index < len(tokens) and tokens[index].depth > depth:
        index += 1
    return index + 1


def _final_in(tokens: list[Token], index: int) -> int | None:
    """The index of the `in` that makes the command at an index a prefix of the next one."""
    depth = tokens[index].depth
    for at in range(index + 1, len(tokens)):
        token = tokens[at]
        if token.depth > depth:
            continue
        if token.kind == "word" and token.text == "in":
            return at
        if token.kind in ("doc", "moduledoc", "hash") or token.text in (":=", "@"):
            return None
        if token.kind == "word" and token.text in _STARTS and token.text != "scoped":
            return None  # `open scoped A in` has that word after its own
    return None


@dataclass
class _Scopes:
    """The namespaces, sections and mutual blocks open at a point."""

    open: list[Namespace | None] = field(default_factory=list)
    """The namespace inside each part of the name of each open scope."""
    tree: list[tuple[int | None, str]] = field(default_factory=list)

    @property
    def namespace(self) -> Namespace | None:
        """The innermost namespace."""
        return self.open[-1] if self.open else None

    def enter(self, name: str | None, *, namespace: bool) -> None:
        """Open a namespace or a section."""
        for part in split_name(name) if name else [""]:
            inside = self.namespace
            if namespace:
                self.tree.append((None if inside is None else inside.at, part))
                inside = Namespace(self.tree, len(self.tree) - 1)
            self.open.append(inside)

    def leave(self, name: str | None) -> None:
        """Close the scopes that an `end` closes."""
        count = len(split_name(name)) if name else 1
        del self.open[max(0, len(self.open) - count) :]


def split_name(name: str) -> list[str]:
    """The parts of a name as written: `a.«b.c»` has two."""
    return re.findall(r"«[^»]*»|[^.]+", name)


def find_declarations(code: Code, chunks: list[Chunk]) -> list[Declaration]:
    """Find the declarations in the chunks of a body."""
    tokens = code.tokens
    scopes = _Scopes()
    declarations: list[Declaration] = []
    ends: list[int] = []
    number = -1  # of the chunk
    for index, token in enumerate(tokens):
        while number + 1 < len(chunks) and token.start >= chunks[number + 1].start:
            number += 1
            _end_last(declarations, ends, chunks[number].start)
        if token.depth or token.kind != "word" or number < 0:
            continue
        keyword = token.text
        following = tokens[index + 1] if index + 1 < len(tokens) else None
        if keyword in DECLARING:
            if index and tokens[index - 1].text in ("deriving", "class"):
                continue
            _end_last(declarations, ends, token.start)
            name = _declared_name(tokens, index)
            declarations.append(
                Declaration(
                    index=len(declarations),
                    keyword=keyword,
                    name=name,
                    namespace=scopes.namespace,
                    private=_is_private(tokens, index),
                    chunk=number,
                    start=token.start,
                    line=code.position(token.start)[0],
                    end=0,
                )
            )
        elif keyword in _ENDS_DECLARATION:
            _end_last(declarations, ends, token.start)
            on_line = following is not None and not code.begins_line(index + 1) and following.kind == "word"
            name = following.text if following and on_line and following.text not in _COMMANDS else None
            if keyword == "namespace":
                scopes.enter(
                    following.text if following and following.kind == "word" else None, namespace=True
                )
            elif keyword == "section" or keyword == "mutual":
                scopes.enter(name if keyword == "section" else None, namespace=False)
            elif keyword == "end":
                scopes.leave(name)
    _end_last(declarations, ends, len(code.text))
    return [replace(declaration, end=end) for declaration, end in zip(declarations, ends, strict=True)]


def _end_last(declarations: list[Declaration], ends: list[int], at: int) -> None:
    """Record the end of the last declaration, unless it is recorded already."""
    if len(ends) < len(declarations):
        ends.append(at)


def _declared_name(tokens: list[Token], index: int) -> str | None:
    """The name after a declaration's keyword."""
    keyword = tokens[index].text
    index += 1
    if keyword == "example" or index >= len(tokens):
        return None
    if keyword == "class" and tokens[index].text in ("abbrev", "inductive"):
        index += 1
    opened = tokens[index : index + 2]
    if keyword == "instance" and [token.text for token in opened] == ["(", "priority"]:
        index = _after_bracket(tokens, index)
    if index < len(tokens) and tokens[index].kind == "word":
        return tokens[index].text
    return None


def _is_private(tokens: list[Token], index: int) -> bool:
    """Whether `private` is among the modifiers before a keyword."""
    index -= 1
    while index >= 0 and tokens[index].kind == "word" and tokens[index].text in _MODIFIERS:
        if tokens[index].text == "private":
            return True
        index -= 1
    return False
