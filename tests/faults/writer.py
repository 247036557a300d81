"""One of many processes that write one workspace at once, as fast as each may, and remember what it was told.

Run as `python -m tests.faults.writer ORDERS`, never imported by tests for its work.
"""

import random
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import func, select
from tests.faults.wired import introduce

from ropeway.core.errors import RopewayError
from ropeway.core.ids import PersonId, new_id
from ropeway.ledger.people import PersonIntroduced
from ropeway.ledger.tables import event
from ropeway.models.operations import promote_model
from ropeway.models.routing import routing_of
from ropeway.workspace import LocalWorkspace, rooms

APPEND, ONCE, PROMOTE, LOOK = "append", "once", "promote", "look"
MIX = {APPEND: 80, ONCE: 10, PROMOTE: 2, LOOK: 8}
"""Of a hundred calls, how many are which."""
SHARED = "ana"


class WriterOrders(msgspec.Struct, frozen=True, kw_only=True):
    """What one writer shall do, and where its account goes."""

    root: str
    number: int
    times: int
    seed: int
    model: str
    refs: list[str]
    account: str


class Call(msgspec.Struct, frozen=True, array_like=True):
    """One call: what, when it began and ended (seconds of one clock), and what was told."""

    kind: str
    began: float
    ended: float
    answer: Any
    error: str = ""


class Writer:
    """One process's work."""

    def __init__(self, orders: WriterOrders) -> None:
        rooms.load_operations()
        self._orders = orders
        root = Path(orders.root)
        self._own = LocalWorkspace(root, actor=f"writer-{orders.number}")
        self._shared = LocalWorkspace(root, actor=SHARED)
        self._chance = random.Random(f"{orders.seed} {orders.number}")
        self._asked_once = 0

    def work(self) -> list[Call]:
        """All calls, as soon as all writers are ready."""
        print("ready", flush=True)
        sys.stdin.readline()
        kinds = self._chance.choices(list(MIX), list(MIX.values()), k=self._orders.times)
        return [self._call(kind, number) for number, kind in enumerate(kinds)]

    def close(self) -> None:
        """Let go of the workspace."""
        self._own.close()
        self._shared.close()

    def _call(self, kind: str, number: int) -> Call:
        began, answer, code = time.monotonic(), None, ""
        try:
            answer = self._do(kind, number)
        except RopewayError as error:
            code = f"{error.code}: {error.what}"
        return Call(kind, began, time.monotonic(), answer, code)

    def _do(self, kind: str, number: int) -> Any:
        match kind:
            case "append":
                someone = PersonId(new_id("person"))
                with self._own.ledger.transaction() as transaction:
                    name = f"{self._orders.number}/{number}"
                    return transaction.append(PersonIntroduced(person=someone, name=name), actor=someone).seq
            case "once":
                self._asked_once += 1
                name = f"once-{self._asked_once}"
                return [name, introduce.keyed(self._shared, name, name=name)]
            case "promote":
                return promote_model(self._own, ref=self._chance.choice(self._orders.refs)).number
        with self._own.ledger.reading() as connection:
            seq = connection.execute(select(func.max(event.c.seq))).scalar_one()
            live = routing_of(connection, self._own.project, self._orders.model, "production").live
            return [seq, live]


def main(orders: WriterOrders) -> None:
    """Work, and leave the account."""
    writer = Writer(orders)
    calls = writer.work()
    writer.close()
    Path(orders.account).write_bytes(msgspec.json.encode(calls))


if __name__ == "__main__":
    main(msgspec.json.decode(sys.argv[1], type=WriterOrders))
