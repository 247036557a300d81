"""Writes the reference pages from the code: `make docs`.

`cli.md` from the commands, `errors.md` from the error classes, `events.md` from the ledger's event types.
A test holds the pages against what this gives, so they cannot lag behind.
"""

import ast
import importlib
import inspect
import pkgutil
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import click

import ropeway
from ropeway.cli.catalogue import CATALOGUE
from ropeway.cli.main import root
from ropeway.core.errors import RopewayError

REGENERATE = "Generated from the code by `make docs`; do not edit."

CLI_INTRO = """\
Every command on a project takes `--json` (one JSON value on standard output), `-C FOLDER` (a folder in the
project; else it is found upward from the working folder) and `--as NAME` (the name to act under), before or
after the command. What the project's own code prints goes to standard error. `ropeway log --follow --json`
has no end, and so prints one JSON value a line.

MODEL@ENVIRONMENT is the version that is live there, MODEL@NUMBER that version, and a bare MODEL its newest
version, whatever its state: right for `gate` and `model show`, and for `serve` only to try one out. `latest`
is the newest run; in `model register` it is the newest run of the pipeline that finished.

Errors go to standard error with a [code](errors.md); under `--json` they are `{"error": …}` on standard
output.

Exit codes: 0 done · 1 your code or the work failed · 2 wrong input or usage · 3 refused, or in conflict ·
4 not found · 5 damaged bytes · 6 unavailable · 70 a fault of ours · 130 interrupted."""

ERRORS_INTRO = """\
An error says what failed, what was expected and what to do next. Its code is stable, and the same on the
command line (`error[code]`), in `--json` and in an HTTP body. Words in capitals stand for what the error is
about; where the next step depends on the case, the error itself names it."""

EVENTS_INTRO = """\
What can happen in a project. `ropeway log` shows what did; `ropeway log --verb NAME` one kind of it. Each
event also carries its sequence number, id, time and actor. Fields marked *erasable* are kept apart from the
event, which only commits to them; they read as nothing once erased. A released event never changes: a new
shape is a new version."""

USAGE = (
    "usage",
    "The command line does not read as a command.",
    "2",
    "",
    "`ropeway COMMAND --help`",
)
INTERNAL = (
    "internal",
    "Something failed that should not have: a fault of ours.",
    "70",
    "500",
    "run again with `ROPEWAY_TRACEBACK=1` and send us the traceback",
)


def cli_page() -> str:
    """The command-line reference."""
    parts = [
        "# The command line",
        "",
        REGENERATE,
        "",
        CLI_INTRO,
    ]
    for section in dict.fromkeys(entry.section for entry in CATALOGUE):
        parts += ["", f"## {section}"]
        for entry in CATALOGUE:
            if entry.section == section:
                parts += _command_page(entry.name, _load(entry.name), [])
    return "\n".join(parts) + "\n"


def errors_page() -> str:
    """Every error code: what it means and what to do."""
    rows = [USAGE, INTERNAL]
    for cls in error_classes():
        if cls.code == INTERNAL[0]:
            continue
        meaning = (inspect.getdoc(cls) or "").split("\n\n")[0].replace("\n", " ")
        rows.append((cls.code, meaning, str(cls.exit_code), str(cls.http_status), _next_step(cls)))
    parts = [
        "# Errors",
        "",
        REGENERATE,
        "",
        ERRORS_INTRO,
        "",
        "| code | meaning | exit | HTTP | next step |",
        "|---|---|---|---|---|",
    ]
    for code, *cells in sorted(rows):
        parts.append(f"| `{code}` | " + " | ".join(map(_cell, cells)) + " |")
    return "\n".join(parts) + "\n"


def events_page() -> str:
    """Every event type of the ledger."""
    from ropeway.ledger.event import TYPES_BY_VERB
    from ropeway.workspace.rooms import load_projections

    load_projections()
    parts = [
        "# Events",
        "",
        REGENERATE,
        "",
        EVENTS_INTRO,
    ]
    for (verb, version), kind in sorted(TYPES_BY_VERB.items()):
        if not kind.cls.__module__.startswith("ropeway."):
            continue
        title = verb if version == 1 else f"{verb} (version {version})"
        parts += ["", f"## {title}", "", inspect.getdoc(kind.cls) or "", "", "| field | type |", "|---|---|"]
        hints = get_type_hints(kind.cls)
        for field in kind.cls.__struct_fields__:
            erasable = ", erasable" if field in kind.erasable else ""
            parts.append(f"| `{field}` | {_type_name(hints[field])}{erasable} |")
    return "\n".join(parts) + "\n"


