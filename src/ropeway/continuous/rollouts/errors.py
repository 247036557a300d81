"""What can go wrong when a version is released.

NotFound   unknown-rollout
Invalid    bad-steps
Conflict   rollout-active · rollout-over · no-rollout-active · already-live · nothing-to-roll-back ·
           not-held
Refused    alpha-spent · no-error-cap · nothing-to-compare
"""

from collections.abc import Iterable

from ropeway.core.errors import Conflict, Invalid, NotFound, Refused


class UnknownRollout(NotFound):
    """No rollout has that id, or the model has none."""

    code = "unknown-rollout"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(
            "rollout",
            name,
            known,
            next_step="ropeway release MODEL@VERSION   begins one",
        )


class BadSteps(Invalid):
    """Steps that do not lead from nothing to all."""

    code = "bad-steps"

    def __init__(self, steps: object, reason: str) -> None:
        super().__init__(
            f"The steps {steps} will not do: {reason}.",
            expected='rising shares of traffic, over 0 and under 1, with "shadow" at most as the first',
            next_step="ropeway release MODEL@VERSION --steps shadow,0.1,0.5",
        )


class RolloutActive(Conflict):
    """One rollout at a time in an environment: two candidates would blur each other's figures."""

    code = "rollout-active"

    def __init__(self, ref: str, environment: str, rollout: str, other: str) -> None:
        name, at, _ = ref.partition("@")
        on_its_way = f"{other} is on its way to {environment} ({rollout})"
        what = f"'{ref}' cannot be released: {on_its_way}."
        if not at:  # a model, of which no version has been made yet
            what = f"A retraining of '{name}' cannot begin: {on_its_way}."
        super().__init__(
            what,
            expected="no other rollout of this model there",
            next_step=f"ropeway rollout {name}   shows it; ropeway rollout end {rollout}   ends it",
            rollout=rollout,
        )


class NoRolloutActive(Conflict):
    """There is none to move."""

    code = "no-rollout-active"

    def __init__(self) -> None:
        super().__init__(
            "No rollout is on its way.",
            expected="a rollout that is active",
            next_step="ropeway rollout   shows the newest",
        )


class RolloutOver(Conflict):
    """What has ended cannot be moved any more."""

    code = "rollout-over"

    def __init__(self, rollout: str, outcome: str, ref: str) -> None:
        super().__init__(
            f"The rollout {rollout} of '{ref}' is over: {outcome}.",
            expected="a rollout that is active",
            next_step=f"ropeway release {ref}",
            rollout=rollout,
            outcome=outcome,
        )


class AlreadyLive(Conflict):
    """The version is where it is to be released to."""

    code = "already-live"

    def __init__(self, ref: str, environment: str) -> None:
        super().__init__(
            f"'{ref}' is live in {environment} already.",
            expected="another version than the live one",
            next_step=f"ropeway model list {ref.partition('@')[0]}",
            ref=ref,
        )


class NothingToRollBack(Conflict):
    """No earlier version of the environment may be used."""

    code = "nothing-to-roll-back"

    def __init__(self, name: str, environment: str) -> None:
        super().__init__(
            f"'{name}' has nothing to go back to in {environment}: no other version that may still be "
            "used was live there before.",
            expected="an active rollout, or an earlier live version that is neither recalled nor retired",
            next_step=f"ropeway model history {name}",
            name=name,
            environment=environment,
        )


class NotHeld(Conflict):
    """There is nothing to resume."""

    code = "not-held"

    def __init__(self, rollout: str) -> None:
        super().__init__(
            f"The rollout {rollout} is not held: it goes on by itself.",
            expected="a rollout that is held",
            next_step="ropeway controller --once   takes its next step when it is due",
            rollout=rollout,
        )


class AlphaSpent(Refused):
    """The year's budget of wrong promotions is spent."""

    code = "alpha-spent"

    def __init__(self, name: str, year: int, budget: float, left: float) -> None:
        super().__init__(
            f"The releases of '{name}' have spent their budget for {year}: of the chance of {budget:g} to "
            f"promote a worse version wrongly, {left:.1g} is left.",
            expected="at least 0.0001 left: a test at less would hardly ever end",
            next_step="wait for the new year, or raise `alpha` under [rollout] in ropeway.toml; "
            f"ropeway model promote {name}@VERSION   decides without a test",
            name=name,
            year=year,
        )


class NothingToCompare(Refused):
    """A rule may let a version prove itself beside a live one, not put it before everybody untested."""

    code = "nothing-to-compare"

    def __init__(self, ref: str, environment: str) -> None:
        name = ref.partition("@")[0]
        super().__init__(
            f"No rule releases '{ref}' to {environment}: nothing is live there, so that it would answer "
            "everybody at once, untested.",
            expected="a live version that it can prove itself beside",
            next_step=f"a person decides: ropeway release {ref} --to {environment}   puts it live at once; "
            f"ropeway rollback {name} --to {environment}   brings back what was live before",
            ref=ref,
            environment=environment,
        )


class NoErrorCap(Refused):
    """A model of numbers whose errors have no known bound."""

    code = "no-error-cap"

    def __init__(self, ref: str) -> None:
        super().__init__(
            f"'{ref}' predicts numbers, and the range of its target is not on record: its errors "
            "have no bound, and the test needs one.",
            expected="[rollout] error_cap in ropeway.toml: the absolute error at which more is no worse",
            next_step="set error_cap under [rollout], then release again",
            ref=ref,
        )
