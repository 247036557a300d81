"""What stops a rollout whatever its costs are: errors, latency, and truth that comes for one arm only.

Figures are looked at again and again, so nothing is stopped for what chance alone may bring.

Errors: both versions' rates are unknown, and neither is taken for what was seen of it: the evidence is an
e-value (`stats.sequential.rates`), so a candidate that fails no more often than the live version and the
margin is stopped with a probability of at most `ERRORS_ALPHA`, over all looks and steps of a rollout. With
mirroring, what is compared is all since it began, for both were asked the same; without, this step alone, for
shares change who is asked when. What was asked in one request fails together and counts once. What that does
not see: requests of one customer that fail again and again, without mirroring, count each time.

Latency: an exact one-sided binomial test at `CONFIDENCE`, and not an estimate.
"""

import math
from typing import TYPE_CHECKING

import msgspec

from ropeway.continuous.rollouts.events import SHADOW, Limits
from ropeway.continuous.rollouts.reading import RolloutState
from ropeway.stats.sequential.rates import log_e_of_more

if TYPE_CHECKING:
    import polars as pl

ERRORS_ALPHA = 0.01
"""How often a rollout may be stopped by chance alone for errors of a version that has no more than it may."""
CONFIDENCE = 0.999
TAIL = 0.01
"""p99: the share of answers that may be slower."""
LEAST_TIMED = 100
"""Requests below which a p99 is one slow answer."""
UNFELT_US = 5_000
"""Slower by less than this is felt by nobody, and is what a busy machine does to a small model."""
LEAST_COVERED = 20
"""Answers of an arm below which nobody says how many of them get their truth."""


class Arm(msgspec.Struct, frozen=True, kw_only=True):
    """What the guards see of one version.

    Attributes:
        asked: requests that it was given since the rollout began, as a shadow too; without mirroring, since
            this step began.
        errors: those that it failed on.
        answers: rows that it answered since this step began; with those that it failed on and the live
            version answered for it.
        labelled: those of which the truth is known.
        timed: requests since this step began whose latency is compared; their rows are answered together.
        p99_us: their 99th percentile.
    """

    asked: int
    errors: int
    answers: int
    labelled: int
    timed: int
    p99_us: float | None

    @property
    def error_rate(self) -> float | None:
        """Which share of requests it failed on."""
        return self.errors / self.asked if self.asked else None

    @property
    def coverage(self) -> float | None:
        """Of which share of its answers the truth is known."""
        return self.labelled / self.answers if self.answers else None


class Guarded(msgspec.Struct, frozen=True, kw_only=True):
    """Both versions as the guards see them, and what follows.

    Attributes:
        slow: candidate's answers slower than the ratio allows.
        broken: guards that end the rollout, by name, each with a sentence.
        waits: why nothing is decided for now; empty when nothing stands in the way.
    """

    live: Arm
    candidate: Arm
    slow: int
    broken: dict[str, str]
    waits: str


def guard(rows: "pl.DataFrame", asked_beside: "pl.DataFrame", rollout: RolloutState) -> Guarded:
    """Look at a rollout's traffic.

    Args:
        rows: its answers: `id`, `at`, `arm`, `is_instead`, `error`, `latency_us`, `run_us`, `is_labelled`.
        asked_beside: its shadows: `of`, `at`, `arm` (who was asked), `error`, `latency_us`.
        rollout: as it stands.
    """
    import polars as pl

    is_shadow = rollout.share == SHADOW
    in_step = rows.filter(pl.col("at") >= rollout.step_at)
    beside = asked_beside.filter(pl.col("at") >= rollout.step_at)
    own_answers = in_step.filter(~pl.col("is_instead"))
    if is_shadow:
        # Nobody waits for a shadow's turn, so it is the answering alone that is compared.
        run_us = pl.when(pl.col("run_us") > 0).then("run_us").otherwise("latency_us")
        own_answers = own_answers.with_columns(run_us.alias("latency_us"))
    asked = _requests(rows, asked_beside, rollout)
    arms, latencies = {}, {}
    for name in ("live", "candidate"):
        own = pl.col("arm") == name
        # What was never answered from is timed only where there is nothing else.
        timed = beside if is_shadow and name == "candidate" else own_answers
        # Rows of one request were answered together, in one time: they are one measurement.
        requests = timed.filter(own & (pl.col("error") == "")).unique(["at", "latency_us"])
        latencies[name] = requests["latency_us"]
        # What failed was answered to nobody, so nobody can say what would have been true of it.
        answered, every = in_step.filter(own & (pl.col("error") == "")), asked.filter(own)
        arms[name] = Arm(
            asked=every.height,
            errors=int(every["has_failed"].sum()),
            answers=answered.height,
            labelled=int(answered["is_labelled"].sum()),
            timed=len(latencies[name]),
            p99_us=_p99(latencies[name]),
        )
    slow = _slow(latencies["candidate"], arms["live"], rollout.terms.guards)
    return _judged(arms["live"], arms["candidate"], slow, rollout)


