"""What must hold after any fault, whatever was being done."""

from pathlib import Path

from sqlalchemy import select
from tests.faults.operation import FaultOperation
from tests.faults.story import Story

from ropeway.keeping.operations import fsck
from ropeway.ledger.projections import projected_rows
from ropeway.ledger.tables import event
from ropeway.workspace import LocalWorkspace


def problems_after(root: Path, operation: FaultOperation, story: Story) -> list[str]:
    """Open the workspace and hold it to account; an empty list when all is well.

    It must open clean, hold everything acknowledged exactly once, have a gapless history that fsck finds
    sound, projections that a replay gives again, and let the same work be done once more.
    """
    with LocalWorkspace(root, actor="ana") as workspace:
        problems = [
            *operation.problems(workspace, story),
            *problems_of(workspace),
        ]
        _work_again(workspace, operation, story)
        problems += [f"after the next run: {problem}" for problem in operation.problems(workspace, story)]
    return problems


def problems_of(workspace: LocalWorkspace) -> list[str]:
    """What is wrong with a workspace by its own account: sequence, fsck, replay."""
    problems = [f"fsck: {finding.what}" for finding in fsck(workspace).findings]
    with workspace.ledger.reading() as connection:
        sequence = list(connection.execute(select(event.c.seq).order_by(event.c.seq)).scalars())
        before = projected_rows(connection)
    if sequence != list(range(1, len(sequence) + 1)):
        problems.append("the sequence of events has a gap")
    workspace.ledger.rebuild()
    with workspace.ledger.reading() as connection:
        after = projected_rows(connection)
    problems += [
        f"a replay gives other rows in '{table}'" for table in before if before[table] != after.get(table)
    ]
    return problems


def _work_again(workspace: LocalWorkspace, operation: FaultOperation, story: Story) -> None:
    """The command that was cut short, run once more: it must succeed."""
    in_flight = story.in_flight()
    token = in_flight[-1] if in_flight and operation.repeats else f"again-{len(story.begun())}"
    story.begin(token)
    with operation.working(workspace) as act:
        story.acknowledge(token, act(token))
