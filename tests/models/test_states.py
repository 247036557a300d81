import pytest

from ropeway.models.errors import IllegalTransition
from ropeway.models.states import LEGAL, Move, State, after, moves_from


def test_the_straight_way_leads_from_candidate_to_live():
    state = State.CANDIDATE
    for move in (Move.GATE, Move.APPROVE, Move.PROMOTE):
        state = after("sentiment@1", state, move)
    assert state is State.LIVE


def test_every_pair_that_the_table_does_not_name_is_refused_with_the_legal_moves():
    legal = {(arrow.before, arrow.move) for arrow in LEGAL}
    refused = [(state, move) for state in State for move in Move if (state, move) not in legal]
    assert len(refused) == len(State) * len(Move) - len(LEGAL)
    for state, move in refused:
        with pytest.raises(IllegalTransition, match=f"Cannot {move} 'm@1': it is {state}") as caught:
            after("m@1", state, move)
        assert caught.value.facts["legal"] == [legal.value for legal in moves_from(state)]


def test_no_arrow_is_drawn_twice():
    assert len({(arrow.before, arrow.move) for arrow in LEGAL}) == len(LEGAL)


def test_nothing_leads_out_of_rejected_and_recalled():
    assert moves_from(State.REJECTED) == moves_from(State.RECALLED) == []
    with pytest.raises(IllegalTransition, match="Legal from rejected: none: this state is final"):
        after("m@1", State.REJECTED, Move.APPROVE)


def test_what_is_live_is_not_retired_and_the_error_says_what_to_do():
    with pytest.raises(IllegalTransition, match="promote another version in its place first: ropeway model"):
        after("m@1", State.LIVE, Move.RETIRE)


@pytest.mark.parametrize(
    ("state", "move", "command"),
    [
        (State.CANDIDATE, Move.PROMOTE, "ropeway gate m@1"),
        (State.VALIDATED, Move.PROMOTE, "ropeway model approve m@1"),
        (State.APPROVED, Move.APPROVE, "ropeway model promote m@1"),
    ],
)
def test_a_refusal_names_the_command_that_leads_onwards(state: State, move: Move, command: str):
    with pytest.raises(IllegalTransition) as caught:
        after("m@1", state, move)
    assert caught.value.next_step == command
