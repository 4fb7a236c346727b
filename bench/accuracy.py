"""How right port calls, voyages and miles are: found from a fleet twin's positions, compared with its truth.

    python -m bench.accuracy --ships 12 --days 60 --seed 1 --coverage 1,0.5,0.2,0.05 [--uneven] [--design-draught]

The twin is made (seeded, with its silences and faults, ships that share an MMSI among them). Its lawful AIS positions
fall into segments as in Silver, these are joined to tracks, and the transforms run on them. Truth goes by ship and not
by MMSI; a track is taken for the ship that sent most of it. ``--coverage`` keeps so large a share of the reports, drawn
at random one by one; with ``--uneven`` a ship is heard or not for six hours on end, as near and far from receivers. A
port call counts if there was a stop or a gap; it is right if ship and port agree and the times overlap. The aim:
precision and recall of at least 0.97, half of the voyages within 1 % of the logged distance, and no jump and no gap
that the ships' own reports do not have. The twin logs miles on a sphere, which may be 0.6 % off the ellipsoid that is
measured here.
"""

from __future__ import annotations

import gzip
import json
import tempfile
import time
from datetime import UTC
from pathlib import Path
from typing import Any

import click
import numpy as np
import polars as pl
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from bench.accuracy_fuel import fuel_facts, static_reports
from bench.accuracy_ships import false_events, purity, sender_of
from bench.accuracy_truth import (
    EVER,
    NEVER,
    Event,
    distance_error_pct,
    matched,
    score,
    true_calls,
    true_voyages,
    voyage,
    write_whole_truth,
)
from contracts.settings import Settings
from infra.console import print_json, print_table, say
from lakehouse.reference import port_frame
from lakehouse.session import spark_session
from lakehouse.transforms.open_segments import Segments, segment_id
from lakehouse.transforms.phases import NEAR_PORT_KM
from lakehouse.transforms.port_areas import with_nearest_port
from lakehouse.transforms.port_calls import port_calls
from lakehouse.transforms.sailings import ends_a_voyage, sailings
from lakehouse.transforms.segments import labelled
from lakehouse.transforms.vessel_tracks import segment_ends, vessel_tracks
from producers.twin import TwinConfig, generate
from producers.twin.config import SOURCE, FaultRates

SPELL = "6h"
"""For how long a ship is heard, or not, where coverage is uneven."""

WHOLE = "whole_truth"
"""Folder of the truth of all ships, beside that which the twin writes."""

POSITION = {
    "event_id": pl.String, "mmsi": pl.Int64, "observed_at_ms": pl.Int64, "lat_deg": pl.Float64, "lon_deg": pl.Float64,
    "sog_kn": pl.Float64, "cog_deg": pl.Float64, "nav_status": pl.Int64,
}  # fmt: skip


def lawful_positions(folder: Path, sog_limit_kn: float) -> pl.DataFrame:
    """The twin's positions as ``silver.positions`` would keep them, in order of time, each with its ``ship``."""
    events = []
    with gzip.open(folder / "ais.jsonl.gz", "rt") as lines:
        for line in lines:
            try:
                events.append(json.loads(line))
            except json.JSONDecodeError:  # lines broken on purpose
                continue
    rows = pl.DataFrame([e for e in events if e["event_type"] == "position"], POSITION)
    fleet = pl.read_csv(folder / "register.csv")["mmsi"]
    sender = sender_of(rows, folder)
    sog_kn = pl.when(pl.col("sog_kn") < 102.3).then("sog_kn")
    return (
        rows.filter(pl.col("mmsi").is_in(fleet.implode()), pl.col("lat_deg").abs() <= 90)
        .with_columns(sog_kn, pl.col("observed_at_ms").cast(pl.Datetime("ms", "UTC")).alias("observed_at"))
        .filter(pl.col("sog_kn").is_null() | (pl.col("sog_kn") <= sog_limit_kn))
        .unique("event_id", maintain_order=True)
        .join(sender, "event_id")
        .select(pl.all().exclude("observed_at_ms", "event_id"), pl.lit(SOURCE).alias("source"))
        .sort("observed_at", "mmsi", "ship")
    )


def heard(positions: pl.DataFrame, share: float, seed: int, *, uneven: bool) -> pl.DataFrame:
    """So large a share of the positions, the same ones for the same seed, with the segments that they fall into."""
    rng = np.random.default_rng(seed)
    draw = rng.random(len(positions))
    if uneven:
        spell = positions.select(pl.struct("mmsi", pl.col("observed_at").dt.truncate(SPELL)).rank("dense") - 1)
        draw = rng.random(len(positions))[spell.to_series().to_numpy()]
    some = positions.filter(pl.Series(draw < share))
    cog_deg = pl.when(pl.col("cog_deg") < 360).then("cog_deg")
    seen = some.select(pl.col("observed_at").dt.epoch("us"), "lat_deg", "lon_deg", "sog_kn", cog_deg)
    mmsi = some["mmsi"].to_numpy()
    found = labelled(mmsi, seen.cast(pl.Float64).to_numpy(), Segments.none())
    return some.with_columns(pl.Series("segment_id", segment_id(mmsi, found.started_us).tolist()))


def tracked(positions: DataFrame, ports: DataFrame) -> DataFrame:
    """The positions by track instead of segment, those that are noise left out."""
    labels = vessel_tracks(segment_ends(positions), ports).where(~F.col("is_noise")).select("segment_id", "track_id")
    joined = positions.join(F.broadcast(labels), "segment_id").drop("segment_id")
    return joined.withColumnRenamed("track_id", "segment_id")


