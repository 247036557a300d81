"""What can be wrong with a pipeline, its configuration, or a step's work.

Invalid
├── PipelineMissing, PipelineBroken        the file is not there, or raises when it is read
├── BadSignature, DuplicateStep, StepElsewhere   a function that cannot be a step
├── UnknownStep, CyclicGraph               the names do not make a graph
├── NoServedStep, TwoServedSteps, TargetOnServingPath, RowsNotServed
├── UnknownParameter, BadParameter, ParameterMissing, BadOverride
├── NoRows, TargetMissing, InputWithoutKey  the data cannot be learnt from
└── NoSafeFormat, ColumnMissing, CannotPredict, ReadsLiveFile
Refused └── UntrustedTypes                 an artifact holds a type that nobody reviewed
Failed ├── StepFailed, StepChangedRows, StepGaveIterator, ServedWithoutColumns
└── SliceDiffers
NotFound └── RunNotRecorded
"""

from collections.abc import Iterable, Sequence

from ropeway.core.errors import Failed, Invalid, NotFound, Refused, did_you_mean


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


class PipelineMissing(Invalid):
    """The project's pipeline file is not there."""

    code = "pipeline-missing"

    def __init__(self, path: str, others: Sequence[str]) -> None:
        super().__init__(
            f"There is no pipeline file '{path}'.{did_you_mean(path, others)}",
            expected="a Python file with functions marked @step and @fit",
            next_step='write it, or name yours in ropeway.toml: [project] pipeline = "FILE.py"',
            path=path,
        )


class PipelineBroken(Invalid):
    """The pipeline file, or a module it imports, raises when it is read."""

    code = "pipeline-broken"

    def __init__(self, path: str, error: str, frames: str) -> None:
        super().__init__(
            f"'{path}' cannot be read: {error}\n{frames}".rstrip(),
            expected="a file that Python can import",
            next_step="mend the line shown, then repeat the command",
            path=path,
            error=error,
        )


class BadSignature(Invalid):
    """A step's function has a parameter that cannot be wired."""

    code = "bad-signature"

    def __init__(self, step: str, parameter: str, problem: str) -> None:
        super().__init__(
            f"Step '{step}': parameter '{parameter}' {problem}.",
            expected="names of steps or inputs, without defaults; configuration after `*`",
            next_step=f"write: def {step}(rows, *, {parameter.lstrip('*') or 'name'}=…)",
            step=step,
            parameter=parameter,
        )


class DuplicateStep(Invalid):
    """Two steps have one name."""

    code = "duplicate-step"

    def __init__(self, step: str, places: Sequence[str]) -> None:
        super().__init__(
            f"Two steps are called '{step}': {' and '.join(places)}.",
            expected="one function for each name, and no step named like an input",
            next_step=f"rename one of the functions '{step}'",
            step=step,
        )


class UnknownStep(Invalid):
    """A parameter names neither a step nor an input."""

    code = "unknown-step"

    def __init__(self, step: str, parameter: str, known: Sequence[str]) -> None:
        hint = did_you_mean(parameter, known)
        what = f"Step '{step}' asks for '{parameter}', which is neither a step nor an input.{hint}"
        next_step = (
            f"rename the parameter, declare [inputs.{parameter}], or put it after `*` as configuration"
        )
        if parameter == "target":
            next_step = 'say which column is the target, in ropeway.toml: [inputs.rows] target = "COLUMN"'
        super().__init__(
            what, expected="one of " + ", ".join(known), next_step=next_step, step=step, parameter=parameter
        )


class CyclicGraph(Invalid):
    """Steps that wait for each other."""

    code = "cyclic-graph"

    def __init__(self, cycle: Sequence[str]) -> None:
        super().__init__(
            f"Steps wait for each other: {' → '.join(cycle)}.",
            expected="steps that depend on each other in one direction",
            next_step=f"remove one of these parameters, e.g. '{cycle[0]}' from '{cycle[-2]}'",
            cycle=list(cycle),
        )


