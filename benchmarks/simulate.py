"""Releases as they might go, to see how often the sequential test is wrong and how soon it decides.

The world is made up, its costs are those of the tweets: three classes, priced by truth and answer. Two
classifiers answer; the candidate is right more often. Customers differ: each classifier reads some of them
better than others, some are always of one mood, and they write a different number of tweets, so predictions
about one customer go together. In the same world without a difference each customer is there twice, the
second time with the two classifiers' answers exchanged, so that the true gain is exactly 0.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ropeway.stats.sequential.betting import Betting
from ropeway.stats.sequential.blocks import number_blocks

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

COST = np.array([[0.0, 4.0, 10.0], [2.0, 0.0, 3.0], [2.0, 1.0, 0.0]])
"""By truth and answer, each negative, neutral, positive: minutes of work."""

SCALE = float(COST.max())
CLASSES = np.array([0.3, 0.2, 0.5])
LIVE_ERRORS, CANDIDATE_ERRORS = 0.4, 0.263
SAME_ANSWER = 0.3
"""How often the candidate answers what the live version answered, right or wrong."""

ONE_MOOD = 0.5
"""The share of customers of whom all tweets are of one class."""


class Population(NamedTuple):
    """Customers to draw from; each field has one number a customer.

    `gains` and `squares` are sums over predictions, the others means.
    """

    predictions: Floats
    gains: Floats
    squares: Floats
    live: Floats
    candidate: Floats

    @property
    def differences(self) -> Floats:
        """What the test sees of each customer."""
        return self.gains / self.predictions


def population(customers: int, *, is_clustered: bool, has_gain: bool, seed: int) -> Population:
    """Make customers with what both classifiers cost on them."""
    random = np.random.default_rng(seed)
    count = random.geometric(0.2, customers) if is_clustered else np.ones(customers, dtype=np.int64)
    owner = np.repeat(np.arange(customers), count)
    # How hard each customer is for each of the two, 1 on average.
    hard = random.gamma(1.5, 1 / 1.5, (2, customers)) if is_clustered else np.ones((2, customers))
    truth = random.choice(3, p=CLASSES, size=len(owner))
    if is_clustered:
        mood, is_steady = random.choice(3, p=CLASSES, size=customers), random.random(customers) < ONE_MOOD
        truth = np.where(is_steady[owner], mood[owner], truth)
    live = _answers(truth, LIVE_ERRORS * hard[0, owner], random)
    candidate = _answers(truth, CANDIDATE_ERRORS * hard[1, owner], random)
    candidate = np.where(random.random(len(owner)) < SAME_ANSWER, live, candidate)
    paid, would_pay = COST[truth, live], COST[truth, candidate]

    def summed(values: Floats) -> Floats:
        return np.bincount(owner, weights=values, minlength=customers)

    made = Population(
        predictions=count.astype(np.float64),
        gains=summed(paid - would_pay),
        squares=summed((paid - would_pay) ** 2),
        live=summed(paid) / count,
        candidate=summed(would_pay) / count,
    )
    return made if has_gain else _without_gain(made)


def _answers(truth: Integers, error: Floats, random: np.random.Generator) -> Integers:
    """The truth, or with the chance of an error one of the other two classes."""
    other = (truth + random.integers(1, 3, len(truth))) % 3
    return np.where(random.random(len(truth)) < np.minimum(error, 0.95), other, truth)


def _without_gain(made: Population) -> Population:
    """Each customer and its mirror image."""
    mirrored = made._replace(gains=-made.gains, live=made.candidate, candidate=made.live)
    return Population(*(np.concatenate(pair) for pair in zip(made, mirrored, strict=True)))


def draw(customers: Population, entities: int, runs: int, seed: int) -> Integers:
    """Who comes in each run, shape (entities, runs)."""
    return np.random.default_rng(seed).integers(0, len(customers.gains), (entities, runs))


def log_es(differences: Floats, *, null: float = 0.0) -> Floats:
    """The logarithm of the e-value after each entity of each run, shape (entities, runs)."""
    test, seen = Betting(SCALE, null), np.empty_like(differences)
    for position in range(len(differences)):
        test.update(differences[position : position + 1])
        seen[position] = test.log_es
    return seen


def decided_after(log_e: Floats, alpha: float) -> Floats:
    """After how many values each run had its proof, when it looked after every one; infinite for never."""
    is_proven = log_e >= -np.log(alpha)
    return np.where(is_proven.any(axis=0), is_proven.argmax(axis=0) + 1.0, np.inf)


def naive_t(customers: Population, drawn: Integers) -> Floats:
    """Student's t over predictions, as if they were independent, after each entity of each run."""
    n = np.cumsum(customers.predictions[drawn], axis=0)
    mean = np.cumsum(customers.gains[drawn], axis=0) / n
    spread = np.cumsum(customers.squares[drawn], axis=0) / n - mean**2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(spread > 0, mean / np.sqrt(spread / n), 0.0)


class Blocks(NamedTuple):
    """Differences of blocks, shape (most blocks, runs), 0 where a run has fewer; and entities up to each."""

    differences: Floats
    entities: Floats


def blocks(
    customers: Population, share: float, *, entities: int, runs: int, seed: int, least: int = 1
) -> Blocks:
    """Runs in which each entity is answered by one version only, the candidate with the given share."""
    random = np.random.default_rng(seed)
    found = [_blocks_of_one(customers, share, entities, least, random) for _ in range(runs)]
    most = max(len(differences) for differences, _ in found)
    padded = [[np.pad(each, (0, most - len(each))) for each in run] for run in found]
    return Blocks(
        np.stack([differences for differences, _ in padded], axis=1),
        np.stack([ends for _, ends in padded], axis=1),
    )


def _blocks_of_one(
    customers: Population, share: float, entities: int, least: int, random: np.random.Generator
) -> tuple[Floats, Floats]:
    who = random.integers(0, len(customers.gains), entities)
    is_candidate = random.random(entities) < share
    number = number_blocks(is_candidate, least=least)
    closed = int(number.max()) + 1

    def mean(costs: Floats, is_mine: NDArray[np.bool_]) -> Floats:
        mine = is_mine & (number >= 0)
        counts = np.bincount(number[mine], minlength=closed)
        return np.bincount(number[mine], weights=costs[who[mine]], minlength=closed) / counts

    ends = np.searchsorted(number[: np.count_nonzero(number >= 0)], np.arange(closed), side="right")
    gains = mean(customers.live, ~is_candidate) - mean(customers.candidate, is_candidate)
    return gains, ends.astype(np.float64)
