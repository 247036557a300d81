"""What every command shares: the options `--json`, `-C`, `--as` and `--workspace`, and how answers are shown.

A command asks its `Face` for the workspace, calls one operation, and hands the answer to `emit`
with a function that draws it. Errors are raised, never printed here: `cli.main` shows them.
"""

import contextlib
import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TextIO, TypeVar

import click

from ropeway.cli.plain import plain

if TYPE_CHECKING:
    from rich.console import Console

    from ropeway.workspace import LocalWorkspace, OpenWorkspace

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
        server: the URL of the server that keeps the workspace, or `local`; see `workspace.opening`.
        insecure: allow plain http to another machine.
    """

    def __init__(
        self,
        *,
        as_json: bool = False,
        project: Path | None = None,
        acting_as: str | None = None,
        server: str | None = None,
        insecure: bool = False,
    ) -> None:
        self.as_json = as_json
        self.project = project
        self.acting_as = acting_as
        self.server = server
        self.insecure = insecure
        self._answers_to: TextIO | None = None

    def workspace(self) -> "OpenWorkspace":
        """The project's workspace, here or at a server, to be used in a `with`.

        Raises:
            ProjectNotFound: there is no `ropeway.toml` here or above.
        """
        from ropeway.workspace import open_workspace

        return open_workspace(
            self.project, actor=self.acting_as, server=self.server, insecure=self.insecure, tell=self.note
        )

    def local_workspace(self, command: str, *, actor: str | None = None) -> "LocalWorkspace":
        """The workspace in the project's own folder, for a command that works on its files.

        Args:
            command: as typed, for the refusal.
            actor: who acts when nobody is named.

        Raises:
            NeedsFiles: the workspace is kept by a server.
        """
        from ropeway.workspace import open_local

        self.require_here(command)
        return open_local(self.project, actor=self.acting_as or actor)

    def workspace_as_kept(self, command: str) -> "LocalWorkspace":
        """As `local_workspace`, with its objects where they are, whatever the settings say."""
        from ropeway.workspace.local import open_kept_local

        self.require_here(command)
        return open_kept_local(self.project, actor=self.acting_as)

    def require_here(self, command: str) -> None:
        """Refuse where the workspace is kept by a server: nothing is silently done here instead.

        Raises:
            NeedsFiles: it is.
        """
        from ropeway.workspace.errors import NeedsFiles
        from ropeway.workspace.opening import server_of

        url = server_of(self.project, self.server)
        if url is not None:
            raise NeedsFiles(command, url)

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
        with contextlib.redirect_stdout(self._answers_to or sys.stdout):
            if self.as_json:
                import msgspec

                text = msgspec.json.format(
                    msgspec.json.encode(value, enc_hook=str, order="deterministic"), indent=2
                )
                click.echo(text)
            else:
                render(self.out)

    @contextmanager
    def user_code(self) -> Iterator[None]:
        """While the project's own code runs: what it prints goes to standard error, beside the answer.

        Under `--json` standard output holds one JSON value, whatever a step prints. Not caught: what a
        program that a step starts writes by itself.
        """
        self._answers_to = sys.stdout
        try:
            with contextlib.redirect_stdout(sys.stderr):
                yield
        finally:
            self._answers_to = None

    def note(self, text: str) -> None:
        """A remark on standard error, beside the answer; silent under `--json`."""
        if not self.as_json:
            click.echo(click.style(plain(text), dim=True), err=True)

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
    """Give a command the shared options; it gets them as one `Face`, first.

    Example:
        ```python
        @click.command()
        @click.argument("name")
        @face_options
        def show(face: Face, name: str) -> None: ...
        ```
    """

    @functools.wraps(command)
    def call(
        *args: Any,
        as_json: bool,
        project: Path | None,
        acting_as: str | None,
        server_url: str | None,
        insecure: bool,
        **kwargs: Any,
    ) -> R:
        face = Face(
            as_json=as_json or bool(_early("as_json")),
            project=_chosen("project", project),
            acting_as=_chosen("acting_as", acting_as),
            server=_chosen("server_url", server_url),
            insecure=insecure or bool(_early("insecure")),
        )
        return command(face, *args, **kwargs)

    return shared_options(call)


def shared_options(command: Callable[..., R]) -> Callable[..., R]:
    """The options themselves; the root takes them too, for those who write them before the command."""
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
            callback=_some_name,
            help="Act under this name (default: login).",
        ),
        click.option(
            "--workspace",
            "server_url",
            metavar="URL",
            envvar="ROPEWAY_WORKSPACE",
            help="The server that keeps the workspace, or `local` (default: as ropeway.toml says).",
        ),
        click.option("--insecure", is_flag=True, help="Allow plain http to another machine."),
    ):
        command = option(command)
    return command


def refuse_from_afar(command: str) -> None:
    """Refuse a server for a command that makes a workspace of its own.

    Raises:
        NeedsFiles: one was named, on the command line or by the environment.
    """
    from ropeway.workspace.errors import NeedsFiles
    from ropeway.workspace.opening import LOCAL

    named = click.get_current_context().find_root().params.get("server_url")
    if named and named != LOCAL:
        raise NeedsFiles(command, named)


def _some_name(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not value.strip():
        raise click.BadParameter("a name is needed: the one that the record shall show.")
    return value


def _early(option: str) -> Any:
    """What was typed before the command: `ropeway -C folder status`."""
    root = click.get_current_context().find_root()
    typed = root.get_parameter_source(option) is click.core.ParameterSource.COMMANDLINE
    return root.params.get(option) if typed else None


def _chosen(option: str, own: T | None) -> T | None:
    """What was typed after the command, else before it, else what the environment says."""
    typed = click.get_current_context().get_parameter_source(option) is click.core.ParameterSource.COMMANDLINE
    early: T | None = _early(option)
    return own if typed or early is None else early
