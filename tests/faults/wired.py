"""A real `ropeway server`, with one command more that nothing but its key makes safe to repeat.

Run as `python -m tests.faults.wired ROOT`; says its URL, then serves until it is told to stop.
"""

import sys
from pathlib import Path

from ropeway.core.ids import PersonId, new_id
from ropeway.ledger.people import PersonIntroduced
from ropeway.server.service import run_server
from ropeway.workspace import Context, LocalWorkspace, operation, rooms

INTRODUCE = "trial.introduce"


@operation(INTRODUCE, kind="command", permission="trial:write")
def introduce(context: Context, *, name: str) -> str:
    """Introduce somebody: each call that runs is one event more."""
    return context.append(PersonIntroduced(person=PersonId(new_id("person")), name=name)).id


def main(root: Path) -> None:
    """Serve a project on any free port."""
    rooms.load_operations()
    with LocalWorkspace(root, actor="ana") as workspace:
        run_server(
            workspace,
            host="127.0.0.1",
            port=0,
            allow_execute=False,
            on_ready=lambda listening: print(listening.url, flush=True),
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