PAGES = {"cli.md": cli_page, "errors.md": errors_page, "events.md": events_page}


def error_classes() -> list[type[RopewayError]]:
    """One class for each error code, sorted by code."""
    found = {cls.code: cls for cls in all_error_classes()}
    return [found[code] for code in sorted(found)]


def all_error_classes() -> list[type[RopewayError]]:
    """Every error class of the package with a code of its own."""
    for module in pkgutil.walk_packages(ropeway.__path__, "ropeway."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    return [cls for cls in _subclasses(RopewayError) if "code" in vars(cls)]


def _subclasses(cls: type[RopewayError]) -> Iterator[type[RopewayError]]:
    for child in cls.__subclasses__():
        if child.__module__.startswith("ropeway."):
            yield child
            yield from _subclasses(child)


def _load(name: str) -> click.Command:
    with root.make_context("ropeway", ["--help"], resilient_parsing=True) as context:
        command = root.get_command(context, name)
    assert command is not None
    return command


def _command_page(path: str, command: click.Command, before: list[str]) -> list[str]:
    with click.Context(command, info_name=f"ropeway {path}") as context:
        usage = context.get_usage().removeprefix("Usage: ")
        rows = [
            record
            for parameter in command.get_params(context)
            if isinstance(parameter, click.Option) and (record := parameter.get_help_record(context))
        ]
    told = textwrap.dedent(inspect.cleandoc(command.help or "")).replace("\b\n", "")
    parts = [*before, "", f"### ropeway {path}", "", told, "", "```text", " ".join(usage.split()), "```"]
    shared = ("--json", "-C,", "--as", "--help", "-h,")
    own = [(name, text) for name, text in rows if not name.startswith(shared)]
    if own:
        parts += ["", "| option | |", "|---|---|"]
        parts += [f"| `{_cell(name)}` | {_cell(text)} |" for name, text in own]
    if isinstance(command, click.Group):
        for name in command.commands:
            parts += _command_page(f"{path} {name}", command.commands[name], [])
    return parts


def _cell(text: str) -> str:
    """Text that may stand in a table's cell."""
    return text.replace("|", "\\|")


def _next_step(cls: type[RopewayError]) -> str:
    """The next step as the class's constructor writes it, with what is filled in as capitals."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except (OSError, TypeError):
        return ""
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "next_step":
            text = _as_template(node.value)
            if text:
                return "; ".join(text.split("\n"))
    parent = cls.__mro__[1]
    return _next_step(parent) if issubclass(parent, RopewayError) and "code" in vars(parent) else ""


def _as_template(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(_as_template(value) for value in values)
        case ast.FormattedValue(value=value):
            return _placeholder(value)
        case ast.IfExp(body=body, orelse=orelse):
            return _as_template(body) or _as_template(orelse)
        case ast.BoolOp(values=values):
            return next(filter(None, map(_as_template, values)), "")
        case ast.BinOp(left=left, right=right):
            return _as_template(left) + _as_template(right)
    return ""


def _placeholder(node: ast.expr) -> str:
    """What an expression is about, in capitals: `{ref.partition("@")[0]}` is a REF."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name.strip("_").upper()
        case ast.Call(func=ast.Attribute(value=owner)):
            return _placeholder(owner)
        case ast.Call(args=[first, *_]):
            return _placeholder(first)
        case ast.Subscript(value=owner):
            return _placeholder(owner)
    return "…"


def _type_name(kind: Any) -> str:
    text = inspect.formatannotation(kind) if not isinstance(kind, type) else kind.__name__
    for prefix in ("ropeway.", "datetime.", "collections.abc.", "typing."):
        text = text.replace(prefix, "")
    return f"`{text}`".replace("|", "\\|")


def main() -> None:
    """Write the pages beside this file."""
    for name, page in PAGES.items():
        (Path(__file__).parent / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
