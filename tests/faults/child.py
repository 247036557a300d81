"""The process that is killed: does one operation over and over, and says what it has done.

Run as `python -m tests.faults.child`, never imported by tests.
"""

import sys
from pathlib import Path

import msgspec
from tests.faults import careless, probes
from tests.faults.board import Board, Phase
from tests.faults.catalogue import OPERATIONS
from tests.faults.story import Story

from ropeway.workspace import LocalWorkspace


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """What the parent wants of one child.

    Attributes:
        deadly: the phase and the crossing at which the child kills itself; None to leave that to the parent.
        limit: how many operations at most; the child then ends by itself.
        is_careless: whether it never waits for the disk: the control of the power cuts.
    """

    operation: str
    root: str
    board: str
    story: str
    tokens: str
    limit: int
    deadly: tuple[int, int] | None = None
    is_careless: bool = False


def main(orders: Orders) -> None:
    """Work until killed, or until the limit."""
    story, board = Story(Path(orders.story)), Board(Path(orders.board))
    operation = OPERATIONS[orders.operation]()
    if orders.is_careless:
        careless.forget_the_disk()
    probes.install(board)
    if orders.deadly is not None:
        board.die_at(Phase(orders.deadly[0]), orders.deadly[1])
    with LocalWorkspace(Path(orders.root), actor="ana") as workspace, operation.working(workspace) as act:
        board.enter(Phase.OUTSIDE)
        for number in range(orders.limit):
            token = f"{orders.tokens}-{number}"
            story.begin(token)
            with board.inside(Phase.COMPUTING):
                answer = act(token)
            story.acknowledge(token, answer)


if __name__ == "__main__":
    main(msgspec.json.decode(sys.argv[1], type=Orders))
