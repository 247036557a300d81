"""Large files and many small ones, kept and brought back, beside dvc, oxen, git-lfs and the disk's limits.

Sizes are settings of the environment, to look at the shape on a smaller machine: `STORE_MB`, `STORE_FILES`.
"""

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.bench import Bench, CaseFailed
from benchmarks.case import Case, Figure
from benchmarks.environments import Environment
from ropeway.store import Store

MEGABYTES = int(os.environ.get("STORE_MB", "1000"))
FILES = int(os.environ.get("STORE_FILES", "20000"))
FILE_BYTES = 8_000
FOLDERS = 50
PIECE = 1_000_000
# A stat index does not believe a file that changed a moment ago, and neither does git.
REST_S = 0.3
GOAL_ADD_S, GOAL_GROWTH_MB = 1.3, 15.0
GOAL_MANY_S, GOAL_UNCHANGED_S, GOAL_RESTORE_S = 0.6, 0.08, 1.0
OXEN = """
import sys, oxen
repo = oxen.Repo(sys.argv[1])
repo.init() if sys.argv[2] == "init" else (repo.add(sys.argv[2]), repo.commit("more"))
"""
PEAK = """
import sys
from pathlib import Path
from ropeway.store import Store
def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
store = Store(Path(sys.argv[1]))
store.put(b"imports and all")
before = peak()
store.put_file(Path(sys.argv[2]))
print((peak() - before) / 1024)
"""


def measure(bench: Bench) -> list[Figure]:
    folder = bench.folder("store")
    megabytes, files = bench.times(MEGABYTES, 20), bench.times(FILES, 200)
    peers = _peers(bench, folder)
    return [*_large(folder, megabytes, peers), *_many(folder, files, peers)]


def _large(folder: Path, megabytes: int, peers: dict[str, object]) -> list[Figure]:
    source, home = folder / "large.bin", folder / "large-home"
    _write_random(source, megabytes)
    store = Store(home)
    add = _timed(lambda: store.put_file(source, trust_stat=True))
    unchanged = _timed(lambda: store.put_file(source, trust_stat=True))
    beside_add = {name: _peer(peer, source) for name, peer in peers.items()}
    beside_add["copy and fsync"] = _timed(lambda: _copy_synced(source, folder / "copy"))
    before, peers_before = _disk_bytes(home), {name: _peer_bytes(peer) for name, peer in peers.items()}
    with source.open("ab") as file:
        file.write(random.Random(1).randbytes(megabytes * 10_000))
    os.sync()
    time.sleep(REST_S)
    append = _timed(lambda: store.put_file(source))
    growth = (_disk_bytes(home) - before) / 1e6
    beside_append = {name: _peer(peer, source) for name, peer in peers.items()}
    grown = {
        name: _peer_bytes(peer) - was if isinstance(was, float) else was
        for (name, peer), was in zip(peers.items(), peers_before.values(), strict=True)
    }
    digest = store.put_file(source)
    restore = _timed(lambda: store.restore_file(digest, folder / "restored"))
    peak = subprocess.run(
        [sys.executable, "-c", PEAK, str(folder / "peak-home"), str(source)], capture_output=True, check=True
    )
    name = f"{megabytes} MB"
    return [
        Figure(
            what=f"add {name}", ours=add, unit="s", beside=beside_add, goal=GOAL_ADD_S, note="random bytes"
        ),
        Figure(what=f"{name} unchanged, believed by its status", ours=unchanged, unit="s", beside={}),
        Figure(
            what=f"1 % appended to {name}, add again",
            ours=append,
            unit="s",
            beside=beside_append,
            note="ours reads what is stored as well, and compares: damage would be mended",
        ),
        Figure(
            what=f"growth of the store by 1 % of {name}",
            ours=growth,
            unit="MB",
            beside=grown,
            goal=GOAL_GROWTH_MB,
        ),
        Figure(what=f"restore {name}", ours=restore, unit="s", beside={}, note="verified, not synced"),
        Figure(
            what=f"memory for adding {name}",
            ours=float(peak.stdout),
            unit="MB",
            beside={},
            note="growth of the process's peak; windows of the file, whatever its length",
        ),
    ]


