"""Pages of the docs as a reader follows them: every command is typed into one shell, in the page's order."""

import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATIENCE_S = 240


def commands(page: Path) -> list[str]:
    """The commands of a page: its blocks that are marked `sh`."""
    return re.findall(r"^```sh\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def run_as_written(page: Path, folder: Path, patience_s: float = PATIENCE_S) -> str:
    """Type every command of a page into one shell; gives what it said."""
    script = "set -euo pipefail\n" + "\n".join(commands(page))
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    # A group of its own, so that a service ends with the script whatever happens.
    process = subprocess.Popen(
        ["bash", "-c", script],
        cwd=folder,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=patience_s)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
    assert process.returncode == 0, said
    return said
