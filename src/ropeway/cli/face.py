"""What every command shares: `--json`, `-C` and `--as`, the workspace, and how an answer is shown.

A command asks its `Face` for the workspace, calls one operation, and hands the answer to `emit`
with a function that draws it. Errors are raised, never printed here: `cli.main` shows them.
"""

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import click

if TYPE_CHECKING:
    from rich.console import Console

    from ropeway.workspace import LocalWorkspace

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

Tick = Callable[[int, int], None]
"""Called as `tick(done, total)`; total 0 means unknown."""


class Answers(list[object]):
    """What commands answered that were called from within this process: `root.main(…, obj=answers)`."""


class Face:
    """How this call wants its answer, and whose it is.

    Args:
        as_json: print one JSON value on standard output and nothing else.
        project: a folder in the project; found upward from the working directory when absent.
        acting_as: the name to act under; the login name when absent.
    """

    def __init__(
        self, *, as_json: bool = False, project: Path | None = None, acting_as: str | None = None
    ) -> None:
        self.as_json = as_json
        self.project = project
        self.acting_as = acting_as

    def workspace(self) -> "LocalWorkspace":
        """The project's workspace, to be used in a `with`.

        Raises:
            ProjectNotFound: there is no `ropeway.toml` here or above.
        """
        from ropeway.workspace import open_workspace

        return open_workspace(self.project, actor=self.acting_as)

    @functools.cached_property
    def out(self) -> "Console":
        """Standard output. Colour, wrapping and a width only where a terminal reads it."""
        from ropeway.cli.draw import console

        return console(says_next=_heard() is None)

    def emit(self, value: T, render: "Callable[[Console], object]") -> None:
        """Show an answer: the value as JSON under `--json`, else whatever `render` draws.

        Args:
            value: anything that msgspec can encode.
            render: draws the value on the console that it is given.
        """
        heard = _heard()
        if heard is not None:
            heard.append(value)
        if self.as_json:
            import msgspec

            text = msgspec.json.format(
                msgspec.json.encode(value, enc_hook=str, order="deterministic"), indent=2
            )
            click.echo(text)
        else:
            render(self.out)

    def note(self, text: str) -> None:
        """A remark on standard error, beside the answer; silent under `--json`."""
        if not self.as_json:
            click.echo(click.style(text, dim=True), err=True)

    @contextmanager
    def progress(self, label: str) -> Iterator[Tick]:
        """One line that moves while work goes on: on a terminal only, gone at the end.

        Args:
            label: what is going on, as a participle: "reading ratings".
        """
        shown = sys.stderr.isatty() and not self.as_json

        def tick(done: int, total: int) -> None:
            if shown:
                share = f"{done:,}/{total:,}" if total else f"{done:,}"
                sys.stderr.write(f"\r\x1b[2K  {label} {share}")
                sys.stderr.flush()

        try:
            if shown:
                sys.stderr.write(f"  {label} …")
                sys.stderr.flush()
            yield tick
        finally:
            if shown:
                sys.stderr.write("\r\x1b[2K")
                sys.stderr.flush()


def _heard() -> Answers | None:
    """Where answers go as values, when a command was called from within this process."""
    context = click.get_current_context(silent=True)
    return context.find_object(Answers) if context else None


def face_options(command: Callable[Concatenate[Face, P], R]) -> Callable[P, R]:
    """Give a command `--json`, `-C/--project` and `--as`; the command gets them as one `Face`, first.

    Example:
        ```python
        @click.command()
        @click.argument("name")
        @face_options
        def show(face: Face, name: str) -> None: ...
        ```
    """

    @functools.wraps(command)
    def call(*args: Any, as_json: bool, project: Path | None, acting_as: str | None, **kwargs: Any) -> R:
        return command(Face(as_json=as_json, project=project, acting_as=acting_as), *args, **kwargs)

    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON."),
        click.option(
            "-C",
            "--project",
            type=click.Path(path_type=Path, file_okay=False),
            envvar="ROPEWAY_PROJECT",
            help="A folder in the project (default: found upward from here).",
        ),
        click.option(
            "--as",
            "acting_as",
            metavar="NAME",
            envvar="ROPEWAY_AS",
            help="Act under this name (default: login).",
        ),
    ):
        call = option(call)
    return call  # type: ignore[return-value]  # click's decorators keep the function
