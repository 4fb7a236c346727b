"""How the rows of each table follow from rows of others: which are needed, and the transform that makes them.

The transforms are those of the streams and jobs; nothing is computed here in another way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from functools import partial, reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from contracts import tables as t
from contracts.tables import BRONZE, Table
from contracts.topics import AIS
from lakehouse.evidence.eu_links import EU_LINKS
from lakehouse.evidence.link import Basis, Link, Rows
from lakehouse.evidence.track_links import TRACK_LINKS
from lakehouse.silver import CLEANINGS, Cleaning, rejudged
from lakehouse.transforms import silver_rows
from lakehouse.transforms.emission_outlook import emission_outlook
from lakehouse.transforms.emission_years import YEARS_BEFORE, emission_years
from lakehouse.transforms.emissions import ROLLING_DAYS, emission_compliance, vessel_id
from lakehouse.transforms.features import PAST_DAYS, RECENT_DAYS, vessel_features
from lakehouse.transforms.fuel_days import fuel_days
from lakehouse.transforms.uncertainty import FuelError
from lakehouse.transforms.vessel_day import recomputed
from lakehouse.transforms.vessel_latest import latest
from lakehouse.transforms.vessel_spells import vessel_spells
from lakehouse.transforms.voyage_emissions import voyage_emissions
from lakehouse.transforms.voyages import ROUTE_WINDOW_DAYS, route_performance, voyage_analytics
from lakehouse.transforms.voyages_silver import emission_days, reported_on, voyages

PLACE = ("kafka_partition", "kafka_offset", "published_at")


def _day_positions(positions: DataFrame, rows: Rows) -> DataFrame:
    """Positions of the vessel-day and the last one of the day before, where its first leg begins."""
    (row,) = rows
    mine = positions.where((F.col("mmsi") == row["mmsi"]) & (F.col("segment_id") == row["segment_id"]))
    before = mine.where(F.col("observed_on") == F.lit(row["observed_on"] - timedelta(days=1)))
    last = before.orderBy(F.desc("observed_at")).limit(1)
    return mine.where(F.col("observed_on") == F.lit(row["observed_on"])).unionByName(last)


def _vessel_day(given: Mapping[str, DataFrame], rows: Rows, basis: Basis) -> DataFrame:
    (row,) = rows
    positions = given[t.SILVER_POSITIONS.name]
    days = (
        positions.where(F.col("observed_on") == F.lit(row["observed_on"]))
        .select("segment_id", "observed_on")
        .distinct()
    )
    return recomputed(days, positions, basis.settings.jump_limit_kn)


def _last_position(positions: DataFrame, rows: Rows) -> DataFrame:
    is_mine = (F.col("mmsi") == rows[0]["mmsi"]) & (F.col("segment_id") == rows[0]["segment_id"])
    return positions.where(is_mine).orderBy(F.desc("observed_at")).limit(1)


def _route_voyages(found: DataFrame, rows: Rows) -> DataFrame:
    """The voyages and those of their routes in the days that rolling shares look back on."""
    days: dict[str | None, list[date]] = {}
    for row in rows:
        days.setdefault(row["route_id"], []).append(row["departed_on"])
    back = timedelta(days=ROUTE_WINDOW_DAYS - 1)
    return found.where(
        _any(
            F.col("route_id").eqNullSafe(F.lit(route))
            & F.col("departed_on").between(F.lit(min(of) - back), F.lit(max(of)))
            for route, of in days.items()
        )
    )


def _own_sailings(found: DataFrame, rows: Rows) -> DataFrame:
    """What the ships of the rows sailed, and what was sailed on their routes, for rolling shares."""
    is_own = F.col("sailing_id").isin([row["sailing_id"] for row in rows if row["sailing_id"]])
    return found.where(is_own).unionByName(_route_voyages(found, rows).where(~is_own))


def _sailed(given: Mapping[str, DataFrame], rows: Rows) -> DataFrame:
    """What the ships of the rows sailed; the others are counted only."""
    own = [row["sailing_id"] for row in rows if row["sailing_id"]]
    return given[t.GOLD_SAILINGS.name].where(F.col("sailing_id").isin(own))


def _voyages(given: Mapping[str, DataFrame], _rows: Rows, _basis: Basis) -> DataFrame:
    return voyage_analytics(given[t.SILVER_VOYAGES.name], given[t.GOLD_SAILINGS.name])


def _period_voyages(analytics: DataFrame, rows: Rows) -> DataFrame:
    (row,) = rows
    in_period = F.col("departed_on").between(F.lit(row["start_on"]), F.lit(row["end_on"]))
    return analytics.where(F.col("route_id").eqNullSafe(row["route_id"]) & in_period)


def _route(given: Mapping[str, DataFrame], rows: Rows, _basis: Basis) -> DataFrame:
    (row,) = rows
    return route_performance(given[t.GOLD_VOYAGE_ANALYTICS.name], row["start_on"], row["end_on"])


def _fuel_days(emissions: DataFrame, rows: Rows) -> DataFrame:
    """The vessel's days of the rolling values and of the year so far."""
    (row,) = rows
    day: date = row["reported_on"]
    first = min(day - timedelta(days=max(ROLLING_DAYS) - 1), date(day.year, 1, 1))
    vessel = vessel_id() == (row["imo_number"] or row["mmsi"])
    return emissions.where(vessel & F.col("reported_on").between(F.lit(first), F.lit(day)))