def measured(
    spark: SparkSession, positions: DataFrame, statics: pl.DataFrame, folder: Path, jump_limit_kn: float
) -> dict[str, Any]:
    """Who sailed, port calls, voyages and fuel of these positions against the truth."""
    truth = folder / WHOLE
    ports = port_frame(spark)
    of_tracks = tracked(positions, ports).localCheckpoint()
    ship_of, of_ships = purity(positions, of_tracks)
    near = with_nearest_port(of_tracks, ports, NEAR_PORT_KM)
    placed = near.withColumn("is_tanker", F.lit(False)).localCheckpoint()
    calls = port_calls(placed).localCheckpoint()
    called = [_call(row, ship_of) for row in calls.where(ends_a_voyage()).collect()]
    sailed = sailings(calls, placed).collect()
    facts: dict[str, Any] = {"port_calls": score(true_calls(truth), called)}
    for name in ("berth_to_berth_nm", "distance_nm"):
        pairs = matched(true_voyages(truth), [_voyage(row, ship_of, name) for row in sailed])
        facts[f"{name}_error_pct"] = distance_error_pct(pairs)
    facts["voyages"] = score(true_voyages(truth), [_voyage(row, ship_of, "distance_nm") for row in sailed])
    facts["identity"] = of_ships | false_events(positions, of_tracks, ship_of, jump_limit_kn)
    return facts | {"modelled_fuel": fuel_facts(spark, placed, statics, ship_of, folder)}


def _call(row: Row, ship_of: dict[str, int]) -> Event:
    arrived_at = row.arrived_at.replace(tzinfo=UTC) if row.has_entry else EVER
    left_by_at = NEVER if row.is_open else row.left_by_at.replace(tzinfo=UTC)
    return Event(ship_of[row.segment_id], row.locode, arrived_at, left_by_at)


def _voyage(row: Row, ship_of: dict[str, int], distance: str) -> Event:
    arrived_at = row.arrived_at and row.arrived_at.replace(tzinfo=UTC)
    departed_at, ship = row.departed_at.replace(tzinfo=UTC), ship_of[row.segment_id]
    return voyage(ship, row.from_locode, row.to_locode, departed_at, arrived_at, row[distance])


@click.command()
@click.option("--ships", default=12, show_default=True)
@click.option("--days", default=60, show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option(
    "--shared", default=1, show_default=True, help="Ships beside these that send with the MMSI of one of them."
)
@click.option("--coverage", default="1,0.5,0.2,0.05", show_default=True, help="Shares of the reports that are kept.")
@click.option("--uneven", is_flag=True, help="Keep or drop six hours of a ship on end.")
@click.option("--design-draught", is_flag=True, help="Model fuel as if no ship told its draught.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def main(
    ships: int, days: int, seed: int, shared: int, coverage: str, uneven: bool, design_draught: bool, as_json: bool
) -> None:
    """Make a twin, find its port calls and voyages, and print how right they are."""
    settings = Settings()
    config = TwinConfig.checked(ships=ships, days=days, seed=seed, faults=FaultRates(shared_mmsi=shared))
    spark = spark_session(settings, "accuracy")
    results = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        generate(config, folder)
        write_whole_truth(config, folder / WHOLE)
        kept = lawful_positions(folder, settings.sog_limit_kn)
        for share in (float(text) for text in coverage.split(",")):
            started, path = time.monotonic(), folder / f"{share}.parquet"
            some = heard(kept, share, seed, uneven=uneven)
            some.write_parquet(path)
            statics = static_reports(folder, 0.0 if design_draught else share, seed)
            facts = measured(spark, spark.read.parquet(str(path)), statics, folder, settings.jump_limit_kn)
            head = {"coverage": share, "positions": len(some)}
            results.append(head | facts | {"seconds": round(time.monotonic() - started, 1)})
    head = {"ships": ships, "days": days, "seed": seed, "shared_mmsi": shared, "uneven": uneven}
    _tell(head | {"results": results}, as_json)


WHO = ("mixed_tracks", "stray_positions", "adjusted_rand", "jumps", "false_jumps", "gaps", "false_gaps", "missed_gaps")


def _tell(facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(facts)
        return
    columns = ("coverage", "positions", "calls: precision", "recall", "voyages: precision", "recall", "median error, %")
    rows = [
        (
            r["coverage"], r["positions"], r["port_calls"]["precision"], r["port_calls"]["recall"],
            r["voyages"]["precision"], r["voyages"]["recall"], r["berth_to_berth_nm_error_pct"]["median"],
        )
        for r in facts["results"]
    ]  # fmt: skip
    twin = f"{facts['ships']} and {facts['shared_mmsi']} ships, {facts['days']} days (generated, seed {facts['seed']})"
    print_table(twin, columns, rows)
    say("The distance is that from berth to berth, against the one that the twin logs.")
    who = [(r["coverage"], *(r["identity"][name] for name in WHO)) for r in facts["results"]]
    fuel = [(r["coverage"], *r["modelled_fuel"].values()) for r in facts["results"]]
    print_table("Who sailed", ("coverage", *(name.replace("_", " ") for name in WHO)), who)
    of_fuel = ("coverage", "ships", "error, %", "with sign, %", "worst, %", "within the stated error")
    print_table("CO2 by mile, modelled from positions", of_fuel, fuel)


if __name__ == "__main__":
    main()
