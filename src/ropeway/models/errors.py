"""What can go wrong between a run and a version in production.

NotFound   unknown-model · unknown-version · unknown-environment · nothing-live · unknown-source
Invalid    bad-model-name · bad-moment · bad-routing · not-a-frame · request-mismatch · cost-mismatch
Conflict   illegal-transition · nothing-to-package · no-test-rows · no-target · model-exists · version-in-use
           not-a-model
Refused    four-eyes · stale-evidence · source-not-approved · replay-differs · rows-not-held-out
           version-recalled · package-differs · no-such-rule · evidence-differs · code-not-trusted
           foreign-package · guarded-alias
Damaged    model-damaged
"""

from collections.abc import Iterable, Sequence

from ropeway.core.errors import Conflict, Damaged, Invalid, NotFound, Refused, did_you_mean
from ropeway.core.hashing import short


class UnknownModel(NotFound):
    """No model of that name is registered."""

    code = "unknown-model"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__("model", name, known, next_step="ropeway model list")


class UnknownVersion(NotFound):
    """The model has no such version."""

    code = "unknown-version"

    def __init__(self, ref: str, known: Iterable[str]) -> None:
        super().__init__("model version", ref, known, next_step=f"ropeway model show {ref.partition('@')[0]}")


class UnknownSource(NotFound):
    """No registered version has code with this digest."""

    code = "unknown-source"

    def __init__(self, source: str, known: Iterable[str]) -> None:
        super().__init__(
            "registered source", source, known, next_step="ropeway model show NAME@VERSION names its source"
        )


class UnknownEnvironment(NotFound):
    """ropeway.toml declares no such environment."""

    code = "unknown-environment"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(
            "environment", name, known, next_step=f"declare it in ropeway.toml: [environments.{name}]"
        )


class NothingLive(NotFound):
    """The environment exists, and no version of this model is in it."""

    code = "nothing-live"

    def __init__(self, name: str, environment: str) -> None:
        super().__init__(
            f"version of '{name}' in the environment",
            environment,
            next_step=f"ropeway model promote {name}@VERSION --to {environment}",
        )


class BadModelName(Invalid):
    """A name that could not be told from a reference."""

    code = "bad-model-name"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"'{name}' cannot be the name of a model.",
            expected="1 to 64 letters, digits, '.', '_' or '-', a letter or digit first",
            next_step="ropeway model register RUN --name NAME",
            name=name,
        )


class BadMoment(Invalid):
    """Not a date or time."""

    code = "bad-moment"

    def __init__(self, given: str) -> None:
        super().__init__(
            f"'{given}' is not a date.",
            expected="a date such as 2026-05-03 (its end, UTC), or a time such as 2026-05-03T14:00",
            given=given,
        )


class IllegalTransition(Conflict):
    """The state machine has no such move from here."""

    code = "illegal-transition"

    def __init__(self, ref: str, state: str, move: str, legal: Sequence[str], needed: Sequence[str]) -> None:
        choices = ", ".join(legal) if legal else "none: this state is final"
        super().__init__(
            f"Cannot {move} '{ref}': it is {state}, and '{move}' starts from {' or '.join(needed)}. "
            f"Legal from {state}: {choices}.",
            expected=f"a version that is {' or '.join(needed)}",
            next_step=_next_command(ref, move, legal),
            ref=ref,
            state=state,
            move=move,
            legal=list(legal),
        )


def _next_command(ref: str, move: str, legal: Sequence[str]) -> str:
    """The command that leads towards what was wanted."""
    name = ref.partition("@")[0]
    if move == "retire" and "recall" in legal:
        return f"promote another version in its place first: ropeway model promote {name}@VERSION"
    # The furthest step first: what is validated may be gated again, but wants approving.
    for step in ("promote", "approve", "gate"):
        if step in legal:
            return f"ropeway gate {ref}" if step == "gate" else f"ropeway model {step} {ref}"
    return f"ropeway model history {name}"


class FourEyes(Refused):
    """Who proposed a version, by training or registering it, may not approve it."""

    code = "four-eyes"

    def __init__(self, ref: str, person: str, did: str) -> None:
        super().__init__(
            f"'{person}' {did} '{ref}' and may not approve it as well.",
            expected='another person, or [project] approval = "self" in ropeway.toml (which is recorded)',
            next_step=f"ropeway model approve {ref} --as SOMEONE-ELSE",
            ref=ref,
            person=person,
            did=did,
        )


class VersionRecalled(Refused):
    """The version was recalled: it must not be used any more."""

    code = "version-recalled"

    def __init__(self, ref: str) -> None:
        super().__init__(
            f"'{ref}' was recalled and is not loaded any more.",
            expected="a version that was not recalled",
            next_step=f"ropeway model history {ref.partition('@')[0]}",
            ref=ref,
        )


