"""What a replay did, or would do: records by verdict, vessels, voyages and Gold rows, per rule."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contracts import tables as t
from contracts.regulation import load_regulation
from contracts.topics import AIS, SENSORS, VOYAGE_EVENTS
from lakehouse.rejudge import Case
from lakehouse.transforms import reach
from lakehouse.transforms.silver_rows import rows_of
from lakehouse.transforms.voyages_silver import reported_on

SHOWN = ("stream", "rule", "accepted", "duplicate", "late", "quarantined", "unchanged", "vessels", "voyages")


@dataclass(frozen=True, slots=True)
class Account:
    """What became of the records of one stream that one rule had refused first.

    ``quarantined`` are records with a new second verdict, by rule in ``held_by``; ``unchanged`` those that got the
    verdict again that they had, of which nothing is written. ``gold_rows`` are those that the accepted events change,
    per table: at once those of the Gold stream, those of a report when it is run.
    """

    stream: str
    rule: str
    accepted: int = 0
    quarantined: int = 0
    duplicate: int = 0
    late: int = 0
    unchanged: int = 0
    vessels: int = 0
    voyages: int = 0
    held_by: Mapping[str, int] = field(default_factory=dict)
    gold_rows: Mapping[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The account for machines."""
        return asdict(self)

    def as_row(self) -> tuple[object, ...]:
        """The account for people, in ``SHOWN`` and the Gold rows as text."""
        gold = ", ".join(f"{name} {count:,}" for name, count in self.gold_rows.items())
        return (*(getattr(self, name) for name in SHOWN), gold or None)


def accounts(case: Case) -> list[Account]:
    """One account per rule that refused records of the case first."""
    found: dict[str, dict[str, Any]] = defaultdict(lambda: {"held_by": {}})
    accepted_kinds: dict[str, set[str]] = defaultdict(set)
    for row in case.second.groupBy("first_rule", "verdict", "rule", "event_type").count().collect():
        facts = found[row["first_rule"]]
        facts[row["verdict"]] = facts.get(row["verdict"], 0) + row["count"]
        if row["rule"] is not None:
            facts["held_by"][row["rule"]] = facts["held_by"].get(row["rule"], 0) + row["count"]
        if row["verdict"] == "accepted":
            accepted_kinds[row["first_rule"]].add(row["event_type"])
    for row in case.unchanged.groupBy("first_rule").count().collect():
        found[row["first_rule"]]["unchanged"] = row["count"]
    for rule, kinds in accepted_kinds.items():
        accepted = case.second.where((F.col("verdict") == "accepted") & (F.col("first_rule") == rule))
        found[rule] |= {**_reach(accepted), "gold_rows": _gold_rows(case, accepted, kinds)}
    return [Account(case.cleaning.stream, rule, **facts) for rule, facts in sorted(found.items())]


def _reach(accepted: DataFrame) -> dict[str, int]:
    voyage = F.col("voyage_id") if "voyage_id" in accepted.columns else F.lit(None)
    row = accepted.agg(F.count_distinct("mmsi").alias("vessels"), F.count_distinct(voyage).alias("voyages")).first()
    return row.asDict() if row else {}


def _gold_rows(case: Case, accepted: DataFrame, kinds: Collection[str]) -> dict[str, int]:
    """Gold rows that change, by table, of the events of one rule."""
    topic, frames = case.cleaning.topic, dict[t.Table, DataFrame]()
    rows = rows_of(case.cleaning.table, accepted.where(F.col("event_type").isin(list(case.cleaning.measured))))
    if topic == AIS and "position" in kinds:
        frames[t.GOLD_VESSEL_DAY] = _days(case, rows)
        frames[t.GOLD_VESSEL_LATEST] = reach.changed_latest(case.before(t.GOLD_VESSEL_LATEST), rows)
    if topic == VOYAGE_EVENTS and set(kinds) - {"fuel_report"}:
        frames |= _voyages(case, rows.where("event_type <> 'fuel_report'"))
    if topic == VOYAGE_EVENTS and "fuel_report" in kinds:
        frames[t.GOLD_EMISSION_COMPLIANCE] = _compliance(case, rows.where("event_type = 'fuel_report'"))
    if topic == SENSORS and "engine" in kinds:
        frames[t.GOLD_VESSEL_FEATURES] = _features(case, rows.where("event_type = 'engine'"))
    counts = {table.name: frame.count() for table, frame in frames.items()}
    return {name: count for name, count in counts.items() if count}


def _days(case: Case, rows: DataFrame) -> DataFrame:
    days = [row["observed_on"] for row in rows.select("observed_on").distinct().collect()]
    around = sorted({day + timedelta(days=n) for day in days for n in (-1, 0, 1)})
    history = case.before(t.SILVER_POSITIONS).where(F.col("observed_on").isin(around))
    return reach.changed_days(history, rows, case.settings.jump_limit_kn)


def _voyages(case: Case, rows: DataFrame) -> dict[t.Table, DataFrame]:
    table, events = case.before(t.SILVER_VOYAGES), case.before(t.SILVER_VOYAGE_EVENTS)
    before, after = reach.voyages_with(table, events, rows)
    vessels = rows.select("mmsi").distinct()
    sensors, sailed_before, sailed_after = (
        frame.join(vessels, on="mmsi", how="left_semi") for frame in (case.before(t.SILVER_SENSORS), before, after)
    )
    return {
        t.GOLD_VOYAGE_ANALYTICS: reach.changed_voyages(before, after),
        t.GOLD_VESSEL_FEATURES: reach.changed_features((sensors, sailed_before), (sensors, sailed_after)),
    }


def _compliance(case: Case, rows: DataFrame) -> DataFrame:
    before, after = reach.fuel_days_with(case.before(t.SILVER_EMISSIONS), case.before(t.SILVER_VOYAGE_EVENTS), rows)
    regulation = load_regulation()
    touched = {row[0] for row in rows.select(F.year(reported_on())).distinct().collect()}
    years = [year for year in regulation.years if year in touched or year - 1 in touched]  # 30 days reach into the next
    register = case.before(t.SILVER_SHIP_REGISTER)
    if not years:
        return before.limit(0)  # no report can be made for them
    return reach.changed_compliance(before, after, register, regulation, years)


def _features(case: Case, rows: DataFrame) -> DataFrame:
    vessels = rows.select("mmsi").distinct()
    sensors, voyages = (
        case.before(table).join(vessels, on="mmsi", how="left_semi") for table in (t.SILVER_SENSORS, t.SILVER_VOYAGES)
    )
    return reach.changed_features((sensors, voyages), (sensors.unionByName(rows), voyages))
