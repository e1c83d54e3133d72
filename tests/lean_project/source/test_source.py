"""A .lean file as data: what is a hole, where commands begin, and edits that touch nothing else."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tricky import TRICKY

from stepprove.files.output_file import write_output
from stepprove.lean_project import CommandResponse, Repl
from stepprove.lean_project.source.file import (
    Edit,
    SourceError,
    apply_edits,
    changed_since,
    fill_hole,
    header_of,
    parse_source,
    read_source,
)
from stepprove.lean_project.source.lexer import tokenize

# Reading.


def refusal(path: Path, **limits: int) -> str:
    with pytest.raises(SourceError) as refused:
        read_source(path, **limits)
    return str(refused.value)


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_a_file_is_kept_to_the_byte(tmp_path: Path) -> None:
    data = "\ufefftheorem é : 1 = 1 :=\r\n\tsorry\n -- no last line feed".encode()
    source = read_source(written(tmp_path / "a.lean", data))
    assert source.data == data
    assert source.path == tmp_path / "a.lean"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path / "no.lean") == f"{tmp_path}/no.lean does not exist."


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    assert refusal(tmp_path) == f"{tmp_path} is a directory, not a Lean file."


def test_a_device_is_no_file() -> None:
    assert refusal(Path(os.devnull)) == "/dev/null is not a regular file."


def test_bytes_that_are_not_utf8_are_located(tmp_path: Path) -> None:
    path = written(tmp_path / "a.lean", b"-- one\n-- \xff\n")
    assert refusal(path) == f"{path} is not UTF-8 text: byte 10, on line 2, is 0xff."


def test_a_nul_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.lean", b"def\n\0")
    assert refusal(path) == f"{path} is not a text file: it has a NUL character on line 2."


@pytest.mark.parametrize("data", [b"", b" \n\t\r\n", b"\xef\xbb\xbf\n"])
def test_a_file_without_content_is_refused(tmp_path: Path, data: bytes) -> None:
    path = written(tmp_path / "a.lean", data)
    assert refusal(path) == f"{path} is empty."


def test_a_file_above_the_limit_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.lean", b"-" * 1001)
    assert refusal(path, max_bytes=1000) == f"{path} is larger than 0.001 MB, the most that is read."


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.lean", b"def")
    path.chmod(0)
    assert refusal(path) == f"{path} cannot be read: permission denied."


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b"])
def test_a_name_that_no_file_can_have_is_refused(name: str) -> None:
    assert "cannot be read: " in refusal(Path(name))


def test_a_change_of_the_file_is_noticed(tmp_path: Path) -> None:
    source = read_source(written(tmp_path / "a.lean", b"theorem a : 1 = 1 := sorry"))
    assert not changed_since(source)
    written(tmp_path / "a.lean", b"theorem a : 1 = 1 := sorry ")
    assert changed_since(source)
    (tmp_path / "a.lean").unlink()
    assert changed_since(source)


# Holes. The comparison with Lean itself, at the end, covers far more.


def holes(text: str) -> list[str]:
    """Each hole as line:column and kind."""
    return [f"{hole.line}:{hole.column} {hole.kind}" for hole in parse_source(text).holes]


def test_positions_are_leans() -> None:
    source = parse_source("-- 😀\r\ndef «é» := /- 😀 -/ sorry")
    hole = source.holes[0]
    assert (hole.line, hole.column) == (2, 19)
    assert source.text[hole.start : hole.end] == "sorry"
    assert source.data[hole.start_byte : hole.end_byte] == b"sorry"


@pytest.mark.parametrize(
    "text",
    [
        "-- sorry",
        "/- /- -/ sorry -/",
        "/-- sorry -/",
        "/-! sorry -/",
        "/- unterminated sorry",
        "/--/ sorry",  # documentation that goes on
        '"sorry',
        '"\\" sorry"',
        'r"\\" ++ "sorry"',
        'r##"sorry"# sorry"##',
        's!"{a} sorry"',
        "sorryAx",
        "sorry'",
        "sorry₁",
        "xsorry",
        "x.sorry",
        "sorry.x",
        "«sorry»",
        "«a b».sorry",
        "(x).sorry",
        "x.1.sorry",
        "`sorry",
        "``sorry",
        "`a.sorry",
        "`(sorry)",
        "`(tactic| · (sorry))",
        'notation "later" => sorry',
        "def admit := admit",
        "#exit sorry",
        "x#exit' sorry",  # as Lean has it
        "/- -/#exit\nsorry",
    ],
)
def test_not_a_hole(text: str) -> None:
    assert holes(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "def a := sorry",
        "def a := sorry--",
        "/- -/sorry/- -/",
        "/- / - /- -/ -/ sorry",
        "--/-\nsorry",
        "'\"' sorry '\"'",
        "'\\'' sorry '\\\\'",
        "h' sorry h'",
        '"\\\\" sorry',
        '"a\\\n  b" sorry',
        'r"\\" sorry',
        'r#"""# sorry',
        "f '' sorry ''",
        'throwError "{sorry}"',
        's!"{(sorry : Nat)}"',
        's!"{x {y := "}"}} {sorry}"',
        's!"\\{" sorry',
        '"{" sorry',
        "`(f $(sorry))",
        "(sorry)",
        "f.{u} sorry",
        "«#exit» sorry #exit",
        "-sorry",
        "2sorry",
        "a //- sorry",  # a token of Lean: no comment
        "x⁻¹'{'a'} sorry",
        "sorry.1",
    ],
)
def test_a_hole(text: str) -> None:
    assert len(holes(text)) == 1


