"""Weakened builds: each takes one defence away, and an attack's test must then fail.

To add one: a `Mutant(name, room, old text, new text, tests)` in BUILDS of `builds/CLASS.py`, a file for each
class (a new file is found by itself). `also` takes a second edit, where one defence stands behind another.

`python -m tests.attacks.weakened all`, or names of classes or builds, says which test fails on which. How it
is done is `tests.faults.mutants`.
"""

import importlib
import sys
import tempfile
from pathlib import Path

from tests.faults.mutants import Edit, Mutant, Outcome, misplaced, seed_faults

__all__ = ["Edit", "Mutant", "builds", "chosen", "main", "misplaced", "seed_faults"]

BUILDS = Path(__file__).parent / "builds"


def builds() -> dict[str, tuple[Mutant, ...]]:
    """The weakened builds of each class of attacks."""
    names = sorted(path.stem for path in BUILDS.glob("*.py") if path.stem != "__init__")
    return {name: importlib.import_module(f"tests.attacks.builds.{name}").BUILDS for name in names}


def chosen(words: list[str]) -> list[Mutant]:
    """The builds that are named: all, those of a class, or one.

    Raises:
        SystemExit: nothing is called so.
    """
    known = builds()
    found: list[Mutant] = []
    for word in words:
        of_word = [
            build for name, each in known.items() for build in each if word in ("all", name, build.name)
        ]
        if not of_word:
            raise SystemExit(f"'{word}' is no class and no build; classes are {', '.join(known)}")
        found += [build for build in of_word if build not in found]
    return found


def main(words: list[str]) -> int:
    """Try what was named, and say for each build which test failed on it."""
    with tempfile.TemporaryDirectory(prefix="ropeway-weakened-") as folder:
        outcomes = seed_faults(Path(folder), chosen(words or ["all"]), _say)
    print(f"{sum(each.caught for each in outcomes)} of {len(outcomes)} weakened builds make a test fail")
    return 0 if all(each.caught for each in outcomes) else 1


def _say(outcome: Outcome) -> None:
    shown = outcome.by if outcome.caught else f"NOT CAUGHT {outcome.problem}"
    print(f"{outcome.name}\n    {shown}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
