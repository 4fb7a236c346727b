"""How every command speaks: results on stdout, progress on stderr, one sentence for an error, a telling exit code."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NoReturn

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table as RichTable

from contracts.errors import MaritimeError
from infra import disk

out = Console()
err = Console(stderr=True)


class Command(click.Command):
    """A click command that ends with one sentence and the error's exit code when a ``MaritimeError`` is raised."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401  click's own signature
        """Run the command's function; all but our own errors and a full disk keeps its trace: it is a bug."""
        try:
            return super().invoke(ctx)
        except MaritimeError as error:
            _end(ctx, error)
        except Exception as error:
            if not disk.is_full(error):
                raise
            _end(ctx, disk.full(f"`{ctx.command_path}`"))


def _end(ctx: click.Context, error: MaritimeError) -> NoReturn:
    err.print(f"[red]error:[/red] {error}", highlight=False, soft_wrap=True)
    ctx.exit(error.exit_code)


class Group(click.Group):
    """A group whose commands are ``Command``."""

    command_class = Command
    group_class = type


def json_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--json``: one JSON object on stdout, for machines."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object for machines.")(function)


def print_json(value: object) -> None:
    """Print one JSON object on stdout; instants and paths as text."""
    click.echo(json.dumps(value, default=str))


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows as a table that people can read; numbers to the right, null as a dash."""
    table = RichTable(title=title, title_justify="left", header_style="bold")
    numeric = [all(isinstance(row[i], int | float) or row[i] is None for row in rows) for i in range(len(columns))]
    for column, is_number in zip(columns, numeric, strict=True):
        table.add_column(column, justify="right" if is_number else "left")
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    out.print(table)


def print_facts(facts: Mapping[str, object]) -> None:
    """Print names and values, one a line, aligned."""
    width = max(map(len, facts), default=0)
    for name, value in facts.items():
        out.print(f"  {name:<{width}}  {_cell(value)}", highlight=False)


def progress() -> Progress:
    """A progress bar on stderr that vanishes when done, and is silent where there is no terminal."""
    text = TextColumn("{task.description}")
    columns = (SpinnerColumn(), text, BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    return Progress(*columns, console=err, transient=True)


def say(text: str) -> None:
    """One line of progress for people, on stderr."""
    err.print(text, highlight=False, soft_wrap=True)


def log(text: str) -> None:
    """One line on stderr with its time; never markup, since a part of it may come from outside."""
    err.print(f"{datetime.now(UTC):%FT%TZ} {text}", highlight=False, markup=False, soft_wrap=True)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.2f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)