def test_holes_know_their_declaration() -> None:
    source = parse_source(
        "#eval sorry\ntheorem a : p := sorry\nmutual\ndef b := sorry\ndef c := sorry\nend\n"
    )
    assert [hole.declaration for hole in source.holes] == [None, 0, 1, 2]
    assert [declaration.holes for declaration in source.declarations] == [(1,), (2,), (3,)]


# Header.


def test_the_header_ends_after_the_last_import() -> None:
    text = "-- top\nmodule\n\n/- -/ public import A.B\nimport all C -- why\nmeta import «D E».F\n\ndef x := 1"
    source = parse_source(text)
    assert source.imports == ("A.B", "C", "«D E».F")
    assert source.text[source.header_end :] == "\ndef x := 1"


def test_without_imports_there_is_no_header() -> None:
    assert parse_source("-- top\ndef x := 1").header == ""
    assert parse_source("/-! doc -/\nimport A").imports == ()


def test_a_byte_order_mark_is_header() -> None:
    assert parse_source("\ufeffdef x := 1").header_end == 1
    assert parse_source("\ufeffdef x := 1").header == ""
    assert parse_source("\ufeffimport Lean\ndef x := 1").header == "import Lean\n"


@given(
    st.text(alphabet=st.sampled_from("\ufeff \n-/im"), max_size=8),
    st.sampled_from(["", "import A\n", "module\nimport A\ntheorem t"]),
)
def test_the_header_alone_is_that_of_the_parsed_text(before: str, rest: str) -> None:
    assert header_of(before + rest) == parse_source(before + rest).header


# Commands.


def chunks(text: str) -> list[str]:
    return [chunk.text for chunk in parse_source(text).chunks]


def test_each_command_is_a_chunk() -> None:
    pieces = [
        "-- first\nopen Nat\n",
        "variable (n : Nat)\n\n",
        "/-! about -/\n",
        "def a := 1\nwhere\n  b := 2\ntermination_by 3\n-- between\n",
        "#check a\n",
        "@[simp] theorem c : a = 1 := by\n  rfl\n\n",
        "inductive D\n| e\nderiving Repr\n",
        "deriving instance Inhabited for D\n",
        'local notation "x" => a\n',
        "end",
    ]
    assert chunks("".join(pieces)) == pieces


def test_prefixes_stay_with_their_command() -> None:
    text = (
        "set_option a.b true in\nopen A (b) in\nvariable (c) in\n-- why\n/-- doc -/\n@[simp,\n  ext]\n"
        "protected\nnoncomputable def a := 1\n"
    )
    source = parse_source(text + 'scoped[A] infixl:65 " + " => b')
    assert [chunk.text for chunk in source.chunks] == [text, 'scoped[A] infixl:65 " + " => b']
    assert [chunk.keyword for chunk in source.chunks] == ["def", "infixl"]


def test_a_mutual_block_is_one_chunk() -> None:
    block = "mutual\ntheorem a : p := b\ntheorem b : p := a\nend\n"
    assert chunks(block + "theorem c : p := a") == [block, "theorem c : p := a"]


