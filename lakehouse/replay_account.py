"""What a replay of the quarantine did, or would do: records by verdict, vessels, voyages and Gold rows, per rule."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contracts.tables import GOLD_VESSEL_DAY, GOLD_VESSEL_LATEST
from contracts.topics import Topic
from lakehouse.schema import spark_schema
from lakehouse.store import Store
from lakehouse.transforms.verdicts import gold_rows


@dataclass(frozen=True, slots=True)
class Account:
    """What became of the records of one stream that one rule had refused first.

    ``quarantined`` are records with a new second verdict, by rule in ``held_by``; ``unchanged`` those that got the
    verdict again that they had, of which nothing is written. ``gold_rows`` are those that accepted events belong to,
    per table.
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


def accounts(
    store: Store, topic: Topic, measured: Sequence[str], second: DataFrame, unchanged: DataFrame
) -> list[Account]:
    """One account per rule.

    Args:
        store: Where Gold is.
        topic: Topic of the records.
        measured: Event types that become rows of the topic's table.
        second: Records with a new ``verdict``, and ``first_rule``.
        unchanged: Records whose verdict stays, with ``first_rule``.
    """
    found: dict[str, dict[str, Any]] = defaultdict(lambda: {"held_by": {}, "gold_rows": {}})
    for row in second.groupBy("first_rule", "verdict", "rule").count().collect():
        facts = found[row["first_rule"]]
        facts[row["verdict"]] = facts.get(row["verdict"], 0) + row["count"]
        if row["rule"] is not None:
            facts["held_by"][row["rule"]] = row["count"]
    for rule, records in _per_rule(unchanged).items():
        found[rule]["unchanged"] = records
    accepted = second.where("verdict = 'accepted'")
    if any("accepted" in facts for facts in found.values()):
        _add_reach(found, accepted)
        rows = gold_rows(topic, accepted.where(F.col("event_type").isin(list(measured))), _gold(store))
        for table, frame in rows.items():
            for rule, count in _per_rule(frame).items():
                found[rule]["gold_rows"][table] = count
    return [Account(f"silver.{topic.short}", rule, **facts) for rule, facts in sorted(found.items())]


def _add_reach(found: dict[str, dict[str, Any]], accepted: DataFrame) -> None:
    voyage = F.col("voyage_id") if "voyage_id" in accepted.columns else F.lit(None)
    reach = accepted.groupBy("first_rule").agg(
        F.count_distinct("mmsi").alias("vessels"), F.count_distinct(voyage).alias("voyages")
    )
    for row in reach.collect():
        found[row["first_rule"]] |= {"vessels": row["vessels"], "voyages": row["voyages"]}


def _per_rule(frame: DataFrame) -> dict[str, int]:
    return {row["first_rule"]: row["count"] for row in frame.groupBy("first_rule").count().collect()}


def _gold(store: Store) -> dict[str, DataFrame]:
    return {
        table.name: store.read(table) if store.exists(table) else store.spark.createDataFrame([], spark_schema(table))
        for table in (GOLD_VESSEL_DAY, GOLD_VESSEL_LATEST)
    }
