"""What production says of a candidate: the log of predictions as costs, and the test on them.

Each answer since the rollout began is priced for both versions where both answered it: one in the answer, the
other in the shadow beside it. `terms` says what an answer costs. The test runs over the whole rollout, shadow
and shares alike; an entity counts once, by its truths when it settled (`stats.sequential.entities`), and what
people say later changes nothing that was weighed.

Where the candidate failed and the live version answered for it, the row is the candidate's all the same, at
the highest cost: whatever it would have said when asked again, it did not say it.

An answer that only one version gave counts where traffic was drawn by lot and no row goes to both: at a
share, without mirroring, and only beside those of the same step. Elsewhere, what is missing is missing for a
reason.
"""

import bisect
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from ropeway.continuous.rollouts.events import SHADOW, Summary, Terms
from ropeway.continuous.rollouts.guards import Guarded, guard
from ropeway.continuous.rollouts.heard import contradiction, unlike_coverage
from ropeway.continuous.rollouts.reading import RolloutState
from ropeway.core.canonical import canonical
from ropeway.core.ids import Digest
from ropeway.store import Store
from ropeway.workspace import Workspace

if TYPE_CHECKING:
    import polars as pl

    from ropeway.stats.sequential.verdict import Terms as TestTerms
    from ropeway.stats.sequential.verdict import Verdict

FORMAT = 1
CLOCKS_APART = timedelta(days=1)
"""How far the clocks of those who serve and those who judge may be from one another."""
UNSETTLED = timedelta(seconds=5)
"""So long before and after a change of shares nobody knows which ones an answer was drawn by."""


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """How the test stood after so many entities, the last of which settled at that time."""

    at: datetime
    entities: int
    estimate: float
    low: float
    high: float
    e_gain: float
    e_harm: float


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """All that one evaluation has seen; from it the verdict can be computed again.

    Attributes:
        at: when it was looked.
        step: at which step; `share`: the candidate's share then.
        terms: by what it is decided.
        differences: live cost less the candidate's, of each entity or block, in order of settling.
        entities: of the candidate, counted up to each difference; empty: one each.
        trajectory: how the test moved, at most 200 looks.
        guarded: what the guards saw.
        summary: the figures of the event.
    """

    format: int
    rollout: str
    ref: str
    champion: str
    environment: str
    at: datetime
    step: int
    share: float
    terms: Terms
    differences: list[float]
    entities: list[int]
    trajectory: list[Look]
    guarded: Guarded
    summary: Summary


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """What an evaluation found, before any of it is kept."""

    at: datetime
    summary: Summary
    guarded: Guarded
    differences: list[float]
    entities: list[int]
    settled_at: list[datetime]


def evaluate(workspace: Workspace, rollout: RolloutState) -> Findings:
    """Hear what production has said since a rollout began. Writes nothing.

    Raises:
        ObjectMissing, ObjectDamaged: a sealed part of the log cannot be read.
    """
    import polars as pl

    from ropeway.stats.sequential.blocks import pair
    from ropeway.stats.sequential.entities import settle
    from ropeway.stats.sequential.verdict import Evidence as Weighed
    from ropeway.stats.sequential.verdict import decide

    now = workspace.clock.now()
    answers = _answers(workspace, rollout)
    beside = _beside(workspace, rollout)
    labels = _labels(workspace, rollout, answers)
    priced = _countable(_priced(answers, beside, labels, rollout.terms), rollout)
    settled = settle(priced, wait=timedelta(seconds=rollout.terms.settle), now=now)
    steps = pair(settled)
    weighed = Weighed.of(steps)
    verdict = decide(weighed, _test_terms(rollout.terms))
    known = answers.with_columns(pl.col("id").is_in(labels["id"].implode()).alias("is_labelled"))
    guarded = guard(known, beside, rollout)
    waits = (
        guarded.waits
        or contradiction(
            priced, rollout, began=_lot_drawn_at(rollout), now=now, is_gain=verdict.kind == "gain"
        )
        or unlike_coverage(known, rollout)
    )
    guarded = msgspec.structs.replace(guarded, waits=waits)
    is_plain = weighed.entities == list(range(1, len(weighed.entities) + 1))
    return Findings(
        at=now,
        summary=_summary(verdict, guarded, _in_step(priced, rollout, now)),
        guarded=guarded,
        differences=weighed.differences,
        entities=[] if is_plain else weighed.entities,
        settled_at=steps["settled_at"].to_list(),
    )


