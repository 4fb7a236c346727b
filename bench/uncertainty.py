"""Whether the truth lies in the stated 90 % interval: a twin's year of fuel days, thinned, against the whole year.

    python -m bench.uncertainty --ships 30 --keep 0.5,0.2,0.05 --seeds 10

The twin sails a year (seeded; generated data). Of each ship's fuel days a share is kept, drawn anew with each seed, and
the year's CII, its interval and its letter are computed from them as the report does it. Errors of the fuel count as
none here, for the twin's reports have none: the interval is that of missing days alone. Three ways to lose days:

- at random: each day by itself. The aim: the truth is in the interval in at least 85 of 100 cases.
- in a row: blocks of two weeks. The interval widens by how clumped the reported days are.
- at sea: a day under way is lost four times as often as one in port. The value itself is then off, which no
  interval can know from the reported days; the figure tells how bad that is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from typing import Any

import click
import numpy as np
import numpy.typing as npt
import polars as pl
from pyspark.sql import DataFrame, Row, SparkSession

from contracts.fields import FUEL_KINDS
from contracts.regulation import load_regulation
from contracts.settings import Settings
from contracts.tables import SILVER_EMISSIONS, SILVER_SHIP_REGISTER, Table
from infra.console import print_json, print_table, say
from lakehouse.schema import spark_schema
from lakehouse.session import spark_session
from lakehouse.transforms.emission_years import emission_years
from lakehouse.transforms.uncertainty import FuelError
from producers.twin import TwinConfig
from producers.twin.fuel import burn
from producers.twin.journal import fuel_by_day
from producers.twin.register import fleet
from producers.twin.voyages import sail

Kept = npt.NDArray[np.bool_]
FIRST_ID = 1_000_000
BLOCK_DAYS = 14
AT_SEA_WEIGHT = 0.25
NO_ERROR = FuelError(0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Case:
    """A ship's year with some of its days kept. ``vessel_id`` stands for its IMO number."""

    vessel_id: int
    ship: int
    loss: str
    share: float


def year_of(config: TwinConfig) -> Iterator[tuple[dict[str, Any], pl.DataFrame]]:
    """Each ship's row of the register and its fuel days, the day after the year included."""
    for ship in fleet(config)[: config.ships]:
        track = sail(ship, config)
        yield ship.register_row(), fuel_by_day(track, burn(track), config)


def at_random(share: float, days: pl.DataFrame, rng: np.random.Generator) -> Kept:
    """Each day by itself, exactly the share of them."""
    return _chosen(len(days), share, rng, None)