@pytest.mark.parametrize(
    "text",
    [
        "inductive A\n/-- one -/\n| b\n",
        "structure A where\n@[simp] x : Nat\n",
        "theorem a : p := by\nset_option a true in\nopen B in\nsimp\n",
        "def a := `(command|\ndef b := 1\n)\n",
        'def a := "\ndef b := 1\n"\n',
        "/- def\ndef b := 1 -/\n",
        "  theorem a : p := b\n  theorem b : p := a\n",
        "#exit\ndef a := 1\n",
    ],
)
def test_nothing_is_split_inside_a_command(text: str) -> None:
    assert chunks(text) == [text]


def test_a_missing_bracket_spoils_one_command() -> None:
    assert chunks("def a := (1\ntheorem b : p := sorry\n") == ["def a := (1\n", "theorem b : p := sorry\n"]


# Declarations.


def names(text: str) -> list[str | None]:
    return [declaration.full_name for declaration in parse_source(text).declarations]


def test_names_are_those_under_the_open_namespaces() -> None:
    text = """\
namespace A.B
section
theorem c : p := h
section D.E
private lemma «f g».h : p := h
end D.E
theorem _root_.i : p := h
end
end B
  instance : C := h
  instance (priority := 10) j.{u} : C := h
end A
class inductive K | l
example : p := h
mutual
def m := 1
def n := 2
end
namespace O
axiom p : q
"""
    assert names(text) == [
        *("A.B.c", "A.B.«f g».h", "i", None, "A.j", "K", None, "m", "n", "O.p"),
    ]


def test_a_declaration_tells_its_keyword_and_place() -> None:
    first, second = parse_source(
        "/-- -/\n@[x] private theorem a : p := by\n  sorry\ndef b := sorry"
    ).declarations
    assert (first.keyword, first.line, first.start, first.private, first.chunk) == ("theorem", 2, 20, True, 0)
    assert (second.keyword, second.line, second.private, second.chunk) == ("def", 4, False, 1)


@pytest.mark.parametrize(
    "text", ["#print axioms a", "attribute [instance] a", "deriving instance A for B", "`(def a := 1)"]
)
def test_not_a_declaration(text: str) -> None:
    assert names(text) == []


# Edits.


def test_overlapping_edits_are_refused() -> None:
    with pytest.raises(ValueError, match="overlap"):
        apply_edits("abcdef", [Edit(0, 3, ""), Edit(2, 4, "")])
    with pytest.raises(ValueError, match="overlap"):
        apply_edits("abcdef", [Edit(1, 1, "x"), Edit(1, 1, "y")])


@pytest.mark.parametrize("edit", [Edit(-1, 0, ""), Edit(0, 7, ""), Edit(4, 3, "")])
def test_edits_outside_the_text_are_refused(edit: Edit) -> None:
    with pytest.raises(ValueError, match="not in the text"):
        apply_edits("abcdef", [edit])


