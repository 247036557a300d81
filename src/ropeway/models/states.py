"""What a model version can be, and which moves lead from one state to another.

    candidate ──gate──▶ validated ──approve──▶ approved ──promote──▶ live
        │  ▲───gate fails───┘ │  ▲──────gate─────┘ │  ▲                │
        │                     │                    │  └────replaced────┘
        └──────reject─────────┘                    └──retire──▶ retired

`LEGAL` is the whole truth; the drawing leaves out the rarer arrows. The rules that it holds:

- A version is live exactly while an environment points to it. When another one takes its last environment, it
  is approved again, so that going back is one more `promote`, with nothing to prove anew.
- What is live cannot be retired: another version takes its place first. Only a recall takes a live version
  out of its environments and leaves them empty, since what does harm must go at once.
- The gate may look again at what is validated or approved (charter or champion may be another one by then).
  That takes an approval back, since it rested on the former evidence; failing makes it a candidate again.
- Rejected and recalled are final. The same content registered again is the same version: its verdict stands.
"""

from enum import StrEnum
from typing import NamedTuple

from ropeway.models.errors import IllegalTransition


class State(StrEnum):
    """Where a model version stands."""

    CANDIDATE = "candidate"
    VALIDATED = "validated"
    APPROVED = "approved"
    LIVE = "live"
    RETIRED = "retired"
    REJECTED = "rejected"
    RECALLED = "recalled"


class Move(StrEnum):
    """What can be done with a model version; also the word of the command."""

    GATE = "gate"
    APPROVE = "approve"
    PROMOTE = "promote"
    REJECT = "reject"
    RETIRE = "retire"
    RECALL = "recall"


class Arrow(NamedTuple):
    """One legal move: from where, by what, to where."""

    before: State
    move: Move
    after: State


LEGAL: tuple[Arrow, ...] = (
    Arrow(State.CANDIDATE, Move.GATE, State.VALIDATED),
    Arrow(State.CANDIDATE, Move.REJECT, State.REJECTED),
    Arrow(State.CANDIDATE, Move.RETIRE, State.RETIRED),
    Arrow(State.VALIDATED, Move.GATE, State.VALIDATED),
    Arrow(State.VALIDATED, Move.APPROVE, State.APPROVED),
    Arrow(State.VALIDATED, Move.REJECT, State.REJECTED),
    Arrow(State.VALIDATED, Move.RETIRE, State.RETIRED),
    Arrow(State.APPROVED, Move.GATE, State.VALIDATED),
    Arrow(State.APPROVED, Move.PROMOTE, State.LIVE),
    Arrow(State.APPROVED, Move.RETIRE, State.RETIRED),
    Arrow(State.APPROVED, Move.RECALL, State.RECALLED),
    Arrow(State.LIVE, Move.PROMOTE, State.LIVE),
    Arrow(State.LIVE, Move.RECALL, State.RECALLED),
    Arrow(State.RETIRED, Move.RECALL, State.RECALLED),
)

AFTER_FAILED_GATE = State.CANDIDATE
AFTER_REPLACED = State.APPROVED


def moves_from(state: State) -> list[Move]:
    """The moves that are legal now, in the order of the table."""
    return [arrow.move for arrow in LEGAL if arrow.before is state]


def after(ref: str, state: State, move: Move) -> State:
    """The state that a move leads to.

    Raises:
        IllegalTransition: the table has no such arrow; the error names the legal moves.

    Example:
        >>> after("sentiment@1", State.VALIDATED, Move.APPROVE)
        <State.APPROVED: 'approved'>
    """
    for arrow in LEGAL:
        if arrow.before is state and arrow.move is move:
            return arrow.after
    needed = [arrow.before.value for arrow in LEGAL if arrow.move is move]
    raise IllegalTransition(ref, state.value, move.value, [m.value for m in moves_from(state)], needed)
