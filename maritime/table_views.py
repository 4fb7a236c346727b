"""``maritime tables list|health|history``: read from the Delta logs; Spark is not started."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click
import deltalake

from contracts.errors import InputError
from contracts.settings import Settings, load_settings
from contracts.tables import TABLES, Table
from infra.console import Command, json_option, print_json, print_table
from lakehouse.upkeep.health import Health, look, tables_there
from lakehouse.upkeep.log import commit_history

ROW_COUNTS = ("numOutputRows", "num_added_rows", "numRestoredRows")
"""Names under which the operations of Spark and delta-rs tell how many rows they wrote."""


def chosen(settings: Settings, names: Sequence[str]) -> list[Table]:
    """The tables named, or all that there are.

    Raises:
        InputError: A name is none of the contract's (the nearest is told), or its table is not there yet.
    """
    known = [table.name for table in TABLES]
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean {near[0]}?" if near else " See docs/tables.md."
            raise InputError(f"There is no table {name}.{hint}")
    found = tables_there(settings, names)
    missing = set(names) - {table.name for table in found}
    if missing:
        raise InputError(f"{', '.join(sorted(missing))} is not there yet: run what fills it first.")
    return found


@click.command("list", cls=Command)
@click.argument("names", nargs=-1, metavar="[TABLE]...")
@json_option
def list_tables(names: tuple[str, ...], as_json: bool) -> None:
    """Show rows, files, size, version and last write of each TABLE."""
    settings = load_settings()
    rows = [_listed(look(settings, table)) for table in chosen(settings, names)]
    _tell("Tables", rows, as_json=as_json)


@click.command(cls=Command)
@click.argument("names", nargs=-1, metavar="[TABLE]...")
@json_option
def health(names: tuple[str, ...], as_json: bool) -> None:
    """Show small files, log size and what deleted files still take of each TABLE, with a verdict and what to type.

    A file is small under half of MARITIME_UPKEEP_FILE_MB. Deleted files are kept for readers of earlier versions.
    """
    settings = load_settings()
    rows = [_health(look(settings, table)) for table in chosen(settings, names)]
    _tell("Health", rows, as_json=as_json)


@click.command(cls=Command)
@click.argument("name", metavar="TABLE")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="Newest versions to show.")
@json_option
def history(name: str, limit: int, as_json: bool) -> None:
    """Show the versions of TABLE, newest first: when, by which operation, rows written, and the batch that did it."""
    settings = load_settings()
    (table,) = chosen(settings, [name])
    commits = commit_history(deltalake.DeltaTable(f"{settings.lake}/{table.path}"), limit)
    _tell(f"History of {name}", [_version(commit) for commit in commits], as_json=as_json, key="versions")


def _listed(found: Health) -> dict[str, Any]:
    made_of = found.shape
    return {
        "table": found.table.name,
        "rows": made_of.rows,
        "files": made_of.files,
        "size_mb": made_of.size_bytes / 1e6,
        "version": found.version,
        "written_at": found.written_at,
    }


def _health(found: Health) -> dict[str, Any]:
    made_of = found.shape
    return {
        "table": found.table.name,
        "files": made_of.files,
        "small_files": made_of.small_files,
        "small_share": round(made_of.small_share, 3),
        "mean_file_mb": made_of.mean_file_mb,
        "log_commits": found.commits_since_checkpoint,
        "log_mb": found.log_bytes / 1e6,
        "deleted_mb": found.retained_bytes / 1e6,
        "layout": found.layout,
        "keep_hours": found.table.keep_hours,
        "verdict": found.verdict,
    }


def _version(commit: Mapping[str, Any]) -> dict[str, Any]:
    metrics = commit.get("operationMetrics", {})
    rows = next((int(metrics[name]) for name in ROW_COUNTS if name in metrics), None)
    batch = json.loads(commit.get("userMetadata") or "{}")
    return {
        "version": commit["version"],
        "committed_at": datetime.fromtimestamp(commit["timestamp"] / 1000, UTC),
        "operation": commit["operation"],
        "rows": rows,
        "batch_id": batch.get("batch_id"),
        "app_id": batch.get("app_id"),
    }


def _tell(title: str, rows: list[dict[str, Any]], *, as_json: bool, key: str = "tables") -> None:
    if as_json:
        print_json({key: rows})
        return
    columns = [name.replace("_mb", " MB").replace("_", " ") for name in rows[0]] if rows else ["table"]
    print_table(title, columns, [[_shown(value) for value in row.values()] for row in rows])


def _shown(value: object) -> object:
    return f"{value:%F %T}" if isinstance(value, datetime) else value
