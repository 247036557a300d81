"""`ropeway labels`: from ratings to labels, and what people must still decide."""

from typing import TYPE_CHECKING

import click

from ropeway.cli.face import Face, face_options

if TYPE_CHECKING:
    from rich.console import Console

    from ropeway.labels.records import (
        Adjudication,
        ItemLabel,
        LabelSnapshot,
        MeasuredAgreement,
        Queue,
        RatingsVersion,
    )

SHORT = 10


@click.group()
def labels() -> None:
    """Ratings in; agreement, queue and snapshots out. NAME is a [labels.NAME] table of ropeway.toml."""


@labels.command("import")
@click.argument("name")
@face_options
def import_(face: Face, name: str) -> None:
    """Take in the ratings of a label set from its dataset, under its guide as it now stands."""
    from ropeway.labels.ratings import import_ratings

    with face.workspace() as workspace, face.progress("taking in ratings"):
        found = import_ratings(workspace, name)
    face.emit(found, lambda out: _draw_import(out, found))


@labels.command("list")
@face_options
def list_all(face: Face) -> None:
    """List the label sets whose ratings are in."""
    from ropeway.labels.operations import list_ratings

    with face.workspace() as workspace:
        found = list_ratings(workspace)
        names = list(workspace.project.labels)
    face.emit(found, lambda out: _draw_list(out, found, names))


@labels.command()
@click.argument("name")
@face_options
def agreement(face: Face, name: str) -> None:
    """Measure how far the raters agree beyond chance: Krippendorff's alpha, with its interval."""
    from ropeway.labels.measure import measure

    with face.workspace() as workspace, face.progress("drawing samples"):
        measured = measure(workspace, name)
        gate = workspace.project.gate
    limit = gate.min_agreement if gate.agreement == name else None
    face.emit(measured, lambda out: _draw_agreement(out, measured, limit))


@labels.command()
@click.argument("name")
@click.option(
    "-n", "--limit", type=click.IntRange(1), default=20, show_default=True, help="How many at most."
)
@face_options
def queue(face: Face, name: str, limit: int) -> None:
    """Show the items that a person should decide: tied, or with too small a majority."""
    from ropeway.labels.operations import queue as waiting_items

    with face.workspace() as workspace:
        found = waiting_items(workspace, labels=name, limit=limit)
    face.emit(found, lambda out: _draw_queue(out, found))


@labels.command()
@click.argument("name")
@click.argument("item")
@click.argument("label")
@click.option("--reason", help="Why, for those who ask later.")
@face_options
def adjudicate(face: Face, name: str, item: str, label: str, reason: str | None) -> None:
    """Decide an item's label. It stands over the ratings in every later snapshot."""
    from ropeway.labels.operations import adjudicate as decide

    with face.workspace() as workspace:
        made = decide(workspace, labels=name, item=item, label=label, reason=reason)
    face.emit(made, lambda out: _draw_decision(out, made))


@labels.command()
@click.argument("name")
@face_options
def snapshot(face: Face, name: str) -> None:
    """Make a labelled dataset version of the ratings and of all decisions so far."""
    from ropeway.labels.snapshot import snapshot as make_snapshot

    with face.workspace() as workspace, face.progress("labelling"), face.user_code():
        made = make_snapshot(workspace, name)
        agreed = workspace.project.gate.agreement
    face.emit(made, lambda out: _draw_snapshot(out, made, agreed))


def _draw_import(out: "Console", found: "RatingsVersion") -> None:
    from ropeway.cli import draw

    out.print(f"{draw.count(found.count, 'rating')} of {draw.count(found.items, 'item')} by {found.who}")
    draw.facts(
        out,
        [
            ("ratings", f"{found.labels}@{found.ratings[:SHORT]}"),
            ("data", f"{found.dataset}@{found.dataset_version[:SHORT]}"),
            ("guide", f"{found.guide}@{found.guide_version[:SHORT]}"),
            ("not rated", draw.count(found.unrated, "item") if found.unrated else None),
        ],
    )
    draw.next_step(out, f"ropeway labels agreement {found.labels}", f"ropeway labels snapshot {found.labels}")


def _draw_list(out: "Console", found: "list[RatingsVersion]", names: list[str]) -> None:
    from ropeway.cli import draw

    if not found:
        out.print("No ratings yet.")
        draw.next_step(out, f"ropeway labels import {names[0] if names else 'NAME'}")
        return
    draw.table(
        out,
        [
            "labels",
            draw.Column("items", right=True),
            draw.Column("ratings", right=True),
            draw.Column("raters", grow=True),
            "data",
            "guide",
            "imported",
            "by",
        ],
        [
            (
                each.labels,
                each.items,
                each.count,
                each.who,
                f"{each.dataset}@{each.dataset_version[:SHORT]}",
                f"{each.guide}@{each.guide_version[:SHORT]}",
                each.imported_at,
                each.by or "erased",
            )
            for each in found
        ],
    )


