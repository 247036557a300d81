import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.ledger.contract import LedgerContract, in_children
from tests.ledger.trial import ANA, TrialHeld, hold

from ropeway.core.clock import SystemClock
from ropeway.ledger import Ledger
from ropeway.ledger.database import driver
from ropeway.ledger.errors import LedgerDamaged
from ropeway.ledger.journal import count_events


class TestSqlite(LedgerContract):
    @pytest.fixture
    def place(self, tmp_path: Path) -> Path:
        return tmp_path / "ledger.db"

    def test_a_file_that_is_no_database_is_called_damaged(self, tmp_path: Path) -> None:
        (tmp_path / "ledger.db").write_bytes(b"not a database, not at all" * 100)
        with pytest.raises(LedgerDamaged, match="not a database"):
            Ledger(tmp_path / "ledger.db", SystemClock())

    def test_the_database_runs_in_wal_mode_with_full_sync(self, ledger: Ledger) -> None:
        with ledger.reading() as connection:
            assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
            assert connection.execute(text("PRAGMA synchronous")).scalar() == 2

    def test_a_watch_tells_of_what_is_durable_whoever_did_it(self, ledger: Ledger, tmp_path: Path) -> None:
        watch = ledger.watch()
        assert watch is not None
        assert watch.mark() is None
        with ledger.transaction() as turn:
            turn.append(TrialHeld(number=1), actor=ANA)
            assert watch.mark() is None
        first = watch.mark()
        assert first is not None
        in_children(1, lambda _: hold(Ledger(tmp_path / "ledger.db", SystemClock()), 2))
        assert watch.mark() not in (None, first)
        watch.close()
        assert watch.mark() is None

    def test_a_watch_knows_a_history_that_was_put_back_and_grew_as_long_again(
        self, ledger: Ledger, tmp_path: Path
    ) -> None:
        path, watch = tmp_path / "ledger.db", ledger.watch()
        assert watch is not None
        with closing(driver().connect(path)) as live, closing(driver().connect(":memory:")) as copy:
            hold(ledger, 1)
            live.backup(copy)
            hold(ledger, 2)
            before = watch.mark()
            copy.backup(live)
        again = Ledger(path, SystemClock())
        hold(again, 2)
        with again.reading() as read:
            assert count_events(read) == 2
        again.close()
        assert watch.mark() not in (None, before)
        watch.close()

    def test_the_standard_library_can_read_the_file(self, ledger: Ledger, tmp_path: Path) -> None:
        hold(ledger, 1)
        ledger.close()
        plain = sqlite3.connect(tmp_path / "ledger.db")
        assert plain.execute("SELECT count(*) FROM event").fetchone() == (1,)
        plain.close()