def filled(text: str, proof: str, *, term: bool = False) -> str:
    source = parse_source(text)
    return apply_edits(text, [fill_hole(source, hole, proof, term=term) for hole in source.holes])


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("theorem a : p := sorry", "theorem a : p := by omega"),
        ("theorem a : p := by sorry", "theorem a : p := by omega"),
        ("theorem a : p := by\n  sorry\n", "theorem a : p := by\n  omega\n"),
        ("theorem a : p :=\n  sorry\n", "theorem a : p :=\n  by omega\n"),
        ("theorem a : p := f sorry x", "theorem a : p := f (by omega) x"),
        ("theorem a : p := f sorry", "theorem a : p := f (by omega)"),
        ("theorem a : p := ⟨sorry, sorry⟩", "theorem a : p := ⟨by omega, by omega⟩"),
        ("theorem a : p := (sorry : p)", "theorem a : p := (by omega : p)"),
        ("theorem a : p := sorry\n  + 1", "theorem a : p := (by omega)\n  + 1"),
        ("theorem a : p := by exact sorry", "theorem a : p := by exact by omega"),
        ("theorem a : p := by\n  exact sorry <;> rfl", "theorem a : p := by\n  exact (by omega) <;> rfl"),
        ("theorem a : p := by\n  simp <;> sorry", "theorem a : p := by\n  simp <;> omega"),
        ("theorem a : p := by\n  · sorry\n  · sorry", "theorem a : p := by\n  · omega\n  · omega"),
        ("theorem a : p := fun x => sorry", "theorem a : p := fun x => by omega"),
        (
            "theorem a : p\n  | 0 => sorry\n  | n => sorry",
            "theorem a : p\n  | 0 => by omega\n  | n => by omega",
        ),
        (
            "theorem a : p := by\n  cases x with\n  | b => sorry\n  | c => exact sorry\n",
            "theorem a : p := by\n  cases x with\n  | b => omega\n  | c => exact by omega\n",
        ),
    ],
)
def test_one_tactic_in_the_place_of_a_hole(text: str, result: str) -> None:
    assert filled(text, "omega") == filled(text, "by omega") == filled(text, " by\n    omega\n") == result


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("theorem a : p := sorry", "theorem a : p := by\n  intro x\n  simp"),
        ("theorem a\n    (x : Nat) : p := sorry", "theorem a\n    (x : Nat) : p := by\n  intro x\n  simp"),
        ("theorem a : p := by\n  sorry", "theorem a : p := by\n  intro x\n  simp"),
        ("theorem a : p := by sorry", "theorem a : p := by \n  intro x\n  simp"),
        ("theorem a : p := by\n  · sorry", "theorem a : p := by\n  · intro x\n    simp"),
        (
            "theorem a : p := by\n  have h : a =\n      b := sorry\n  simp",
            "theorem a : p := by\n  have h : a =\n      b := by\n    intro x\n    simp\n  simp",
        ),
        ("theorem a : p := f sorry x", "theorem a : p := f (by\n  intro x\n  simp) x"),
        ("theorem a : p := ⟨h, sorry⟩", "theorem a : p := ⟨h, by\n  intro x\n  simp⟩"),
        ("theorem a : p := by\n  f <;> sorry", "theorem a : p := by\n  f <;> (intro x\n         simp)"),
        ("theorem a : p := by\n  (sorry)", "theorem a : p := by\n  (intro x\n   simp)"),
        ("theorem a : p := by\r\n  sorry\r\n", "theorem a : p := by\r\n  intro x\r\n  simp\r\n"),
        (
            "instance : A where\n  b := sorry\n  c := 1",
            "instance : A where\n  b := by\n    intro x\n    simp\n  c := 1",
        ),
        (
            "theorem a : p := by\n  cases h with\n  | b => sorry",
            "theorem a : p := by\n  cases h with\n  | b => \n    intro x\n    simp",
        ),
        (
            "theorem a : p := calc a = b := by sorry\n  _ = c := sorry",
            f"theorem a : p := calc a = b := by \n{' ' * 24}intro x\n{' ' * 24}simp\n"
            "  _ = c := by\n    intro x\n    simp",
        ),
    ],
)
def test_several_tactics_in_the_place_of_a_hole(text: str, result: str) -> None:
    assert filled(text, "intro x\nsimp") == filled(text, "by\r\n    intro x\r\n    simp\r\n") == result


def test_the_inner_indentation_of_a_proof_stays() -> None:
    proof = "by\n  cases h with\n  | inl h =>\n    simp\n\n  | inr h => rfl"
    assert filled("theorem a : p := by\n    sorry", proof) == (
        "theorem a : p := by\n    cases h with\n    | inl h =>\n      simp\n\n    | inr h => rfl"
    )


def test_a_string_in_a_proof_is_not_indented() -> None:
    assert filled("theorem a : p := by\n  sorry", 'exact f "\n  x"\nrfl') == (
        'theorem a : p := by\n  exact f "\n  x"\n  rfl'
    )


def test_what_could_swallow_its_surroundings_gets_brackets() -> None:
    assert filled("theorem a : p := ⟨sorry, b⟩", "cases x") == "theorem a : p := ⟨(by cases x), b⟩"
    assert filled("theorem a : p := by\n  try sorry", "a; b") == "theorem a : p := by\n  try (a; b)"
    assert filled("theorem a : p := by sorry <;> b", "a -- why") == "theorem a : p := by a <;> b"
    assert filled("theorem a : p := by sorry <;> b", "first | a | c") == (
        "theorem a : p := by (first | a | c) <;> b"
    )


