"""The examples in the docstrings are true."""

import doctest
import importlib
import pkgutil

import pytest

from ropeway.stats import sequential

NAMES = [module.name for module in pkgutil.iter_modules(sequential.__path__)]


@pytest.mark.parametrize("name", NAMES)
def test_examples_give_what_they_say(name: str):
    tried = doctest.testmod(importlib.import_module(f"ropeway.stats.sequential.{name}"))
    assert tried.failed == 0
    assert tried.attempted > 0
