"""More kills than the suite has time for: `python -m tests.faults --kills 200 --seed 7 --json out.json`."""

import argparse
import os
import sys
import tempfile
from pathlib import Path

import msgspec
from tests.faults.campaign import run_campaign, table
from tests.faults.catalogue import OPERATIONS
from tests.faults.kill import Kill


def main() -> int:
    """Run a campaign and print its table; the exit code is 1 when the oracle found anything."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults", description="Kill real processes at work."
    )
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--only", action="append", choices=sorted(OPERATIONS), help="an operation; repeatable"
    )
    parser.add_argument("--json", type=Path, help="where the account goes")
    parser.add_argument("--keep", type=Path, help="a new folder for the workspaces, kept afterwards")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ropeway-faults-") as scratch:
        # Keys that are made here are not to lie among those of whoever runs this.
        os.environ.setdefault("ROPEWAY_CONFIG", str(Path(scratch) / "user"))
        campaign = run_campaign(
            options.keep or Path(scratch),
            kills=options.kills,
            seed=options.seed,
            operations=options.only,
            progress=_say,
        )
    print(table(campaign))
    for problem in campaign.problems:
        print(f"  ! {problem}")
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(campaign), indent=1))
    return 1 if campaign.problems else 0


def _say(kill: Kill) -> None:
    print(
        f"{kill.number:>4} {kill.operation:<20} {kill.aim:<6} at {kill.at:<12} hit {kill.phase}", flush=True
    )


if __name__ == "__main__":
    sys.exit(main())