def test_a_term_in_the_place_of_a_hole() -> None:
    assert filled("theorem a : p := sorry", "f x", term=True) == "theorem a : p := f x"
    assert filled("theorem a : p := g sorry", "f x", term=True) == "theorem a : p := g (f x)"
    assert filled("theorem a : p := g sorry", "rfl", term=True) == "theorem a : p := g rfl"
    assert filled("theorem a : p := by sorry", "f x", term=True) == "theorem a : p := by exact f x"


def test_an_empty_proof_fills_nothing() -> None:
    source = parse_source("theorem a : p := sorry")
    for proof in ("", " \n", "by", "-- nothing"):
        with pytest.raises(ValueError, match="without any code"):
            fill_hole(source, source.holes[0], proof)


# Properties. Texts are made of fragments with known numbers of holes.

FRAGMENTS = {
    **dict.fromkeys(
        [
            *(
                "sorry",
                "(sorry)",
                "f sorry",
                ":= sorry",
                "by sorry",
                "· sorry",
                "=> sorry",
                "⟨sorry⟩",
                "by\n  sorry",
            ),
            *(
                "@sorry",
                "sorry--sorry\n",
                "sorry/- sorry -/",
                's!"{sorry} sorry"',
                "| sorry",
                "{ sorry }",
                "[sorry]",
            ),
            *(
                "`(f $(sorry))",
                's!"{s!"{sorry}"} {"sorry"}"',
                "/- -/sorry",
                "😀sorry",
                "<;> sorry",
                "all_goals sorry",
            ),
        ],
        1,
    ),
    **dict.fromkeys(["⟨sorry, sorry⟩", "sorry; sorry", "if sorry then x else sorry"], 2),
    **dict.fromkeys(
        [
            *(
                "theorem a : p",
                "def «sorry» := 1",
                "end",
                "x.sorry",
                "sorry'",
                "h'",
                "(",
                ")",
                "{",
                "}",
                "`sorry",
                ".",
            ),
            *(
                '"sorry"',
                '"\\"sorry"',
                'r#"sorry " "#',
                "'\"'",
                "'\\''",
                "-- sorry\n",
                "/- sorry /- -/ sorry -/",
                "·",
            ),
            *(
                "/-- sorry -/",
                "/-! sorry -/",
                's!"sorry"',
                '"{ sorry"',
                "`(sorry)",
                "open A in",
                "mutual",
                "¬é₁",
                "@[x]",
            ),
            *(
                "namespace B",
                "private",
                "deriving",
                "#check x",
                "variable (x)",
                "with",
                "| a",
                "match x",
                "cases h",
            ),
            *(
                "1.5e3",
                "0x1F",
                "x.1",
                "_",
                "\\",
                "$",
                "=>",
                ";",
                "\t",
                "\r\n",
                "\n",
                "\n\n  ",
                "import A",
                "else",
                "fun",
            ),
        ],
        0,
    ),
}

lean_texts = st.lists(
    st.tuples(st.sampled_from(sorted(FRAGMENTS)), st.sampled_from([" ", "\n", "\r\n  ", "\n    "]))
).map(lambda parts: ("".join(a + b for a, b in parts), sum(FRAGMENTS[a] for a, _ in parts)))
wild_texts = st.one_of(
    st.text(),
    st.lists(st.sampled_from([*FRAGMENTS, *"«»\"'`$#{}()[]⟨⟩/-!.\\r"])).map("".join),
)


@settings(deadline=None)
@given(lean_texts)
def test_every_planted_hole_is_found_and_no_other(planted: tuple[str, int]) -> None:
    text, number = planted
    assert len(parse_source(text).holes) == number


@settings(deadline=None)
@given(st.one_of(lean_texts.map(lambda planted: planted[0]), wild_texts))
def test_the_parts_of_a_text_are_the_text(text: str) -> None:
    source = parse_source(text)
    assert source.header + "".join(chunk.text for chunk in source.chunks) == text
    tokens = source.positions.code.tokens
    assert all(left.end <= right.start for left, right in pairwise(tokens))
    for hole in source.holes:
        assert text[hole.start : hole.end] in ("sorry", "admit")
        assert text.encode()[hole.start_byte : hole.end_byte] == text[hole.start : hole.end].encode()
        assert source.chunks[hole.chunk].start <= hole.start < source.chunks[hole.chunk].end
    for declaration in source.declarations:
        assert text[declaration.start :].startswith(declaration.keyword)
        assert declaration.start < declaration.end <= source.chunks[declaration.chunk].end


