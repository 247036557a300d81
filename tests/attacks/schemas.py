"""Schemathesis over the OpenAPI of a real `ropeway server`: what it allows, and what it does not.

    python -m tests.attacks.schemas [--examples N] [--seed S] [--only REGEX] [--phases coverage,fuzzing]

Every operation and every route of MLflow's; no answer may be an error of the server. It says how it goes,
and ends with 1 where one was. Schemathesis has an environment of its own: `make
build/clients/schemathesis/.made`.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.faults.tracks.process import ServerProcess

from ropeway.testing import make_workspace

PROGRAM = Path(__file__).resolve().parents[2] / "build" / "clients" / "schemathesis" / "bin" / "st"
MADE_BY = "make build/clients/schemathesis/.made"
LEFT_OUT = "/api/v1/(workspace.rebuild|audit.replace-key)$"
"""Slow, or the end of the trial."""


class Found(NamedTuple):
    """What it said, how many requests it made of how many operations, and what the server said besides."""

    code: int
    said: str
    operations: int
    requests: int
    problems: list[str]


def try_schema(folder: Path, *, only: str = "", examples: int, seed: int, phases: str) -> Found:
    """Let it loose on a server over an empty project."""
    root = folder / "project"
    make_workspace(root).close()
    server = ServerProcess(root, folder / "log")
    server.start()
    try:
        server.wait()
        words = [
            *(PROGRAM, "run", f"{server.url}/openapi.json", "--checks", "not_a_server_error"),
            *("--max-examples", str(examples), "--seed", str(seed), "--phases", phases),
            *("--exclude-path-regex", LEFT_OUT, "--continue-on-failure", "--no-color"),
            *(("--include-path-regex", only) if only else ()),
        ]
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    finally:
        problems = server.end()
    operations = re.search(r"Tested: +(\d+)", done.stdout)
    requests = re.search(r"(\d+) generated", done.stdout)
    return Found(
        done.returncode,
        done.stdout + done.stderr,
        int(operations[1]) if operations else 0,
        int(requests[1]) if requests else 0,
        problems,
    )


def main() -> int:
    """Do it in a folder of its own, and show what it said."""
    parser = argparse.ArgumentParser(prog="python -m tests.attacks.schemas")
    parser.add_argument("--examples", type=int, default=100)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--only", default="", help="a pattern of paths")
    parser.add_argument("--phases", default="examples,coverage,fuzzing")
    options = parser.parse_args()
    if not PROGRAM.exists():
        sys.exit(f"there is no Schemathesis here: {MADE_BY}")
    with tempfile.TemporaryDirectory(prefix="ropeway-schemas-") as name:
        found = try_schema(
            Path(name), only=options.only, examples=options.examples, seed=options.seed, phases=options.phases
        )
    print(found.said)
    for problem in found.problems:
        print(f"! {problem}")
    return 1 if found.code or found.problems else 0


if __name__ == "__main__":
    sys.exit(main())
