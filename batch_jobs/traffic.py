"""The part of a report that tells what was heard of each source: recorded ships stand beside generated ones."""

from __future__ import annotations

from typing import Any

from pyspark.sql import functions as F

from batch_jobs.reports import TWIN
from batch_jobs.runs import Run, rows_of
from batch_jobs.trails import Guide, Trail, key_of, literal
from contracts.tables import GOLD_VESSEL_DAY

SHOWN = 10


def heard(run: Run, why_apart: str) -> dict[str, Any] | None:
    """Positions of all days by source, and the recorded ships that sailed furthest; null without ``gold.vessel_day``.

    Args:
        run: The run whose lake is read.
        why_apart: Why the recorded ships are in none of the report's own figures, for its reader.
    """
    if not run.store.exists(GOLD_VESSEL_DAY):
        return None
    days = run.told(GOLD_VESSEL_DAY)
    facts = (
        F.min("observed_on").alias("first_on"),
        F.max("observed_on").alias("last_on"),
        F.sum("position_count").alias("positions"),
        F.sum("distance_nm").alias("distance_nm"),
    )
    longest = F.max_by(F.struct("segment_id", "observed_on"), "distance_nm").alias("longest_day")
    by_source = days.groupBy("source").agg(F.count_distinct("mmsi").alias("vessels"), *facts).orderBy("source")
    recorded = (
        days.filter(~F.array_contains(F.split("source", ", "), TWIN)).groupBy("mmsi", "source").agg(*facts, longest)
    )
    furthest = recorded.orderBy(F.desc("distance_nm"), "mmsi").limit(SHOWN)
    return {"sources": rows_of(by_source), "furthest": rows_of(furthest), "why_apart": why_apart}


def names(traffic: dict[str, Any] | None) -> list[str]:
    """The sources that were heard."""
    return [row["source"] for row in traffic["sources"]] if traffic else []


def trails(guide: Guide, traffic: dict[str, Any] | None) -> list[Trail]:
    """Where these figures come from."""
    if not traffic or not traffic["sources"]:
        return []
    common: dict[str, Any] = {
        "method": "legs between positions of a day, on WGS84",
        "rule": "none",
        "sources": names(traffic),
    }
    found = [
        guide.trail(
            "heard", "What was heard, by source", [GOLD_VESSEL_DAY], figure="positions",
            value=sum(row["positions"] for row in traffic["sources"]), what="sum(position_count)",
            coverage="all days in the lake", **common,
        )
    ]  # fmt: skip
    if traffic["furthest"]:
        ship = traffic["furthest"][0]
        of_ship = f"mmsi = {ship['mmsi']} AND source = {literal(ship['source'])}"
        found.append(
            guide.trail(
                "furthest", "Recorded ships that sailed furthest", [GOLD_VESSEL_DAY], figure=f"nm of {ship['mmsi']}",
                value=ship["distance_nm"], what="sum(distance_nm)", where=of_ship,
                row=key_of(ship["longest_day"], "segment_id", "observed_on"),
                coverage=f"{ship['positions']:,} positions", **common,
            )
        )  # fmt: skip
    return found
