"""`ropeway init`: an empty project, explained line by line; or a copy of a worked example."""

import re
import secrets
import shlex
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from ropeway.cli.face import Face, face_options
from ropeway.core.errors import Conflict, Invalid

if TYPE_CHECKING:
    from rich.console import Console

GITIGNORE = ".gitignore"

FILES = {
    "ropeway.toml": "ropeway.toml.template",
    "pipeline.py": "pipeline.py.template",
    "checks.py": "checks.py.template",
    GITIGNORE: "gitignore.template",
    "guides/README.md": "guide.md.template",
}

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_DATASET = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_FORBIDDEN_IN_COLUMN = re.compile(r'["\\\x00-\x1f]')


class ProjectExists(Conflict):
    """The folder already holds files that a new project would overwrite."""

    code = "project-exists"

    def __init__(self, folder: Path, files: list[str]) -> None:
        super().__init__(
            f"'{folder}' already holds {', '.join(files)}: nothing was written.",
            expected="a new or empty folder",
            next_step="ropeway init another-folder, or ropeway status to see the project that is there",
            folder=str(folder),
            files=files,
        )


class ProjectNameInvalid(Invalid):
    """A name that cannot be written into the project's files."""

    code = "project-name-invalid"

    def __init__(self, option: str, value: str, expected: str) -> None:
        super().__init__(
            f"{option} cannot be '{value}'.",
            expected=expected,
            next_step=f"ropeway init --help, then give another {option}",
            option=option,
            value=value,
        )


class Started(msgspec.Struct, frozen=True):
    """What `init` made."""

    folder: str
    name: str
    files: list[str]


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path())
@click.option("--name", help="The project's name (default: the folder's).")
@click.option(
    "--dataset", default="examples", show_default=True, help="What the training data will be called."
)
@click.option("--key", default="id", show_default=True, help="The column that names a row.")
@click.option("--target", default="label", show_default=True, help="The column to predict.")
@click.option("--example", metavar="NAME", help="A worked example with its data instead: bikes or tweets.")
@face_options
@click.pass_context
def init(
    context: click.Context,
    face: Face,
    folder: Path,
    name: str | None,
    dataset: str,
    key: str,
    target: str,
    example: str | None,
) -> None:
    """Make an empty project in FOLDER (default: here): charter, pipeline, checks, guides."""
    if example is not None:
        _refuse_beside_example(context)
        copied = start_example(folder, example)
        face.emit(copied, lambda out: _draw_example(out, copied, folder))
        return
    started = start(folder, name=name, dataset=dataset, key=key, target=target)
    face.emit(started, lambda out: _draw(out, started, folder, dataset))


def start(folder: Path, *, name: str | None, dataset: str, key: str, target: str) -> Started:
    """Write a new project's files; nothing that is there is ever overwritten.

    Raises:
        ProjectExists: one of the files is there already.
        ProjectNameInvalid: a name would not survive in the files.
    """
    chosen = name or re.sub(r"[^A-Za-z0-9_.-]+", "-", folder.resolve().name).strip("-.") or "project"
    if not _NAME.fullmatch(chosen):
        raise ProjectNameInvalid(
            "--name", chosen, "letters, digits, '-', '_' and '.', a letter or digit first"
        )
    if not _DATASET.fullmatch(dataset):
        raise ProjectNameInvalid(
            "--dataset", dataset, "lower-case letters, digits, '-' and '_', a letter or digit first"
        )
    for option, value in (("--key", key), ("--target", target)):
        if not value or _FORBIDDEN_IN_COLUMN.search(value):
            raise ProjectNameInvalid(option, value, "a column's name, without quotes or control characters")
    if key == target:
        raise ProjectNameInvalid("--target", target, f"another column than the key, which is '{key}'")
    present = [file for file in FILES if file != GITIGNORE and (folder / file).exists()]
    if present:
        raise ProjectExists(folder, present)
    values = {"name": chosen, "dataset": dataset, "key": key, "target": target, "salt": secrets.token_hex(4)}
    starter = resources.files("ropeway.cli") / "starter"
    for file, template in FILES.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        text = (starter / template).read_text(encoding="utf-8")
        filled = re.sub(r"@(\w+)@", lambda found: values[found[1]], text)
        if file == GITIGNORE and path.exists():
            _add_missing_lines(path, filled)
        else:
            path.write_text(filled, encoding="utf-8")
    return Started(folder=str(folder), name=chosen, files=sorted(FILES))


def start_example(folder: Path, example: str) -> Started:
    """Copy a worked example; nothing that is there is ever overwritten.

    Raises:
        ExampleMissing: there is none of that name.
        ProjectExists: one of its files is there already.
    """
    from ropeway import examples

    if example not in examples.names():
        raise examples.ExampleMissing(example, examples.names())
    source = examples.path(example)
    files = [str(file.relative_to(source)) for file in source.rglob("*") if file.is_file()]
    present = sorted(file for file in files if (folder / file).exists())
    if present:
        raise ProjectExists(folder, present)
    written = examples.copy_template(example, folder)
    ignored = (resources.files("ropeway.cli") / "starter" / FILES[GITIGNORE]).read_text(encoding="utf-8")
    if (folder / GITIGNORE).exists():
        _add_missing_lines(folder / GITIGNORE, ignored)
    else:
        (folder / GITIGNORE).write_text(ignored, encoding="utf-8")
    names = sorted([GITIGNORE, *(str(file.relative_to(folder)) for file in written)])
    return Started(folder=str(folder), name=example, files=names)


def _refuse_beside_example(context: click.Context) -> None:
    """An example brings names of its own: others beside it would silently mean nothing."""
    from click.core import ParameterSource

    for option in ("name", "dataset", "key", "target"):
        if context.get_parameter_source(option) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--example brings its own names: leave --{option} out.", context)


def _add_missing_lines(path: Path, text: str) -> None:
    """A repository's own .gitignore is kept and completed."""
    present = path.read_text(encoding="utf-8")
    missing = [line for line in text.splitlines() if line not in present.splitlines()]
    if missing:
        path.write_text("\n".join([present.rstrip("\n"), *missing, ""]), encoding="utf-8")


def _draw(out: "Console", started: Started, folder: Path, dataset: str) -> None:
    from ropeway.cli import draw

    out.print(f"project '{started.name}' in {folder.resolve()}")
    draw.facts(
        out,
        [
            ("ropeway.toml", "the charter: what it is worth, how good is good enough; and the settings"),
            ("pipeline.py", "your steps, as plain functions; it runs as it is on numeric columns"),
            ("checks.py", "what you know must hold in the data"),
            ("guides/", "what raters are told, if people label your data"),
        ],
    )
    lines = [f"cd {shlex.quote(str(folder))}"] if folder.resolve() != Path.cwd() else []
    draw.next_step(out, *lines, f"ropeway data add FILE --name {dataset}", "ropeway status")


def _draw_example(out: "Console", copied: Started, folder: Path) -> None:
    from ropeway.cli import draw

    out.print(f"the example '{copied.name}' in {folder.resolve()}, {len(copied.files)} files")
    lines = [f"cd {shlex.quote(str(folder))}"] if folder.resolve() != Path.cwd() else []
    draw.next_step(out, *lines, "cat README.md")