class NoServedStep(Invalid):
    """No step is marked as the one that is served."""

    code = "no-served-step"

    def __init__(self, steps: Sequence[str]) -> None:
        super().__init__(
            "No step is marked as served, so nothing can be evaluated or deployed.",
            expected="one step marked @step(serve=True)",
            next_step=f"mark what returns predictions with @step(serve=True); steps: {', '.join(steps)}",
        )


class TwoServedSteps(Invalid):
    """More than one step is served and the project does not say which one counts."""

    code = "two-served-steps"

    def __init__(self, steps: Sequence[str]) -> None:
        super().__init__(
            f"{len(steps)} steps are marked as served: {_quoted(steps)}.",
            expected="one served step",
            next_step=f"keep serve=True on one of them only, for instance '{steps[0]}'",
            steps=list(steps),
        )


class EvaluatedNotServed(Invalid):
    """`[evaluate] prediction` names a step that is not the served one."""

    code = "evaluated-not-served"

    def __init__(self, named: str, served: str) -> None:
        super().__init__(
            f"[evaluate] prediction names '{named}', which is not the served step.",
            expected=f"'{served}'",
            next_step=f'in ropeway.toml: [evaluate] prediction = "{served}"',
        )


class TargetOnServingPath(Invalid):
    """A step between a request and its answer reads what a request does not have."""

    code = "target-on-serving-path"

    def __init__(self, step: str, parameter: str, path: Sequence[str]) -> None:
        super().__init__(
            f"Step '{step}' reads '{parameter}' but is on the serving path ({' → '.join(path)}): "
            "a request has no such thing.",
            expected=f"only @fit steps read '{parameter}'",
            next_step=f"mark '{step}' with @fit if it learns, or take '{parameter}' out of its parameters",
            step=step,
            parameter=parameter,
        )


class RowsNotServed(Invalid):
    """The served step does not depend on the request."""

    code = "rows-not-served"

    def __init__(self, step: str) -> None:
        super().__init__(
            f"The served step '{step}' does not depend on 'rows': every request would get the same answer.",
            expected="a chain of @step functions from 'rows' to the served step",
            next_step=f"give '{step}' a parameter that comes from 'rows'",
            step=step,
        )


class UnknownParameter(Invalid):
    """Configuration for a parameter that no step has."""

    code = "unknown-parameter"

    def __init__(self, name: str, known: Sequence[str], source: str) -> None:
        super().__init__(
            f"No step has a parameter '{name}' (from {source}).{did_you_mean(name, known)}",
            expected="one of " + ", ".join(known) if known else "no step has parameters after `*`",
            next_step="ropeway explain shows the steps and their parameters",
            name=name,
        )


class BadParameter(Invalid):
    """A value of the wrong type for a parameter."""

    code = "bad-parameter"

    def __init__(self, step: str, name: str, value: object, wanted: str, source: str) -> None:
        super().__init__(
            f"'{name}' of step '{step}' cannot be {value!r} (from {source}).",
            expected=wanted,
            next_step=f"give a value of that type, e.g. ropeway run --set {step}.{name}=…",
            step=step,
            name=name,
        )


class ParameterMissing(Invalid):
    """A parameter without a default that nothing configures."""

    code = "parameter-missing"

    def __init__(self, step: str, name: str) -> None:
        super().__init__(
            f"Step '{step}' needs '{name}', which has no default and no value.",
            expected=f"a default in the function, or {name} = … under [params] in ropeway.toml",
            next_step=f"ropeway run --set {step}.{name}=…",
            step=step,
            name=name,
        )


class BadOverride(Invalid):
    """`--set` without a name and a value."""

    code = "bad-override"

    def __init__(self, text: str) -> None:
        super().__init__(
            f"--set {text!r} is not a setting.",
            expected="NAME=VALUE or STEP.NAME=VALUE",
            next_step="ropeway run --set c=0.5",
        )


