"""A model with a live version and approved ones, and traffic as a service would log it."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# Tests are imported by file, so what they share must be found by name.
sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2] / "models"))

from rollouts_world import World


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[Callable[..., World]]:
    """A factory: `make_world(rollout="min_entities = 20")` gives a world with version 1 live, 2 approved."""
    made: list[World] = []

    def make(**settings: object) -> World:
        made.append(World(tmp_path / f"world{len(made)}", **settings))
        return made[-1]

    yield make
    for world in made:
        world.close()


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """One with short steps."""
    return make_world()