@settings(deadline=None)
@given(
    lean_texts,
    st.sampled_from(["omega", "intro x\nomega", "first | a | b", "a; b", 'f "\n"\nx']),
    st.booleans(),
)
def test_filling_holes_touches_nothing_else(planted: tuple[str, int], proof: str, term: bool) -> None:
    source = parse_source(planted[0])
    edits = [fill_hole(source, hole, proof, term=term) for hole in source.holes]
    rest = apply_edits(source.text, edits)
    position = 0
    for edit in edits:
        kept = source.text[position : edit.start]
        assert rest.startswith(kept + edit.text)
        rest = rest.removeprefix(kept + edit.text)
        position = edit.end
    assert rest == source.text[position:]


@settings(deadline=None)
@given(st.text(), st.data())
def test_edits_leave_the_other_text_alone(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=8)))
    ranges = list(zip(cuts[::2], cuts[1::2], strict=False))
    result = apply_edits(text, [Edit(start, end, "\0") for start, end in reversed(ranges)])
    kept = [
        text[a:b]
        for a, b in zip([0, *(e for _, e in ranges)], [*(s for s, _ in ranges), len(text)], strict=True)
    ]
    assert result == "\0".join(kept)


@settings(deadline=None, max_examples=30)
@given(wild_texts)
def test_what_is_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "round.lean"
    write_output(path, "def " + text.replace("\0", ""))
    source = read_source(path)
    write_output(path, source.text)
    assert path.read_bytes() == source.data


# Speed.


def seconds_of(text: str, read: Callable[[str], object] = tokenize) -> float:
    """Of the processor, and of the reader alone: what else the machine does is nobody's fault here, nor what a collection of
    garbage takes to look through all that other tests have loaded."""
    gc.collect()
    gc.disable()
    try:
        started = time.process_time()
        read(text)
        return time.process_time() - started
    finally:
        gc.enable()


def test_a_megabyte_of_lean_is_read_in_two_seconds() -> None:
    text = "".join(TRICKY[name] for name in sorted(TRICKY) if name != "exit")
    text = (text * (1_000_000 // len(text) + 1))[:1_000_000]
    assert seconds_of(text) < 2
    assert seconds_of(text, parse_source) < 6


@pytest.mark.parametrize(
    "unit",
    [
        *(
            '"',
            "'",
            "(",
            "{",
            "}",
            's!"{',
            "/-",
            "«",
            "»",
            "«»",
            "`",
            "r#",
            "- ",
            "a.",
            "a.«",
            "#",
            "1.",
            "1_",
            "\\",
        ),
        *('r"', "$(", "`(", "/--", "--", "\n", "é", "sorry "),
    ],
)
def test_time_grows_with_the_text_and_not_with_its_square(unit: str) -> None:
    short, long = unit * (50_000 // len(unit)), unit * (400_000 // len(unit))
    assert seconds_of(long) < 24 * max(seconds_of(short), 0.01)  # the square would be 64 times


# Lean's own word.


def answer_to(repl: Repl, text: str) -> CommandResponse:
    answer = repl.command(text)
    assert isinstance(answer, CommandResponse)
    return answer


@pytest.mark.parametrize("name", TRICKY)
def test_holes_are_where_lean_finds_them(repl: Repl, name: str) -> None:
    source = parse_source(TRICKY[name])
    answer = answer_to(repl, source.text)
    assert not answer.errors
    found = {(sorry.pos.line, sorry.pos.column) for sorry in answer.sorries if sorry.pos}
    assert [(hole.line, hole.column) for hole in source.holes] == sorted(found)


@pytest.mark.parametrize("name", TRICKY)
def test_chunks_elaborate_one_by_one(repl: Repl, name: str) -> None:
    env = None
    for chunk in parse_source(TRICKY[name]).chunks:
        answer = repl.command(chunk.text, env)
        assert isinstance(answer, CommandResponse)
        assert not answer.errors
        env = answer.env


@pytest.mark.parametrize(
    "proof", ["have h₀ := trivial; sorry", "have h₀ := trivial\nsorry", "first | fail | sorry"]
)
@pytest.mark.parametrize("name", TRICKY)
def test_filled_holes_elaborate(repl: Repl, name: str, proof: str) -> None:
    assert not answer_to(repl, filled(TRICKY[name], proof)).errors
