"""The streams as scripts under ``spark-submit`` on a real standalone cluster: one master, two workers."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import deltalake
import pyspark
import pytest
from confluent_kafka import Producer

from contracts.settings import Settings
from contracts.tables import GOLD_VESSEL_DAY, GOLD_VESSEL_LATEST
from contracts.topics import AIS
from infra.class_archive import QUICK_START, java_options
from infra.jars import spark_jars
from infra.kafka import producer_config
from lakehouse import ledger
from lakehouse.status import adds_up

ROOT = Path(__file__).parents[2]
SPARK = Path(pyspark.__file__).parent
POSITIONS, VESSELS = 300, 20


def environment(**more: str) -> dict[str, str]:
    """What a program of its own gets: ours, the code, and its settings."""
    start_fast = " ".join([QUICK_START, *java_options(Settings(), "spark")])
    here = {"PYTHONPATH": str(ROOT), "PYSPARK_PYTHON": sys.executable, "JDK_JAVA_OPTIONS": start_fast}
    return {**os.environ, **here, **more}


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[str]:
    """A master and two workers as processes; its address.

    Each takes whatever port is free and says which in its log: a port chosen here could be taken before it is used.
    """
    started: list[subprocess.Popen[bytes]] = []

    def start(name: str, command: str) -> Path:
        log = tmp_path / f"{name}.log"
        with log.open("w") as to:
            program = [str(SPARK / "bin" / "spark-class"), *f"org.apache.spark.deploy.{command}".split()]
            size = environment(SPARK_DAEMON_MEMORY="256m")
            started.append(subprocess.Popen(program, stdout=to, stderr=to, env=size))
        return log

    try:
        log = start("master", "master.Master --host 127.0.0.1 --port 0 --webui-port 0")
        address = _said(log, r"Starting Spark master at (spark://\S+)")[0]
        worker = "worker.Worker --host 127.0.0.1 --webui-port 0 --cores 1 --memory 1g"
        for number in (1, 2):
            start(f"worker-{number}", f"{worker} --work-dir {tmp_path}/worker-{number} {address}")
        _said(log, r"Registering worker (\S+)", times=2)
        yield address
    finally:
        for process in reversed(started):
            process.terminate()
        for process in started:
            process.wait(30)


def _said(log: Path, words: str, times: int = 1) -> list[str]:
    """What a program's log says of `words`, as soon as it says it so many times."""
    deadline = time.monotonic() + 90
    while len(found := re.findall(words, log.read_text())) < times:
        assert time.monotonic() < deadline, f"{log.name} does not say {words!r}: {log.read_text()[-2000:]}"
        time.sleep(0.5)
    return found


def publish(settings: Settings) -> None:
    """Lawful positions in the columns of the NOAA feed, and one record that is not JSON."""
    producer = Producer(producer_config(settings))
    for number in range(POSITIONS):
        mmsi, at = 366053200 + number % VESSELS, 1_641_168_000_000 + number // VESSELS * 60_000
        place = {"lat_deg": 37.8, "lon_deg": -122.3 - number // VESSELS / 1000, "sog_kn": 3.0}
        event = {
            "event_type": "position",
            "schema_version": 1,
            "source": "noaa",
            "mmsi": mmsi,
            "observed_at_ms": at,
        }
        event_id = f"{zlib.crc32(f'{mmsi}-{at}'.encode()):08x}"
        producer.produce(AIS.name, key=str(mmsi), value=json.dumps({**event, **place, "event_id": event_id}))
    producer.produce(AIS.name, key="366053200", value=b"\xff not an event")
    assert producer.flush(30) == 0


def submit(cluster: str, settings: Settings, script: str) -> None:
    jars = ",".join(map(str, spark_jars(settings)))
    size = ["--driver-memory", "1g", "--executor-memory", "700m", "--conf", "spark.driver.host=127.0.0.1"]
    command = [
        str(SPARK / "bin" / "spark-submit"),
        "--master",
        cluster,
        "--jars",
        jars,
        *size,
        script,
        "--once",
    ]
    places = {"MARITIME_HOME": str(settings.home), "MARITIME_KAFKA_SERVERS": settings.kafka_servers,
              "MARITIME_SPARK_SHUFFLE_PARTITIONS": "1"}  # fmt: skip
    done = subprocess.run(
        command, cwd=ROOT, env=environment(**places), capture_output=True, text=True, timeout=300, check=False
    )
    said = done.stdout + done.stderr  # spark-submit puts a script's stderr into its own stdout
    assert done.returncode == 0, said[-4000:]
    assert "batch 0" in said


def test_the_three_rooms_run_as_scripts_on_a_standalone_cluster(cluster: str, kafka: Settings) -> None:
    publish(kafka)

    for script in ("consumers/bronze.py", "lakehouse/silver.py", "lakehouse/gold.py"):
        submit(cluster, kafka, script)

    entries = ledger.entries(kafka.lake)
    assert all(map(adds_up, entries))
    silver = [entry for entry in entries if entry["stream"] == "silver.ais"]
    assert sum(entry["rows_accepted"] for entry in silver) == POSITIONS
    assert sum(entry["rows_quarantined"] for entry in silver) == 1
    days = deltalake.DeltaTable(f"{kafka.lake}/{GOLD_VESSEL_DAY.path}").to_pyarrow_table().to_pylist()
    assert len(days) == VESSELS
    assert sum(day["position_count"] for day in days) == POSITIONS
    assert deltalake.DeltaTable(f"{kafka.lake}/{GOLD_VESSEL_LATEST.path}").to_pyarrow_table().num_rows == VESSELS