class StaleEvidence(Refused):
    """The gate judged it by something else than what holds now."""

    code = "stale-evidence"

    def __init__(self, ref: str, differences: Sequence[str]) -> None:
        super().__init__(
            f"The evidence of '{ref}' is stale: {'; '.join(differences)}.",
            expected="evidence by today's charter and gate, on sound data, against what is in production",
            next_step=f"ropeway gate {ref}",
            ref=ref,
            differences=list(differences),
        )


class SourceNotApproved(Refused):
    """The code of a model was never run nor approved in this workspace."""

    code = "source-not-approved"

    def __init__(self, ref: str, source: str) -> None:
        super().__init__(
            f"The code of '{ref}' (source {short(source)}) is not approved in this workspace; it is not run.",
            expected="code that ran here, or that somebody here has read and approved",
            next_step=f"read it: ropeway model show {ref} --code; then: ropeway model trust {source}",
            ref=ref,
            source=source,
        )


class ReplayDiffers(Refused):
    """The packaged model does not answer as the run did."""

    code = "replay-differs"

    def __init__(
        self, *, way: str, row: str, column: str, expected_value: object, got: object, reason: str
    ) -> None:
        super().__init__(
            f"Sent {way}, row '{row}' gets {got!r} in column '{column}'; "
            f"the run gave {expected_value!r}. {reason}",
            expected="the same answer for a row, whatever other rows come with it",
            next_step="learn what depends on other rows in a @fit step, keep the row order, then ropeway run",
            way=way,
            row=row,
            column=column,
            expected_value=expected_value,
            got=got,
        )


class PackageDiffers(Refused):
    """A package is not what the record of its run says: it could choose its own test rows."""

    code = "package-differs"

    def __init__(self, ref: str, run: str, differences: Sequence[str]) -> None:
        super().__init__(
            f"'{ref}' is not what run '{run}' made: {'; '.join(differences)}.",
            expected="the package that `ropeway model register` makes of a run of this workspace",
            next_step=f"ropeway model register {run}",
            ref=ref,
            run=run,
            differences=list(differences),
        )


class RowsNotHeldOut(Refused):
    """No test row is left that both sides of a comparison have never learnt from."""

    code = "rows-not-held-out"

    def __init__(self, challenger: str, champion: str, rows: int) -> None:
        super().__init__(
            f"All {rows} test rows of '{challenger}' were trained or tuned on by '{champion}': "
            "a comparison on them would favour the one that has seen them.",
            expected="test rows that neither version has learnt from",
            next_step="keep [split] as it was when the version in production was trained, or add new rows",
            challenger=challenger,
            champion=champion,
            rows=rows,
        )


class NothingToPackage(Conflict):
    """The run left no slice that could be served."""

    code = "nothing-to-package"

    def __init__(self, run: str, reason: str) -> None:
        super().__init__(
            f"Run '{run}' cannot be registered: {reason}.",
            expected="a finished pipeline run with a served step",
            next_step="ropeway run, then ropeway model register latest",
            run=run,
        )


class NoTestRows(Conflict):
    """The test part is empty, so there is nothing to judge on."""

    code = "no-test-rows"

    def __init__(self, ref: str, dataset: str) -> None:
        super().__init__(
            f"The test part of '{dataset}' has no rows, so '{ref}' cannot be judged.",
            expected="a dataset large enough for [split] test to hold rows",
            next_step="give [split] test a larger share in ropeway.toml, or add rows to the dataset",
            ref=ref,
            dataset=dataset,
        )


class NotAFrame(Invalid):
    """Something else than rows was given to predict from."""

    code = "not-a-frame"

    def __init__(self, kind: str) -> None:
        super().__init__(
            f"A model answers rows; this is a '{kind}'.",
            expected="a polars or pandas frame, a list of dicts, a dict of columns or of one row; where the "
            "model has one column, a list of its values",
            next_step="polars.DataFrame(rows) makes a frame of most things",
            kind=kind,
        )


class RequestMismatch(Invalid):
    """A column cannot be read as the type that the signature names."""

    code = "request-mismatch"

    def __init__(self, ref: str, column: str, kind: str, got: str) -> None:
        super().__init__(
            f"Column '{column}' is {got} and cannot be read as {kind}, as '{ref}' needs it.",
            expected=kind,
            next_step=f"ropeway model show {ref} names every column with its type",
            column=column,
            type=kind,
            got=got,
        )


class CostMismatch(Invalid):
    """The charter prices a class that there is not, so that price would count for nothing."""

    code = "cost-mismatch"

    def __init__(self, named: str, classes: Sequence[str]) -> None:
        if classes:
            # Near in letters, or the same word in another case, as `true` for True.
            alike = next((each for each in classes if each.lower() == named.lower()), None)
            hint = f" Did you mean '{alike}'?" if alike is not None else did_you_mean(named, classes)
            what = f"[charter.cost] names the class '{named}', which is none of this model's.{hint}"
            expected = "one of " + ", ".join(f"'{each}'" for each in classes)
        else:
            what = f"[charter.cost] prices the class '{named}', and this model predicts a number."
            expected = "no cost matrix where a number is predicted"
        super().__init__(
            what,
            expected=expected,
            next_step="mend [charter.cost] in ropeway.toml, then gate again",
            named=named,
            classes=list(classes),
        )