class InputMissing(Invalid):
    """A step asks for an input that the project does not declare."""

    code = "input-missing"

    def __init__(self, name: str, step: str) -> None:
        super().__init__(
            f"Step '{step}' asks for '{name}', and ropeway.toml does not say where it comes from.",
            expected="[inputs.rows] with dataset, key" + (" and target" if name != "rows" else ""),
            next_step='in ropeway.toml: [inputs.rows] dataset = "NAME", key = "id", target = "COLUMN"',
            name=name,
            step=step,
        )


class ColumnMissing(Invalid):
    """A column that a slice reads is not there."""

    code = "column-not-found"

    def __init__(self, missing: Sequence[str], given: Sequence[str]) -> None:
        super().__init__(
            f"The rows lack {_quoted(missing)}.{did_you_mean(missing[0], given)}",
            expected="the columns of the model's signature",
            next_step="rename or add the column; `ropeway model show` prints the signature",
            missing=list(missing),
        )


class NoSafeFormat(Invalid):
    """A value that must be kept has no format that is safe to load."""

    code = "no-safe-format"

    def __init__(self, step: str, reason: str) -> None:
        super().__init__(
            f"What '{step}' learnt cannot be kept: {reason}.",
            expected="an estimator of scikit-learn, arrays, a frame, plain values or bytes; never pickle",
            next_step=f"return one of these from '{step}', e.g. the arrays that the object holds",
            step=step,
        )


class ArtifactUnreadable(Refused):
    """What a step is said to have learnt is in no format that Ropeway reads, and it reads none that runs."""

    code = "artifact-unreadable"

    def __init__(self, step: str, reason: str) -> None:
        super().__init__(
            f"What '{step}' learnt cannot be read: {reason}.",
            expected="a value that ropeway run wrote: frames, arrays, reviewed estimators, plain values",
            next_step="ropeway run, then ropeway model register",
            step=step,
        )


class UntrustedTypes(Refused):
    """An artifact holds types that nobody has reviewed."""

    code = "untrusted-types"

    def __init__(self, types: Sequence[str]) -> None:
        listed = ", ".join(f'"{name}"' for name in types)
        super().__init__(
            f"The estimator holds types that are not reviewed: {', '.join(types)}.",
            expected="types on Ropeway's reviewed list, or types that the project trusts",
            next_step=f"read their code; if safe, in ropeway.toml: [models] trusted_types = [{listed}]",
            types=list(types),
        )


class StepFailed(Failed):
    """The user's step raised."""

    code = "step-failed"

    def __init__(
        self, step: str, error: str, frames: str, *, kept: Sequence[str], resume: str, hint: str = ""
    ) -> None:
        what = f"Step '{step}' raised {error}\n{frames}".rstrip()
        if kept:
            what += f"\nkept: {', '.join(kept)} (not run again)"
        super().__init__(what, expected=hint, next_step=f"mend it, then: {resume}", step=step, error=error)


class StepChangedRows(Failed):
    """A step on the serving path gave another number of rows than it got."""

    code = "step-changed-rows"

    def __init__(self, step: str, expected: int, got: int) -> None:
        did = "dropped" if got < expected else "added"
        super().__init__(
            f"Step '{step}' {did} rows on the serving path: it got {expected:,} and gave {got:,}.",
            expected="one row out for each row in: a request must get its answers",
            next_step="filter in the dataset, or inside a @fit step; on the serving path keep every row",
            step=step,
            rows_expected=expected,
            rows_got=got,
        )


class StepChangedInput(Failed):
    """A step changed, in place, a value that other steps get as well."""

    code = "step-changed-input"

    def __init__(self, step: str, changed: str) -> None:
        super().__init__(
            f"Step '{step}' changed '{changed}' in place: later steps would see another value.",
            expected="inputs left as they are",
            next_step=f"work on a copy: {changed} = copy.deepcopy({changed})",
            step=step,
            changed=changed,
        )


