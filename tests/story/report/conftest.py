"""A season of production, once for all tests that only read it."""

import sys
from pathlib import Path

import pytest

# Tests are imported by file, so what they share must be found by name.
sys.path.insert(0, str(Path(__file__).parent))

from season import Season


@pytest.fixture
def season(tmp_path):
    made = Season(tmp_path / "season")
    yield made
    made.close()


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    made = Season(tmp_path_factory.mktemp("season") / "whole").whole()
    yield made
    made.close()
