"""How a version that another tool packaged is shown."""

from typing import TYPE_CHECKING

from ropeway.cli import draw

if TYPE_CHECKING:
    from rich.console import Console

    from ropeway.models.adopting.operations import ForeignDetail
    from ropeway.models.registry import ModelVersion

SHORT = 10


def draw_foreign(out: "Console", version: "ModelVersion", found: "ForeignDetail") -> None:
    """What it is, what it takes, and what stands between it and the gate."""
    packaged = found.packaged
    takes = ", ".join(f"{each.name or '(unnamed)'} ({each.kind})" for each in packaged.columns or [])
    if not packaged.runs_code:
        approved = "loading it runs nothing of them"
    else:
        approved = "approved here" if found.is_approved else "not approved here"
    draw.heading(out, version.ref)
    draw.facts(
        out,
        [
            ("state", draw.badge(version.state)),
            ("environments", ", ".join(version.environments) or None),
            ("registered", f"{draw.when(version.registered_at)} by {version.registered_by}"),
            ("approved by", version.approved_by),
            ("run", version.run or None),
            (
                "packaged by",
                f"{packaged.tool}, flavor {packaged.flavor}, {packaged.entry or 'the whole folder'}",
            ),
            ("takes", takes or "not said"),
            ("loaded by", packaged.loader),
            ("in quarantine", found.quarantine or None),
            ("files", f"{found.source[:SHORT]}, {draw.count(len(found.files), 'file')}, {approved}"),
        ],
    )
    if found.quarantine:
        draw.next_step(out, f"ropeway model trust {found.source}", why="only for files whose origin is known")
    elif version.state == "candidate":
        draw.next_step(out, f"ropeway gate {version.ref}")
