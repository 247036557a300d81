"""Makes the golden ledger of format 2: with its tree, signed heads, and a key that was replaced.

Run once for a released format, never again for the same one:

    python -m tests.golden.make_audit tests/golden/format-2

The private keys are thrown away: nobody can sign for this ledger again.
"""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.golden.make import AS_CLEO, COMMAND, TOML, lay_out, told

from ropeway.workspace import LocalWorkspace, rooms

LINE = """
data add ratings.csv --name ratings --key id --key rater
data check ratings
labels import mood
audit key --replace lost
labels agreement mood
"""


def main(target: Path) -> None:
    """Make the golden ledger in a folder that must not exist yet."""
    rooms.load_operations()
    target.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        folder, user = Path(scratch) / "project", Path(scratch) / "user"
        folder.mkdir()
        lay_out(folder)
        (folder / "ropeway.toml").write_text(TOML, encoding="utf-8")
        for words in LINE.strip().splitlines():
            environment = {**AS_CLEO, "ROPEWAY_CONFIG": str(user)}
            subprocess.run(
                [sys.executable, "-c", COMMAND, *words.split()], cwd=folder, env=environment, check=True
            )
        os.environ["ROPEWAY_CONFIG"] = str(user)
        with LocalWorkspace(folder, actor="ana") as workspace:
            said = told(workspace)
        (target / "expected.json").write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
        shutil.copytree(folder / ".ropeway" / "heads", target / "heads")
        plain = sqlite3.connect(folder / ".ropeway" / "ledger.db")
        plain.execute("VACUUM INTO ?", (str(target / "ledger.db"),))
        plain.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
