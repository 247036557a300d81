import doctest
import importlib
import pkgutil

import pytest

from ropeway.stats import drift

MODULES = sorted(f"ropeway.stats.drift.{each.name}" for each in pkgutil.iter_modules(drift.__path__))


@pytest.mark.parametrize("module", MODULES)
def test_every_example_gives_what_it_shows(module: str) -> None:
    assert doctest.testmod(importlib.import_module(module)).failed == 0