def put_evidence(store: Store, rollout: RolloutState, findings: Findings) -> Digest:
    """Keep what an evaluation has seen; gives its digest."""
    evidence = Evidence(
        format=FORMAT,
        rollout=rollout.id,
        ref=rollout.ref,
        champion=rollout.champion,
        environment=rollout.environment,
        at=findings.at,
        step=rollout.step,
        share=rollout.share,
        terms=rollout.terms,
        differences=findings.differences,
        entities=findings.entities,
        trajectory=path_of(rollout, findings),
        guarded=findings.guarded,
        summary=findings.summary,
    )
    return store.put(canonical(evidence))


def read_evidence(store: Store, digest: Digest) -> Evidence:
    """The evidence of an evaluation, verified."""
    return msgspec.json.decode(store.read(digest), type=Evidence)


def path_of(rollout: RolloutState, findings: Findings) -> list[Look]:
    """How the test moved, entity by entity, thinned out where there are many."""
    from ropeway.stats.sequential.verdict import Evidence as Weighed
    from ropeway.stats.sequential.verdict import follow

    counted = findings.entities or list(range(1, len(findings.differences) + 1))
    weighed = Weighed(differences=findings.differences, entities=findings.entities)
    return [
        Look(
            at=findings.settled_at[bisect.bisect_left(counted, point.entities)],
            **{name: getattr(point, name) for name in point.__struct_fields__},
        )
        for point in follow(weighed, _test_terms(rollout.terms))
    ]


def _test_terms(terms: Terms) -> "TestTerms":
    from ropeway.stats.sequential.verdict import Terms as TestTerms

    return TestTerms(
        scale=terms.scale,
        alpha=terms.alpha,
        harm_alpha=terms.harm_alpha,
        min_gain=terms.min_gain,
        min_entities=terms.min_entities,
    )


def _summary(verdict: "Verdict", guarded: Guarded, in_step: int) -> Summary:
    live, candidate = guarded.live, guarded.candidate
    return Summary(
        verdict=verdict.kind,
        says=verdict.says,
        entities=verdict.entities,
        in_step=in_step,
        estimate=verdict.estimate,
        low=verdict.low,
        high=verdict.high,
        log_e_gain=verdict.log_e_gain,
        log_e_harm=verdict.log_e_harm,
        answers_live=live.answers,
        answers_candidate=candidate.answers,
        coverage_live=live.coverage,
        coverage_candidate=candidate.coverage,
        error_rate_live=live.error_rate,
        error_rate_candidate=candidate.error_rate,
        p99_live_us=live.p99_us,
        p99_candidate_us=candidate.p99_us,
    )


def _answers(workspace: Workspace, rollout: RolloutState) -> "pl.DataFrame":
    """Who answered what since the rollout began; `arm` says which of the two, `is_instead`, for the other.

    A row that the candidate failed on is the candidate's, whoever answered it then.
    """
    import polars as pl

    from ropeway.predictions.history import lazy_predictions

    logged = lazy_predictions(workspace, since=rollout.started_at, environment=rollout.environment)
    is_ours = pl.col("rollout") == rollout.id
    is_instead = is_ours & (pl.col("instead_of") == rollout.ref)
    is_own = is_ours & (pl.col("model") == rollout.ref)
    arm = pl.when(is_own | is_instead).then(pl.lit("candidate"))
    is_live = pl.col("model") == rollout.champion
    return (
        logged.with_columns(
            arm.when(is_live).then(pl.lit("live")).alias("arm"), is_instead.alias("is_instead")
        )
        .filter(pl.col("arm").is_not_null())
        .sort("at", "id")
        .select(
            *("id", "at", "entity", "arm", "is_instead", "prediction", "latency_us", "run_us"),
            pl.col("error").fill_null(""),
        )
        .collect()
    )


