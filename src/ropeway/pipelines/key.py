"""What a step's result depends on, as far as can be known before it runs.

Code that it reaches, parameters, what its inputs hold, versions of packages, files that native code opens,
and what the project's modules read while they were imported. What the step itself opens is seen only when it
runs: `cache` keeps that beside the result.
"""

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ropeway.core.hashing import digest_json
from ropeway.core.ids import Digest
from ropeway.pipelines.cache import KeyParts, Verifier
from ropeway.pipelines.closures import carried
from ropeway.pipelines.code import SKIPPED_FOLDERS, Code
from ropeway.pipelines.graph import Step
from ropeway.pipelines.narrow import CodeMap, Reach
from ropeway.pipelines.packages import package_versions
from ropeway.pipelines.watched import DRAWS

PYTHON = ".".join(platform.python_version_tuple()[:2])
LONGEST_NAME = 255
SEEDING_CALLS = frozenset(("random.seed", "numpy.random.seed"))


@dataclass(frozen=True, slots=True)
class Known:
    """What can be said of a step before it runs."""

    code: dict[str, str]
    held: dict[str, str]
    """Values that its function carries: closed over, or defaults that are no plain ones."""
    files: dict[str, str | None]
    impure: tuple[str, ...]
    """Why its result must not be kept, from its source."""
    draws: bool
    """Whether it draws from a generator that all code shares."""


class Keys:
    """Makes the keys of one load of a project's code. Each module is looked at once."""

    def __init__(self, code: Code, verifier: Verifier) -> None:
        self._code = code
        self._root = code.files.folder
        self._verifier = verifier
        self._known: dict[str, Known] = {}

    @cached_property
    def map(self) -> CodeMap:
        """Which code reaches which."""
        name = self._code.entry.rpartition("/")[2].removesuffix(".py")
        return CodeMap(
            (name, self._code.entry),
            self._code.find,
            self._code.source,
            lambda: project_files(self._root, ".py"),
        )

    @cached_property
    def packages(self) -> dict[str, str]:
        """Versions of all packages that project modules import."""
        return package_versions(self.map.packages)

    @cached_property
    def project_digest(self) -> Digest:
        """One digest of all project code: what an object of a project class depends on."""
        return digest_json({name: module.source_digest for name, module in self.map.modules.items()})

    def known(self, step: Step) -> Known:
        """What the source tells of a step."""
        found = self._known.get(step.name)
        if found is None:
            function = step.mark.function
            module = function.__module__.partition(".")[2]
            reach = self.map.reach(module, function.__qualname__)
            held = carried(function)
            unknown = [f"a value without a digest that it carries (`{name}`)" for name in held.unknown]
            for inner, name in sorted(held.functions):
                if inner in self.map.modules:
                    reach.add(self.map.reach(inner, name))
                else:
                    unknown.append(f"code that cannot be told from the source (`{inner}.{name}`)")
            files, unseen = self._native_files(reach)
            code = {str(part): digest for part, digest in reach.parts.items()} | self.map.extra
            reasons = dict.fromkeys([*sorted(reach.impure), *unseen, *unknown, *self._read_impurely])
            impure = () if step.mark.pure else tuple(reasons)
            draws = any(DRAWS in reason for reason in reach.impure)
            found = self._known[step.name] = Known(code, held.values, files, impure, draws)
        return found

    def parts(self, step: Step, params: Mapping[str, Any], inputs: Mapping[str, str]) -> KeyParts:
        """What the step's key is made of."""
        known = self.known(step)
        return KeyParts(
            python=PYTHON,
            step=step.name,
            code=known.code,
            held=known.held,
            params={name: f"{type(value).__name__} {value!r}" for name, value in params.items()},
            inputs=dict(inputs),
            packages=self.packages,
            files=self._code.seen.files | known.files,
            env=self._code.seen.env,
        )

    @cached_property
    def _read_impurely(self) -> list[str]:
        """What modules did while they were read that no two runs share."""
        seeds = any(
            full in SEEDING_CALLS
            for module in self.map.modules.values()
            for chain in module.whole.names
            for full in module.qualified(chain)
        )
        # A generator that a module seeds moves as well, by the same steps each time.
        return sorted(
            f"{reason}, while modules were read"
            for reason in self._code.seen.impure
            if not (seeds and reason.startswith(DRAWS))
        )

    def _native_files(self, reach: Reach) -> tuple[dict[str, str | None], list[str]]:
        """Project files that native readers are told to open, and calls whose file cannot be told."""
        if not reach.reads:
            return {}, []
        files: dict[str, str | None] = {}
        unseen: list[str] = []
        names = self._data_files
        for call, texts in sorted(reach.reads, key=lambda read: read[0]):
            matching = [name for name in names if name in texts or name.rpartition("/")[2] in texts]
            matching += [text for text in texts if Path(text).is_absolute() and Path(text).is_file()]
            files |= {name: self._verifier.file(name) for name in matching}
            if not matching:
                unseen.append(f"a file that cannot be told from the source ({call})")
        return files, unseen

    @cached_property
    def _data_files(self) -> list[str]:
        return project_files(self._root)


def project_files(root: Path, suffix: str = "") -> list[str]:
    """The project's files by name, without hidden folders and environments."""
    found: list[str] = []
    for folder, folders, names in os.walk(root):
        folders[:] = [
            each
            for each in folders
            if not each.startswith(".")
            and each not in SKIPPED_FOLDERS
            and not Path(folder, each, "pyvenv.cfg").exists()
        ]
        prefix = os.path.relpath(folder, root)
        inside = "" if prefix == "." else prefix.replace(os.sep, "/") + "/"
        found.extend(
            f"{inside}{name}" for name in names if name.endswith(suffix) and len(name) <= LONGEST_NAME
        )
    return sorted(found)
