"""Repositories of peers that keep versions of data: how each adds a path, and brings it back.

Each works on a copy of its own, so that what one leaves in a folder (hard links, pointers) is not given to
another. What a peer cannot do, or is not there for, is told in words in place of a figure.
"""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.bench import Bench, CaseFailed
from benchmarks.environments import Environment

OXEN = """
import os, sys
os.environ["HOME"] = os.path.dirname(sys.argv[1])  # its settings are not to lie among anybody's
import oxen, oxen.user
oxen.user.config_user("bench", "bench@example.org")
repo = oxen.Repo(sys.argv[1])
if sys.argv[2] == "init":
    repo.init()
else:
    repo.add(sys.argv[2])
    try:
        repo.commit("more")
    except ValueError as error:
        if "No changes" not in str(error):
            raise
"""
PEERS = ("dvc", "oxen", "git-lfs")
# Neither git nor a stat index believes a file that changed a moment ago.
REST_S = 0.3


class Repository:
    """A peer's repository.

    Args:
        folder: where.
        add: keeps a path in it.
        restore: brings a path back that was deleted; None where that takes minutes.
    """

    def __init__(
        self, folder: Path, add: Callable[[str], object], restore: Callable[[str], object] | None
    ) -> None:
        self._folder = folder
        self._add = add
        self._restore = restore

    def bring(self, source: Path) -> None:
        """Copy something into the working folder; not timed."""
        target = self._folder / source.name
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        else:
            target.unlink(missing_ok=True)
            shutil.copyfile(source, target)
        os.sync()
        time.sleep(REST_S)

    def add(self, source: Path) -> float | str:
        """Seconds for keeping what was brought."""
        return _seconds(lambda: self._add(source.name))

    def restore(self, source: Path) -> float | str:
        """Seconds for bringing back what was kept and then deleted."""
        if self._restore is None:
            return "not measured: minutes"
        target, restore = self._folder / source.name, self._restore
        if target.is_dir():
            shutil.rmtree(target)
        else:
            target.unlink(missing_ok=True)
        os.sync()
        return _seconds(lambda: restore(source.name))

    def kept_megabytes(self) -> float:
        """What it keeps, less the working copy."""
        hidden = [path for path in self._folder.iterdir() if path.name.startswith(".") and path.is_dir()]
        return sum(each.stat().st_size for path in hidden for each in path.rglob("*") if each.is_file()) / 1e6


def repositories(bench: Bench, folder: Path) -> dict[str, Repository | str]:
    """An empty repository of each peer, or why there is none."""
    made: dict[str, Repository | str] = {}
    for name, make in (("dvc", _dvc), ("oxen", _oxen)):
        found = bench.peer(name)
        made[name] = found if isinstance(found, str) else make(bench, found, _new(folder / name))
    has_lfs = shutil.which("git-lfs") is not None and not bench.quick
    made["git-lfs"] = _lfs(bench, _new(folder / "git-lfs")) if has_lfs else "peer not installed"
    return made


def _dvc(bench: Bench, peer: Environment, folder: Path) -> Repository:
    def dvc(*words: str) -> None:
        bench.run([peer.command("dvc"), *words, "-q"], folder=folder)

    dvc("init", "--no-scm")
    return Repository(
        folder, lambda name: dvc("add", name), lambda name: dvc("checkout", "--force", f"{name}.dvc")
    )


def _oxen(bench: Bench, peer: Environment, folder: Path) -> Repository:
    def oxen(words: str) -> None:
        bench.run([peer.python, "-c", OXEN, str(folder), words], folder=folder)

    oxen("init")
    return Repository(folder, oxen, None)


def _lfs(bench: Bench, folder: Path) -> Repository:
    def git(*words: str) -> None:
        bench.run(["git", "-c", "user.name=b", "-c", "user.email=b@example.org", *words], folder=folder)

    for words in (["init", "-q"], ["lfs", "install", "--local"], ["lfs", "track", "*"]):
        git(*words)
    return Repository(folder, lambda name: git("add", name), lambda name: git("checkout", "--", name))


def _new(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _seconds(work: Callable[[], object]) -> float | str:
    began = time.perf_counter()
    try:
        work()
    except CaseFailed as failure:
        return f"failed: {str(failure).splitlines()[-1][:80]}"
    return time.perf_counter() - began
