"""The fault runner: `python -m tests.faults KIND --count N --seed S --json FILE`, or `all --json FOLDER`.

Says how it goes, then one line of figures a kind. The exit code is 1 when anything did not hold.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.account import Account, machine_of
from tests.faults.catalogue import OPERATIONS
from tests.faults.kinds import KINDS, Order, Result
from tests.faults.page import write_page

RECORDS = Path(__file__).resolve().parents[2] / "docs" / "faults"


def main() -> int:
    """Do what was asked for, and account for it."""
    options = _options()
    names = list(KINDS) if options.kind == "all" else [options.kind]
    accounts = [_do(name, options) for name in names]
    print()
    for account in accounts:
        print(account.line)
        for problem in account.problems:
            print(f"  ! {problem}")
    if options.page:
        write_page(RECORDS)
    return 1 if any(account.problems for account in accounts) else 0


def _options() -> argparse.Namespace:
    kinds = "\n".join(f"  {name:<16} {kind.says}" for name, kind in KINDS.items())
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults",
        description=f"Do harm to real processes, and see what holds.\n\n{kinds}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("kind", choices=[*KINDS, "all"])
    parser.add_argument(
        "--count", type=int, help="how many; of calls, one in so many is failed (the full form by default)"
    )
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--only", action="append", choices=sorted(OPERATIONS), help="an operation; repeatable"
    )
    parser.add_argument("--ledger", default="", help="for writers: the URL of a PostgreSQL database")
    parser.add_argument("--json", type=Path, help="where the account goes; of all, a folder")
    parser.add_argument("--page", action="store_true", help="keep it in docs/faults, and write the page")
    parser.add_argument("--keep", type=Path, help="a new folder for the workspaces, kept afterwards")
    return parser.parse_args()


def _do(name: str, options: argparse.Namespace) -> Account:
    """One kind, in a folder of its own."""
    kind, began = KINDS[name], time.monotonic()
    count = kind.full if options.count is None else options.count
    with tempfile.TemporaryDirectory(prefix="ropeway-faults-") as scratch:
        # Keys that are made here are not to lie among those of whoever runs this.
        os.environ.setdefault("ROPEWAY_CONFIG", str(Path(scratch) / "user"))
        folder = (options.keep or Path(scratch)) / name
        folder.mkdir(parents=True)
        skipped = kind.why_not(folder)
        order = Order(
            folder, count, options.seed, options.only, options.ledger, lambda line: _say(name, line)
        )
        result = Result({}, [], None) if skipped else kind.do(order)
        machine = machine_of(folder)
    if result.shown:
        print(result.shown)
    only = "".join(f" --only '{each}'" for each in options.only or [])
    account = Account(
        kind=name,
        command=f"python -m tests.faults {name} --count {count} --seed {options.seed}{only}",
        seed=options.seed,
        wall_s=round(time.monotonic() - began, 1),
        machine=machine,
        figures=result.figures,
        problems=result.problems,
        skipped=skipped,
        details=result.details,
    )
    if options.json:
        account.write(options.json / f"{name}.json" if options.kind == "all" else options.json)
    if options.page and not skipped:
        account.write(RECORDS / f"{name}.json")
    return account


def _say(name: str, line: str) -> None:
    print(f"{name}: {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