def _draw_agreement(out: "Console", measured: "MeasuredAgreement", limit: float | None) -> None:
    from ropeway.cli import draw

    figures = f"{draw.count(measured.count, 'rating')} of {draw.count(measured.units, 'item')}"
    if measured.alpha is None:
        out.print(f"Krippendorff's alpha ({measured.level}) is undefined: {measured.undefined}.")
        draw.facts(out, [("from", figures)])
        return
    out.print(f"Krippendorff's alpha ({measured.level}) is {measured.alpha:.3f}")
    interval = None
    if measured.low is not None and measured.high is not None:
        interval = f"{measured.low:.3f} to {measured.high:.3f} at {measured.confidence:.0%} confidence"
    draw.facts(
        out,
        [
            ("", draw.meter(measured.alpha, mark=limit)),
            ("interval", interval),
            ("from", f"{figures}; {measured.resamples:,} samples of items"),
        ],
    )
    if limit is not None and measured.low is not None:
        enough = measured.low >= limit
        sign = "≥" if enough else "<"
        words = f"{measured.low:.3f} {sign} {limit:g}, the gate's limit for the lower end"
        draw.facts(out, [("gate    ", draw.badge("ok" if enough else "broken", words))])


def _draw_queue(out: "Console", found: "Queue") -> None:
    from ropeway.cli import draw

    decided = f", {found.decided:,} decided" if found.decided else ""
    why = f"tied, or with a majority under {found.below:.0%}"
    out.print(f"To be decided by a person: {draw.count(found.waiting, 'item')}, {why}{decided}")
    if not found.items:
        return
    draw.table(
        out,
        [
            "item",
            draw.Column("majority", right=True),
            "ratings say",
            "label now",
            draw.Column("about", grow=True),
        ],
        [
            (item.item, _majority(item), _votes(item), item.label, draw.clip(_about(item)))
            for item in found.items
        ],
    )
    choices = "|".join(found.choices)
    draw.next_step(out, f"ropeway labels adjudicate {found.labels} {found.items[0].item} {choices}")


def _about(item: "ItemLabel") -> str:
    """What is known of an item, each value with its column's name; a text alone says itself what it is."""
    if len(item.shown) == 1:
        return next(iter(item.shown.values()))
    return " · ".join(f"{name} {value}" for name, value in item.shown.items())


def _majority(item: "ItemLabel") -> str:
    if not item.count:
        return "not rated"
    return f"{item.share:.0%} tie" if item.is_tie else f"{item.share:.0%}"


def _votes(item: "ItemLabel") -> str:
    return ", ".join(f"{label} {count:,}" for label, count in item.distribution.items())


def _draw_decision(out: "Console", made: "Adjudication") -> None:
    from ropeway.cli import draw

    out.print(f"{made.item} is {made.label}, says {made.by or 'somebody'}.")
    draw.next_step(out, f"ropeway labels snapshot {made.labels}", why="makes it part of the labelled data")


def _draw_snapshot(out: "Console", made: "LabelSnapshot", agreed: str | None) -> None:
    from ropeway.cli import draw

    version = made.version
    already = "" if made.is_new else ", as it was before"
    out.print(f"{version}: {draw.count(version.rows, 'labelled row')}{already}")
    most = max(made.classes.values())
    for label, count in sorted(made.classes.items(), key=lambda pair: -pair[1]):
        share = f"{count:,} ({count / version.rows:.0%})"
        draw.facts(out, [(label.ljust(12), draw.meter(count / most, cells=20) + f"  {share}")])
    draw.facts(
        out,
        [
            ("decided     ", draw.count(made.adjudicated, "item") if made.adjudicated else None),
            (
                "disputed    ",
                f"{made.disputed:,} of them: ropeway labels queue {made.labels}" if made.disputed else None,
            ),
            (
                "left out    ",
                f"{draw.count(made.left_out, 'item')} without a label" if made.left_out else None,
            ),
            ("contract    ", draw.badge("ok", "kept") if version.contract_ok else draw.badge("broken")),
        ],
    )
    if not version.is_trainable:
        draw.next_step(out, f"ropeway data check {version.name}")
    elif agreed == made.labels:
        draw.next_step(out, f"ropeway labels agreement {made.labels}", "ropeway run")
    else:
        draw.next_step(out, "ropeway run")
