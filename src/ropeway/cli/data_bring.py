"""`ropeway data restore` and `ropeway data pull`: files out again, and new data in."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ropeway.cli.face import Face, face_options

if TYPE_CHECKING:
    from rich.console import Console

    from ropeway.data.records import Pulled
    from ropeway.data.restore import Restored
    from ropeway.workspace import Workspace

SHOWN_VIOLATIONS = 8


@click.command()
@click.argument("ref")
@click.argument("to", required=False, type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Overwrite files that are no version of the dataset too.")
@face_options
def restore(
    face: Face,
    ref: str,
    to: Path | None,
    force: bool,  # noqa: FBT001  click passes by name
) -> None:
    """Write a version's file or folder back exactly as it was brought.

    REF is NAME, NAME@v2 or NAME@<digest>; TO is by default the name that it was brought by. A file that is no
    version of the dataset is not overwritten.
    """
    from ropeway.data.restore import restore as restore_version

    with face.workspace() as workspace, face.progress(f"restoring {ref}"):
        done = restore_version(workspace, ref, to, force=force)
    face.emit(done, lambda out: _draw_restored(out, done))


@click.command()
@click.argument("name", required=False)
@click.option("--dry-run", is_flag=True, help="Look and say what would come; keep and record nothing.")
@face_options
def pull(
    face: Face,
    name: str | None,
    dry_run: bool,  # noqa: FBT001  click passes by name
) -> None:
    """Fetch what is new from [source.NAME] of ropeway.toml, and add a version if anything is.

    Without NAME every source is asked; one that fails does not keep the others from being asked.
    """
    from ropeway.core.errors import RopewayError
    from ropeway.data.pull import pull as pull_from
    from ropeway.data.records import Pulled

    found: list[Pulled] = []
    failed: list[RopewayError] = []
    with face.workspace() as workspace, face.user_code():
        names = [name] if name is not None else _sources(workspace)
        for each in names:
            with face.progress(f"asking {each}"):
                try:
                    found.append(pull_from(workspace, each, dry_run=dry_run))
                except RopewayError as error:
                    if name is not None:
                        raise
                    failed.append(error)
                    found.append(Pulled(source=each, dataset="", error=f"{error.code}: {error.what}"))
    face.emit(found, lambda out: _draw_pulled(out, found))
    if failed:
        raise SystemExit(failed[0].exit_code)


def _sources(workspace: "Workspace") -> list[str]:
    from ropeway.data.sources.errors import SourceNotFound

    if not workspace.project.source:
        raise SourceNotFound("NAME", ())
    return list(workspace.project.source)


def _draw_restored(out: "Console", done: "Restored") -> None:
    from ropeway.cli import draw

    said = f"{draw.count(done.written, 'file')} written, {draw.size(done.size_bytes)} in all"
    if not done.written:
        said = "it stands there already, byte by byte"
    out.print(f"{done.version} in {done.path}: {said}")
    facts: list[tuple[str, draw.Cell]] = []
    if done.written and done.unchanged:
        facts.append(("as they were", f"{done.unchanged:,}"))
    if done.others:
        words = f"{draw.count(done.others, 'file')} there that the version does not have"
        facts.append(("left alone", draw.badge("warn", words)))
    draw.facts(out, facts)


def _draw_pulled(out: "Console", found: "list[Pulled]") -> None:
    from rich.text import Text

    from ropeway.cli import draw

    for each in found:
        if each.error:
            out.print(Text.assemble(f"{each.source}: ", draw.badge("failed", each.error)))
        elif each.is_dry and each.is_new:
            out.print(
                f"{each.source}: {each.says}; {each.dataset} would have {draw.count(each.total, 'row')}"
            )
            for violation in each.violations[:SHOWN_VIOLATIONS]:
                out.print(Text.assemble("  ", draw.badge("broken", violation.sentence)))
        elif not each.is_new:
            at = f"; {each.version} has {draw.count(each.total, 'row')}" if each.version else ""
            out.print(f"{each.source}: {each.says}{at}")
        else:
            out.print(f"{each.source}: {each.says}; {each.version} has {draw.count(each.total, 'row')}")
            _draw_verdict(out, each)
    new = [each.version for each in found if each.is_new and each.version is not None]
    if new:
        draw.next_step(out, f"ropeway data {'diff' if new[0].ordinal > 1 else 'show'} {new[0].shown}")


def _draw_verdict(out: "Console", pulled: "Pulled") -> None:
    from rich.text import Text

    from ropeway.cli import draw

    version = pulled.version
    if version is None:
        return
    for violation in version.violations[:SHOWN_VIOLATIONS]:
        out.print(Text.assemble("  ", draw.badge("broken", violation.sentence)))
    for name in version.failed_checks:
        out.print(Text.assemble("  ", draw.badge("error", f"check {name}")))
    for remark in pulled.remarks:
        out.print(Text.assemble("  ", draw.badge("warn", remark)))
    if not version.is_trainable:
        out.print(Text("  it is kept, and cannot train", style="dim"))
