"""Each kind of thing in words, from its own events. A kind without words here is told plainly."""

import importlib
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection

from ropeway.core.errors import RopewayError
from ropeway.core.hashing import short
from ropeway.core.ids import Digest
from ropeway.story.account import Told
from ropeway.story.happenings import Happening, about, last
from ropeway.story.tell_loop import (
    collected_line,
    in_production_line,
    tell_alert,
    tell_feedback,
    tell_retraining,
    tell_rollout,
    tell_segment,
)
from ropeway.story.words import day, identity_of, shortened

SHOWN_METRICS = 3
LEADING_METRICS = frozenset({"macro_f1", "accuracy", "r2", "rmse"})
SHOWN_PARAMS = 8

DECIDED = "label-adjudicated"

SNAPSHOT_WORDS = (("adjudicated", "decided by a person"), ("disputed", "disputed"), ("left_out", "left out"))

Teller = Callable[[Connection, str, Sequence[Happening]], Told]


def tell(read: Connection, ref: str, *, used_at: int | None = None) -> Told:
    """The thing that a `kind:id` reference names, in words.

    Args:
        read: where to look.
        ref: the thing.
        used_at: the sequence number at which the thing before it on the way was made of it: what people
            decided about ratings later is no part of those labels.
    """
    happenings = about(read, ref)
    kind = ref.partition(":")[0]
    if kind == "ratings" and used_at is not None:
        happenings = [each for each in happenings if each.verb != DECIDED or each.seq <= used_at]
    return TELLERS.get(kind, _plainly)(read, ref, happenings)


def _plainly(_read: Connection, ref: str, happenings: Sequence[Happening]) -> Told:
    first = happenings[0] if happenings else None
    return Told(
        ref=ref,
        title=shortened(ref).replace(":", " ", 1),
        at=first.at if first else None,
        by=first.by if first else "",
        lines=[f"{happening.verb.replace('-', ' ')} {day(happening.at)}" for happening in happenings[1:4]],
    )


def _model(_read: Connection, ref: str, happenings: Sequence[Happening]) -> Told:
    registered = last(happenings, "model-registered")
    lines = [line for happening in happenings if (line := _model_line(happening))]
    recent = last(happenings, "recent-performance-measured")
    lines += [line for line in [in_production_line(recent.body) if recent else ""] if line]
    return Told(
        ref=ref,
        title=f"model {identity_of(ref)}",
        at=registered.at if registered else None,
        by=registered.by if registered else "",
        lines=lines,
    )


def _model_line(happening: Happening) -> str:
    body, stamp = happening.body, f"{day(happening.at)} by {happening.by}"
    match happening.verb:
        case "gate-evaluated":
            failed = [
                check["says"] for check in body["checks"] if not check["passed"] and not check["skipped"]
            ]
            quality = next((check["says"] for check in body["checks"] if check["name"] == "bar"), "")
            said = "; ".join(failed) if failed else quality
            outcome = "passed" if body["passed"] else "refused"
            return f"gate {outcome} {day(happening.at)}: {said}" if said else f"gate {outcome} {stamp}"
        case "model-approved":
            proof = "" if happening.auth == "none" else f", known by {happening.auth}"
            return f"approved {stamp}{proof}" + (
                ", who had also proposed it" if body["self_approved"] else ""
            )
        case "approved-by-rule":
            return f"approved {day(happening.at)} by rule ({body['rule']})"
        case "release-rolled-back":
            return f"gone back from {stamp}"
        case "model-promoted":
            replaced = f", in place of version {body['replaced']}" if body["replaced"] else ""
            return f"live in {body['environment']} from {stamp}{replaced}"
        case "model-rejected" | "model-retired" | "model-recalled":
            return f"{happening.verb.removeprefix('model-')} {stamp}: {body.get('reason') or 'reason erased'}"
    return ""


def _run(_read: Connection, ref: str, happenings: Sequence[Happening]) -> Told:
    started = last(happenings, "run-started")
    if started is None:
        return Told(ref=ref, title=f"run {identity_of(ref)}")
    body = started.body
    name = f" '{body['name']}'" if body.get("name") else ""
    return Told(
        ref=ref,
        title=f"run {identity_of(ref)}{name}",
        at=started.at,
        by=started.by,
        lines=[
            line
            for line in (
                _params(happenings),
                _steps(happenings),
                _outcome(happenings),
                _code_line(body["code"]),
            )
            if line
        ],
    )


def _params(happenings: Sequence[Happening]) -> str:
    params: dict[str, Any] = {}
    for happening in happenings:
        params |= happening.body.get("params") or {}
    shown = [
        f"{name} = {str(value).lower() if isinstance(value, bool) else value}"
        for name, value in list(params.items())[:SHOWN_PARAMS]
    ]
    return ", ".join(shown)


def _outcome(happenings: Sequence[Happening]) -> str:
    ended = last(happenings, "run-finished")
    if ended is None:
        return "interrupted" if last(happenings, "run-interrupted") else "still running"
    metrics = ended.body["harvest"].get("metrics", {})
    # The figures that a bar is mostly set in come first; the others by name.
    names = sorted(metrics, key=lambda name: (name not in LEADING_METRICS, name))
    figures = [f"{name} {_figure(metrics[name]['last'])}" for name in names[:SHOWN_METRICS]]
    error = f" with {error_word(ended.body['error_type'])}" if ended.body.get("error_type") else ""
    return f"{ended.body['status']}{error} in {ended.body['wall_s']:.1f} s" + "".join(
        f", {f}" for f in figures
    )


