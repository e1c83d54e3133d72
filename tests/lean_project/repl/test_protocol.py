"""The REPL's JSON as models: upstream's own goldens survive a round trip, and forks do not break it."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepprove.lean_project.repl.protocol import (
    Command,
    CommandResponse,
    ErrorResponse,
    FileCommand,
    Message,
    PickleEnvironment,
    PickleProofState,
    Position,
    ProofStep,
    ProofStepResponse,
    Sorry,
    StateId,
    UnpickleEnvironment,
    UnpickleProofState,
    read_request,
    read_response,
)

GOLDENS = [
    Path(folder)
    for folder in os.environ.get(
        "STEPPROVE_REPL_GOLDEN", str(Path(__file__).parents[2] / "data" / "repl_golden")
    ).split(os.pathsep)
]


def goldens(pattern: str) -> list[Path]:
    """Upstream's test files; STEPPROVE_REPL_GOLDEN names other folders, such as `test` of a checkout."""
    files = [file for folder in GOLDENS for file in sorted(folder.rglob(pattern))]
    if not files:
        pytest.skip("the REPL's golden tests are not here (STEPPROVE_REPL_GOLDEN names their folder)")
    return files


def blocks(file: Path) -> Iterator[dict[str, Any]]:
    """Read a golden file as upstream's main loop does: blank lines separate, trailing white space goes."""
    text = "\n".join(line.rstrip() for line in file.read_text().splitlines())
    for block in text.split("\n\n"):
        joined = block.replace("\n", "") if file.suffix == ".in" else block
        if joined.strip() and not joined.startswith(("#", "--")):
            yield json.loads(joined)


def test_every_golden_answer_survives_reading_and_writing() -> None:
    count = 0
    for file in goldens("*.expected.out"):
        for wire in blocks(file):
            response = read_response(wire)
            assert response.to_wire() == wire, file.name
            assert not response.model_extra, file.name
            count += 1
    assert count >= len(goldens("*.expected.out"))


def test_every_golden_request_survives_reading_and_writing() -> None:
    for file in goldens("*.in"):
        for wire in blocks(file):
            assert read_request(wire).to_wire() == wire, file.name


def test_a_command_is_written_without_the_options_that_it_does_not_set() -> None:
    assert Command(cmd="#eval 1").to_wire() == {"cmd": "#eval 1"}


def test_a_command_is_written_in_camel_case() -> None:
    command = Command(cmd="x", env=2, all_tactics=True, root_goals=False, infotree="full")
    assert command.to_wire() == {
        "cmd": "x",
        "env": 2,
        "allTactics": True,
        "rootGoals": False,
        "infotree": "full",
    }


@pytest.mark.parametrize(
    ("wire", "model"),
    [
        ({"cmd": "x"}, Command),
        ({"path": "a.lean"}, FileCommand),
        ({"proofState": 0, "tactic": "rfl"}, ProofStep),
        ({"env": 0, "pickleTo": "a"}, PickleEnvironment),
        ({"unpickleEnvFrom": "a"}, UnpickleEnvironment),
        ({"proofState": 0, "pickleTo": "a"}, PickleProofState),
        ({"unpickleProofStateFrom": "a", "env": 1}, UnpickleProofState),
        # Upstream's order decides where an object has the fields of two.
        ({"cmd": "x", "proofState": 0, "tactic": "rfl"}, ProofStep),
        ({"cmd": "x", "path": "a.lean"}, Command),
    ],
)
def test_a_request_is_told_by_its_fields(wire: dict[str, Any], model: type) -> None:
    assert type(read_request(wire)) is model


def test_an_object_that_is_no_request_is_refused() -> None:
    with pytest.raises(ValueError, match=r"not a request of the Lean REPL.*\['tactic'\]"):
        read_request({"tactic": "rfl"})


def test_a_negative_state_number_is_refused() -> None:
    with pytest.raises(ValueError, match="greater than or equal to 0"):
        Command(cmd="x", env=-1)


@pytest.mark.parametrize(
    ("wire", "model"),
    [
        ({"env": 0}, CommandResponse),
        ({"proofState": 0, "goals": [], "proofStatus": "Completed"}, ProofStepResponse),
        ({"message": "Unknown environment."}, ErrorResponse),
    ],
)
def test_an_answer_is_told_by_its_fields(wire: dict[str, Any], model: type) -> None:
    assert type(read_response(wire)) is model


def test_an_object_that_is_no_answer_is_refused() -> None:
    with pytest.raises(ValueError, match="not an answer of the Lean REPL"):
        read_response({"ready": True})


def test_an_answer_without_a_required_field_is_refused() -> None:
    with pytest.raises(ValueError, match="goals"):
        read_response({"proofState": 0, "proofStatus": "Completed"})


def test_empty_lists_are_left_out_as_upstream_leaves_them_out() -> None:
    assert CommandResponse(env=3).to_wire() == {"env": 3}
    step = ProofStepResponse(proof_state=1, goals=(), proof_status="Completed")
    assert step.to_wire() == {"proofState": 1, "goals": [], "proofStatus": "Completed"}


