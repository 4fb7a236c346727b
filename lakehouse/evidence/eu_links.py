"""How a ship's year under the EU's rules follows from its fuel days and voyages: the transforms of the EU checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contracts import tables as t
from contracts.regulation.eu import EuRules, eu_rules_as
from lakehouse.evidence.link import Basis, Given, Link, Rows
from lakehouse.transforms.emissions import vessel_id
from lakehouse.transforms.eu_scope import scope_spans, scoped_days
from lakehouse.transforms.eu_years import ets_years, fueleu_years

Years = Callable[[DataFrame, DataFrame, EuRules, str | None], DataFrame]


def _days(emissions: DataFrame, rows: Rows) -> DataFrame:
    """The first days of the vessel's year, as many as were reckoned: a run may have ended before the year did."""
    (row,) = rows
    vessel = vessel_id() == (row["imo_number"] or row["mmsi"])
    of_year = emissions.where(vessel & (F.year("reported_on") == row["year"]))
    return of_year.orderBy("reported_on", "mmsi").limit(row["fuel_days"])


def _voyages(voyages: DataFrame, rows: Rows, told: Mapping[str, Rows]) -> DataFrame:
    """All voyages under the MMSIs of these days: a stay in port lies between two of them."""
    ships = {day["mmsi"] for day in told[t.SILVER_EMISSIONS.name]} | {row["mmsi"] for row in rows}
    return voyages.where(F.col("mmsi").isin(sorted(ships)))


def _ship(register: DataFrame, rows: Rows) -> DataFrame:
    return register.where(F.col("imo_number").isin([row["imo_number"] for row in rows if row["imo_number"]]))


def _year(years: Years, given: Given, rows: Rows, basis: Basis) -> DataFrame:
    rules = eu_rules_as(rows[0]["regulation_version"])
    days = scoped_days(given[t.SILVER_EMISSIONS.name], scope_spans(given[t.SILVER_VOYAGES.name], rules))
    return years(days, given[t.SILVER_SHIP_REGISTER.name], rules, basis.settings.eu_lng_engine)


def _link(years: Years) -> Link:
    needs = {t.SILVER_EMISSIONS: _days, t.SILVER_SHIP_REGISTER: _ship}
    return Link(needs, partial(_year, years), through={t.SILVER_VOYAGES: _voyages})


EU_LINKS: Mapping[t.Table, Link] = {t.GOLD_EU_ETS_YEAR: _link(ets_years), t.GOLD_FUELEU_YEAR: _link(fueleu_years)}
"""Links of `lakehouse.evidence.links`."""
