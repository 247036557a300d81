"""The page of faults: the table in `docs/faults.md`, written from the accounts in `docs/faults/`."""

from pathlib import Path

import msgspec
from tests.faults.account import Account
from tests.faults.kinds import KINDS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "faults.md"
START, END = "<!-- figures: written by python -m tests.faults -->", "<!-- end of figures -->"
HIDDEN = ("by phase",)


def write_page(records: Path, page: Path = PAGE) -> None:
    """Put the table between the page's markers."""
    text = page.read_text(encoding="utf-8")
    before, after = text.partition(START)[0], text.partition(END)[2]
    page.write_text(f"{before}{START}\n\n{table_of(records)}\n\n{END}{after}", encoding="utf-8")


def table_of(records: Path) -> str:
    """One row a kind, in the runner's order; a kind without an account says so."""
    rows = ["| fault | figures | problems | seed, time, day |", "|---|---|---|---|"]
    for name, kind in KINDS.items():
        path = records / f"{name}.json"
        if path.exists():
            account = msgspec.json.decode(path.read_bytes(), type=Account)
            figures = "; ".join(
                f"{value} {each}" for each, value in account.figures.items() if each not in HIDDEN
            )
            when = f"{account.seed}, {account.wall_s} s, {str(account.machine['at'])[:10]}"
            rows.append(f"| **{name}**: {kind.says} | {figures} | {len(account.problems)} | {when} |")
        else:
            rows.append(f"| **{name}**: {kind.says} | not yet run in full | | |")
    return "\n".join(rows)
