"""What an install weighs, beside mlflow's: packages and megabytes in fresh virtual environments."""

from benchmarks.bench import Bench, CaseFailed
from benchmarks.case import Case, Figure

GOAL_MIB = 350
GOAL_PACKAGES = 60


def measure(bench: Bench) -> list[Figure]:
    home = bench.ours()
    if isinstance(home, str):
        raise CaseFailed(f"Ropeway could not be installed afresh: {home}")
    peers = {name: bench.peer(name) for name in ("mlflow", "dvc")}
    packages, mebibytes = home.packages(), home.mebibytes()
    return [
        Figure(
            what="base install, on disk",
            ours=mebibytes,
            unit="MiB",
            beside={name: p if isinstance(p, str) else p.mebibytes() for name, p in peers.items()},
            goal=GOAL_MIB,
            note=f"site-packages without pip and setuptools, byte code included, as du -m counts; "
            f"{mebibytes * 2**20 / 1e6:.0f} in decimal megabytes; half of it is polars' one binary",
        ),
        Figure(
            what="base install, packages",
            ours=len(packages),
            unit="packages",
            beside={name: p if isinstance(p, str) else len(p.packages()) for name, p in peers.items()},
            goal=GOAL_PACKAGES,
            note=", ".join(sorted(packages)),
        ),
    ]


CASE = Case(name="install", title="Installing", measure=measure)
