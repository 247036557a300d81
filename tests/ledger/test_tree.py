import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from ropeway.core.clock import SystemClock
from ropeway.core.ids import PersonId, new_id
from ropeway.core.merkle import Frontier, leaf_hash, node_count
from ropeway.ledger import Ledger
from ropeway.ledger.errors import LedgerDamaged
from ropeway.ledger.journal import FORMAT, get_meta
from ropeway.ledger.people import PersonIntroduced
from ropeway.ledger.tables import event, tree
from ropeway.ledger.tree import root_at, size_of
from ropeway.workspace import rooms

rooms.load_projections()
GOLDEN = Path(__file__).parents[1] / "golden" / "format-1" / "ledger.db"
OPEN = """
import sys
from pathlib import Path
from ropeway.core.clock import SystemClock
from ropeway.ledger import Ledger
from ropeway.workspace import rooms
rooms.load_projections()
print("ready", flush=True)
Ledger(Path(sys.argv[1]), SystemClock()).close()
"""


@pytest.fixture
def ledger(tmp_path: Path):
    made = Ledger(tmp_path / "ledger.db", SystemClock())
    yield made
    made.close()


def introduce(ledger: Ledger, count: int = 1, person: str = "") -> None:
    with ledger.transaction() as transaction:
        for _ in range(count):
            someone = PersonId(person or new_id("person"))
            transaction.append(PersonIntroduced(person=someone, name="ana"), actor=someone)


def roots(ledger: Ledger) -> tuple[bytes, bytes]:
    """The root by the stored nodes, and by the records."""
    with ledger.reading() as connection:
        frontier = Frontier()
        for record in connection.execute(select(event.c.record).order_by(event.c.seq)).scalars():
            list(frontier.add(leaf_hash(record)))
        assert len(connection.execute(select(tree)).all()) == node_count(frontier.size)
        return root_at(connection, size_of(connection)), frontier.root()


def test_the_tree_grows_with_the_events(ledger: Ledger) -> None:
    for count in (1, 2, 1, 5, 1, 13, 1):
        introduce(ledger, count)
        stored, made = roots(ledger)
        assert stored == made


def test_a_transaction_that_fails_leaves_the_tree_as_it_was(ledger: Ledger) -> None:
    introduce(ledger, 3)
    with pytest.raises(DBAPIError, match="UNIQUE"):
        introduce(ledger, 2, person="person_same")
    introduce(ledger)
    stored, made = roots(ledger)
    assert stored == made


def test_nodes_cannot_be_changed_or_removed(ledger: Ledger) -> None:
    introduce(ledger)
    for statement in ("UPDATE tree SET hash = x'00'", "DELETE FROM tree"):
        with pytest.raises(DBAPIError, match="append-only"), ledger.transaction() as transaction:
            transaction.connection.execute(text(statement))


def test_events_of_a_process_that_knew_no_tree_are_caught_up(ledger: Ledger) -> None:
    introduce(ledger, 9)
    with ledger.transaction() as transaction:
        transaction.connection.execute(text("DROP TRIGGER tree_no_delete"))
        transaction.connection.execute(text("DELETE FROM tree WHERE place > 6"))
    introduce(ledger, 2)
    stored, made = roots(ledger)
    assert stored == made


def test_nothing_is_appended_where_the_last_events_were_taken_away(ledger: Ledger) -> None:
    introduce(ledger, 9)
    with ledger.transaction() as transaction:
        transaction.connection.execute(text("DROP TRIGGER event_no_delete"))
        transaction.connection.execute(text("DELETE FROM event WHERE seq > 7"))
    with pytest.raises(LedgerDamaged, match="goes on after the last event, 7"):
        introduce(ledger)


def test_a_ledger_of_format_1_is_upgraded_and_a_copy_of_it_is_kept(tmp_path: Path) -> None:
    shutil.copyfile(GOLDEN, tmp_path / "ledger.db")
    ledger = Ledger(tmp_path / "ledger.db", SystemClock())
    stored, made = roots(ledger)
    assert stored == made
    with ledger.reading() as connection:
        assert get_meta(connection, "format") == str(FORMAT)
        assert str(get_meta(connection, "ledger")).startswith("ledger_")
    ledger.close()
    [copy] = (tmp_path / "backups").iterdir()
    assert copy.name.startswith("ledger-format-1-")
    assert format_of(copy) == "1"
    Ledger(tmp_path / "ledger.db", SystemClock()).close()
    assert list((tmp_path / "backups").iterdir()) == [copy]


def test_where_no_copy_can_be_made_the_ledger_stays_as_it_is(tmp_path: Path) -> None:
    shutil.copyfile(GOLDEN, tmp_path / "ledger.db")
    (tmp_path / "backups").write_text("in the way")
    with pytest.raises(OSError, match="backups"):
        Ledger(tmp_path / "ledger.db", SystemClock())
    assert format_of(tmp_path / "ledger.db") == "1"


@pytest.mark.slow
def test_killed_anywhere_an_upgrade_leaves_one_format_or_the_other(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    seen: set[str] = set()
    for delay in (0.0, 0.01, 0.02, 0.05):
        for each in tmp_path.glob("ledger.db*"):
            each.unlink()
        shutil.copyfile(GOLDEN, path)
        upgrade = subprocess.Popen([sys.executable, "-c", OPEN, str(path)], stdout=subprocess.PIPE)
        assert upgrade.stdout is not None
        upgrade.stdout.readline()
        time.sleep(delay)
        os.kill(upgrade.pid, signal.SIGKILL)
        upgrade.communicate()
        seen.add(format_of(path))
        ledger = Ledger(path, SystemClock())
        stored, made = roots(ledger)
        assert stored == made
        ledger.close()
    assert seen <= {"1", "2"}
    assert all(format_of(copy) == "1" for copy in (tmp_path / "backups").glob("*.db"))


def format_of(path: Path) -> str:
    plain = sqlite3.connect(path)
    try:
        return str(plain.execute("SELECT value FROM meta WHERE key = 'format'").fetchone()[0])
    finally:
        plain.close()
