"""The `ropeway` command: runs what is asked for, and turns every error into words and an exit code.

Exit codes: 0 done · 1 the user's code or work failed · 2 wrong input or usage · 3 refused or in conflict ·
4 not found · 5 damaged bytes · 6 unavailable · 70 a fault of ours · 130 interrupted.
"""

import contextlib
import gc
import importlib
import os
import sys
import traceback
from collections.abc import Sequence

import click

from ropeway.cli.catalogue import BY_NAME, CATALOGUE
from ropeway.cli.face import shared_options
from ropeway.cli.plain import plain

INTERNAL_EXIT = 70
INTERRUPTED_EXIT = 130
USAGE_EXIT = 2
BROKEN_PIPE_EXIT = 141
COLLECT_EVERY = 50_000
"""Objects before the collector looks for cycles: at its own 700 it costs a sixth of a command's start."""


class LazyGroup(click.Group):
    """The root group: names and one-liners from the catalogue, a command's module only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's shape
        """The names, in the order of the catalogue."""
        return [entry.name for entry in CATALOGUE]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command itself; its module is imported here and nowhere else."""
        entry = BY_NAME.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry.target.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Click's own, but an unknown name is answered from the catalogue."""
        if args and not args[0].startswith("-") and args[0] not in BY_NAME and not ctx.resilient_parsing:
            from ropeway.core.errors import did_you_mean

            raise click.UsageError(f"There is no command '{args[0]}'.{did_you_mean(args[0], BY_NAME)}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The catalogue by section, without importing any command."""
        width = max(len(entry.name) for entry in CATALOGUE)
        for section in dict.fromkeys(entry.section for entry in CATALOGUE):
            with formatter.section(section):
                formatter.write_dl(
                    [(e.name.ljust(width), e.summary) for e in CATALOGUE if e.section == section],
                    col_spacing=2,
                )


def _print_version(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:  # noqa: FBT001  click's shape
    if not wanted or ctx.resilient_parsing:
        return
    from ropeway import __version__

    click.echo(f"ropeway {__version__}")
    ctx.exit()


@click.group(
    name="ropeway",
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
@shared_options
def root(**_early: object) -> None:
    """One line from data to production and back.

    New here? `ropeway demo` shows the whole line; `ropeway init` starts your own project.

    --json, -C, --as and --workspace stand before or after the command.
    """


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code.

    Args:
        args: the words after `ropeway`; those of the process when absent.
    """
    if args is None:
        # The process is ours.
        gc.set_threshold(COLLECT_EVERY)
    words = list(sys.argv[1:] if args is None else args)
    _make_streams_forgiving()
    sys.exit(_run(words))


def _run(words: list[str]) -> int:
    as_json = "--json" in words
    try:
        code = root.main(args=words, prog_name="ropeway", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        # Its message is the whole help text: asked for, in a way, and no error to show.
        click.echo(error.format_message())
        return 0
    except click.ClickException as error:
        _show(_usage_error(error), as_json=as_json)
        return USAGE_EXIT
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return INTERRUPTED_EXIT
    except BrokenPipeError:
        _silence_stdout()
        return BROKEN_PIPE_EXIT
    except SystemExit as stop:  # a command may leave with a code of its own
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except Exception as error:  # noqa: BLE001  the outermost edge: nothing above would tell the user anything
        return _show_error(error, as_json=as_json)
    return code if isinstance(code, int) else 0


def _show_error(error: Exception, *, as_json: bool) -> int:
    from ropeway.core.errors import RopewayError

    if os.environ.get("ROPEWAY_TRACEBACK"):
        traceback.print_exception(error)
    if isinstance(error, RopewayError):
        _show(error.to_dict(), as_json=as_json)
        return error.exit_code
    _show(_internal_error(error), as_json=as_json)
    return INTERNAL_EXIT


def _usage_error(error: click.ClickException) -> dict[str, object]:
    context = error.ctx if isinstance(error, click.UsageError) else None
    usage = ""
    if context is not None:
        usage = context.get_usage().removeprefix("Usage: ")
    path = context.command_path if context is not None else "ropeway"
    return {
        "code": "usage",
        "what": error.format_message(),
        "expected": usage,
        "next_step": f"{path} --help",
        "facts": {},
    }


def _internal_error(error: Exception) -> dict[str, object]:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if f"{os.sep}ropeway{os.sep}" in frame.filename] or frames
    where = f"{ours[-1].filename}:{ours[-1].lineno} in {ours[-1].name}" if ours else "unknown"
    return {
        "code": "internal",
        "what": f"{type(error).__name__}: {error} (at {where})",
        "expected": "",
        "next_step": "this is a fault of ours: run again with ROPEWAY_TRACEBACK=1 and send us the traceback",
        "facts": {},
    }


def _show(error: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode({"error": error}, enc_hook=str))
        return
    head = click.style(f"error[{error['code']}]", fg="red", bold=True)
    lines = str(error["what"]).splitlines() or [""]
    click.echo("\n  ".join([f"{head}  {plain(lines[0])}", *map(plain, lines[1:])]), err=True)
    for label, key in (("expected", "expected"), ("next", "next_step")):
        if error[key]:
            text = str(error[key]).replace("\n", "\n           ")
            click.echo(f"  {click.style(label.ljust(8), dim=True)} {plain(text)}", err=True)


def _make_streams_forgiving() -> None:
    """A terminal that cannot show a character gets a stand-in, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]


def _silence_stdout() -> None:
    # The reader went away (`| head`): what is still buffered must not raise again when Python exits.
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