def _ship(register: DataFrame, rows: Rows) -> DataFrame:
    return register.where(F.col("imo_number").isin([row["imo_number"] for row in rows if row["imo_number"]]))


def _of_its_mmsi(select: Callable[[DataFrame, Rows], DataFrame]) -> Callable[[DataFrame, Rows], DataFrame]:
    """The rows selected, and those of other tracks under the same MMSI: a day of two ships is told of neither."""

    def of_mmsi(modelled: DataFrame, rows: Rows) -> DataFrame:
        mine = select(modelled, rows).select("mmsi", "reported_on").distinct()
        return modelled.join(mine, ["mmsi", "reported_on"], "left_semi")

    return of_mmsi


def _fuel(given: Mapping[str, DataFrame]) -> DataFrame:
    return fuel_days(given[t.SILVER_EMISSIONS.name], given[t.GOLD_TRACK_FUEL.name])


def _told_days(given: Mapping[str, DataFrame], _rows: Rows) -> DataFrame:
    """The modelled days that count: those on which nothing was reported."""
    counted = _fuel(given).select("mmsi", "reported_on", "method")
    return given[t.GOLD_TRACK_FUEL.name].join(counted, ["mmsi", "reported_on", "method"], "left_semi")


def _compliance(given: Mapping[str, DataFrame], rows: Rows, basis: Basis) -> DataFrame:
    emissions, register = _fuel(given), given[t.SILVER_SHIP_REGISTER.name]
    return emission_compliance(emissions, register, basis.regulation, [rows[0]["reported_on"].year])


def _year_fuel_days(emissions: DataFrame, rows: Rows) -> DataFrame:
    """The vessel's days of the year, of the two before it and of later ones, which tell that the year is over."""
    (row,) = rows
    first = date(row["year"] - YEARS_BEFORE, 1, 1)
    return emissions.where((vessel_id() == row["vessel_id"]) & (F.col("reported_on") >= F.lit(first)))


def _year(given: Mapping[str, DataFrame], rows: Rows, basis: Basis) -> DataFrame:
    emissions, register = _fuel(given), given[t.SILVER_SHIP_REGISTER.name]
    error = FuelError(*basis.settings.fuel_error_pct)
    return emission_years(emissions, register, basis.regulation, [rows[0]["year"]], error)


def _voyage_fuel_days(emissions: DataFrame, rows: Rows) -> DataFrame:
    """The ship's days from departure to arrival."""
    (row,) = rows
    day = F.col("reported_on")
    is_inside = (day >= F.lit(row["departed_on"])) & (day <= F.lit(row["arrived_at"]).cast("date"))
    return emissions.where((F.col("mmsi") == row["mmsi"]) & is_inside)


def _own_voyage(voyages: DataFrame, rows: Rows) -> DataFrame:
    return voyages.where(F.col("voyage_id") == rows[0]["voyage_id"])


