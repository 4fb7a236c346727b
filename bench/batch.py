"""Emissions and voyages against hand-written DuckDB SQL on the same Delta files: equal rows, both written.

    python -m bench.batch emissions --rows 10400000
    python -m bench.batch voyages --rows 1200000 --growth

The input is generated (seeded, every row different) and kept for the next run. Ours is the transform and the commit of
a Delta table by the store; DuckDB, which cannot write Delta, writes the same columns to one Parquet file with the same
codec. Then both outputs are joined by key and every column is compared. ``cold`` is the first run of the process, with
Spark's start told apart; ``warm`` is the best of the runs after it. Two threads each, one after the other.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click
import duckdb
import duckdb_extension_delta
import pyarrow as pa
from pyspark.sql import DataFrame

from bench.batch_data import build_emissions, build_voyages
from contracts.regulation import Bracket, Regulation, load_regulation
from contracts.settings import Settings
from contracts.tables import (
    GOLD_EMISSION_COMPLIANCE,
    GOLD_VOYAGE_ANALYTICS,
    SILVER_EMISSIONS,
    SILVER_SHIP_REGISTER,
    SILVER_VOYAGES,
    Table,
)
from infra.console import print_json, print_table, say
from lakehouse.session import spark_session
from lakehouse.store import Store
from lakehouse.transforms.emissions import TARGET_YEAR, emission_compliance
from lakehouse.transforms.voyages import voyage_analytics

YEAR = 2024
THREADS = 2
HERE = Path(__file__).parent
GROWTH = (0.1, 0.3, 1.0)
TOLERANCE = 1e-9
NO_BOUND = 1e300


@dataclass(frozen=True, slots=True)
class Job:
    """What is measured: how its input is made, our transform, and the table it fills."""

    table: Table
    build: Callable[[Path, int], None]
    transform: Callable[[Store], DataFrame]


def emissions(store: Store) -> DataFrame:
    """Our emissions transform over the whole input."""
    register = store.read(SILVER_SHIP_REGISTER)
    return emission_compliance(store.read(SILVER_EMISSIONS), register, load_regulation(), [YEAR])


def voyages(store: Store) -> DataFrame:
    """Our voyages transform over the whole input."""
    return voyage_analytics(store.read(SILVER_VOYAGES))


JOBS = {
    "emissions": Job(GOLD_EMISSION_COMPLIANCE, build_emissions, emissions),
    "voyages": Job(GOLD_VOYAGE_ANALYTICS, build_voyages, voyages),
}


@click.command()
@click.argument("job", type=click.Choice(sorted(JOBS)))
@click.option("--rows", default=1_040_000, show_default=True, help="Input rows, about; the largest with --growth.")
@click.option("--growth", is_flag=True, help="Also at a tenth and three tenths of the rows.")
@click.option("--repeats", default=2, show_default=True, help="Runs after the cold one.")
@click.option("--folder", type=click.Path(path_type=Path), default=Path("var/bench"), show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(job: str, rows: int, growth: bool, repeats: int, folder: Path, as_json: bool) -> None:
    """Measure JOB at one size or three."""
    begun = time.perf_counter()
    folder = folder.absolute()  # Delta refuses a relative path
    settings = Settings(home=folder)
    spark_session(settings, "bench").range(1).count()
    start_seconds = time.perf_counter() - begun
    sizes = [round(rows * share) for share in (GROWTH if growth else (1.0,))]
    results = [measure(job, size, repeats, settings, folder / f"{job}-{size}") for size in sizes]
    if as_json:
        print_json({"job": job, "spark_start_s": start_seconds, "results": results})
        return
    print_table(f"{job} (Spark's start: {start_seconds:.1f} s)", list(results[0]), [list(r.values()) for r in results])


def measure(name: str, rows: int, repeats: int, settings: Settings, folder: Path) -> dict[str, object]:
    """Run both, compare what they wrote, and return the seconds of each."""
    job = JOBS[name]
    say(f"{name}: input of about {rows:,} rows in {folder}")
    folder.mkdir(parents=True, exist_ok=True)
    job.build(folder, rows)
    ours, theirs = folder / "ours", folder / "theirs.parquet"
    inputs = {
        SILVER_EMISSIONS.name: folder / "emissions",
        SILVER_VOYAGES.name: folder / "voyages",
        SILVER_SHIP_REGISTER.name: folder / "ship_register",
    }
    places = {**inputs, job.table.name: ours}
    store = Store(spark_session(settings, "bench"), str(folder), {key: str(path) for key, path in places.items()})
    shutil.rmtree(ours, ignore_errors=True)
    store.create(job.table)
    database = connect()
    spark_s = [timed(lambda: store.replace(job.table, job.transform(store))) for _ in range(repeats + 1)]
    duckdb_s = [timed(partial(run_sql, database, name, folder, theirs)) for _ in range(repeats + 1)]
    written, unequal = compare(database, job.table, ours, f"'{theirs}'")
    if unequal:
        raise click.ClickException(f"the results differ: {unequal}")
    return {
        "rows": written,
        "spark_cold_s": spark_s[0],
        "spark_warm_s": min(spark_s[1:]),
        "duckdb_cold_s": duckdb_s[0],
        "duckdb_warm_s": min(duckdb_s[1:]),
        "warm_ratio": min(spark_s[1:]) / min(duckdb_s[1:]),
    }


def connect() -> duckdb.DuckDBPyConnection:
    """DuckDB with its Delta extension as PyPI ships it, and the regulation's tables."""
    database = duckdb.connect(config={"threads": THREADS, "allow_unsigned_extensions": True})
    extension = next(Path(duckdb_extension_delta.__path__[0]).rglob("delta.duckdb_extension"))
    database.execute(f"LOAD '{extension}'")
    for name, rows in regulation_tables(load_regulation()).items():
        database.register("given", pa.Table.from_pylist(rows))
        database.execute(f"CREATE TABLE {name} AS SELECT * FROM given")
        database.unregister("given")
    return database


