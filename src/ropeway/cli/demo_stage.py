"""What the parts of the demo share: numbered headings, and our own commands, shown as they are typed."""

import contextlib
import io
import shlex
from typing import TYPE_CHECKING, Any

from ropeway.cli.face import Answers

if TYPE_CHECKING:
    from rich.console import Console

ASKING = frozenset({"alerts", "monitor", "status", "why"})
"""Commands that only read: who asks does not matter."""


class Stage:
    """Where the demo is told."""

    def __init__(self) -> None:
        from ropeway.cli.draw import console

        self.out: Console = console()
        self._step = 0

    def heading(self, title: str) -> None:
        """Begin the next part."""
        from ropeway.cli import draw

        self._step += 1
        draw.heading(self.out, f"{self._step}  {title}")

    def say(self, text: str) -> None:
        """One remark of the teller's own."""
        self.out.print(text)

    def show(self, command: str) -> None:
        """A command, as it would be typed."""
        from rich.text import Text

        self.out.print(Text(f"$ {command}", style="cyan"))

    def run(self, actor: str, *words: str) -> Any:
        """Run one of our own commands as somebody, shown as it would be typed; gives what it answered."""
        acting = "" if words[0] in ASKING else f" --as {actor}"
        self.show(f"ropeway {shlex.join(words)}{acting}")
        return self._call(actor, words)

    def run_quietly(self, actor: str, *words: str) -> Any:
        """As `run`, and shows nothing."""
        with contextlib.redirect_stdout(io.StringIO()):
            return self._call(actor, words)

    def _call(self, actor: str, words: tuple[str, ...]) -> Any:
        from ropeway.cli.main import root

        answers = Answers()
        # A refusal (exit 3) is an answer like any other here; what comes next depends on it.
        with contextlib.suppress(SystemExit):
            root.main(args=[*words, "--as", actor], prog_name="ropeway", standalone_mode=False, obj=answers)
        return answers[-1] if answers else None
