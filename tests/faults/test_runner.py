"""The runner itself: what it offers, what it says, and that its page shows its accounts."""

from pathlib import Path

import msgspec
from tests.faults.account import Account, machine_of
from tests.faults.kinds import KINDS
from tests.faults.page import PAGE, table_of, write_page

RECORDS = PAGE.parent / "faults"


def account(**changes: object) -> Account:
    whole = Account(
        kind="kills",
        command="python -m tests.faults kills",
        seed=7,
        wall_s=1.5,
        machine={"at": "2026-11-21T16:17:58+00:00"},
        figures={"kills": 3, "by phase": {"commit": 3}},
        problems=[],
    )
    return msgspec.structs.replace(whole, **changes)


def test_the_page_shows_the_accounts_that_are_kept() -> None:
    assert table_of(RECORDS) in PAGE.read_text(encoding="utf-8")
    assert all(f"**{name}**" in PAGE.read_text(encoding="utf-8") for name in KINDS)


def test_an_account_is_a_line_and_a_row(tmp_path: Path) -> None:
    account().write(tmp_path / "kills.json")
    assert account().line == "kills: 3 kills, {'commit': 3} by phase, 0 problems; 1.5 s, seed 7"
    assert "| 3 kills | 0 | 7, 1.5 s, 2026-11-21 |" in table_of(tmp_path)


def test_what_was_skipped_says_why_and_is_no_success() -> None:
    assert account(skipped="it takes root").line == "kills: SKIPPED, it takes root"


def test_the_page_keeps_what_is_around_its_table(tmp_path: Path) -> None:
    page = tmp_path / "faults.md"
    page.write_text(PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    write_page(RECORDS, page)
    assert page.read_text(encoding="utf-8") == PAGE.read_text(encoding="utf-8")


def test_a_machine_says_which_file_system_it_has(tmp_path: Path) -> None:
    assert {"cores", "kernel", "file_system", "python", "sqlite"} <= set(machine_of(tmp_path))
