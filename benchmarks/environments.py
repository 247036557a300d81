"""Virtual environments under `build/peers/`: each peer has its own, and so has a fresh install of ours.

Peers are foreign software: they never share our environment. Without a network, a peer that is not installed
yet is reported as such, and the case goes on.
"""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import msgspec

REPOSITORY = Path(__file__).resolve().parents[1]
PEERS_FOLDER = REPOSITORY / "build" / "peers"
REQUIREMENTS = {
    "mlflow": ["mlflow"],
    "dvc": ["dvc"],
    "oxen": ["oxenai"],
    "hamilton": ["apache-hamilton"],
    # Its 0.7.23 does not import beside pandas 3.
    "evidently": ["evidently", "pandas<3"],
    "trackio": ["trackio"],
    "wandb": ["wandb"],
    "aim": ["aim"],
}
# Peers that phone home or look for updates would be timed at that.
QUIET = {
    **os.environ,
    "DVC_NO_ANALYTICS": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "1",
    "HAMILTON_TELEMETRY_ENABLED": "false",
    "WANDB_MODE": "offline",
    "WANDB_ERROR_REPORTING": "false",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
}
# What `python -m venv` brings along is nobody's weight.
NOT_COUNTED = ("pip", "setuptools", "pkg_resources", "_distutils_hack", "distutils-precedence")


class Environment(msgspec.Struct, frozen=True):
    """A virtual environment."""

    folder: Path

    @property
    def python(self) -> str:
        """Its interpreter."""
        return str(self.folder / "bin" / "python")

    def command(self, name: str) -> str:
        """One of its commands."""
        return str(self.folder / "bin" / name)

    def packages(self) -> dict[str, str]:
        """Name → version of what was installed into it."""
        listed = _pip(self.folder, "list", "--format", "json")
        rows: list[dict[str, Any]] = msgspec.json.decode(listed)
        return {row["name"]: row["version"] for row in rows if row["name"] not in NOT_COUNTED}

    def mebibytes(self) -> float:
        """Disk space of what was installed into it, byte code included, as `du -m` counts."""
        (site,) = self.folder.glob("lib/python*/site-packages")
        skipped = [path for name in NOT_COUNTED for path in site.glob(f"{name}*")]
        total = _allocated(site) - sum(_allocated(path) for path in skipped)
        return round(total / 2**20, 1)


def peer(name: str, *, may_install: bool) -> Environment | str:
    """A peer's environment, or why there is none."""
    folder = PEERS_FOLDER / name
    if (folder / ".installed").exists():
        return Environment(folder)
    if not may_install:
        return "peer not installed"
    return _make(folder, REQUIREMENTS[name])


def ours(*, may_install: bool) -> Environment | str:
    """Ropeway's base install, from this source as it stands."""
    folder = PEERS_FOLDER / "ropeway"
    if not may_install:
        return "not installed afresh"
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed, noted = "\n".join(project["dependencies"]), folder / ".needed"
    if noted.exists() and noted.read_text() == needed:
        # Dependencies stay; our own code is installed anew, so that it is today's.
        again = _install(folder, ["--force-reinstall", "--no-deps", str(REPOSITORY)])
        return again if isinstance(again, str) else Environment(folder)
    shutil.rmtree(folder, ignore_errors=True)
    made = _make(folder, [str(REPOSITORY)])
    if isinstance(made, Environment):
        noted.write_text(needed)
    return made


def version(name: str, package: str) -> str | None:
    """The version of a package in a peer's environment."""
    found = peer(name, may_install=False)
    return None if isinstance(found, str) else found.packages().get(package)


def _make(folder: Path, requirements: list[str]) -> Environment | str:
    print(f"  installing {' '.join(requirements)} into {folder} …", flush=True)
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, capture_output=True)
    failure = _install(folder, requirements)
    if failure is not None:
        return failure
    (folder / ".installed").touch()
    return Environment(folder)


def _install(folder: Path, requirements: list[str]) -> str | None:
    try:
        _pip(folder, "install", "--quiet", *requirements)
    except subprocess.CalledProcessError as error:
        lines = error.stderr.decode().strip().splitlines() or ["pip failed"]
        return f"peer not installed ({lines[-1][:120]})"
    return None


def _pip(folder: Path, *words: str) -> bytes:
    return subprocess.run(
        [str(folder / "bin" / "python"), "-m", "pip", *words], check=True, capture_output=True, env=QUIET
    ).stdout


def _allocated(path: Path) -> int:
    """Bytes on disk below a path, as `du` counts them."""
    status = path.lstat()
    own = status.st_blocks * 512
    return own + (
        sum(_allocated(child) for child in path.iterdir()) if path.is_dir() and not path.is_symlink() else 0
    )