def _labels(workspace: Workspace, rollout: RolloutState, answers: "pl.DataFrame") -> "pl.DataFrame":
    """Everything that was said of these answers, in the order in which it was: `id`, `truth`, `labelled_at`.

    Not only what holds now: the test weighs an entity by what was known when it settled.
    """
    import polars as pl

    from ropeway.predictions.columns import FEEDBACK_KIND, PLACE
    from ropeway.predictions.history import scan

    # Nobody speaks of an answer before it is given, unless by another clock.
    said = scan(workspace.home, FEEDBACK_KIND, since=rollout.started_at - CLOCKS_APART)
    said = said.join(answers.lazy().select("id"), on="id", how="semi").sort("at", *PLACE)
    return said.select("id", pl.col("value").alias("truth"), pl.col("at").alias("labelled_at")).collect()


def _beside(workspace: Workspace, rollout: RolloutState) -> "pl.DataFrame":
    """What was asked beside the answers; `arm` says of which of the two."""
    import polars as pl

    from ropeway.predictions.history import shadows

    logged = shadows(workspace, rollout=rollout.id, since=rollout.started_at)
    arm = pl.when(pl.col("model") == rollout.champion).then(pl.lit("live"))
    return (
        logged.with_columns(arm.when(pl.col("model") == rollout.ref).then(pl.lit("candidate")).alias("arm"))
        .filter(pl.col("arm").is_not_null())
        .select("of", "at", "arm", "prediction", pl.col("error").fill_null(""), "latency_us")
    )


def _priced(
    answers: "pl.DataFrame", beside: "pl.DataFrame", labels: "pl.DataFrame", terms: Terms
) -> "pl.DataFrame":
    """A row for each label of each answer, as `stats.sequential.entities.settle` wants them."""
    import polars as pl

    # The first holds: who asks the same again may have seen the truth meanwhile.
    other = beside.unique(["of", "arm"], keep="first", maintain_order=True)
    other = other.select(
        "of",
        # The version that did not answer is the one that was asked beside.
        pl.when(pl.col("arm") == "live").then(pl.lit("candidate")).otherwise(pl.lit("live")).alias("arm"),
        pl.col("prediction").alias("other"),
        (pl.col("error") != "").alias("other_failed"),
        pl.col("at").alias("mirrored_at"),
    )
    rows = answers.join(other, left_on=["id", "arm"], right_on=["of", "arm"], how="left")
    rows = rows.join(labels, on="id", how="left")
    own = _cost(rows, "prediction", pl.col("error") != "", terms).alias("own_cost")
    others = _cost(rows, "other", pl.col("other_failed").fill_null(value=False), terms).alias("other_cost")
    rows = rows.with_columns(own, others)
    is_live, is_instead = pl.col("arm") == "live", pl.col("is_instead")
    dearest = pl.when(pl.col("truth").is_not_null()).then(terms.scale)
    others_cost, own_cost = pl.col("other_cost"), pl.col("own_cost")
    cost_live = pl.when(is_live | is_instead).then(own_cost).otherwise(others_cost)
    cost_candidate = pl.when(is_instead).then(dearest).when(is_live).then(others_cost).otherwise(own_cost)
    return rows.select(
        *("id", "entity", "at", "arm", "labelled_at"),
        cost_live.alias("cost_live"),
        cost_candidate.alias("cost_candidate"),
        pl.when(~is_instead).then("mirrored_at").alias("mirrored_at"),
    )


