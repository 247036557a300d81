"""The benchmark runner works: cases are found, measured, written. No figure is judged here."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from benchmarks.__main__ import find_cases, main
from benchmarks.case import Figure

from benchmarks import page

ROOT = Path(__file__).resolve().parents[2]
MACHINE = {
    "at": "2026-01-01T00:00:00+00:00",
    "processor": "x",
    "cores": 2,
    "python": "3.11",
    "load_at_start": 0.1,
}


def test_every_case_has_a_name_of_its_own_and_a_title():
    found = find_cases()
    assert len({case.name for case in found}) == len(found)
    assert all(case.title for case in found)


def test_a_quick_run_measures_and_publishes_nothing(tmp_path: Path):
    before = page.RECORD.read_bytes() if page.RECORD.exists() else None
    assert main(["log", "--quick", "--json", str(tmp_path / "out.json")]) == 0
    (result,) = page.read_record(tmp_path / "out.json").values()
    assert result.failure == ""
    assert result.figures[0].ours > 0
    assert result.figures[0].beside["pack + write"] > 0
    assert result.machine["cores"]
    assert (page.RECORD.read_bytes() if page.RECORD.exists() else None) == before


def test_an_unknown_case_is_named():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "speling"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "no case speling; there are" in done.stderr


def test_the_page_is_written_between_its_markers(tmp_path: Path):
    place = tmp_path / "page.md"
    place.write_text(f"# Figures\nprose\n{page.START}\nold\n{page.END}\nmore prose\n")
    figures = [
        Figure(what="a", ours=1234.5, unit="ms", beside={"peer": "peer not installed"}, goal=50),
        Figure(what="b", ours=0.05, unit="ms", beside={"limit": 0.01}, goal=0.1, note="as fast as it goes"),
    ]
    page.write_page({"one": page.Result(title="One", figures=figures, machine=MACHINE)}, place)
    text = place.read_text()
    assert text.startswith("# Figures\nprose\n")
    assert text.endswith("\nmore prose\n")
    assert "old" not in text
    assert "| a | 1,234 ms | ≤ 50 **missed** | peer (peer not installed) |" in text
    assert "| b | 0.05 ms | ≤ 0.1 ✓ | limit 0.01 |" in text
    assert "- b: as fast as it goes" in text


def test_results_of_other_cases_are_kept(tmp_path: Path):
    record = tmp_path / "record.json"
    result = page.Result(title="One", figures=[], machine=MACHINE, failure="")
    page.write_record({"one": result}, record)
    assert page.read_record(record) == {"one": result}
    assert msgspec.json.decode(record.read_bytes())["one"]["title"] == "One"


@pytest.mark.skipif(not page.RECORD.exists(), reason="no figures are published yet")
def test_the_published_page_shows_the_published_record(tmp_path: Path):
    copy = tmp_path / "page.md"
    copy.write_text(page.PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    page.write_page(page.read_record(), copy)
    assert copy.read_text(encoding="utf-8") == page.PAGE.read_text(encoding="utf-8")
