"""Driver kills: a Bronze stream reads what is written all the time, and is killed again and again."""

from __future__ import annotations

import random
import subprocess
import time
from pathlib import Path

import deltalake

from bench.faults.cells import Outcome, judge
from bench.faults.checker import Held, check
from bench.faults.cluster import Cluster, wait_until
from bench.faults.schedule import Cell
from bench.faults.workload import Writer
from contracts.errors import MaritimeError
from contracts.tables import BRONZE_AIS
from contracts.topics import AIS
from infra.topics import create_topics
from maritime.delivery.schedule import ALL
from maritime.delivery.victims import Program
from maritime.delivery.workplace import command

KILLS = 3
RUNS_SECONDS = (0.0, 3.0)
FIRST_BATCH_SECONDS = 600.0
DRAIN_SECONDS = 900
COLUMNS = ("kafka_partition", "kafka_offset", "kafka_key", "value")


class BronzeStream(Program):
    """``maritime stream bronze`` until stopped."""

    def arguments(self) -> tuple[str, ...]:
        """What is typed after ``maritime``."""
        return ("stream", "bronze", "--continuous")

    def batches(self) -> int:
        """Batches that it has told of, over all its starts."""
        return self.log.read_text().count("bronze.ais batch") if self.log.exists() else 0


def driver_kills(cluster: Cluster, cell: Cell, home: Path) -> Outcome:
    """Three SIGKILLs, each a moment after the stream has written a batch; then it catches up, and Bronze is compared.

    Raises:
        MaritimeError: The stream did not come to a batch, or did not catch up.
    """
    draw = random.Random(cell.luck)
    settings = cluster.settings.model_copy(
        update={"home": home, "lake_root": None, "spark_driver_memory": "1g", "spark_shuffle_partitions": 1}
    )
    home.mkdir(parents=True)
    create_topics(settings)
    stream = BronzeStream("bronze", settings)
    with Writer(settings, AIS.name) as writer:
        for _ in range(KILLS):
            told = stream.batches()
            stream.start()
            try:
                wait_until(lambda told=told: stream.batches() > told, "the stream wrote no batch", FIRST_BATCH_SECONDS)  # type: ignore[misc]
                time.sleep(draw.uniform(*RUNS_SECONDS))
            finally:
                stream.kill(ALL)
        sent = writer.stop()
    drain = command(settings, "stream", "bronze", "--once")
    done = subprocess.run(drain, cwd=home, capture_output=True, text=True, timeout=DRAIN_SECONDS, check=False)
    if done.returncode:
        raise MaritimeError(f"The stream did not catch up (exit code {done.returncode}): {done.stderr[-300:]}")
    return judge(cell, 0, check(sent, _bronze(settings.lake)), gap_counts=False)


def _bronze(lake: str) -> list[Held]:
    rows = deltalake.DeltaTable(f"{lake}/{BRONZE_AIS.path}").to_pyarrow_table(columns=list(COLUMNS)).to_pylist()
    return [Held(row[COLUMNS[0]], row[COLUMNS[1]], bytes(row["kafka_key"]).decode(), int(row["value"])) for row in rows]