def _voyage_emissions(given: Mapping[str, DataFrame], rows: Rows, basis: Basis) -> DataFrame:
    register, error = given[t.SILVER_SHIP_REGISTER.name], FuelError(*basis.settings.fuel_error_pct)
    years = [rows[0]["departed_on"].year]
    voyages = given[t.GOLD_VOYAGE_ANALYTICS.name]
    return voyage_emissions(voyages, _fuel(given), register, basis.regulation, years, error)


def _own_year(years: DataFrame, rows: Rows) -> DataFrame:
    (row,) = rows
    return years.where((F.col("vessel_id") == row["vessel_id"]) & (F.col("year") == row["year"]))


def _outlook(given: Mapping[str, DataFrame], _rows: Rows, basis: Basis) -> DataFrame:
    years, register = given[t.GOLD_EMISSION_YEAR.name], given[t.SILVER_SHIP_REGISTER.name]
    return emission_outlook(years, register, basis.regulation)


def _engine_days(sensors: DataFrame, rows: Rows) -> DataFrame:
    (row,) = rows
    first = row["observed_on"] - timedelta(days=RECENT_DAYS + PAST_DAYS - 1)
    near = F.col("observed_on").between(F.lit(first), F.lit(row["observed_on"]))
    return sensors.where(near & (F.col("mmsi") == row["mmsi"]) & (F.col("event_type") == "engine"))


def _own_voyages(found: DataFrame, rows: Rows) -> DataFrame:
    (row,) = rows
    return found.where((F.col("mmsi") == row["mmsi"]) & (F.col("departed_on") <= F.lit(row["observed_on"])))


def _features(given: Mapping[str, DataFrame], _rows: Rows, _basis: Basis) -> DataFrame:
    return vessel_features(given[t.SILVER_SENSORS.name], given[t.SILVER_VOYAGES.name])


def _reports(identities: DataFrame, rows: Rows) -> DataFrame:
    """All that was told under the MMSIs: what was told otherwise is part of how long an identity holds."""
    return identities.where(F.col("mmsi").isin(sorted({row["mmsi"] for row in rows})))


def _voyage_events(events: DataFrame, rows: Rows) -> DataFrame:
    is_of = F.col("voyage_id").isin(sorted({row["voyage_id"] for row in rows}))
    return events.where(is_of & (F.col("event_type") != "fuel_report"))


def _fuel_reports(events: DataFrame, rows: Rows) -> DataFrame:
    vessels = sorted({row["mmsi"] for row in rows})
    days = sorted({row["reported_on"] for row in rows})
    near = F.col("observed_on").between(F.lit(days[0]), F.lit(days[-1] + timedelta(days=1)))
    is_of = F.col("mmsi").isin(vessels) & reported_on().isin(days)
    return events.where(near & (F.col("event_type") == "fuel_report") & is_of)


def _records(bronze: DataFrame, rows: Rows) -> DataFrame:
    """The raw records that the rows were parsed from, by their place in Kafka and the time of publishing."""
    places = sorted(tuple(row[name] for name in PLACE) for row in rows)
    offsets = [offset for _, offset, _ in places]
    columns = "kafka_partition int, kafka_offset long, published_at timestamp"
    wanted = bronze.sparkSession.createDataFrame(places, columns)
    near = F.col("kafka_partition").isin(sorted({partition for partition, _, _ in places}))
    near &= F.col("kafka_offset").between(min(offsets), max(offsets))  # literals, so that Delta skips the other files
    return bronze.where(near).join(F.broadcast(wanted), on=list(PLACE), how="left_semi")


def _parsed(cleaning: Cleaning, table: Table, given: Mapping[str, DataFrame], rows: Rows, basis: Basis) -> DataFrame:
    """The records judged and typed as the Silver stream does it; one that a rule refuses gives no row."""
    judged = rejudged(cleaning, given[BRONZE[cleaning.topic].name], basis.settings).where("rule IS NULL")
    if table == t.SILVER_POSITIONS:  # the segment follows from all positions before, and is taken as it was written
        labels = [tuple(row[name] for name in (*PLACE, "segment_id")) for row in rows]
        places = "kafka_partition int, kafka_offset long, published_at timestamp, segment_id string"
        judged = judged.join(F.broadcast(judged.sparkSession.createDataFrame(labels, places)), on=list(PLACE))
    return silver_rows.rows_of(table, judged)