def error_word(error_type: str) -> str:
    """The code of an error that is one of ours, by which it can be looked up; else the exception's name."""
    # A class is found once its module is loaded; what ends a run of ours comes from the pipeline's.
    importlib.import_module("ropeway.pipelines.errors")
    waiting: list[type[RopewayError]] = [RopewayError]
    while waiting:
        kind = waiting.pop()
        if kind.__name__ == error_type:
            return kind.code
        waiting += kind.__subclasses__()
    return error_type


def _steps(happenings: Sequence[Happening]) -> str:
    ran = last(happenings, "pipeline-ran")
    if ran is None:
        return ""
    names = ", ".join(step["step"] for step in ran.body["steps"])
    return f"steps {names}; measured on the {ran.body['part']} part"


def _code_line(code: dict[str, Any]) -> str:
    tree = f"code {short(Digest(code['tree']))}"
    if not code.get("commit"):
        return f"{tree}, not in a repository"
    return f"{tree}, commit {code['commit'][:10]}" + (
        " with uncommitted changes" if code.get("is_dirty") else ""
    )


def _dataset(_read: Connection, ref: str, happenings: Sequence[Happening]) -> Told:
    arrived = last(happenings, "dataset-arrived")
    name = identity_of(ref).partition("@")[0]
    if arrived is None:
        return Told(ref=ref, title=f"dataset {identity_of(shortened(ref))}")
    body = arrived.body
    checked = (last(happenings, "contract-checked") or arrived).body
    came = [f"from {body['source']}"] if body.get("source") else []
    came += [f"brought by {body['bringer']}"] if body.get("bringer") else []
    rules = "1 rule" if checked["broken"] == 1 else f"{checked['broken']} rules"
    verdict = f"breaks {rules} of its contract" if checked["broken"] else "keeps its contract"
    lines = [", ".join([f"{body['rows']:,} rows", *came, verdict])]
    for check in checked["checks"]:
        found = f"{check['offending']:,} rows found" if check["offending"] else "nothing found"
        lines.append(f"check {check['name']}: {found}")
    collected = last(happenings, "feedback-collected")
    if collected is not None:
        lines.append(collected_line(collected.body))
    snapshot = last(happenings, "labels-snapshotted")
    if snapshot is not None:
        lines.append(_snapshot_line(snapshot.body))
    split = last(happenings, "split-assigned")
    if split is not None:
        parts = ", ".join(f"{part} {many:,}" for part, many in split.body["parts"].items())
        lines.append(f"split by key: {parts}")
    return Told(
        ref=ref, title=f"dataset {name}@v{body['ordinal']}", at=arrived.at, by=arrived.by, lines=lines
    )


def _snapshot_line(body: dict[str, Any]) -> str:
    classes = ", ".join(f"{name} {many:,}" for name, many in body["classes"].items())
    more = [f"{body[key]:,} {word}" for key, word in SNAPSHOT_WORDS if body[key]]
    return "; ".join([f"labels: {classes}", *more])


def _ratings(_read: Connection, ref: str, happenings: Sequence[Happening]) -> Told:
    imported = last(happenings, "ratings-imported")
    if imported is None:
        return Told(ref=ref, title=identity_of(shortened(ref)))
    body = imported.body
    lines = [f"{body['items']:,} items, {body['count']:,} ratings, {_raters(body)}"]
    measured = last(happenings, "agreement-measured")
    if measured is not None:
        lines.append(agreement_line(measured.body))
    decided = [happening for happening in happenings if happening.verb == DECIDED]
    if decided:
        people = ", ".join(dict.fromkeys(happening.by for happening in decided))
        items = len({happening.body["item"] for happening in decided})
        lines.append(f"{items:,} {'item' if items == 1 else 'items'} decided by {people}")
    return Told(ref=ref, title=f"ratings '{body['labels']}'", at=imported.at, by=imported.by, lines=lines)


def _raters(body: dict[str, Any]) -> str:
    if body["raters"] is not None:
        return f"{body['raters']:,} raters"
    span = (
        f"{body['fewest']:,}" if body["fewest"] == body["most"] else f"{body['fewest']:,} to {body['most']:,}"
    )
    return f"{span} anonymous raters an item"


def agreement_line(body: dict[str, Any]) -> str:
    """An `agreement-measured` event in words."""
    if body["alpha"] is None:
        return f"no agreement can be told: {body['undefined']}"
    is_known = body["low"] is not None and body["high"] is not None
    interval = f" ({body['low']:.3f} to {body['high']:.3f})" if is_known else ""
    return f"agreement \u03b1 {body['alpha']:.3f}{interval}, {body['level']}"


def _guide(_read: Connection, ref: str, happenings: Sequence[Happening]) -> Told:
    published = last(happenings, "guide-published")
    return Told(
        ref=ref,
        title=f"guide {identity_of(shortened(ref))}",
        at=published.at if published else None,
        by=published.by if published else "",
        lines=["what the raters were told"],
    )


def _figure(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _trace(read: Connection, ref: str, happenings: Sequence[Happening]) -> Told:
    described = last(happenings, "trace-described")
    if described is None:
        return _plainly(read, ref, happenings)
    body = described.body
    name = (body.get("tags") or {}).get("mlflow.traceName", "")
    told_ms = body.get("duration_ms")
    return Told(
        ref=ref,
        title=f"trace {identity_of(ref)}" + (f" '{name}'" if name else ""),
        at=described.at,
        by=described.by,
        lines=[body["state"] + (f" after {told_ms:,} ms" if told_ms is not None else "")],
    )


TELLERS: dict[str, Teller] = {
    "alert": tell_alert,
    "dataset": _dataset,
    "feedback": tell_feedback,
    "guide": _guide,
    "model": _model,
    "ratings": _ratings,
    "retraining": tell_retraining,
    "rollout": tell_rollout,
    "run": _run,
    "segment": tell_segment,
    "trace": _trace,
}
