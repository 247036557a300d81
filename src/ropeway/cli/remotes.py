"""`ropeway push`, `fetch`, `pull` and `remote`: versions that travel between workspaces."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ropeway.cli.face import Face, face_options
from ropeway.remotes.progress import telling

if TYPE_CHECKING:
    from rich.console import Console

    from ropeway.remotes.records import Fetched, PulledVersions, Pushed, RemoteListed, RemoteStatus
    from ropeway.store.depot import Checked

DAMAGED_EXIT = 5
SHOWN = 20
NAMES_OR_ALL = "Name versions, such as tweets or mood@3, or say --all."


@click.command()
@click.argument("versions", nargs=-1)
@click.option("--to", metavar="NAME", help="Which remote (default: the only one, or `origin`).")
@click.option("--all", "everything", is_flag=True, help="All versions of all datasets and models.")
@click.option("--with-data", is_flag=True, help="The datasets that models learnt from as well.")
@click.option("--verify", is_flag=True, help="Read there what they need; bring again what is damaged.")
@face_options
def push(
    face: Face,
    versions: tuple[str, ...],
    to: str | None,
    everything: bool,  # noqa: FBT001  click passes by name
    with_data: bool,  # noqa: FBT001
    verify: bool,  # noqa: FBT001
) -> None:
    """Bring VERSIONS of datasets and models to a remote; only what lacks there travels.

    A bare name means its newest version. What was broken off goes on where it was when the command is
    repeated; nobody there sees a version before all of it has arrived.
    """
    from ropeway.remotes.operations import push as bring_there

    _require_names(versions, everything=everything)
    with face.workspace() as workspace, face.progress("pushing") as tick, telling(tick):
        made = bring_there(
            workspace,
            refs=list(versions),
            to=to,
            everything=everything,
            with_data=with_data,
            verify=verify,
        )
    face.emit(made, lambda out: _draw_pushed(out, made))


@click.command()
@click.argument("versions", nargs=-1)
@click.option("--from", "source", metavar="NAME", help="Which remote (default: the only one, or `origin`).")
@click.option("--refs-only", is_flag=True, help="Only learn which versions are there.")
@face_options
def fetch(face: Face, versions: tuple[str, ...], source: str | None, refs_only: bool) -> None:  # noqa: FBT001
    """Learn which versions a remote has, and bring their objects here: of VERSIONS, or of all.

    Nothing becomes a version here by it; that is `ropeway pull`.
    """
    from ropeway.remotes.operations import fetch as bring_here

    with face.workspace() as workspace, face.progress("fetching") as tick, telling(tick):
        found = bring_here(workspace, refs=list(versions), source=source, refs_only=refs_only)
    face.emit(found, lambda out: _draw_fetched(out, found))


@click.command()
@click.argument("versions", nargs=-1)
@click.option("--from", "source", metavar="NAME", help="Which remote (default: the only one, or `origin`).")
@click.option("--all", "everything", is_flag=True, help="All that are there, but for recalled models.")
@face_options
def pull(face: Face, versions: tuple[str, ...], source: str | None, everything: bool) -> None:  # noqa: FBT001
    """Fetch VERSIONS from a remote and record them here as versions, with where they came from.

    Data is held against this project's contract and checks; a model enters as a candidate, whatever it was
    elsewhere. New data from a `[source]` is `ropeway data pull`.
    """
    from ropeway.remotes.operations import pull as record_here

    _require_names(versions, everything=everything)
    with face.workspace() as workspace, face.progress("pulling") as tick, telling(tick), face.user_code():
        taken = record_here(workspace, refs=list(versions), source=source, everything=everything)
    face.emit(taken, lambda out: _draw_pulled(out, taken))


@click.group()
def remote() -> None:
    """The folders and buckets that versions are pushed to and pulled from."""


@remote.command("list")
@face_options
def remote_list(face: Face) -> None:
    """The remotes of the project file, with what the last look found there."""
    from ropeway.remotes.operations import list_remotes

    with face.workspace() as workspace:
        found = list_remotes(workspace)
    face.emit(found, lambda out: _draw_remotes(out, found))


@remote.command("add")
@click.argument("name")
@click.argument("url")
@click.option("--endpoint", metavar="URL", help="Of a bucket that is not Amazon's.")
@face_options
def remote_add(face: Face, name: str, url: str, endpoint: str | None) -> None:
    """Declare the remote NAME in ropeway.toml: URL is s3://BUCKET/PREFIX, or the path of a folder.

    Keys are never written down: they come from AWS_ACCESS_KEY_ID and its like.
    """
    from ropeway.remotes.declare import add_remote
    from ropeway.workspace.local import find_project

    made = add_remote(find_project(face.project or Path.cwd()), name, url, endpoint=endpoint)
    face.emit(made, lambda out: _draw_remotes(out, [made]))


@remote.command("remove")
@click.argument("name")
@face_options
def remote_remove(face: Face, name: str) -> None:
    """Take the remote NAME out of ropeway.toml. What lies there stays there."""
    from ropeway.remotes.declare import remove_remote
    from ropeway.workspace.local import find_project

    gone = remove_remote(find_project(face.project or Path.cwd()), name)
    face.emit(gone, lambda out: out.print(f"{gone.name} is declared no more; what lies at {gone.url} stays"))


@remote.command("status")
@click.argument("name", required=False)
@click.option("--verify", is_flag=True, help="Read every byte there.")
@face_options
def remote_status(face: Face, name: str | None, verify: bool) -> None:  # noqa: FBT001  click passes by name
    """What is here, what is at the remote NAME, and how many bytes would travel.

    Exit code 5 where something there is damaged.
    """
    from ropeway.remotes.operations import remote_status as compare

    with face.workspace() as workspace, face.progress("reading") as tick, telling(tick):
        found = compare(workspace, remote=name, verify=verify)
    face.emit(found, lambda out: _draw_status(out, found))
    if not found.is_sound:
        raise SystemExit(DAMAGED_EXIT)


def _require_names(versions: tuple[str, ...], *, everything: bool) -> None:
    if bool(versions) == everything:
        raise click.UsageError(NAMES_OR_ALL)


def _draw_pushed(out: "Console", made: "Pushed") -> None:
    from ropeway.cli import draw

    draw.facts(
        out,
        [
            ("remote", f"{made.remote}, {made.where}"),
            ("versions", _named(made.versions)),
            ("new there", _named(made.new) or "none: all of it was there"),
            ("lacked", f"{draw.count(made.objects, 'object')}, {draw.size(made.raw_bytes)}"),
            ("sent", f"{draw.size(made.sent_bytes)} in {draw.count(made.packs, 'pack')}"),
            ("left out", f"{_named(made.left_out)}: no bytes here" if made.left_out else None),
        ],
    )
    if made.checked is not None:
        _draw_checked(out, made.checked)
        if made.checked.damaged:
            out.print("  What was damaged there and is sound here was brought again.")
    draw.next_step(out, f"ropeway pull --from {made.remote} VERSION", why="in another project")


def _draw_fetched(out: "Console", found: "Fetched") -> None:
    from ropeway.cli import draw

    for ref in found.versions[:SHOWN]:
        out.print(f"  {ref}")
    if len(found.versions) > SHOWN:
        out.print(f"  and {len(found.versions) - SHOWN:,} more")
    out.print(f"\n{draw.count(found.objects, 'object')} came, {draw.size(found.read_bytes)}")
    _draw_unreadable(out, len(found.unreadable))
    if found.versions:
        ref = found.versions[-1].partition("/")[2]
        draw.next_step(out, f"ropeway pull --from {found.remote} {ref}", why="makes it a version here")


def _draw_pulled(out: "Console", taken: "PulledVersions") -> None:
    from ropeway.cli import draw

    draw.table(
        out,
        ["there", "from", "here", "state"],
        [
            (
                each.came_as,
                each.project,
                each.ref,
                draw.badge("ok", "new") if each.is_new else draw.badge("skipped", "was here"),
            )
            for each in taken.versions
        ],
    )
    for each in taken.versions:
        for remark in each.remarks:
            out.print(f"  {each.ref}: {remark}")
    out.print(f"\n{draw.count(taken.objects, 'object')} came, {draw.size(taken.read_bytes)}")
    model = next((each.ref for each in taken.versions if each.ref.startswith("model:") and each.is_new), None)
    if model is not None:
        draw.next_step(out, f"ropeway model show {model.removeprefix('model:')}")


def _draw_remotes(out: "Console", found: "list[RemoteListed]") -> None:
    from ropeway.cli import draw

    if not found:
        out.print("no remote is declared")
        draw.next_step(out, "ropeway remote add NAME s3://BUCKET/PREFIX", why="or a folder's path")
        return
    draw.table(
        out,
        ["remote", draw.Column("where", grow=True), draw.Column("known", right=True)],
        [
            (
                each.name,
                f"{each.url} at {each.endpoint}" if each.endpoint else each.url,
                draw.count(len(each.known), "version"),
            )
            for each in found
        ],
    )
    draw.next_step(out, f"ropeway remote status {found[0].name}")


def _draw_status(out: "Console", found: "RemoteStatus") -> None:
    from ropeway.cli import draw

    def where(*, here: bool, there: bool, fetched: bool) -> str:
        if here and there:
            return "here and there"
        if here:
            return "only here"
        return "there, fetched" if fetched else "only there"

    kept = f"{draw.count(found.objects, 'object')} in {draw.count(found.packs, 'pack')}"
    if found.versions:
        draw.table(
            out,
            ["version", "where", draw.Column("size", right=True), "there it was"],
            [
                (
                    each.ref,
                    where(here=each.here, there=each.there, fetched=each.fetched),
                    draw.size(each.size_bytes),
                    each.state,
                )
                for each in found.versions
            ],
        )
        out.print()
    draw.facts(
        out,
        [
            ("remote", f"{found.remote}, {found.where}"),
            ("there", f"{kept}, {draw.size(found.stored_bytes)}"),
            ("to push", draw.size(found.push_bytes)),
            ("to fetch", f"at most {draw.size(found.pull_bytes)}"),
        ],
    )
    _draw_unreadable(out, len(found.unreadable))
    for ref in found.lacking:
        out.print(f"  {draw.badge('broken', f'{ref} lacks objects there').plain}: ropeway push it again")
    if found.checked is not None:
        _draw_checked(out, found.checked)
    if found.push_bytes:
        draw.next_step(out, f"ropeway push --to {found.remote} --all")


def _draw_checked(out: "Console", checked: "Checked") -> None:
    from ropeway.cli import draw

    read = f"{draw.count(checked.packs, 'pack')} read, {draw.size(checked.read_bytes)}"
    if not checked.damaged:
        out.print(f"\n  {read}: {draw.badge('ok', 'sound').plain}")
        return
    out.print(f"\n  {read}")
    for pack, digests in sorted(checked.damaged.items()):
        named = ", ".join(f"{digest[:10]}…" for digest in digests[:SHOWN]) or "between its objects"
        out.print(f"  {draw.badge('broken', f'the pack {pack[:10]}… is damaged').plain}: {named}")
    if checked.lost:
        draw.next_step(out, "ropeway push --verify VERSION", why="from a workspace that has it whole")


def _draw_unreadable(out: "Console", count: int) -> None:
    from ropeway.cli import draw

    if count:
        said = f"{draw.count(count, 'manifest')} there cannot be believed"
        out.print(f"  {draw.badge('broken', said).plain}")


def _named(refs: list[str]) -> str:
    more = f" and {len(refs) - SHOWN:,} more" if len(refs) > SHOWN else ""
    return ", ".join(refs[:SHOWN]) + more
