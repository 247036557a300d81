"""Faults that are tests of the suite: run by themselves, and accounted for one by one."""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec

HERE = Path(__file__).resolve().parents[2]
SCENARIOS = {
    "disk": ("test_full_disk.py", "test_loop_full_disk.py", "test_server_full_disk.py"),
    "clocks": ("test_clock_faults.py", "test_clocks.py"),
}
"""The files of each kind, in `tests/faults`."""


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """One test: its name, and what went wrong or why it was skipped."""

    name: str
    problem: str = ""
    skipped: str = ""


def run_scenarios(kind: str, folder: Path) -> list[Scenario]:
    """Run the tests of a kind, in a process of their own."""
    folder.mkdir(parents=True, exist_ok=True)
    report = folder / "report.xml"
    files = [str(HERE / "tests" / "faults" / name) for name in SCENARIOS[kind]]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *files],
        cwd=HERE,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert report.exists(), done.stdout + done.stderr
    return [_scenario(case) for case in ET.parse(report).iter("testcase")]


def _scenario(case: "ET.Element") -> Scenario:
    found = {child.tag: child.get("message", "") for child in case}
    return Scenario(
        name=case.get("name", ""),
        problem=found.get("failure", "") or found.get("error", ""),
        skipped=found.get("skipped", ""),
    )