class StepGaveIterator(Failed):
    """A step gave something that can be gone through once, and several steps take it."""

    code = "step-gave-iterator"

    def __init__(self, step: str, kind: str, takers: Sequence[str]) -> None:
        super().__init__(
            f"Step '{step}' returned a {kind}, which can be read only once; {_quoted(takers)} take it.",
            expected="a value that every step can read from its beginning",
            next_step=f"return list(…) in '{step}'",
            step=step,
            takers=list(takers),
        )


class StepElsewhere(Invalid):
    """A function marked as a step that is not the project's own."""

    code = "step-elsewhere"

    def __init__(self, step: str, module: str) -> None:
        super().__init__(
            f"Step '{step}' is a function of the module '{module}', which is no file of this project.",
            expected="a function that a module of the project defines",
            next_step=f"define it in the pipeline's file: @step, def {step}(…): return {module}.{step}(…)",
            step=step,
            module=module,
        )


class ReadsLiveFile(Invalid):
    """A step of the serving path reads a file of the project folder, not the packaged one."""

    code = "reads-live-file"

    def __init__(self, step: str, path: str) -> None:
        super().__init__(
            f"{step} reads '{path}' from the project folder: once deployed it would read the file as it is"
            " then, or none.",
            expected="files found from the code's own place, which are packaged with it",
            next_step=f"""open("{path}"), or Path(__file__).parent / "{path}" instead of the bare name""",
            step=step,
            path=path,
        )


class ServedWithoutColumns(Failed):
    """The served step did not return named columns."""

    code = "served-without-columns"

    def __init__(self, step: str, got: str) -> None:
        super().__init__(
            f"The served step '{step}' returned {got}.",
            expected="a frame with named columns: one per class, or one called 'prediction'",
            next_step="return ropeway.probabilities(classifier, x) or pl.DataFrame({'prediction': …})",
            step=step,
        )


class CannotPredict(Failed):
    """`probabilities` was given something that does not classify."""

    code = "cannot-predict"

    def __init__(self, kind: str) -> None:
        super().__init__(
            f"A {kind} has no class probabilities.",
            expected="an estimator with predict_proba or decision_function, and classes_",
            next_step="for a regressor return pl.DataFrame({'prediction': model.predict(x)})",
        )


class RunNotRecorded(NotFound):
    """A run that is not a finished pipeline run."""

    code = "pipeline-run-not-found"

    def __init__(self, run: str, known: Iterable[str]) -> None:
        super().__init__(
            "pipeline run", run, known, next_step="ropeway run makes one; ropeway runs lists them"
        )


class NoRows(Invalid):
    """A part of the data has no rows to work with."""

    code = "no-rows"

    def __init__(self, part: str, dataset: str, rows: int) -> None:
        super().__init__(
            f"The part '{part}' of {dataset} has no rows (of {rows:,} in all).",
            expected="enough rows for every part of [split]",
            next_step="ropeway data add FILE with more rows",
            part=part,
            dataset=dataset,
        )


class TargetMissing(Invalid):
    """Some rows have no truth to learn from."""

    code = "target-missing"

    def __init__(self, dataset: str, target: str, count: int, keys: Sequence[str]) -> None:
        more = ", …" if count > len(keys) else ""
        super().__init__(
            f"The target '{target}' is missing in {count:,} rows of {dataset}: {_quoted(keys)}{more}.",
            expected="a target in every row",
            next_step="leave these rows out of the file and bring it again: ropeway data add FILE",
            dataset=dataset,
            target=target,
            count=count,
            keys=list(keys),
        )


class InputWithoutKey(Invalid):
    """An input holds the rows of `rows`, but not the key by which those of the test part are kept out."""

    code = "input-without-key"

    def __init__(self, name: str, key: str, dataset: str, rows: str) -> None:
        super().__init__(
            f"The input '{name}' ({dataset}) holds the rows of {rows}, but has no column '{key}'.",
            expected=f"a column '{key}', by which rows of the tune and test parts are kept from training",
            next_step=f"remove [inputs.{name}] from ropeway.toml, or bring the data with its key",
            input=name,
            key=key,
        )
