"""``maritime sql``: query the lake's Delta tables with DuckDB, by the names of docs/tables.md."""

from __future__ import annotations

import csv
import difflib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import deltalake
import duckdb
import duckdb_extension_delta
from deltalake.exceptions import DeltaError

from contracts.errors import ConfigurationError, InputError
from contracts.settings import Settings, load_settings
from contracts.tables import TABLES
from infra.console import Command, json_option, print_json, print_table, say

NUMBERS_THAT_ARE_NAMES = ("mmsi", "imo_number")


def connect() -> duckdb.DuckDBPyConnection:
    """DuckDB that can read Delta tables, in UTC, with the extension that was installed beside it."""
    folder = Path(duckdb_extension_delta.__file__).parent / "extensions" / f"v{duckdb.__version__}"
    connection = duckdb.connect()
    connection.load_extension(str(folder / "delta.duckdb_extension"))
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def query(settings: Settings, text: str, versions: Mapping[str, int] | None = None) -> duckdb.DuckDBPyRelation:
    """Run a SELECT over the lake; tables are named as ``gold.vessel_day``, and only these are opened.

    Args:
        settings: Where the lake is.
        text: The SELECT.
        versions: Tables that are read as they were, by name; the others as they are.

    Raises:
        InputError: The text is no SELECT, or names a table, version or column that is not there.
    """
    connection, at = connect(), dict(versions or {})
    try:
        for schema, table in sorted(set(tables_named(connection, text))):
            connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
            place = _place(settings, f"{schema}.{table}")
            version = _version(place, f"{schema}.{table}", at.pop(f"{schema}.{table}", None))
            quoted = place.replace("'", "''")
            scan = f"delta_scan('{quoted}'{version})"
            connection.execute(f'CREATE VIEW "{schema}"."{table}" AS SELECT * FROM {scan}')  # nosec B608
        if at:
            raise InputError(f"--at {next(iter(at))}: the query does not name this table.")
        return connection.sql(text)
    except duckdb.Error as error:
        raise InputError(_one_sentence(error)) from error


def tables_named(connection: duckdb.DuckDBPyConnection, text: str) -> Iterator[tuple[str, str]]:
    """Schema and name of every table in a SELECT; names without a schema are its own common tables.

    Raises:
        InputError: The text cannot be read as SELECT statements.
    """
    (answer,) = connection.execute("SELECT json_serialize_sql(?)", [text]).fetchall()[0]
    parsed = json.loads(answer)
    if parsed["error"]:
        is_other = parsed["error_type"] == "not implemented"
        raise InputError("Only SELECT is possible here." if is_other else f"{parsed['error_message']}.")
    return _base_tables(parsed)


def _base_tables(node: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401  any part of a JSON tree
    if isinstance(node, dict):
        if node.get("type") == "BASE_TABLE" and node["schema_name"]:
            yield node["schema_name"], node["table_name"]
        node = list(node.values())
    if isinstance(node, list):
        for part in node:
            yield from _base_tables(part)


def _place(settings: Settings, name: str) -> str:
    places = {table.name: f"{settings.lake}/{table.path}" for table in TABLES}
    if name not in places:
        near = difflib.get_close_matches(name, places, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise InputError(f"There is no table {name}.{hint} docs/tables.md lists them.")
    if not deltalake.DeltaTable.is_deltatable(places[name]):
        raise InputError(f"No table {name} at {places[name]} yet: run its stream or job first.")
    return places[name]


def _version(place: str, name: str, version: int | None) -> str:
    """How DuckDB is told to read the table as it was.

    Raises:
        InputError: The version is not there, or not any more.
    """
    if version is None:
        return ""
    try:
        deltalake.DeltaTable(place, version=version)
    except DeltaError as error:
        hint = f"`maritime tables history {name} --limit 9999` lists those that are kept"
        raise InputError(f"{name} has no version {version}, or no longer: {hint}.") from error
    return f", version => {version}"


def _one_sentence(error: duckdb.Error) -> str:
    """What DuckDB says, without its drawing of the place."""
    return " ".join(str(error).split("\nLINE ")[0].split())


def _pinned(options: Sequence[str]) -> dict[str, int]:
    """Versions by table.

    Raises:
        InputError: One is not TABLE=VERSION.
    """
    pins = [option.rpartition("=") for option in options]
    for option, (name, _, version) in zip(options, pins, strict=True):
        if not name or not version.isdigit():
            raise InputError(f"--at {option}: write it as gold.vessel_day=12.")
    return {name: int(version) for name, _, version in pins}


@click.command(cls=Command)
@click.argument("text", metavar="SELECT")
@click.option("--at", "pins", multiple=True, metavar="TABLE=VERSION", help="Read a table as of a Delta version.")
@click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated lines.")
@click.option("--rows", "limit", default=100, show_default=True, help="Rows of the printed table; 0 for all.")
@json_option
def sql(text: str, pins: tuple[str, ...], as_csv: bool, limit: int, as_json: bool) -> None:
    """Query the lake: maritime sql "SELECT * FROM gold.vessel_day LIMIT 5".

    Raises:
        ConfigurationError: Two formats were asked for.
        InputError: The query cannot be run.
    """
    if as_csv and as_json:
        raise ConfigurationError("--csv and --json exclude each other.")
    result = query(load_settings(), text, _pinned(pins))
    columns = result.columns
    try:
        all_of_them = as_json or as_csv or not limit
        rows = result.fetchall() if all_of_them else result.fetchmany(limit + 1)
    except duckdb.Error as error:
        raise InputError(_one_sentence(error)) from error
    if as_json:
        print_json({"columns": columns, "rows": rows})
    elif as_csv:
        csv.writer(sys.stdout).writerows([columns, *rows])
    else:
        _print(columns, rows, limit)


def _print(columns: Sequence[str], rows: Sequence[Sequence[object]], limit: int) -> None:
    shown = rows[:limit] if limit else rows
    named = [
        [str(v) if c in NUMBERS_THAT_ARE_NAMES and v is not None else v for c, v in zip(columns, row, strict=True)]
        for row in shown
    ]
    print_table(f"{len(shown)} rows", columns, named)
    if len(shown) < len(rows):
        say(f"There are more rows: --rows 0 prints all, --csv as lines. Shown: {limit}.")
