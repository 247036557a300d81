"""The model card: what a version is, what it learnt from, how good it is and who answers for it.

Written from the record alone, in the order of Mitchell et al., "Model Cards for Model Reporting" (2019); the
same record gives the same text. What the record does not hold is said to be missing, never invented.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from ropeway.core.clock import to_text
from ropeway.core.hashing import short
from ropeway.core.ids import Digest
from ropeway.data.operations import find_version
from ropeway.models import registry
from ropeway.models.manifest import ForeignFiles, Manifest, foreign_of, read_manifest
from ropeway.models.registry import ModelVersion
from ropeway.workspace import Context
from ropeway.workspace.settings import Scalar

if TYPE_CHECKING:
    from ropeway.models.evidence import Evidence, Figure
    from ropeway.models.labelling import Labelling

PARTS = ("train", "tune", "test")
DAY = len("2026-01-01")
_BREAK = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
DASH = "\u2013"


def write_card(context: Context, version: ModelVersion) -> str:
    """The card of a version, in Markdown."""
    manifest = read_manifest(context.store, version.package, version.ref)
    training = registry.training_params(context.read, version.run)
    evidence = None
    if version.evidence is not None:
        from ropeway.models.evidence import read_evidence

        evidence = read_evidence(context.store, version.evidence)
    sections = [
        f"# {version.ref}",
        _summary(version),
        _purpose(context),
        _data(context, manifest, evidence),
        _model(manifest, training),
        _results(evidence),
        _gate(version, evidence),
        _people(context, version),
        _limits(evidence),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _summary(version: ModelVersion) -> str:
    where = f", in {', '.join(version.environments)}" if version.environments else ""
    made = f" from run `{version.run}`" if version.run else ""
    return f"**{version.state}**{where}. Registered {_day(version)}{made}."


def _purpose(context: Context) -> str:
    charter = context.project.charter
    words = [
        ("Value", charter.value),
        ("Decision", charter.decision),
        ("Task", charter.task),
        ("When it predicts", charter.predictions),
        ("Renewal", charter.renewal),
    ]
    lines = [f"- {name}: {_line(text)}" for name, text in words if text.strip()]
    return _section("What it is for", lines or ["The charter does not say."])


def _data(context: Context, manifest: Manifest, evidence: "Evidence | None") -> str:
    # Of what another tool packaged, nothing here knows what it learnt from.
    said = (
        "Trained on" if foreign_of(manifest) is None else "Learnt from what its maker says; judged by rows of"
    )
    lines = [f"- {said} {_dataset(context, ref)}" for ref in manifest.datasets]
    if evidence is not None:
        counts = ", ".join(f"{evidence.parts.get(part, 0):,} {part}" for part in PARTS)
        lines.append(f"- Split `{short(evidence.split)}`: {counts} rows")
        lines.append(
            f"- Judged on {evidence.rows:,} test rows in {evidence.clusters:,} clusters "
            "(near-duplicates and groups count once)"
        )
        if evidence.labelling is not None:
            lines += _labels(evidence.labelling)
    return _section("Data and labels", lines)


def _labels(labelling: "Labelling") -> list[str]:
    measured = labelling.agreement
    rated = (
        f"- Labels `{labelling.labels}`: {labelling.count:,} ratings of {labelling.items:,} items "
        f"by {labelling.who}, under the guide `{labelling.guide}` version `{short(labelling.guide_version)}`"
    )
    if measured is None or measured.alpha is None:
        return [rated, "- Agreement of the raters: not known"]
    agreed = (
        f"- Agreement of the raters: Krippendorff's alpha ({measured.level}) {_number(measured.alpha)}, "
        f"{measured.confidence:.0%} interval {_number(measured.low)} to {_number(measured.high)}"
    )
    return [rated, agreed]


def _model(manifest: Manifest, training: Mapping[str, Scalar] | None) -> str:
    inputs = ", ".join(
        f"`{name}` ({kind}{', may be null' if name in manifest.nullable else ''})"
        for name, kind in manifest.signature.inputs.items()
    )
    learnt = ", ".join(f"`{name}` ({each.format})" for name, each in sorted(manifest.artifacts.items()))
    params = training if training is not None else manifest.params
    shown = ", ".join(f"`{name}` = {_scalar(value)}" for name, value in sorted(params.items()))
    foreign = foreign_of(manifest)
    if foreign is not None:
        return _section("The model", _foreign(manifest, foreign, inputs))
    lines = [
        f"- Takes {inputs}; gives {', '.join(f'`{name}`' for name in manifest.signature.outputs)}",
        f"- Steps: {' → '.join(manifest.steps)}",
        f"- Parameters: {shown or 'none'}",
        f"- Learnt: {learnt or 'nothing'}",
        f"- Content `{short(manifest.content)}`, source `{short(manifest.source)}`",
        "- Ran under " + ", ".join(f"{name} {each}" for name, each in sorted(manifest.packages.items())),
    ]
    return _section("The model", lines)


def _foreign(manifest: Manifest, foreign: ForeignFiles, inputs: str) -> list[str]:
    how = (
        "which runs what is in it: somebody here answers for these files" if foreign.runs_code else "as data"
    )
    return [
        f"- Takes {inputs}; gives {', '.join(f'`{name}`' for name in manifest.signature.outputs)}",
        f"- Packaged by MLflow, flavor `{foreign.flavor}`; loaded by {foreign.loader}, {how}",
        f"- Content `{short(manifest.content)}`, files `{short(manifest.source)}`",
    ]


def _results(evidence: "Evidence | None") -> str:
    if evidence is None:
        return _section("How good it is", ["It has not been through the gate: nothing is known."])
    confidence = f"{evidence.settings.confidence:.0%}"
    lines = _table(
        ["metric", "on test", f"lower {confidence}", f"upper {confidence}"],
        [[each.name, _number(each.estimate), *_bounds(each)] for each in evidence.figures],
    )
    lines += ["", "Each bound holds by itself; whole clusters were resampled."]
    if evidence.classes:
        names = [each.name for each in evidence.classes]
        lines += ["", *_table(
            ["class", "rows", "precision", "recall", "F1"],
            [[each.name, f"{each.rows:,}", _number(each.precision), _number(each.recall), _number(each.f1)]
             for each in evidence.classes],
        )]  # fmt: skip
        lines += ["", "Confusion (rows: the truth; columns: predicted):", "", *_table(
            ["", *names],
            [[name, *(f"{count:,}" for count in row)]
             for name, row in zip(names, evidence.confusion, strict=True)],
        )]  # fmt: skip
    if evidence.cost_per_row is not None:
        priced = "the charter's cost matrix" if evidence.settings.cost else "a mistake costs 1"
        lines += ["", f"Mean cost per row: {evidence.cost_per_row:.4f} ({priced})."]
    return _section("How good it is", lines)


def _gate(version: ModelVersion, evidence: "Evidence | None") -> str:
    if evidence is None:
        return ""
    rows = [
        [
            each.name,
            _number(each.figure),
            _number(each.limit),
            "skipped" if each.skipped else "passed" if each.passed else "refused",
            each.says,
        ]
        for each in evidence.checks
    ]
    lines = _table(["check", "figure", "needed", "verdict", "in words"], rows)
    lines += ["", f"Look {version.look} at this test set. Evidence `{short(version.evidence or '')}`."]
    return _section("The gate", lines)


def _people(context: Context, version: ModelVersion) -> str:
    lines = []
    for move in registry.moves_of(context.read, version.name):
        if move.ref != version.ref:
            continue
        where = f" to {move.environment}" if move.environment else ""
        note = f": {_line(move.note)}" if move.note else ""
        proof = "unauthenticated" if move.auth == "none" else f"by {move.auth}"
        lines.append(
            f"- {to_text(move.at)[:DAY]} {move.move}{where} by {move.by} ({proof}) → {move.after}{note}"
        )
    if version.self_approved:
        lines.append("- Approved by the person who proposed it, as this project allows.")
    return _section("Who answers for it", lines)


def _limits(evidence: "Evidence | None") -> str:
    lines = [
        "- Figures hold for rows like the test rows; nothing is promised for data of another kind.",
        "- Where it says unauthenticated, a name is as given: nothing proves who that was.",
    ]
    if evidence is not None:
        weak = [each for each in evidence.classes if each.f1 is not None]
        if weak:
            worst = min(weak, key=lambda each: (each.f1 or 0.0, each.name))
            lines.insert(
                0, f"- Weakest on `{worst.name}`: F1 {_number(worst.f1)} on {worst.rows:,} test rows."
            )
        if evidence.earlier_looks:
            lines.append(
                f"- Earlier looks at this test set: {evidence.earlier_looks}. "
                "Figures chosen from many looks are rosier than the truth."
            )
    return _section("Limits", lines)


def _section(title: str, lines: Iterable[str]) -> str:
    # Names and parameters are anybody's text: none begins a line of its own.
    return f"## {title}\n\n" + "\n".join(_BREAK.sub(" ", line) for line in lines)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    return lines + ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]


def _cell(text: str) -> str:
    """Text that cannot break out of its cell."""
    return _line(text).replace("|", "\\|")


def _line(text: str) -> str:
    return " ".join(text.split())


def _number(value: float | None) -> str:
    return DASH if value is None else f"{value:.4g}"


def _scalar(value: Scalar) -> str:
    """A parameter; 1.0 as 1, for canonical JSON knows no difference and the card must not either."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _bounds(figure: "Figure") -> list[str]:
    return [_number(figure.lower), _number(figure.upper)]


def _dataset(context: Context, ref: str) -> str:
    name, _, digest = ref.partition("@")
    found = find_version.function(context, name=name.removeprefix("dataset:"), version=Digest(digest))
    is_elsewhere = found is not None and not found.is_kept
    return f"`{name}` version `{short(digest)}`" + (", referred, not kept" if is_elsewhere else "")


def _day(version: ModelVersion) -> str:
    return f"{to_text(version.registered_at)[:DAY]} by {version.registered_by}"
