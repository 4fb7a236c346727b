"""``maritime-emissions`` from typing it to its report: by Spark, by Sail, and by DuckDB; and a late correction.

    python -m bench.emission_command --rows 10400000 --late

Days, years, outlook and report of one calendar year, each in a process of its own and in a lake of its own; DuckDB
writes the same days and years as Parquet, and the report's figures, without its page and CSV files. Days and years of
all are compared by key and column, those of the engines by a hash as well: over all rows and all columns that are no
double, for doubles are added up in other orders.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import click
import duckdb
from deltalake import DeltaTable

from bench.batch import YEAR, compare, connect
from bench.batch_data import build_emissions
from contracts.tables import GOLD_EMISSION_COMPLIANCE, GOLD_EMISSION_OUTLOOK, GOLD_EMISSION_YEAR, Table
from infra.console import print_json, print_table, say

ENGINES = ("spark", "sail")
TABLES = {GOLD_EMISSION_COMPLIANCE: 0.0, GOLD_EMISSION_YEAR: 1.0, GOLD_EMISSION_OUTLOOK: 1.0}
"""With the least size that a double's difference is held to: probabilities and cuts are differences themselves."""
RIVAL = {GOLD_EMISSION_COMPLIANCE: "days", GOLD_EMISSION_YEAR: "years"}
LATE_MMSI, LATE_ON = 200_000_001, date(YEAR, 9, 3)
Result = dict[str, Any]