def regulation_tables(regulation: Regulation) -> dict[str, list[dict[str, object]]]:
    """The year's reference lines, rating vectors and capacity units as rows."""
    lines, vectors = regulation.lines_in(YEAR), regulation.vectors_in(YEAR)
    units = {line.bracket.cii_ship_type: line.capacity_unit for line in lines}
    return {
        "units": [{"cii_ship_type": ship_type, "unit": unit} for ship_type, unit in units.items()],
        "lines": [
            {**_bracket(line.bracket), "reference_capacity": line.reference_capacity, "a": line.a, "c": line.c}
            for line in lines
        ],
        "vectors": [
            {**_bracket(row.bracket), **{f"d{i}": d for i, d in enumerate(row.boundaries, 1)}} for row in vectors
        ],
    }


def run_sql(database: duckdb.DuckDBPyConnection, name: str, folder: Path, target: Path) -> None:
    """Run the hand-written query and write its rows."""
    query = (HERE / f"{name}.sql").read_text().format(**sql_values(folder))
    database.execute(f"COPY ({query}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")


def sql_values(folder: Path) -> Mapping[str, object]:
    """What the hand-written queries are given."""
    regulation = load_regulation()
    return {
        "folder": folder,
        "reduction_pct": regulation.reduction_pct(YEAR),
        "reduction_2030_pct": regulation.reduction_pct(TARGET_YEAR),
        "regulation_version": regulation.version,
    }


def compare(
    database: duckdb.DuckDBPyConnection, table: Table, ours: Path, theirs: str, least: float = 0.0
) -> tuple[int, dict[str, int]]:
    """Rows that we wrote, and for each column that differs how many.

    Args:
        database: Of `connect`.
        table: What was written.
        ours: Delta table.
        theirs: What DuckDB reads from: a Parquet file in quotes, or a Delta table.
        least: A double may differ by 1e-9 of its size, or of this if it is less: what is left of a difference of large
            numbers is no figure.
    """
    key = ", ".join(field.name for field in table.key)
    checks = []
    for field in table.fields:
        a, b = f"a.{field.name}", f"b.{field.name}"
        differs = f"{a} IS DISTINCT FROM {b}"
        if field.type == "double":
            size = f"greatest(abs({a}), abs({b}), {least})"
            differs = f"({a} IS NULL) != ({b} IS NULL) OR abs({a} - {b}) > {TOLERANCE} * {size}"
        checks.append(f"count(*) FILTER ({differs})")
    query = (
        f"SELECT count(a.{table.key[0].name}), {', '.join(checks)} FROM delta_scan('{ours}') a"
        f" FULL JOIN {theirs} b USING ({key})"
    )
    counts = database.execute(query).fetchone()
    assert counts is not None  # an aggregate without groups has one row
    return int(counts[0]), {name: n for name, n in zip(table.columns, counts[1:], strict=True) if n}


def timed(work: Callable[[], object]) -> float:
    """Seconds that the work takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _bracket(bracket: Bracket) -> dict[str, object]:
    return {
        "cii_ship_type": bracket.cii_ship_type,
        "capacity_from": bracket.capacity_from,
        "capacity_below": NO_BOUND if bracket.capacity_below is None else bracket.capacity_below,
    }


if __name__ == "__main__":
    main()
