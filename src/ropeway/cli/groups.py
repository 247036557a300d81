"""A group of commands that shows something where no command is named."""

import click


class ShownByDefault(click.Group):
    """A group of which `show` is meant where no command is named: `ropeway rollout sentiment`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Click's own, with `show` put in where the first word is no command and asks for no help."""
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = ["show", *args]
        return super().parse_args(ctx, args)
