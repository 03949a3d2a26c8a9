"""The command ``sse-signals``: each of its commands is imported when it is used, so that all of them start at once."""

from __future__ import annotations

import os
from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import click

from sse_signals.commands.failures import HELP, epilog, interrupted
from sse_signals.commands.output import see_to_stderr
from sse_signals.commands.unforeseen import end

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMMANDS: Final = {
    "serve": "Run the hub.",
    "publish": "Publish a signal, or one for each line.",
    "listen": "Follow signals, or run a command for each.",
    "top": "Watch the hub live: streams, rates, who is slow.",
    "token": "Make a token or an API key, or explain one.",
    "check": "Check the settings, and show where each comes from.",
    "doctor": "Find what lies between a hub and its clients.",
    "bench": "Measure a hub.",
    "conformance": "Test any SSE hub against the protocol.",
    "completion": "Print a script that completes commands in a shell.",
}
_OF_ONE_ROOM: Final = frozenset({"serve", "bench", "completion"})
_EXAMPLES: Final = """
sse-signals serve
sse-signals listen 'orders/*'
sse-signals publish orders/42 '{"state": "paid"}'
"""


class Commands(click.Group):
    """The commands of the table, in its order; none is imported before it is used."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return their names."""
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, imported from its room; None if there is none of this name."""
        if cmd_name not in COMMANDS:
            return None
        room = cmd_name if cmd_name in _OF_ONE_ROOM else f"{cmd_name}.command"
        command: click.Command = getattr(import_module(f"sse_signals.commands.{room}"), cmd_name)
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """Return what may be typed next."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - only for that

        names = [CompletionItem(name, help=text) for name, text in COMMANDS.items() if name.startswith(incomplete)]
        return names + click.Command.shell_complete(self, ctx, incomplete)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is meant; a name that nobody knows is told with the nearest."""
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand:
            near = get_close_matches(args[0], COMMANDS, 1)
            mend = f"Did you mean {near[0]!r}?" if near else f"There are {', '.join(COMMANDS)}."
            raise click.UsageError(f"There is no command {args[0]!r}. {mend}", ctx) from None

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run the whole; nobody ever sees a traceback who has not asked for one."""
        see_to_stderr()
        try:
            return super().main(*args, **extra)
        except Exception as error:  # noqa: BLE001 - told, whatever it is
            end(error)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; Ctrl-C always ends it in the same way."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            interrupted()


@click.group(
    cls=Commands,
    context_settings=HELP,
    epilog=epilog(examples=_EXAMPLES),
)
@click.version_option(package_name="sse-signals", prog_name="sse-signals")
@click.pass_context
def main(context: click.Context) -> None:
    """A Server-Sent Events hub: publish small JSON signals, and every client that should see one sees it."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":  # https://no-color.org
        context.color = False
