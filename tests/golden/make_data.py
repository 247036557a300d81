"""Makes the golden ledger of data that is pulled, referred to, and kept as folders.

Run once for a released format, never again for the same one:

    python -m tests.golden.make_data tests/golden/format-1-data
"""

import json
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.golden.make import AS_CLEO, COMMAND, told

from ropeway.workspace import open_workspace, rooms

TOML = """
[project]
name = "shop"
[source.drops]
kind = "file"
path = "drop/*.csv"
dataset = "orders"
mode = "append"
key = ["id"]
"""


def walk(folder: Path) -> None:
    """A folder and a file that is referred to, and two pulls."""
    for name in ("drop", "images"):
        (folder / name).mkdir()
    (folder / "ropeway.toml").write_text(TOML, encoding="utf-8")
    (folder / "images" / "1.png").write_bytes(b"not a picture")
    (folder / "large.csv").write_text("id,city\n1,Bern\n2,Rome\n", encoding="utf-8")
    for number, words in enumerate(
        ("data add images", "data add large.csv --refer", *["data pull drops"] * 2)
    ):
        (folder / "drop" / f"{number}.csv").write_text(f"id,amount\n{number},1.5\n", encoding="utf-8")
        subprocess.run(
            [sys.executable, "-c", COMMAND, *words.split()],
            cwd=folder,
            env=AS_CLEO,
            check=True,
            capture_output=True,
        )


def main(target: Path) -> None:
    """Make the golden ledger in a folder that must not exist yet."""
    rooms.load_operations()
    target.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        walk(folder)
        with open_workspace(folder, actor="ana") as workspace:
            (target / "expected.json").write_text(
                json.dumps(told(workspace), indent=1) + "\n", encoding="utf-8"
            )
        plain = sqlite3.connect(folder / ".ropeway" / "ledger.db")
        plain.execute("VACUUM INTO ?", (str(target / "ledger.db"),))
        plain.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
