"""What policy and retraining refuse.

NotFound  unknown-retraining
Invalid   policy-invalid
Conflict  no-policy · policy-paused · retraining-underway · retraining-moved
Refused   inputs-not-kept · key-not-carried · feedback-outside-contract · made-by-hand
"""

from collections.abc import Iterable, Mapping, Sequence

from ropeway.core.errors import Conflict, Invalid, NotFound, Refused


class NoPolicy(Conflict):
    """The project file has no `[policy]`, so there is nothing to go by."""

    code = "no-policy"

    def __init__(self) -> None:
        super().__init__(
            "ropeway.toml has no [policy]: nothing says when a model is trained anew, nor who lets it out.",
            expected='a table [policy], such as triggers = ["degradation"] and approval = "two-person"',
            next_step="docs/settings.md names every setting; then: ropeway policy check",
        )


class PolicyInvalid(Invalid):
    """The policy contradicts itself, the project or the calendar."""

    code = "policy-invalid"

    def __init__(self, problems: Sequence[tuple[str, str, str]]) -> None:
        setting, first, wanted = problems[0]
        more = [f"`{other}`: {what}" for other, what, _ in problems[1:]]
        super().__init__(
            "\n".join([f"ropeway.toml [policy] `{setting}`: {first}.", *more]),
            expected=wanted,
            next_step="mend ropeway.toml; then: ropeway policy check",
            problems=[f"{setting}: {what}" for setting, what, _ in problems],
        )


class PolicyPausedNow(Conflict):
    """The policy is paused: it waits for a person."""

    code = "policy-paused"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f"The policy of '{name}' is paused: {reason}.",
            expected="a person who has looked at it",
            next_step="ropeway policy resume",
            model=name,
        )


class RetrainingUnderway(Conflict):
    """One retraining at a time."""

    code = "retraining-underway"

    def __init__(self, name: str, retraining: str, stage: str) -> None:
        super().__init__(
            f"'{name}' is being trained anew: {retraining} stands at '{stage}'.",
            expected="one retraining at a time",
            next_step="ropeway policy   shows how far it is; ropeway controller --once   takes it on",
            model=name,
            retraining=retraining,
            stage=stage,
        )


class RetrainingMoved(Conflict):
    """A stage was to be recorded that does not follow on the one that is on record."""

    code = "retraining-moved"

    def __init__(self, retraining: str, stage: str, stands: str) -> None:
        super().__init__(
            f"{retraining} cannot come to '{stage}': it stands at '{stands}'.",
            expected="each stage once, in order",
            next_step="ropeway policy",
            retraining=retraining,
            stage=stage,
        )


class UnknownRetraining(NotFound):
    """No retraining has that id."""

    code = "unknown-retraining"

    def __init__(self, retraining: str, known: Iterable[str]) -> None:
        super().__init__("retraining", retraining, known, next_step="ropeway policy")


class MadeByHand(Refused):
    """The policy answers for what a retraining made, not for what a person trained and chose."""

    code = "made-by-hand"

    def __init__(self, ref: str, run: str) -> None:
        super().__init__(
            f"No rule approves '{ref}': a person trained it ({run}), and no retraining did.",
            expected="a version that a retraining has trained",
            next_step=f"ropeway model approve {ref} --as SOMEONE",
            ref=ref,
            run=run,
        )


class InputsNotKept(Refused):
    """The log of predictions does not hold what a row to learn from needs."""

    code = "inputs-not-kept"

    def __init__(self, columns: Mapping[str, str]) -> None:
        named = ", ".join(f"'{name}' is {way}" for name, way in columns.items())
        first = next(iter(columns))
        super().__init__(
            f"Rows cannot be made of judged predictions: in the log {named}.",
            expected="every column that the model reads, and the key, kept as it came",
            next_step=f'[log] columns = {{{first} = "kept"}}, or [policy.data] feedback = false',
            columns=dict(columns),
        )


class FeedbackOutsideContract(Refused):
    """More of what people judged breaks the data's contract than may be left out unseen."""

    code = "feedback-outside-contract"

    def __init__(self, dataset: str, says: str) -> None:
        super().__init__(
            f"Rows to learn from would be picked: {says}.",
            expected=f"nearly all judged predictions as contracts/{dataset}.toml says: without the others, "
            "what has changed would not be learnt",
            next_step=f"review contracts/{dataset}.toml, and: ropeway data check {dataset}",
            dataset=dataset,
        )


class KeyNotCarried(Refused):
    """A row made of a prediction has no key of the kind that the data's keys are of."""

    code = "key-not-carried"

    def __init__(self, dataset: str, key: str, kind: str) -> None:
        super().__init__(
            f"Column '{key}' of '{dataset}' is of kind {kind}, and the predictions carry no '{key}'; "
            "a prediction's own id is text.",
            expected=f"requests that carry '{key}'",
            next_step=f'[serving] carry = ["{key}"] in ropeway.toml, and send it with each request',
            dataset=dataset,
            key=key,
        )
