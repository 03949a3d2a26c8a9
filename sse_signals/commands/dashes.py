"""Commands whose arguments may begin with a dash."""

from __future__ import annotations

import click


class TakesMessages(click.Command):
    """A command that is given a message, which may look like an option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read what was typed; what is no option may have been meant as a message."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if error.possibilities:
                raise
            text = (
                f"{error.format_message()} A message that begins with - stands after --: TOPIC -- {error.option_name}"
            )
            raise click.UsageError(text, ctx) from None
