"""Large files and many small ones, kept and brought back, beside dvc, oxen, git-lfs and the machine's limits.

Of ours and of the limits the best of several rounds is told, each round doing both: a disk that others write
to is slow now and fast then, and what a program costs is seen where nothing was in its way. Peers are asked
once. Sizes are settings of the environment, for a smaller machine: `STORE_MB`, `STORE_FILES`.
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

import blake3

from benchmarks.bench import Bench
from benchmarks.case import Case, Figure
from benchmarks.repositories import REST_S, Repository, repositories
from ropeway.store import Store

MEGABYTES = int(os.environ.get("STORE_MB", "1000"))
FILES = int(os.environ.get("STORE_FILES", "20000"))
FILE_BYTES = 8_000
FOLDERS = 50
PIECE = 1_000_000
ROUNDS = 5
GOAL_ADD_S, GOAL_GROWTH_MB, GOAL_MEMORY_MB = 1.3, 15.0, 150.0
GOAL_MANY_S, GOAL_UNCHANGED_S, GOAL_RESTORE_S = 0.6, 0.08, 1.0
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
Peers = dict[str, Repository | str]


def measure(bench: Bench) -> list[Figure]:
    folder, rounds = bench.folder("store"), bench.times(ROUNDS)
    peers = repositories(bench, folder)
    return [
        *_large(folder, bench.times(MEGABYTES, 20), rounds, peers),
        *_many(folder, bench.times(FILES, 200), rounds, peers),
    ]


def _large(folder: Path, megabytes: int, rounds: int, peers: Peers) -> list[Figure]:
    source, name = folder / "large.bin", f"{megabytes:,} MB"
    _write_random(source, megabytes)
    add = _Best()
    for number in range(rounds):
        home, copy = folder / f"large-home-{number}", folder / "copy"
        add.note("copy and fsync", _copy_synced, source, copy)
        add.note("BLAKE3 of the file, all cores", _hashed, source)
        store = Store(home)
        add.note("ours", partial(store.put_file, trust_stat=True), source)
        add.note("unchanged", partial(store.put_file, trust_stat=True), source)
        digest = store.put_file(source, trust_stat=True)
        add.note("restore", store.restore_file, digest, folder / "restored")
        add.note("copy", shutil.copyfile, source, folder / "copied")
        _clear(folder / "copied", folder / "restored", copy, *([home] if number < rounds - 1 else []))
    for peer in _there(peers):
        peer.bring(source)
    beside_add = {each: _ask(peer, source, Repository.add) for each, peer in peers.items()}
    beside_unchanged = {each: _ask(peer, source, Repository.add) for each, peer in peers.items()}
    beside_restore = {each: _ask(peer, source, Repository.restore) for each, peer in peers.items()}
    peak = subprocess.run(
        [sys.executable, "-c", PEAK, str(folder / "peak-home"), str(source)], capture_output=True, check=True
    )
    ours, limit = add.best("ours"), add.best("copy and fsync")
    return [
        Figure(
            what=f"add {name}",
            ours=ours,
            unit="s",
            beside=beside_add | add.only("copy and fsync", "BLAKE3 of the file, all cores"),
            goal=GOAL_ADD_S,
            note=f"random bytes; {ours / limit:.2f} x copy and fsync: the disk limits it, and the copies "
            "from and to the kernel; cutting and hashing go on meanwhile",
        ),
        Figure(
            what=f"{name} unchanged, believed by its status",
            ours=add.best("unchanged"),
            unit="s",
            beside=beside_unchanged,
            note="in process; the peers are commands",
        ),
        *_appended(source, store, megabytes, peers),
        Figure(
            what=f"restore {name}",
            ours=add.best("restore"),
            unit="s",
            beside=beside_restore | add.only("copy"),
            note="every chunk and the whole are verified, which a copy does not; not synced",
        ),
        Figure(
            what=f"memory for adding {name}",
            ours=float(peak.stdout),
            unit="MB",
            beside={},
            goal=GOAL_MEMORY_MB,
            note="growth of the process's peak: a few windows of the file, whatever its length",
        ),
    ]


def _appended(source: Path, store: Store, megabytes: int, peers: Peers) -> list[Figure]:
    """What 1 % more costs, in time and in the store."""
    packs = store.packed.packs.folder
    before, were = (
        _megabytes(packs),
        {each: peer.kept_megabytes() for each, peer in peers.items() if isinstance(peer, Repository)},
    )
    with source.open("ab") as file:
        file.write(random.Random(-1).randbytes(megabytes * 10_000))
    _rest()
    append = _timed(lambda: store.put_file(source))
    growth, hashed = _megabytes(packs) - before, _timed(lambda: _hashed(source))
    for peer in _there(peers):
        peer.bring(source)
    beside = {each: _ask(peer, source, Repository.add) for each, peer in peers.items()}
    grown = {
        each: peer.kept_megabytes() - were[each] if isinstance(peer, Repository) else peer
        for each, peer in peers.items()
    }
    return [
        Figure(
            what=f"1 % appended to {megabytes:,} MB, add again",
            ours=append,
            unit="s",
            beside=beside | {"BLAKE3 of the file, all cores": hashed},
            note="what is stored is read as well, and compared: damage would be mended",
        ),
        Figure(
            what=f"growth of the store by 1 % of {megabytes:,} MB",
            ours=growth,
            unit="MB",
            beside=grown,
            goal=GOAL_GROWTH_MB,
            note="the bytes that were appended, and the last chunk once more",
        ),
    ]


def _many(folder: Path, files: int, rounds: int, peers: Peers) -> list[Figure]:
    source, name = folder / "many", f"{files:,} files of {FILE_BYTES // 1000} KB"
    _write_many(source, files)
    took = _Best()
    for number in range(rounds):
        home, back, written = (folder / f"{what}-{number}" for what in ("many-home", "back", "written"))
        store = Store(home)
        took.note("read all, write one file, fsync", _one_pack, source, folder / "pack")
        took.note("add", store.put_folder, source)
        took.note("list and stat", _listed, source)
        took.note("unchanged", store.put_folder, source)
        tree = store.put_folder(source)
        took.note("restore", store.restore_folder, tree, back)
        took.note("write as many files", _write_plain, written, files)
        took.note("scrub", store.scrub)
        _clear(home, back, written, folder / "pack")
    for peer in _there(peers):
        peer.bring(source)
    beside_add = {each: _ask(peer, source, Repository.add) for each, peer in peers.items()}
    beside_unchanged = {each: _ask(peer, source, Repository.add) for each, peer in peers.items()}
    beside_restore = {each: _ask(peer, source, Repository.restore) for each, peer in peers.items()}
    return [
        Figure(
            what=f"add {name}",
            ours=took.best("add"),
            unit="s",
            beside=beside_add | took.only("read all, write one file, fsync"),
            goal=GOAL_MANY_S,
            note="opening and reading the files is half of it, hashing them a fifth; the disk waits for it",
        ),
        Figure(
            what=f"{name} unchanged, in process",
            ours=took.best("unchanged"),
            unit="s",
            beside=beside_unchanged | took.only("list and stat"),
            goal=GOAL_UNCHANGED_S,
            note="one look at each file",
        ),
        Figure(
            what=f"restore {name}",
            ours=took.best("restore"),
            unit="s",
            beside=beside_restore | took.only("write as many files"),
            goal=GOAL_RESTORE_S,
            note="making the files is the file system's work; verified, not synced",
        ),
        Figure(
            what=f"scrub {name}, in a pack",
            ours=took.best("scrub"),
            unit="s",
            beside={},
            note="every stored byte is read and hashed, object by object",
        ),
    ]


class _Best:
    """The shortest time of each thing over several rounds."""

    def __init__(self) -> None:
        self._found: dict[str, float] = {}

    def note(self, what: str, work: Callable[..., object], *given: object) -> None:
        self._found[what] = min(self._found.get(what, float("inf")), _timed(lambda: work(*given)))

    def best(self, what: str) -> float:
        return self._found[what]

    def only(self, *names: str) -> dict[str, float | str]:
        return {name: self._found[name] for name in names}


def _there(peers: Peers) -> list[Repository]:
    return [peer for peer in peers.values() if isinstance(peer, Repository)]


def _ask(
    peer: Repository | str, source: Path, what: Callable[[Repository, Path], float | str]
) -> float | str:
    return what(peer, source) if isinstance(peer, Repository) else peer


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _rest() -> None:
    os.sync()
    time.sleep(REST_S)


def _clear(*paths: Path) -> None:
    """Away with it, and nothing left for the disk to do in the next round."""
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    _rest()


def _write_random(path: Path, megabytes: int) -> None:
    with path.open("wb") as file:
        for number in range(megabytes):
            file.write(random.Random(number).randbytes(PIECE))
    _rest()


def _write_many(folder: Path, files: int) -> None:
    for number in range(FOLDERS):
        (folder / f"{number:02}").mkdir(parents=True)
    for number in range(files):
        (folder / f"{number % FOLDERS:02}" / f"{number}").write_bytes(
            random.Random(number).randbytes(FILE_BYTES)
        )
    _rest()


def _write_plain(folder: Path, files: int) -> None:
    """As few calls as making files takes."""
    data = random.Random(0).randbytes(FILE_BYTES)
    folder.mkdir()
    for number in range(FOLDERS):
        (folder / f"{number}").mkdir()
        for each in range(files // FOLDERS):
            descriptor = os.open(f"{folder}/{number}/{each}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
            os.write(descriptor, data)
            os.close(descriptor)


def _listed(folder: Path) -> list[os.stat_result]:
    return [entry.stat() for below in os.scandir(folder) for entry in os.scandir(below)]


def _megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def _hashed(path: Path) -> str:
    return blake3.blake3(max_threads=blake3.blake3.AUTO).update_mmap(path).hexdigest()


def _copy_synced(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    with target.open("rb") as file:
        os.fsync(file.fileno())


def _one_pack(source: Path, target: Path) -> None:
    with target.open("wb") as pack:
        for folder in sorted(source.iterdir()):
            for entry in os.scandir(folder):
                descriptor = os.open(entry.path, os.O_RDONLY)
                pack.write(os.read(descriptor, FILE_BYTES + 1))
                os.close(descriptor)
        pack.flush()
        os.fsync(pack.fileno())


CASE = Case(name="store", title="Large files and many small ones", measure=measure)
