"""Ropeway: one line from data to production and back.

The public door. Names load when first used, so that `import ropeway` costs milliseconds.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ropeway.core.errors import RopewayError
    from ropeway.data.checks import check
    from ropeway.data.dataset import dataset
    from ropeway.models.load import load
    from ropeway.pipelines.decorators import fit, step
    from ropeway.pipelines.probabilities import probabilities
    from ropeway.tracking.looking import compare, runs
    from ropeway.tracking.session import run
    from ropeway.workspace.opening import open_workspace

__version__ = "0.1.0"

__all__ = [
    "RopewayError",
    "check",
    "compare",
    "dataset",
    "fit",
    "load",
    "open_workspace",
    "probabilities",
    "run",
    "runs",
    "step",
]

_HOMES = {
    "RopewayError": "ropeway.core.errors",
    "check": "ropeway.data.checks",
    "compare": "ropeway.tracking.looking",
    "dataset": "ropeway.data.dataset",
    "fit": "ropeway.pipelines.decorators",
    "load": "ropeway.models.load",
    "open_workspace": "ropeway.workspace.opening",
    "probabilities": "ropeway.pipelines.probabilities",
    "run": "ropeway.tracking.session",
    "runs": "ropeway.tracking.looking",
    "step": "ropeway.pipelines.decorators",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'ropeway' has no attribute '{name}'")
    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
