"""Makes ``lake.tar.gz``: tables and checkpoints as the release before the column ``extra`` left them.

Run with that release's code first on the path, so that its contracts make the tables:
``git archive c219f52 | tar x -C OLD``, then in ``OLD``: ``PYTHONPATH=OLD python make.py lake.tar.gz``.
"""

from __future__ import annotations

import json
import sys
import tarfile
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from contracts.settings import Settings
from contracts.tables import BRONZE_AIS
from contracts.topics import AIS
from lakehouse.gold import GOLD_FLOWS
from lakehouse.runner import run_flows
from lakehouse.schema import spark_schema
from lakehouse.session import spark_session
from lakehouse.silver import SILVER_FLOWS
from lakehouse.store import Store

LANDED = datetime(2026, 1, 1, tzinfo=UTC)
EVENT = {
    "event_type": "position", "schema_version": 1, "source": "noaa", "observed_at_ms": 1_700_000_000_000,
    "lat_deg": 37.8, "lon_deg": -122.3, "sog_kn": 12.0,
}  # fmt: skip
RECORDS = (
    {"mmsi": 366_053_209, "event_id": "a"},
    {"mmsi": 366_053_209, "event_id": "a"},
    {"mmsi": 366_053_210, "event_id": "b", "vessel_name": "EVER"},
    {"mmsi": 366_053_210, "event_id": "c", "sog_kn": 77.0},
)
"""Accepted, its repeat, accepted, quarantined."""


def main(target: Path) -> None:
    """Run Silver and Gold over the records once, and pack the lake without Spark's checksum files."""
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home), spark_shuffle_partitions=1, spark_master="local[1]")
        spark = spark_session(settings, "yesterday")
        store = Store(spark, settings.lake)
        store.create(BRONZE_AIS)
        rows: list[tuple[Any, ...]] = [
            (AIS.name, 0, offset, LANDED, b"", json.dumps({**EVENT, **record}).encode(), [], LANDED, date(2026, 1, 1))
            for offset, record in enumerate(RECORDS)
        ]
        store.append(BRONZE_AIS, spark.createDataFrame(rows, spark_schema(BRONZE_AIS)))
        run_flows([SILVER_FLOWS[0]], settings, once=True)
        run_flows(GOLD_FLOWS, settings, once=True)
        with tarfile.open(target, "w:gz") as archive:
            for path in sorted(Path(settings.lake).rglob("*")):
                if path.is_file() and not path.name.endswith(".crc"):
                    archive.add(path, path.relative_to(settings.lake))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
