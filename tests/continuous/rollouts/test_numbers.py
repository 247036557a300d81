"""A model of numbers: its cost is the absolute error, cut off where more is no worse."""

import pytest
from models_packages import judge
from rollouts_numbers import register_numbers
from rollouts_world import STEPS, World

from ropeway.continuous.rollouts.errors import NoErrorCap
from ropeway.continuous.rollouts.evidence import evaluate
from ropeway.continuous.rollouts.operations import release
from ropeway.models.operations import approve_model

TOML = """
[project]
name = "rent"
[charter]
metric = "mae"
[rollout]
steps = {steps}
min_entities = 30
{rollout}
"""


class Numbers(World):
    """The same world with a model that answers with a number."""

    target: str | None = "rent"

    def package(self, learnt):
        return register_numbers(self.ana, learnt=learnt, target=self.target)


class Unknown(Numbers):
    """Its target is not on record."""

    target = None

    def approved(self, learnt):
        version = self.package(learnt)
        judge(self.ana, version)
        return approve_model(self.ben, ref=version.ref)


def off_by(width):
    return lambda truth, draw: truth + draw.uniform(-width, width)


TRAFFIC = {"truths": lambda draw: draw.uniform(10.0, 60.0)}


@pytest.fixture
def numbers(tmp_path):
    world = Numbers(tmp_path / "numbers", toml=TOML.format(steps=STEPS, rollout=""))
    yield world
    world.close()


def test_the_cap_is_the_range_of_the_target_in_training(numbers):
    terms = numbers.release().terms
    assert (terms.cap, terms.scale, terms.unit) == (50.0, 50.0, "absolute error per entity")


def test_a_better_model_of_numbers_is_promoted(numbers):
    numbers.release()
    assert numbers.run(60, live=off_by(60.0), candidate=off_by(5.0), **TRAFFIC) == [
        "rollout-advanced",
        "rollout-promoted",
    ]


def test_a_worse_model_of_numbers_is_rolled_back(numbers):
    numbers.release()
    done = numbers.run(60, live=off_by(5.0), candidate=off_by(60.0), **TRAFFIC)
    assert done[-1] == "rollout-rolled-back"


def test_an_error_beyond_the_cap_costs_the_cap(numbers):
    numbers.release()
    numbers.serve(5, live=lambda truth, draw: truth, candidate=lambda truth, draw: truth + 1e6, **TRAFFIC)
    assert evaluate(numbers.ana, numbers.rollout).differences == [-50.0] * 5


def test_without_a_bound_of_the_error_nothing_is_released(tmp_path):
    world = Unknown(tmp_path / "unknown", toml=TOML.format(steps=STEPS, rollout=""))
    with pytest.raises(NoErrorCap, match="its errors have no bound"):
        world.release()
    world.close()


def test_a_cap_in_the_project_file_holds(tmp_path):
    world = Unknown(tmp_path / "capped", toml=TOML.format(steps=STEPS, rollout="error_cap = 8.0"))
    assert release(world.ben, ref="sentiment@2").rollout.terms.scale == 8.0
    world.close()