@click.command()
@click.option("--rows", default=1_040_000, show_default=True, help="Input rows, about.")
@click.option("--engine", "engines", type=click.Choice(ENGINES), multiple=True, default=ENGINES, show_default=True)
@click.option("--late", is_flag=True, help="Then correct one day, and let --changed-only restate it.")
@click.option("--folder", type=click.Path(path_type=Path), default=Path("var/bench"), show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(rows: int, engines: tuple[str, ...], late: bool, folder: Path, as_json: bool) -> None:
    """Measure the command by each engine."""
    given = folder.absolute() / f"emissions-{rows}"
    build_emissions(given, rows)
    results = by_all(given, engines)
    if late:
        results += correct_late(given, engines)
    if as_json:
        print_json({"rows": rows, "results": results})
        return
    print_table("maritime-emissions", ["by", "seconds", "times DuckDB"], [list(row.values()) for row in results])


def by_all(given: Path, engines: Sequence[str]) -> list[Result]:
    """Let DuckDB and each engine do it, one after the other, and hold what they wrote to each other."""
    theirs = given / "rival"
    rival_s = seconds(rival(given, theirs), given)
    results: list[Result] = [{"by": "duckdb", "seconds": rival_s, "times_duckdb": 1.0}]
    lakes = {engine: given / f"lake-{engine}" for engine in engines}
    for engine, lake in lakes.items():
        shutil.rmtree(lake, ignore_errors=True)
        took = seconds(command(given / "emissions", given, lake, "--engine", engine), lake)
        results.append({"by": engine, "seconds": took, "times_duckdb": took / rival_s})
    check(list(lakes.values()), theirs)
    return results


def command(emissions: Path, given: Path, lake: Path, *options: str) -> list[str]:
    """The command as a user types it, on the generated input."""
    where = ["--input", emissions, "--register", given / "ship_register", "--report", lake / "report"]
    words = [sys.executable, "-m", "maritime", "emissions", *where, "--output", lake / "gold" / "emission_compliance"]
    return [*map(str, words), *options, "--json"]


def rival(given: Path, theirs: Path) -> list[str]:
    """DuckDB's part, as a program of its own."""
    return [sys.executable, "-m", "bench.emission_rival", str(given), str(theirs)]


def seconds(words: Sequence[str], home: Path) -> float:
    """From starting a program to its end.

    Raises:
        ClickException: It failed.
    """
    say(" ".join(words))
    begun = time.perf_counter()
    environment = {**os.environ, "MARITIME_HOME": str(home / "home")}  # noqa: TID251  what the program is started with
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    took = time.perf_counter() - begun
    if done.returncode:
        raise click.ClickException(f"{words[2:4]} failed: {done.stderr[-3000:]}")
    say(f"{took:.1f} s: {done.stdout[-1500:]}")
    return took


def check(lakes: list[Path], theirs: Path) -> None:
    """Hold days and years to DuckDB's, and all tables of the engines to each other.

    Raises:
        ClickException: They differ.
    """
    database = connect()
    wrong = [found for lake in lakes for found in unlike_rival(database, lake, theirs)]
    wrong += [
        (lake.name, table.name, unequal) for lake in lakes[1:] for table, unequal in apart(database, lakes[0], lake)
    ]
    if wrong:
        raise click.ClickException(f"the results differ: {wrong}")
    hashes = [{table.name: digest(database, table, lake) for table in TABLES} for lake in lakes]
    if any(other != hashes[0] for other in hashes):
        raise click.ClickException(f"the hashes differ: {hashes}")
    say(f"equal by key and column, and by hash: {hashes[:1]}")


def unlike_rival(database: duckdb.DuckDBPyConnection, lake: Path, theirs: Path) -> list[tuple[str, str, object]]:
    """Tables of a lake that are not DuckDB's, with how many values of each column."""
    found = {
        table: compare(database, table, place(lake, table), f"'{theirs}/{name}.parquet'", TABLES[table])[1]
        for table, name in RIVAL.items()
    }
    return [(lake.name, table.name, unequal) for table, unequal in found.items() if unequal]


def apart(database: duckdb.DuckDBPyConnection, one: Path, other: Path) -> list[tuple[Table, dict[str, int]]]:
    """Tables in which two lakes differ, with how many values of each column."""
    found = {
        table: compare(database, table, place(one, table), f"delta_scan('{place(other, table)}')", least)[1]
        for table, least in TABLES.items()
    }
    return [(table, unequal) for table, unequal in found.items() if unequal]


def digest(database: duckdb.DuckDBPyConnection, table: Table, lake: Path) -> str:
    """Rows, and a hash over all of them in whatever order, of all columns that are no double."""
    columns = ", ".join(field.name for field in table.fields if field.type != "double")
    query = f"SELECT count(*), sum(hash({columns})::HUGEINT) FROM delta_scan('{place(lake, table)}')"
    found = database.execute(query).fetchone()
    assert found is not None  # an aggregate without groups has one row
    return f"{found[0]} rows, {found[1]}"


def place(lake: Path, table: Table) -> Path:
    """Where the command has put a table."""
    return lake / "gold" / table.name.partition(".")[2]


def correct_late(given: Path, engines: Sequence[str]) -> list[Result]:
    """Correct a day of the input, let each engine restate what it wrote, and hold that to DuckDB's.

    The input is then as before.

    Raises:
        ClickException: They differ.
    """
    theirs, emissions = given / "rival-late", DeltaTable(str(given / "emissions"))
    before = emissions.version()
    day = f"mmsi = {LATE_MMSI} AND reported_on = '{LATE_ON}'"
    corrected = emissions.update(predicate=day, updates={"fuel_hfo_t": "fuel_hfo_t + 100"})
    try:
        if corrected["num_updated_rows"] != 1:
            raise click.ClickException(f"{corrected['num_updated_rows']} rows are {day}: choose another one")
        results = [_late(given, engine) for engine in engines]
        seconds(rival(given, theirs), given)
    finally:
        emissions.restore(before)
    database = connect()
    if wrong := [found for engine in engines for found in unlike_rival(database, given / f"lake-{engine}", theirs)]:
        raise click.ClickException(f"restated rows are not those of the corrected input: {wrong}")
    return results


def _late(given: Path, engine: str) -> Result:
    """The command as typed for a late correction: it writes no report."""
    lake = given / f"lake-{engine}"
    words = command(given / "emissions", given, lake, "--engine", engine, "--changed-only")
    at = words.index("--report")
    late_s = seconds([*words[:at], *words[at + 2 :]], lake)
    return {"by": f"{engine}, one day corrected", "seconds": late_s, "times_duckdb": None}


if __name__ == "__main__":
    main()
