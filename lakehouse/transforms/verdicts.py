"""Second verdicts: which quarantined records are still open, what became of them. Pure."""

from __future__ import annotations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from contracts.tables import BRONZE
from contracts.topics import Topic

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
