"""The environment of a run, as an object: Python, platform, every installed distribution with its version."""

import os
import platform
import re
import sys
from collections.abc import Iterable

import msgspec

from ropeway.core.canonical import canonical
from ropeway.core.ids import Digest
from ropeway.store import Store


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """What a run could import.

    Attributes:
        python: its version.
        implementation: `CPython`, `PyPy`.
        platform: system and machine, such as `linux-x86_64`.
        packages: distributions by normalised name (PEP 503).
    """

    python: str
    implementation: str
    platform: str
    packages: dict[str, str]


def record_environment(store: Store) -> Digest:
    """Keep the environment as it is; the same environment is the same object."""
    return store.put(
        canonical(
            Environment(
                python=platform.python_version(),
                implementation=platform.python_implementation(),
                platform=f"{sys.platform}-{platform.machine()}",
                packages=installed_packages(sys.path),
            )
        )
    )


def read_environment(store: Store, digest: Digest) -> Environment:
    """An environment as it was recorded."""
    return msgspec.json.decode(store.read(digest), type=Environment)


def installed_packages(folders: Iterable[str]) -> dict[str, str]:
    """Distributions by name, the first on the path winning, as an import would.

    Reads the names of the `.dist-info` folders alone (PEP 376 puts name and version there): opening the
    metadata of some hundred packages takes longer than many a run's first step.
    """
    packages: dict[str, str] = {}
    for folder in folders:
        try:
            names = sorted(entry.name for entry in os.scandir(folder or "."))
        except OSError:
            continue
        for name in names:
            if name.endswith(".dist-info") and "-" in name.removesuffix(".dist-info"):
                project, _, version = name.removesuffix(".dist-info").rpartition("-")
                packages.setdefault(re.sub(r"[-_.]+", "-", project).lower(), version)
    return dict(sorted(packages.items()))
