"""Under fault: one write transaction that records three events."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import select
from tests.faults.operation import Act
from tests.faults.story import Story

from ropeway.core.ids import PersonId, new_id
from ropeway.ledger import person
from ropeway.ledger.people import PersonIntroduced
from ropeway.testing import make_workspace
from ropeway.workspace import LocalWorkspace

EVENTS = 3


class RecordEvents:
    """Three people introduced in one transaction: all of them or none."""

    name = "ledger transaction"
    repeats = False
    limit = 2000

    def prepare(self, root: Path) -> None:
        make_workspace(root).close()

    @contextmanager
    def working(self, workspace: LocalWorkspace) -> Iterator[Act]:
        def act(token: str) -> object:
            with workspace.ledger.transaction() as transaction:
                for number in range(EVENTS):
                    someone = PersonId(new_id("person"))
                    transaction.append(
                        PersonIntroduced(person=someone, name=f"{token}/{number}"), actor=someone
                    )
            return EVENTS

        yield act

    def problems(self, workspace: LocalWorkspace, story: Story) -> list[str]:
        acknowledged = story.acknowledged()
        with workspace.ledger.reading() as connection:
            found = [name.rpartition("/")[0] for name in connection.execute(select(person.c.name)).scalars()]
        problems = []
        for token in story.begun():
            count, wanted = found.count(token), (EVENTS,) if token in acknowledged else (0, EVENTS)
            if count not in wanted:
                problems.append(f"transaction {token}: {count} of {EVENTS} events are there")
        return problems