def _any(conditions: Iterable[Column]) -> Column:
    return reduce(Column.__or__, conditions, F.lit(False))


def _of_bronze(cleaning: Cleaning, table: Table) -> Link:
    return Link({BRONZE[cleaning.topic]: _records}, partial(_parsed, cleaning, table))


_UNREPORTED = {t.GOLD_TRACK_FUEL: _told_days}
LINKS: dict[Table, Link] = {
    **TRACK_LINKS,
    **EU_LINKS,
    t.GOLD_VESSEL_DAY: Link({t.SILVER_POSITIONS: _day_positions}, _vessel_day),
    t.GOLD_VESSEL_LATEST: Link(
        {t.SILVER_POSITIONS: _last_position}, lambda given, _rows, _basis: latest(given[t.SILVER_POSITIONS.name])
    ),
    t.GOLD_ROUTE_PERFORMANCE: Link({t.GOLD_VOYAGE_ANALYTICS: _period_voyages}, _route),
    t.GOLD_VOYAGE_ANALYTICS: Link(
        {t.SILVER_VOYAGES: _route_voyages, t.GOLD_SAILINGS: _own_sailings},
        _voyages,
        follow={t.GOLD_SAILINGS: _sailed},
    ),
    t.GOLD_EMISSION_COMPLIANCE: Link(
        {t.SILVER_EMISSIONS: _fuel_days, t.GOLD_TRACK_FUEL: _of_its_mmsi(_fuel_days), t.SILVER_SHIP_REGISTER: _ship},
        _compliance,
        follow=_UNREPORTED,
    ),
    t.GOLD_EMISSION_YEAR: Link(
        {
            t.SILVER_EMISSIONS: _year_fuel_days,
            t.GOLD_TRACK_FUEL: _of_its_mmsi(_year_fuel_days),
            t.SILVER_SHIP_REGISTER: _ship,
        },
        _year,
        follow=_UNREPORTED,
    ),
    t.GOLD_VOYAGE_EMISSIONS: Link(
        {
            t.GOLD_VOYAGE_ANALYTICS: _own_voyage,
            t.SILVER_EMISSIONS: _voyage_fuel_days,
            t.GOLD_TRACK_FUEL: _of_its_mmsi(_voyage_fuel_days),
            t.SILVER_SHIP_REGISTER: _ship,
        },
        _voyage_emissions,
        follow=_UNREPORTED,
    ),
    t.GOLD_EMISSION_OUTLOOK: Link({t.GOLD_EMISSION_YEAR: _own_year, t.SILVER_SHIP_REGISTER: _ship}, _outlook),
    t.GOLD_VESSEL_FEATURES: Link({t.SILVER_SENSORS: _engine_days, t.SILVER_VOYAGES: _own_voyages}, _features),
    t.SILVER_VOYAGES: Link(
        {t.SILVER_VOYAGE_EVENTS: _voyage_events},
        lambda given, _rows, _basis: voyages(given[t.SILVER_VOYAGE_EVENTS.name]),
    ),
    t.SILVER_EMISSIONS: Link(
        {t.SILVER_VOYAGE_EVENTS: _fuel_reports},
        lambda given, _rows, _basis: emission_days(given[t.SILVER_VOYAGE_EVENTS.name]),
    ),
    **{cleaning.table: _of_bronze(cleaning, cleaning.table) for cleaning in CLEANINGS},
    t.SILVER_IDENTITIES: _of_bronze(next(c for c in CLEANINGS if c.topic == AIS), t.SILVER_IDENTITIES),
    t.SILVER_VESSELS: Link(
        {t.SILVER_IDENTITIES: _reports}, lambda given, _rows, _basis: vessel_spells(given[t.SILVER_IDENTITIES.name])
    ),
}
"""Tables whose rows can be retraced.

Those in no link end a way: Bronze, the register, which comes from a file, and which ship a track is.

A prediction needs the model as well: its link is in ``ml.evidence``.
"""