def _cost(rows: "pl.DataFrame", said: str, failed: "pl.Expr", terms: Terms) -> "pl.Series":
    """What each answer in a column cost; null where there was none, or nobody knows the truth."""
    import polars as pl

    if terms.cap is not None:
        numbers = (
            pl.col(said).cast(pl.Float64, strict=False),
            pl.col("truth").cast(pl.Float64, strict=False),
        )
        # What is no number lies as far off as anything can.
        cost = (numbers[0] - numbers[1]).abs().fill_nan(terms.cap).clip(0.0, terms.cap)
    else:
        cost = pl.col("price")
        pairs = rows.select("truth", said).unique().drop_nulls()
        prices = [_price(truth, answer, terms) for truth, answer in pairs.iter_rows()]
        known = pairs.with_columns(pl.Series("price", prices, dtype=pl.Float64))
        rows = rows.join(known, on=["truth", said], how="left", maintain_order="left")
    dearest = pl.when(failed & pl.col("truth").is_not_null()).then(terms.scale)
    return rows.select(dearest.otherwise(cost)).to_series()


def _price(truth: str, said: str, terms: Terms) -> float:
    """What an answer cost, both as JSON."""
    true, answered = _name(truth), _name(said)
    return terms.cost.get(true, {}).get(answered, 0.0 if true == answered else 1.0)


def _name(text: str) -> str:
    """A class as the charter writes it. JSON knows no difference between 1 and 1.0."""
    value = msgspec.json.decode(text)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _countable(priced: "pl.DataFrame", rollout: RolloutState) -> "pl.DataFrame":
    """The rows with their step, and with costs only where they may be held against each other.

    None is left out: whom an entity saw first is told by all of them.
    """
    import polars as pl

    rows = priced.with_columns(_step_of(rollout).alias("step"))
    began = _lot_drawn_at(rollout)
    is_alone = pl.lit(value=False) if rollout.terms.mirror or began is None else pl.col("at") >= began
    is_paired = pl.col("cost_live").is_not_null() & pl.col("cost_candidate").is_not_null()
    # Where rows count by one answer all of them do: a second may be there for a reason.
    return rows.with_columns(
        pl.when(pl.when(is_alone).then(pl.col("arm") == name).otherwise(is_paired))
        .then(f"cost_{name}")
        .alias(f"cost_{name}")
        for name in ("live", "candidate")
    )


def _step_of(rollout: RolloutState) -> "pl.Expr":
    """How often shares had been changed when a row was answered; -1 about the time of a change."""
    import polars as pl

    changed = [move.at for move in rollout.moves if move.move == "advanced"]
    step = pl.sum_horizontal(pl.lit(0), *((pl.col("at") >= at).cast(pl.Int64) for at in changed))
    is_near = [(pl.col("at") - at).abs() < UNSETTLED for at in (rollout.started_at, *changed)]
    return pl.when(pl.any_horizontal(is_near)).then(-1).otherwise(step)


def _lot_drawn_at(rollout: RolloutState) -> datetime | None:
    """When the first share of traffic was given to the candidate."""
    if rollout.shares[0] != SHADOW:
        return rollout.started_at
    return next((move.at for move in rollout.moves if move.move == "advanced"), None)


def _in_step(priced: "pl.DataFrame", rollout: RolloutState, now: datetime) -> int:
    """How many entities of this step's own have been heard of, the candidate's cost known."""
    import polars as pl

    heard = priced.filter(
        (pl.col("at") >= rollout.step_at)
        & pl.col("cost_candidate").is_not_null()
        & (pl.col("labelled_at") <= now - timedelta(seconds=rollout.terms.settle))
    )
    own = pl.when(pl.col("entity") == "").then(pl.col("id")).otherwise(pl.col("entity"))
    return heard.select(own.n_unique()).item() if heard.height else 0