def _slow(latencies: "pl.Series", live: Arm, limits: Limits) -> int:
    """How many of the candidate's answers are slower than the ratio allows, and are felt."""
    usual = live.p99_us or 0.0
    bound = max(usual * limits.latency_ratio, usual + UNFELT_US)
    return int((latencies > bound).sum())


def _judged(live: Arm, candidate: Arm, slow: int, rollout: RolloutState) -> Guarded:
    """What follows from what was seen of both."""
    limits = rollout.terms.guards
    # Without mirroring each step is a comparison of its own.
    level = ERRORS_ALPHA / (1 if rollout.terms.mirror else len(rollout.shares))
    found = {
        "errors": _errors(live, candidate, limits, level),
        "latency": _latency(live, candidate, slow, limits),
    }
    return Guarded(
        live=live,
        candidate=candidate,
        slow=slow,
        broken={name: says for name, says in found.items() if says},
        waits="" if rollout.share == SHADOW else _coverage(live, candidate, limits),
    )


def is_over(events: int, trials: int, rate: float) -> bool:
    """Whether so many events are more than chance brings at a rate: the same as a lower bound over it.

    Example:
        >>> is_over(1, 3, 0.01), is_over(4, 20, 0.01)
        (False, True)
    """
    if not events or rate >= 1 or events / trials <= rate:
        return False
    if rate <= 0:
        return True
    # The terms below `events` are few: that many events are seldom, where this is asked.
    fewer = math.fsum(
        math.exp(
            math.lgamma(trials + 1)
            - math.lgamma(k + 1)
            - math.lgamma(trials - k + 1)
            + k * math.log(rate)
            + (trials - k) * math.log1p(-rate)
        )
        for k in range(events)
    )
    return 1 - fewer <= 1 - CONFIDENCE


def _requests(rows: "pl.DataFrame", asked_beside: "pl.DataFrame", rollout: RolloutState) -> "pl.DataFrame":
    """What each version was asked: `arm`, `has_failed`; rows of one request were asked together."""
    import polars as pl

    instead = rows.filter("is_instead")["id"]
    # Where the candidate failed as an arm, its failure stands as a shadow beside the live answer as well.
    beside = asked_beside.filter(~pl.col("of").is_in(instead.implode()))
    columns = ("at", "arm", "latency_us", (pl.col("error") != "").alias("has_failed"))
    asked = pl.concat([rows.filter(~pl.col("is_instead")).select(columns), beside.select(columns)])
    if not rollout.terms.mirror:
        asked = asked.filter(pl.col("at") >= rollout.step_at)
    return asked.group_by("arm", "at", "latency_us").agg(pl.col("has_failed").any())


def _p99(latencies: "pl.Series") -> float | None:
    found = latencies.quantile(1 - TAIL, interpolation="higher")
    return None if found is None else float(found)


def _errors(live: Arm, candidate: Arm, limits: Limits, level: float = ERRORS_ALPHA) -> str:
    """Why the candidate fails too often; empty when it does not."""
    failed, theirs = (candidate.errors, candidate.asked), (live.errors, live.asked)
    if log_e_of_more(theirs, failed, limits.error_rate) < -math.log(level):
        return ""
    return (
        f"it failed on {candidate.errors:,} of {candidate.asked:,} requests, the live version on "
        f"{live.errors:,} of {live.asked:,}; a share of {limits.error_rate:.3g} more is allowed"
    )


def _latency(live: Arm, candidate: Arm, slow: int, limits: Limits) -> str:
    """Why the candidate is too slow; empty when it is not, or there are too few answers to say."""
    if min(live.timed, candidate.timed) < LEAST_TIMED or live.p99_us is None or candidate.p99_us is None:
        return ""
    # More than one in a hundred beyond the bound is the same as a p99 beyond it.
    if not is_over(slow, candidate.timed, TAIL):
        return ""
    return (
        f"its p99 is {candidate.p99_us / 1000:,.1f} ms, that of the live version "
        f"{live.p99_us / 1000:,.1f} ms; {limits.latency_ratio:g} times that is allowed"
    )


def _coverage(live: Arm, candidate: Arm, limits: Limits) -> str:
    """Why truth comes for one arm and not for the other; empty when it comes alike."""
    if min(live.answers, candidate.answers) < LEAST_COVERED:
        return ""
    theirs, own = live.labelled / live.answers, candidate.labelled / candidate.answers
    if abs(theirs - own) <= limits.coverage_gap:
        return ""
    return (
        f"the truth is known of {own:.0%} of the candidate's answers and of {theirs:.0%} of the live "
        "version's: who is heard may depend on the answer, so nothing is decided"
    )