def in_a_row(share: float, days: pl.DataFrame, rng: np.random.Generator) -> Kept:
    """Whole blocks of two weeks, as many as come nearest to the share; at least two."""
    blocks = math.ceil(len(days) / BLOCK_DAYS)
    kept = rng.choice(blocks, max(2, round(blocks * share)), replace=False)
    return np.isin(np.arange(len(days)) // BLOCK_DAYS, kept)


def at_sea(share: float, days: pl.DataFrame, rng: np.random.Generator) -> Kept:
    """The share of days, those under way four times as seldom."""
    weight = np.where(days["underway_h"].to_numpy() > 0, AT_SEA_WEIGHT, 1.0)
    return _chosen(len(days), share, rng, weight / weight.sum())


LOSSES: dict[str, Callable[[float, pl.DataFrame, np.random.Generator], Kept]] = {
    "at random": at_random, "in a row": in_a_row, "at sea": at_sea,
}  # fmt: skip


def _chosen(days: int, share: float, rng: np.random.Generator, weight: npt.NDArray[np.float64] | None) -> Kept:
    kept = np.zeros(days, np.bool_)
    kept[rng.choice(days, max(4, round(days * share)), replace=False, p=weight)] = True
    return kept


def cases(
    config: TwinConfig, shares: Sequence[float], seeds: int
) -> tuple[list[Case], list[pl.DataFrame], list[dict[str, Any]]]:
    """Every ship, way to lose days, share and seed; the whole year of each ship comes first, with share 1."""
    found: list[Case] = []
    days, ships = [], []
    for number, (register_row, year) in enumerate(year_of(config)):
        plans = [("none", 1.0, 0), *((loss, s, seed) for loss in LOSSES for s in shares for seed in range(seeds))]
        for loss, share, seed in plans:
            case = Case(FIRST_ID + len(found), number, loss, share)
            rng = np.random.default_rng([seed, number, list(LOSSES).index(loss) if loss in LOSSES else 9])
            of_year = year[:-1]
            kept = np.ones(len(of_year), np.bool_) if share == 1.0 else LOSSES[loss](share, of_year, rng)
            some = pl.concat([of_year.filter(pl.Series(kept)), year[-1:]])
            days.append(some.with_columns(pl.lit(case.vessel_id, pl.Int64).alias("imo_number")))
            ships.append({**register_row, "imo_number": case.vessel_id})
            found.append(case)
    return found, days, ships


def judged(spark: SparkSession, config: TwinConfig, days: list[pl.DataFrame], ships: list[dict[str, Any]]) -> list[Row]:
    """The calendar year of every case, as the report rates it."""
    kinds = [pl.lit(None, pl.Float64).alias(f"fuel_{kind}_t") for kind in FUEL_KINDS]
    whole = pl.concat(days, how="diagonal")
    rows = whole.with_columns(
        *(column for column in kinds if column.meta.output_name() not in whole.columns),
        (pl.lit(config.start) + pl.duration(days=pl.col("day"))).cast(pl.Date).alias("reported_on"),
        pl.lit("reported").alias("method"), pl.lit("high").alias("quality"), pl.lit("twin").alias("source"),
    )  # fmt: skip
    emissions = _frame(spark, rows.select(SILVER_EMISSIONS.columns).rows(), SILVER_EMISSIONS)
    register = _frame(spark, pl.DataFrame(ships).select(SILVER_SHIP_REGISTER.columns).rows(), SILVER_SHIP_REGISTER)
    return emission_years(emissions, register, load_regulation(), [config.start.year], NO_ERROR).collect()


def _frame(spark: SparkSession, rows: list[tuple[Any, ...]], table: Table) -> DataFrame:
    return spark.createDataFrame(rows, spark_schema(table))


def scored(found: Sequence[Case], years: Sequence[Row]) -> list[dict[str, Any]]:
    """Per way to lose days and share: how often the truth is in the interval, and how wide that is."""
    by_id = {row.vessel_id: row for row in years}
    truth = {case.ship: by_id[case.vessel_id] for case in found if case.share == 1.0}
    groups: dict[tuple[str, float], list[tuple[Row, Row]]] = {}
    for case in found:
        if case.share < 1.0 and truth[case.ship].cii_attained is not None:
            groups.setdefault((case.loss, case.share), []).append((by_id[case.vessel_id], truth[case.ship]))
    return [{"loss": loss, "kept": share, **_score(pairs)} for (loss, share), pairs in groups.items()]


def _score(pairs: list[tuple[Row, Row]]) -> dict[str, Any]:
    told = [(row, true.cii_attained) for row, true in pairs if row.cii_low_90 is not None]
    inside = [row.cii_low_90 <= value <= row.cii_high_90 for row, value in told]
    rated = [(row, true) for row, true in pairs if row.cii_rating and row.is_near_boundary is not None]
    stated = [row[f"rating_{row.cii_rating.lower()}_probability"] for row, _ in rated]
    return {
        "vessel_years": len(pairs),
        "without_interval": len(pairs) - len(told),
        "inside": round(sum(inside) / max(len(inside), 1), 4),
        "half_width_pct": _median_pct([row.cii_high_90 / row.cii_attained for row, _ in told]),
        "bias_pct": _median_pct([row.cii_attained / value for row, value in told]),
        "letter_right": round(sum(row.cii_rating == true.cii_rating for row, true in rated) / max(len(rated), 1), 4),
        "letter_stated": round(sum(stated) / max(len(stated), 1), 4),
    }


def _median_pct(ratios: Sequence[float]) -> float | None:
    return round(100 * (median(ratios) - 1), 2) if ratios else None


@click.command()
@click.option("--ships", default=30, show_default=True)
@click.option("--seeds", default=10, show_default=True, help="Draws of each share.")
@click.option("--keep", default="0.5,0.2,0.05", show_default=True, help="Shares of the fuel days that are kept.")
@click.option("--seed", default=1, show_default=True, help="Seed of the twin.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def main(ships: int, seeds: int, keep: str, seed: int, as_json: bool) -> None:
    """Thin a twin's year of fuel days and print how often the truth is in the stated interval."""
    config = TwinConfig.checked(ships=ships, days=367, seed=seed)
    assert (config.start + timedelta(days=366)).year == config.start.year + 1  # the year, and a day of the next
    say(f"Sailing {ships} ships for a year")
    found, days, register = cases(config, [float(text) for text in keep.split(",")], seeds)
    say(f"Rating {len(found):,} vessel-years")
    results = scored(found, judged(spark_session(Settings(), "uncertainty"), config, days, register))
    if as_json:
        print_json({"ships": ships, "seeds": seeds, "seed": seed, "results": results})
        return
    columns = (
        "days lost", "kept", "vessel-years", "no interval", "truth inside", "half-width, %", "bias, %", "letter right",
        "as stated",
    )  # fmt: skip
    title = f"{ships} ships, {config.start.year}, {seeds} draws each (generated, seed {seed})"
    print_table(title, columns, [list(result.values()) for result in results])


if __name__ == "__main__":
    main()
