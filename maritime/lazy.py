"""A command group whose commands are imported when they are asked for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import click

from infra.console import Group

CommandsAt = Mapping[str, tuple[str, str]]
"""Name of a command to ``module:attribute`` and its line of help."""


class LazyGroup(Group):
    """A group that knows where its commands are, and imports one only to run it."""

    def __init__(self, *args: Any, commands_at: CommandsAt, **kwargs: Any) -> None:  # noqa: ANN401  click's own
        """Keep the places of the commands."""
        super().__init__(*args, **kwargs)
        self.commands_at = commands_at

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's own signature
        """In the order in which a newcomer needs them."""
        return list(self.commands_at)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the command, or nothing for an unknown name."""
        if cmd_name not in self.commands_at:
            return None
        module, _, name = self.commands_at[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing them."""
        rows: Sequence[tuple[str, str]] = [(name, text) for name, (_, text) in self.commands_at.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
