"""Second verdicts: which quarantined records are still open, what became of them, what follows in Gold. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from contracts.tables import BRONZE
from contracts.topics import AIS, SENSORS, VOYAGE_EVENTS, Topic
from lakehouse.transforms.voyages_silver import reported_on

RECORD = ["kafka_topic", "kafka_partition", "kafka_offset", "published_at"]
"""What names a record for good: a topic that is made anew counts its offsets from 0 again."""
PLACE = ["kafka_partition", "kafka_offset"]


def open_records(quarantine: DataFrame, verdicts: DataFrame, stream: str, rule: str | None) -> DataFrame:
    """The records of a stream that no replay has settled, each place once.

    Args:
        quarantine: ``silver.quarantine``.
        verdicts: ``silver.verdicts``.
        stream: The Silver stream that refused them.
        rule: Rule that refused them first or that holds them now; null for every rule.

    Returns:
        Columns of the quarantine with ``rule`` as ``first_rule``, and ``held_by``: the rule of the last second verdict,
        null for a record never judged again. Of several records at one place (the topic was made anew) the oldest one
        that was not judged again.
    """
    newest = Window.partitionBy(*RECORD).orderBy(F.desc("batch_id"))
    last = (
        verdicts.where(F.col("stream") == stream)
        .withColumn("nth", F.row_number().over(newest))
        .where("nth = 1")
        .select(*RECORD, "verdict", F.col("rule").alias("held_by"))
    )
    refused = quarantine.where(F.col("stream") == stream).withColumnRenamed("rule", "first_rule")
    held = refused.join(last, on=RECORD, how="left").where("verdict IS NULL OR verdict = 'quarantined'")
    if rule is not None:
        held = held.where((F.col("first_rule") == rule) | (F.col("held_by") == rule))
    first = Window.partitionBy(*PLACE).orderBy(F.col("held_by").isNotNull(), "published_at", "batch_id")
    return held.withColumn("nth", F.row_number().over(first)).where("nth = 1").drop("nth", "verdict")


def as_landed(records: DataFrame, topic: Topic) -> DataFrame:
    """Quarantined records in the columns of the topic's Bronze table, as the parser takes them."""
    unknown = {"ingested_at": F.lit(None).cast("timestamp"), "ingested_on": F.lit(None).cast("date")}
    return records.withColumns(unknown).select(*BRONZE[topic].columns)


def second_verdicts(judged: DataFrame, refused: DataFrame) -> DataFrame:
    """The judged records with ``verdict``: quarantined for one that breaks a rule, else accepted, duplicate or late.

    Args:
        judged: Records with ``rule``, null for a lawful one.
        refused: ``kafka_partition``, ``kafka_offset`` and ``outcome`` of the lawful ones that are not accepted.
    """
    outcome = F.coalesce(F.col("outcome"), F.lit("accepted"))
    verdict = F.when(F.col("rule").isNotNull(), "quarantined").otherwise(outcome)
    return judged.join(refused, on=PLACE, how="left").withColumn("verdict", verdict).drop("outcome")


def gold_rows(topic: Topic, accepted: DataFrame, gold: Mapping[str, DataFrame]) -> dict[str, DataFrame]:
    """Per Gold table, one row per ``first_rule`` and Gold row that accepted events belong to.

    Rolling figures of later days are not counted: they follow when their report is run.

    Args:
        topic: Topic of the events.
        accepted: Accepted events with ``first_rule``.
        gold: ``gold.vessel_day`` and ``gold.vessel_latest`` as they are.
    """
    if topic == AIS:
        days = accepted.select("first_rule", "mmsi", "observed_on").distinct()
        day_after = days.withColumn("observed_on", F.date_add("observed_on", 1))  # its first leg begins the day before
        after = day_after.join(gold["gold.vessel_day"], on=["mmsi", "observed_on"], how="left_semi")
        known = gold["gold.vessel_latest"].select("mmsi", F.col("observed_at").alias("known_at"))
        newest = accepted.groupBy("first_rule", "mmsi").agg(F.max("observed_at").alias("newest_at"))
        latest = newest.join(known, on="mmsi", how="left").where("known_at IS NULL OR newest_at > known_at")
        return {"gold.vessel_day": days.unionByName(after).distinct(), "gold.vessel_latest": latest}
    if topic == VOYAGE_EVENTS:
        is_fuel = F.col("event_type") == "fuel_report"
        days = accepted.where(is_fuel).select("first_rule", "mmsi", reported_on().alias("reported_on")).distinct()
        return {
            "gold.voyage_analytics": accepted.where(~is_fuel).select("first_rule", "voyage_id").distinct(),
            "gold.emission_compliance": days,
        }
    if topic == SENSORS:
        engine = accepted.where("event_type = 'engine'").select("first_rule", "mmsi", "observed_on").distinct()
        return {"gold.vessel_features": engine}
    return {}
