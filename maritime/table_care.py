"""``maritime tables optimize|checkpoint|vacuum|restore``: what changes a table's files, under its writers' locks."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import click

from contracts.errors import InputError, MaritimeError
from contracts.settings import Settings, load_settings
from contracts.tables import Table
from infra import audit_log
from infra.console import Command, json_option, print_facts, print_json, print_table, say
from lakehouse.session import spark_session
from lakehouse.store import Store
from lakehouse.upkeep import care
from lakehouse.upkeep import restore as restoring
from lakehouse.upkeep import vacuum as vacuuming
from lakehouse.upkeep.health import look
from lakehouse.upkeep.ops_tables import is_ops
from lakehouse.upkeep.reading import LOOK_UPS, mean_bytes
from maritime.table_views import chosen
from maritime.writers import alone

ORDERED = ("int", "long", "double", "string", "timestamp", "date")
"""Types of which a file tells the least and the greatest value."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a user wants a table's files arranged: in Z-order, clustered again, or as they are."""

    zorder_by: tuple[str, ...]
    clustered: bool


@click.command(cls=Command)
@click.argument("names", nargs=-1, metavar="[TABLE]...")
@click.option("--zorder-by", metavar="COLUMNS", help="Sort in Z-order by these, e.g. mmsi,observed_on.")
@click.option("--clustered", is_flag=True, help="Cluster a table again that was sorted in Z-order.")
@json_option
def optimize(names: tuple[str, ...], zorder_by: str | None, clustered: bool, as_json: bool) -> None:
    """Merge small files of each TABLE, sorted by what the table is clustered by; no row changes.

    Tells the bytes that a look-up by these columns reads before and after: 20 look-ups of values that the table has are
    made, and their mean is told. --zorder-by writes the whole table anew in Z-order, also one that was clustered; from
    then on its small files are only merged, until it is sorted again or --clustered gives it its clustering back.
    A table whose stream runs is refused: its stream does this itself.
    """
    settings = load_settings()
    layout = Layout(tuple(zorder_by.split(",")) if zorder_by else (), clustered)
    wanted = chosen(settings, names)
    if layout != Layout((), clustered=False) and not names:
        raise InputError("--zorder-by and --clustered: name the tables that you mean.")
    if layout.zorder_by and clustered:
        raise InputError("--zorder-by or --clustered: a table has one of the two.")
    for table in wanted:
        _check(table, layout)
    if not names:
        wanted = [table for table in wanted if look(settings, table).shape.mergeable_files]
    _each(wanted, "Merged", lambda table, store: _optimize(table, settings, store, layout), settings, as_json=as_json)


@click.command(cls=Command)
@click.argument("names", nargs=-1, metavar="[TABLE]...")
@json_option
def checkpoint(names: tuple[str, ...], as_json: bool) -> None:
    """Write a checkpoint of each TABLE's log, so that a reader need not replay every commit."""
    settings = load_settings()

    def write(table: Table, store: Callable[[], Store]) -> dict[str, Any]:
        before = look(settings, table)
        with alone(table, settings):
            care.checkpoint(table, settings, store)
        return {"version": before.version, "commits_before": before.commits_since_checkpoint}

    _each(chosen(settings, names), "Checkpoints", write, settings, as_json=as_json)


@click.command(cls=Command)
@click.argument("names", nargs=-1, metavar="[TABLE]...")
@click.option("--keep-hours", type=click.IntRange(min=1), help="Age of what goes; default: the table's own time.")
@click.option("--dry-run", is_flag=True, help="Say what would be deleted, and delete nothing.")
@json_option
def vacuum(names: tuple[str, ...], keep_hours: int | None, dry_run: bool, as_json: bool) -> None:
    """Delete files of each TABLE that its newest version left behind long ago, and entries of the log.

    Planned from where every stream and run has read to, from batches that are to be replayed, and from the versions
    that recorded runs and registered models name. A table is refused by name where one of these would be cut off.
    (No table has a change feed, so nobody reads one.)
    """
    settings = load_settings()

    def delete(table: Table, _store: Callable[[], Store]) -> dict[str, Any]:
        plan = vacuuming.plan(table, settings, datetime.now(UTC), keep_hours)
        plan.refuse()
        told = {"files": len(plan.free), "mb": sum(plan.free.values()) / 1e6, "log_files": len(plan.log_free)}
        if dry_run:
            return {**told, **({"paths": sorted(plan.free)} if as_json else {})}
        if plan.free or plan.log_free:
            with alone(table, settings):
                vacuuming.execute(plan, settings)
            audit_log.append(settings, "vacuum", {"table": table.name, "keep_hours": plan.keep_hours, **told})
        return told

    title = "Would be deleted" if dry_run else "Deleted"
    _each(chosen(settings, names), title, delete, settings, as_json=as_json)