class NoTarget(Conflict):
    """The pipeline learnt without a target, so its answers have nothing to be held against."""

    code = "no-target"

    def __init__(self, ref: str) -> None:
        super().__init__(
            f"'{ref}' was trained without a target, so it cannot be judged.",
            expected="a column with the truth",
            next_step='name it in ropeway.toml: [inputs.rows] target = "COLUMN"; then run and register again',
            ref=ref,
        )


class CodeNotTrusted(Refused):
    """Code that somebody else put on record through a server would run here."""

    code = "code-not-trusted"

    def __init__(self, run: str, by: str) -> None:
        super().__init__(
            f"The code of '{run}' came from {by} through a server, and would run here.",
            expected="code of your own, or code that you have read",
            next_step=f"let {by} register it, then ropeway model trust; or ropeway reproduce {run} --trust",
            run=run,
            by=by,
        )


class ModelDamaged(Damaged):
    """An object of a model's package is missing or not what it was."""

    code = "model-damaged"

    def __init__(self, ref: str, part: str, digest: str) -> None:
        super().__init__(
            f"'{part}' of '{ref}' (object {digest}) is missing or not what was registered; it is not served.",
            expected="the bytes that were registered",
            next_step="ropeway fsck   names all that is damaged; then ropeway run, or restore a backup",
            ref=ref,
            part=part,
            digest=digest,
        )


class BadRouting(Invalid):
    """Traffic cannot be divided so."""

    code = "bad-routing"

    def __init__(self, name: str, what: str) -> None:
        super().__init__(
            f"The traffic of '{name}' cannot be divided so: {what}.",
            expected="approved versions beside the live one, with shares over 0 that leave it something",
            next_step=f"ropeway model list {name}",
            model=name,
        )


class NoSuchRule(Refused):
    """Approval by rule was asked for, and the project has no such rule."""

    code = "no-such-rule"

    def __init__(self, ref: str) -> None:
        super().__init__(
            f"No rule of this project approves '{ref}'.",
            expected='approval = "by-rule" in [policy] of ropeway.toml',
            next_step=f"ropeway model approve {ref} --as SOMEBODY",
            ref=ref,
        )


class EvidenceDiffers(Refused):
    """What a gate is said to have seen is not what the record and the data say."""

    code = "evidence-differs"

    def __init__(self, ref: str, differences: list[str]) -> None:
        super().__init__(
            f"The evidence about '{ref}' is not recorded: {'; '.join(differences)}.",
            expected="what a gate of this version has seen on its test rows, by the settings of now",
            next_step=f"ropeway gate {ref}",
            ref=ref,
            differences=differences,
        )


class ForeignPackage(Refused):
    """Another tool packaged this version, and it was not translated into a package of ours."""

    code = "foreign-package"

    def __init__(self, ref: str, *, is_here: bool = False) -> None:
        if is_here:
            why, next_step = "it was not adopted yet", f"ropeway model adopt {ref}"
        else:
            why, next_step = "its files are not here", "log the model through this server, and register that"
        super().__init__(
            f"{ref} was packaged by another tool, and can be neither judged nor served: {why}.",
            expected="a version that `ropeway model register` made, or one that was adopted",
            next_step=next_step,
            ref=ref,
        )


class ModelExists(Conflict):
    """The name is registered already."""

    code = "model-exists"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"There is a model '{name[:200]}' already.",
            expected="a name of its own",
            next_step="use that one",
        )


class NotAModel(Conflict):
    """A prompt is asked to do what models do."""

    code = "not-a-model"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"'{name[:200]}' is a prompt: no gate judges its texts, and no promotion puts them live.",
            expected="a model",
            next_step="ropeway model list   shows the models",
            name=name,
        )


class VersionInUse(Conflict):
    """What is live is not deleted."""

    code = "version-in-use"

    def __init__(self, ref: str, environments: Sequence[str]) -> None:
        super().__init__(
            f"{ref} is live in {', '.join(environments)} and is not deleted.",
            expected="a version that no environment points to",
            next_step=f"ropeway model promote another one first, or ropeway model recall {ref}",
            ref=ref,
        )


class GuardedAlias(Refused):
    """An alias that is an environment is moved by promoting, and emptied by a recall; not by hand."""

    code = "guarded-alias"

    def __init__(self, alias: str) -> None:
        super().__init__(
            f"The alias '{alias}' is an environment of this project, and is not removed by hand.",
            expected="another version promoted into it, or a recall",
            next_step="ropeway model promote NAME@VERSION, or ropeway model recall NAME@VERSION",
            alias=alias,
        )