def test_a_sorry_of_a_tactic_step_has_no_position() -> None:
    sorry = Sorry.model_validate({"goal": "⊢ False", "proofState": 4})
    assert (sorry.pos, sorry.end_pos) == (None, None)
    assert sorry.to_wire() == {"goal": "⊢ False", "proofState": 4}


def test_a_sorry_without_a_proof_state_says_so_as_upstream_does() -> None:
    wire = {"goal": "⊢ False", "proofState": None}
    assert Sorry.model_validate(wire).to_wire() == wire


def test_an_unknown_field_of_a_newer_repl_is_kept() -> None:
    wire = {"env": 0, "time": 0.25, "messages": [message("info") | {"kind": "linter"}]}
    response = read_response(wire)
    assert isinstance(response, CommandResponse)
    assert response.model_extra == {"time": 0.25}
    assert response.messages[0].model_extra == {"kind": "linter"}
    assert response.to_wire() == wire


def message(severity: str) -> dict[str, Any]:
    return {"severity": severity, "pos": {"line": 1, "column": 0}, "data": "text"}


@pytest.mark.parametrize("severity", ["trace", "info", "warning", "error"])
def test_upstreams_severities_are_accepted(severity: str) -> None:
    assert Message.model_validate(message(severity)).severity == severity


def test_information_is_another_word_for_info() -> None:
    assert Message.model_validate(message("information")).severity == "info"


def test_a_severity_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="severity"):
        Message.model_validate(message("catastrophe"))


def test_errors_are_the_messages_of_that_severity() -> None:
    response = read_response({"env": 0, "messages": [message("warning"), message("error")]})
    assert isinstance(response, CommandResponse)
    assert response.has_errors
    assert [error.severity for error in response.errors] == ["error"]


def test_warnings_are_no_errors() -> None:
    response = read_response({"env": 0, "messages": [message("warning")]})
    assert isinstance(response, CommandResponse)
    assert not response.has_errors
    assert response.errors == ()


@pytest.mark.parametrize(
    ("status", "completed"),
    [("Completed", True), ("Incomplete: contains sorry", False), ("Error: Goal not assigned", False)],
)
def test_a_proof_is_complete_when_the_status_says_exactly_that(status: str, completed: bool) -> None:
    step = ProofStepResponse(proof_state=0, goals=(), proof_status=status)
    assert step.completed is completed


def test_answers_cannot_be_changed() -> None:
    position = Position(line=1, column=0)
    with pytest.raises(ValueError, match="frozen"):
        position.line = 2


def test_a_state_number_remembers_its_process() -> None:
    response = read_response({"env": 3, "sorries": [{"goal": "⊢ 1 = 1", "proofState": 5}]}, process=7)
    assert isinstance(response, CommandResponse)
    states = [response.env, response.sorries[0].proof_state]
    assert states == [3, 5]
    assert [state.process for state in states if isinstance(state, StateId)] == [7, 7]


def test_a_state_number_keeps_its_process_in_a_request() -> None:
    command = Command(cmd="x", env=StateId(3, process=7))
    assert isinstance(command.env, StateId)
    assert command.env.process == 7
    assert json.dumps(command.to_wire()) == '{"env": 3, "cmd": "x"}'


def test_a_state_number_survives_pickling() -> None:
    copy = pickle.loads(pickle.dumps(StateId(3, process=7)))
    assert (copy, copy.process) == (3, 7)


naturals = st.integers(min_value=0, max_value=2**40)
positions = st.fixed_dictionaries({"line": naturals, "column": naturals})
messages = st.fixed_dictionaries(
    {"severity": st.sampled_from(["trace", "info", "warning", "error"]), "pos": positions, "data": st.text()},
    optional={"endPos": positions},
)
sorries = st.fixed_dictionaries(
    {"goal": st.text(), "proofState": st.none() | naturals}, optional={"pos": positions, "endPos": positions}
)
tactics = st.fixed_dictionaries(
    {
        "pos": positions,
        "endPos": positions,
        "goals": st.text(),
        "tactic": st.text(),
        "usedConstants": st.lists(st.text(), max_size=2),
    },
    optional={"proofState": naturals},
)
json_values = st.recursive(
    st.booleans() | naturals | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)
command_responses = st.fixed_dictionaries(
    {"env": naturals},
    optional={
        "messages": st.lists(messages, min_size=1, max_size=3),
        "sorries": st.lists(sorries, min_size=1, max_size=3),
        "tactics": st.lists(tactics, min_size=1, max_size=3),
        "infotree": st.lists(json_values, min_size=1, max_size=3),
    },
)
step_responses = st.fixed_dictionaries(
    {"proofState": naturals, "goals": st.lists(st.text(), max_size=3), "proofStatus": st.text()},
    optional={
        "messages": st.lists(messages, min_size=1, max_size=3),
        "sorries": st.lists(sorries, min_size=1, max_size=3),
        "traces": st.lists(st.text(), min_size=1, max_size=3),
    },
)


@given(command_responses | step_responses)
def test_any_answer_that_upstream_can_print_survives_reading_and_writing(wire: dict[str, Any]) -> None:
    assert read_response(wire).to_wire() == wire