@click.command(cls=Command)
@click.argument("name", metavar="TABLE")
@click.option("--version", type=click.IntRange(min=0), required=True, help="As `maritime tables history` tells it.")
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@json_option
def restore(name: str, version: int, dry_run: bool, as_json: bool) -> None:
    """Make TABLE what it was at a version, as a new version; the later ones stay in its history.

    Refused for a table that a stream reads, and where the ledger counts batches that would be lost.
    """
    settings = load_settings()
    (table,) = chosen(settings, [name])
    found = restoring.compare(table, version, settings)
    told: dict[str, Any] = {
        "table": name,
        "restored_to": version,
        "rows_now": found.now.rows,
        "rows_then": found.then.rows,
        "dry_run": dry_run,
    }
    if not dry_run:
        with alone(table, settings):
            told["version"] = _store(settings).restore(table, version)
        audit_log.append(settings, "restore", told)
    if as_json:
        print_json(told)
    else:
        print_facts({key.replace("_", " "): value for key, value in told.items()})


def _each(
    tables: Sequence[Table],
    title: str,
    act: Callable[[Table, Callable[[], Store]], dict[str, Any]],
    settings: Settings,
    *,
    as_json: bool,
) -> None:
    """Do it to each table, tell what was done, and end with what was refused, if anything was.

    Raises:
        MaritimeError: Of the first kind that was met, with the sentences of all.
    """
    rows, refused = [], []
    for table in tables:
        try:
            rows.append({"table": table.name, **act(table, lambda: _store(settings))})
        except MaritimeError as error:
            refused.append(error)
    if as_json:
        print_json({"tables": rows, "refused": [str(error) for error in refused]})
    elif rows:
        print_table(title, [name.replace("_", " ") for name in rows[0]], [list(row.values()) for row in rows])
    elif not refused:
        say("Nothing to do.")
    if refused:
        raise type(refused[0])("\n".join(map(str, refused)))


def _optimize(table: Table, settings: Settings, store: Callable[[], Store], layout: Layout) -> dict[str, Any]:
    begun = time.perf_counter()
    before = look(settings, table).shape
    columns = [*layout.zorder_by] or [field.name for field in (*table.partitioned_by, *table.clustered_by)]
    with alone(table, settings):
        look_ups = [] if is_ops(table) or not columns else store().sample(table, columns, LOOK_UPS)
        first = mean_bytes(store(), table, look_ups) if look_ups else None
        _rearrange(table, settings, store, layout)
        second = mean_bytes(store(), table, look_ups) if look_ups else None
    after = look(settings, table).shape
    return {
        "files_before": before.files,
        "files_after": after.files,
        "mb_before": before.size_bytes / 1e6,
        "mb_after": after.size_bytes / 1e6,
        "look_up_by": ", ".join(columns) if look_ups else None,
        "reads_bytes_before": first,
        "reads_bytes_after": second,
        "seconds": time.perf_counter() - begun,
    }


def _rearrange(table: Table, settings: Settings, store: Callable[[], Store], layout: Layout) -> None:
    folders = [field.name for field in table.partitioned_by]
    inside = [column for column in layout.zorder_by if column not in folders]
    if inside:
        store().zorder(table, settings.upkeep_file_mb, inside)
        return
    if layout.clustered:
        store().cluster(table)
    care.settle(table, store)
    care.merge(table, settings, store)


def _check(table: Table, layout: Layout) -> None:
    """See that the layout is lawful for the table.

    Raises:
        InputError: It is not; the sentence says what serves instead.
    """
    if is_ops(table) and (layout.zorder_by or layout.clustered):
        raise InputError(f"{table.name} is written by several processes and is merged only: name no layout.")
    if layout.clustered and not table.clustered_by:
        raise InputError(f"{table.name} has no clustering in its contract: leave --clustered away.")
    for column in layout.zorder_by:
        if column not in table.columns:
            raise InputError(f"{table.name} has no column {column}: it has {', '.join(table.columns)}.")
        if column not in (ordered := [field.name for field in table.fields if field.type in ORDERED]):
            raise InputError(f"Files tell no bounds of {column}: sort {table.name} by {', '.join(ordered)}.")


@cache
def _store(settings: Settings) -> Store:
    say("Starting Spark")
    return Store(spark_session(settings, "maritime-tables"), settings.lake)
