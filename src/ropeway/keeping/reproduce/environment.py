"""The interpreter in which a run is done again: this one, or one with the packages that are on record.

Ropeway itself is always the one that runs now: what it records of itself is read by later ones for ever.
"""

import importlib.metadata
import os
import platform
import re
import subprocess
import sys
import tomllib
import venv
from collections import defaultdict
from collections.abc import Callable, Collection
from pathlib import Path

import ropeway
from ropeway.keeping.reproduce.records import PackageChange
from ropeway.pipelines.records import PipelineRecord
from ropeway.tracking.environment import Environment, installed_packages

INSTALL_S = 1800
TOLD_LINES = 3
STANDARD_ERROR = 2
_REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
PROJECT = "pyproject.toml"
_MISSING = re.compile(r"ModuleNotFoundError: No module named '([^']+)'")
_EXTRA = re.compile(r"""extra == ["']([^"']+)["']""")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]*")


class CannotInstall(Exception):
    """The packages on record could not be installed; the text says why."""


def changed_packages(recorded: Environment, record: PipelineRecord) -> list[PackageChange]:
    """Packages that the project imports whose versions here are not those on record."""
    here = installed_packages(sys.path)
    return [
        PackageChange(name=name, recorded=recorded.packages[name], now=here.get(name, ""))
        for name in record.packages
        if name in recorded.packages and recorded.packages[name] != here.get(name)
    ]


def is_other_python(recorded: Environment) -> bool:
    """Whether this is another minor version of Python: many packages on record will not install on it."""
    return recorded.python.split(".")[:2] != platform.python_version().split(".")[:2]


def make_clean(
    folder: Path, recorded: Environment, record: PipelineRecord, tell: Callable[[str], None]
) -> str:
    """A virtual environment with the packages that the run imported, each in its version on record.

    Args:
        folder: where; must not exist.
        recorded: every distribution that was installed then: versions of what the packages need in turn.
        record: the run, with the packages that it imported.
        tell: told what goes on.

    Returns:
        The path of its interpreter.

    Raises:
        CannotInstall: pip could not; it asks the package index that pip is configured for.
    """
    pins = {name: version for name, version in recorded.packages.items() if name != "ropeway"}
    imported = {name for name in record.packages if name in pins}
    if strange := sorted(name for name in imported if not _is_plain(name, pins[name])):
        raise CannotInstall(f"'{strange[0][:80]}' in the version '{pins[strange[0]][:80]}' is no package")
    tell("making a virtual environment")
    venv.create(folder, with_pip=True, symlinks=True)
    python = str(folder / "bin" / "python")
    wanted = sorted(imported | own_requirements(imported))
    constraints = folder / "constraints.txt"
    lines = [f"{name}=={version}" for name, version in pins.items() if _is_plain(name, version)]
    constraints.write_text("\n".join(lines) + "\n", encoding="utf-8")
    tell(f"installing {len(wanted)} packages in their versions on record")
    # Compiling every module of every package takes longer than the few that are imported once.
    options = ["--quiet", "--disable-pip-version-check", "--no-input", "--no-compile"]
    _call(python, ["-m", "pip", "install", *options, "-c", str(constraints), "--", *wanted])
    return python


def own_requirements(imported: Collection[str]) -> set[str]:
    """The names of what Ropeway itself needs here.

    Args:
        imported: what the project imports: an extra that one of them belongs to is needed whole.

    Raises:
        CannotInstall: nothing says what it needs.
    """
    groups: dict[str, set[str]] = defaultdict(set)
    for line in _own_lines():
        extra = _EXTRA.search(line)
        if (name := _REQUIREMENT.match(line)) is not None:
            groups[extra.group(1) if extra else ""].add(_normal(name.group()))
    names = groups.pop("", set()).union(*(group for group in groups.values() if group & set(imported)))
    # A marker may say that one is for another platform.
    return names & installed_packages(sys.path).keys()


def _own_lines() -> list[str]:
    """The requirements of the Ropeway that runs here: those of its own project file, where it has one.

    What is installed under its name may be another one, in an environment that several folders share.
    """
    project = Path(ropeway.__file__).parents[2] / PROJECT
    if project.is_file():
        told = tomllib.loads(project.read_text(encoding="utf-8")).get("project", {})
        if told.get("name") == "ropeway":
            extras = told.get("optional-dependencies", {})
            more = [f"{line}; extra == '{extra}'" for extra, lines in extras.items() for line in lines]
            return [*told.get("dependencies", []), *more]
    try:
        return importlib.metadata.requires("ropeway") or []
    except importlib.metadata.PackageNotFoundError as error:
        raise CannotInstall(
            "the Ropeway that runs here is not installed, so that nothing says what it needs: pip install it"
        ) from error


def missing_module(said: str) -> str:
    """Why a run failed in a clean environment, where a package was not there; empty where that was not it."""
    found = _MISSING.search(said)
    if found is None:
        return ""
    return (
        f"there is no '{found[1]}' in the clean environment. Either the run's code comes by it in a way that"
        " is not on record, or Ropeway needs it and what is installed here under that name does not say so:"
        " pip install it again. "
    )


def run_in(python: str, folder: Path, arguments: list[str], *, is_clean: bool) -> None:
    """Run Ropeway's module in an interpreter, in the folder; what it prints goes to standard error."""
    # Of this machine's Python settings none may reach in but the way to Ropeway itself.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    way = _way_to_ropeway(folder) if is_clean else Path(ropeway.__file__).parents[1]
    environment["PYTHONPATH"] = str(way)
    subprocess.run(  # noqa: S603  our own interpreter and words
        [python, "-m", *arguments], cwd=folder, env=environment, stdout=STANDARD_ERROR, check=True
    )


def _way_to_ropeway(folder: Path) -> Path:
    """A folder with nothing but Ropeway in it, so that no other package of this interpreter is found."""
    way = folder / ".ropeway" / "way"
    way.mkdir(parents=True, exist_ok=True)
    link = way / "ropeway"
    if not link.is_symlink():
        link.symlink_to(Path(ropeway.__file__).parent, target_is_directory=True)
    return way


def _normal(name: str) -> str:
    """A distribution's name as PEP 503 has it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _is_plain(name: str, version: str) -> bool:
    """Whether both are what a package index knows; a name on record could be anybody's text."""
    return _REQUIREMENT.fullmatch(name) is not None and _VERSION.fullmatch(version) is not None


def _call(python: str, words: list[str]) -> None:
    try:
        subprocess.run(  # noqa: S603  our own interpreter, names that were checked
            [python, *words], check=True, capture_output=True, text=True, timeout=INSTALL_S
        )
    except subprocess.CalledProcessError as error:
        lines = [line for line in error.stderr.splitlines() if line.strip() and "WARNING" not in line]
        raise CannotInstall(" ".join(lines[-TOLD_LINES:])) from error
    except subprocess.TimeoutExpired as error:
        raise CannotInstall(f"pip did not end within {INSTALL_S} s") from error
