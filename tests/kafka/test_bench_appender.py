"""The Bronze stream's rival is a fair one: it promises exactly-once as well."""

from pathlib import Path

from deltalake import DeltaTable

from bench.appender import append_topic
from bench.traffic import Traffic, publish
from contracts.settings import Settings
from contracts.tables import BRONZE_AIS
from contracts.topics import AIS

NOON_MS = 1_767_268_800_000


def test_the_appender_lands_bronze_columns_and_goes_on_from_its_own_log(kafka: Settings, tmp_path: Path) -> None:
    traffic, path = Traffic(500, NOON_MS), str(tmp_path / "peer")
    publish(kafka, traffic, 0, 500, NOON_MS)
    appended = [append_topic(kafka, AIS, path), append_topic(kafka, AIS, path)]
    publish(kafka, traffic, 500, 300, NOON_MS)
    appended.append(append_topic(kafka, AIS, path))

    rows = DeltaTable(path).to_pyarrow_table()

    assert appended == [500, 0, 300]
    assert rows.column_names == BRONZE_AIS.columns
    assert len({(row["kafka_partition"], row["kafka_offset"]) for row in rows.to_pylist()}) == 800
    assert rows.column("headers")[0].as_py()[0] == {"key": "source", "value": b"generated"}