def _many(folder: Path, files: int, peers: dict[str, object]) -> list[Figure]:
    source = folder / "many"
    _write_many(source, files)
    store = Store(folder / "many-home")
    add = _timed(lambda: store.put_folder(source))
    tree = store.put_folder(source)
    unchanged = min(_timed(lambda: store.put_folder(source)) for _ in range(3))
    restore = _timed(lambda: store.restore_folder(tree, folder / "many-restored"))
    beside_add = {name: _peer(peer, source) for name, peer in peers.items()}
    beside_unchanged = {name: _peer(peer, source) for name, peer in peers.items()}
    packed = _timed(partial(_one_pack, source, folder / "pack"))
    listed = _timed(lambda: [entry.stat() for sub in os.scandir(source) for entry in os.scandir(sub)])
    copied = _timed(lambda: subprocess.run(["cp", "-r", str(source), str(folder / "copied")], check=True))
    name = f"{files:,} files of {FILE_BYTES // 1000} KB"
    return [
        Figure(
            what=f"add {name}",
            ours=add,
            unit="s",
            beside=beside_add | {"read all, write one file, fsync": packed},
            goal=GOAL_MANY_S,
        ),
        Figure(
            what=f"{name} unchanged, in process",
            ours=unchanged,
            unit="s",
            beside=beside_unchanged | {"list and stat": listed},
            goal=GOAL_UNCHANGED_S,
        ),
        Figure(what=f"restore {name}", ours=restore, unit="s", beside={"cp -r": copied}, goal=GOAL_RESTORE_S),
    ]


def _peers(bench: Bench, folder: Path) -> dict[str, object]:
    """For each peer what adds a path to a repository of its own; or the words why there is none."""
    made: dict[str, object] = {}
    for name, make in (("dvc", _dvc), ("oxen", _oxen)):
        found = bench.peer(name)
        made[name] = found if isinstance(found, str) else make(bench, found, _new(folder / name))
    has_lfs = shutil.which("git-lfs") is not None and not bench.quick
    made["git-lfs"] = _lfs(bench, _new(folder / "git-lfs")) if has_lfs else "peer not installed"
    return made


class _Repository:
    """A peer's repository, and how something is added to it."""

    def __init__(self, folder: Path, add: Callable[[Path], object]) -> None:
        self.folder = folder
        self.add = add


def _dvc(bench: Bench, peer: Environment, folder: Path) -> _Repository:
    bench.run([peer.command("dvc"), "init", "--no-scm", "-q"], folder=folder)
    return _Repository(
        folder, lambda path: bench.run([peer.command("dvc"), "add", "-q", path.name], folder=folder)
    )


def _oxen(bench: Bench, peer: Environment, folder: Path) -> _Repository:
    bench.run([peer.python, "-c", OXEN, str(folder), "init"], folder=folder)
    return _Repository(
        folder, lambda path: bench.run([peer.python, "-c", OXEN, str(folder), path.name], folder=folder)
    )


def _lfs(bench: Bench, folder: Path) -> _Repository:
    for words in (["init", "-q"], ["lfs", "install", "--local"], ["lfs", "track", "*"]):
        bench.run(["git", *words], folder=folder)
    return _Repository(folder, lambda path: bench.run(["git", "add", path.name], folder=folder))


def _peer(peer: object, source: Path) -> float | str:
    """Seconds for a peer to add a copy of the source in its own folder."""
    if not isinstance(peer, _Repository):
        return str(peer)
    target = peer.folder / source.name
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    else:
        shutil.copyfile(source, target)
    os.sync()
    try:
        return _timed(lambda: peer.add(target))
    except CaseFailed as failure:
        return f"failed: {str(failure).splitlines()[-1][:80]}"


def _peer_bytes(peer: object) -> float | str:
    """Megabytes of what a peer keeps, less the working copy."""
    if not isinstance(peer, _Repository):
        return str(peer)
    hidden = [path for path in peer.folder.iterdir() if path.name.startswith(".")]
    return sum(_disk_bytes(path) for path in hidden if path.is_dir()) / 1e6


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _new(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _write_random(path: Path, megabytes: int) -> None:
    with path.open("wb") as file:
        for number in range(megabytes):
            file.write(random.Random(number).randbytes(PIECE))
    os.sync()
    time.sleep(REST_S)


def _write_many(folder: Path, files: int) -> None:
    for number in range(FOLDERS):
        (folder / f"{number:02}").mkdir(parents=True)
    for number in range(files):
        (folder / f"{number % FOLDERS:02}" / f"{number}").write_bytes(
            random.Random(number).randbytes(FILE_BYTES)
        )
    os.sync()
    time.sleep(REST_S)


def _disk_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _copy_synced(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    with target.open("rb") as file:
        os.fsync(file.fileno())


def _one_pack(source: Path, target: Path) -> None:
    with target.open("wb") as pack:
        for folder in sorted(source.iterdir()):
            for path in sorted(folder.iterdir()):
                pack.write(path.read_bytes())
        pack.flush()
        os.fsync(pack.fileno())


CASE = Case(name="store", title="Large files and many small ones", measure=measure)
