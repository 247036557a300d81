"""`python -m benchmarks [NAME…] [--quick] [--json FILE]`: measure, and write `docs/benchmarks.md`.

Every file in `benchmarks/cases/` is a case; a new one is found by itself.
"""

import argparse
import importlib
import os
import pkgutil
import sys
import tempfile
import time
import traceback
from pathlib import Path

from benchmarks import cases, page
from benchmarks.bench import Bench
from benchmarks.case import Case
from benchmarks.environments import REPOSITORY, version
from benchmarks.machine import describe

PEER_PACKAGES = {
    "mlflow": "mlflow",
    "dvc": "dvc",
    "oxen": "oxenai",
    "hamilton": "apache-hamilton",
    "evidently": "evidently",
    "trackio": "trackio",
    "wandb": "wandb",
    "aim": "aim",
}


def main(words: list[str] | None = None) -> int:
    """Run the cases asked for; 1 when one could not be measured. A missed goal is said, not failed."""
    known = {case.name: case for case in find_cases()}
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Ours beside peers and limits.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)}; all when absent")
    parser.add_argument("--quick", action="store_true", help="see that the cases work; publishes nothing")
    parser.add_argument("--json", type=Path, help="write this run's results here as well")
    parser.add_argument("--scratch", type=Path, help="where to work; the disk there is what is measured")
    options = parser.parse_args(words)
    unknown = sorted(set(options.names) - set(known))
    if unknown:
        parser.error(f"no case {', '.join(unknown)}; there are {', '.join(known)}")
    # Keys that cases make are not to lie among those of whoever runs them.
    os.environ.setdefault("ROPEWAY_CONFIG", tempfile.mkdtemp(prefix="ropeway-bench-user-"))
    results = {
        name: measure(known[name], quick=options.quick, scratch=options.scratch)
        for name in options.names or known
    }
    if options.json:
        page.write_record(results, options.json)
    if not options.quick:
        everything = {**page.read_record(), **results}
        ordered = {name: everything[name] for name in known if name in everything}
        page.write_record(ordered)
        page.write_page(ordered)
    return 1 if any(result.failure for result in results.values()) else 0


def find_cases() -> list[Case]:
    """Every case, by the order of its file's name."""
    names = sorted(module.name for module in pkgutil.iter_modules(cases.__path__))
    return [importlib.import_module(f"benchmarks.cases.{name}").CASE for name in names]


def measure(case: Case, *, quick: bool, scratch: Path | None = None) -> page.Result:
    """Run one case and print its figures as they come."""
    print(f"{case.title} …", flush=True)
    machine, began = describe(), time.monotonic()
    # Not /tmp: that is memory on many machines, and figures are about a disk.
    home = scratch or REPOSITORY / "build"
    home.mkdir(exist_ok=True)
    failure, figures = "", []
    with tempfile.TemporaryDirectory(prefix="bench-", dir=home) as folder:
        try:
            figures = case.measure(Bench(Path(folder), quick=quick))
        except Exception:  # noqa: BLE001  one case that cannot be measured must not cost the others
            failure = traceback.format_exc()
            print(failure, file=sys.stderr)
    for figure in figures:
        verdict = {True: "goal met", False: "GOAL MISSED", None: ""}[figure.is_met]
        beside = "  ".join(f"{name}: {value}" for name, value in figure.beside.items())
        print(
            f"  {figure.what:<44} {figure.ours:>12,.3f} {figure.unit:<10} {verdict:<12} {beside}", flush=True
        )
    print(f"  ({time.monotonic() - began:.0f} s)", flush=True)
    named = {name for figure in figures for label in figure.beside for name in PEER_PACKAGES if name in label}
    peers = {name: found for name in sorted(named) if (found := version(name, PEER_PACKAGES[name]))}
    return page.Result(title=case.title, figures=figures, machine=machine, peers=peers, failure=failure)


if __name__ == "__main__":
    sys.exit(main())
