"""What ``maritime-emissions`` writes, by hand-written DuckDB SQL alone: days, years, and the figures of the report.

    python -m bench.emission_rival FOLDER OUTPUT

A process of its own, so that it is measured from its start, as the command is.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb

from bench.batch import YEAR, connect, sql_values
from contracts.fields import FUEL_KINDS
from contracts.regulation import load_regulation
from contracts.settings import Settings
from lakehouse.transforms.emissions import TARGET_YEAR

HERE = Path(__file__).parent
Z_90 = 1.6448536269514722
IMO_DIGITS = [f"(imo_number // {10**power}) % 10" for power in range(6, -1, -1)]
REPORT = {
    "fleet": """
        SELECT imo_number, arg_max(STRUCT_PACK(mmsi, reported_on, cii_ship_type, capacity, capacity_unit, co2_ytd_t,
               distance_ytd_nm, cii_attained_ytd, cii_required, cii_rating_ytd, cii_required_2030, cii_rating_2030,
               is_over_limit, is_over_limit_2030, scope_note), (reported_on, mmsi)) AS state, count(*) AS days,
               array_to_string(list_sort(list(DISTINCT method)), ', ') AS methods,
               array_to_string(list_sort(list(DISTINCT quality)), ', ') AS qualities,
               array_to_string(list_sort(list(DISTINCT source)), ', ') AS source
        FROM '{days}' GROUP BY coalesce(imo_number, mmsi), imo_number""",
    "by_day": """
        SELECT reported_on, method, quality, source, count(*) AS vessel_days, sum(co2_t) AS co2_t
        FROM '{days}' GROUP BY ALL""",
    "outlook": """
        SELECT t.year AS target_year, count(*) AS vessels FROM '{years}' y CROSS JOIN targets t
        WHERE cii_rating IS NOT NULL GROUP BY ALL""",
}


def write_all(folder: Path, output: Path) -> None:
    """Write the days, the years and the report's figures as Parquet."""
    database = connect()
    regulation = load_regulation()
    database.execute("CREATE TABLE targets (year INTEGER, pct DOUBLE)")
    for year in range(YEAR, TARGET_YEAR + 1):
        database.execute("INSERT INTO targets VALUES (?, ?)", [year, regulation.reduction_pct(year)])
    output.mkdir(parents=True, exist_ok=True)
    paths = {"days": output / "days.parquet", "years": output / "years.parquet"}
    values = {**sql_values(folder), **_of_years(folder)}
    _copy(database, (HERE / "emissions.sql").read_text().format(**values), paths["days"])
    _copy(database, (HERE / "emission_years.sql").read_text().format(**values), paths["years"])
    for name, query in REPORT.items():
        _copy(database, query.format(**paths), output / f"{name}.parquet")


def _of_years(folder: Path) -> dict[str, object]:
    """What `emission_years.sql` is given beside the values of `emissions.sql`."""
    reported, modelled, low = (pct / 100 / Z_90 for pct in Settings().fuel_error_pct)
    weights = zip(IMO_DIGITS, range(7, 1, -1), strict=False)
    total = " + ".join(f"({digit}) * {weight}" for digit, weight in weights)
    return {
        "emissions": folder / "emissions",
        "register": folder / "ship_register",
        "year": YEAR,
        "fuel_sums": ", ".join(f"sum(fuel_{kind}_t) AS fuel_{kind}_t" for kind in FUEL_KINDS),
        "fuel_years": ", ".join(f"fuel_{kind}_t AS fuel_{kind}_year_t" for kind in FUEL_KINDS),
        "is_imo_valid": f"imo_number BETWEEN 1000000 AND 9999999 AND ({total}) % 10 = {IMO_DIGITS[-1]}",
        "reported_sd": reported,
        "modelled_sd": modelled,
        "modelled_low_sd": low,
    }


def _copy(database: duckdb.DuckDBPyConnection, query: str, target: Path) -> None:
    database.execute(f"COPY ({query}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")


if __name__ == "__main__":
    write_all(Path(sys.argv[1]), Path(sys.argv[2]))
