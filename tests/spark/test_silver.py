"""Bronze to Silver: each record ends in exactly one place, and a replay changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from pyspark.sql import SparkSession

from contracts.errors import ContractError
from contracts.settings import Settings
from contracts.tables import SILVER_ALERTS, SILVER_LATE, SILVER_POSITIONS, SILVER_QUARANTINE, SILVER_VESSELS
from contracts.topics import AIS, ALERTS
from lakehouse import ledger, silver
from lakehouse.runner import run_flows
from lakehouse.schema import event_schema
from lakehouse.silver import SILVER_FLOWS
from lakehouse.store import Store
from lakehouse.transforms.parsing import judge, parse

HOUR_MS = 3_600_000
START_MS = 1_700_000_000_000
AIS_FLOW = SILVER_FLOWS[0]
Make = Callable[..., dict[str, Any]]
Land = Callable[..., None]


def outcome(settings: Settings) -> dict[str, int]:
    last = ledger.entries(settings.lake, "silver.ais")[-1]
    return {name.removeprefix("rows_"): last[name] for name in last if name.startswith("rows_")}


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("lat_deg", {"lat_deg": 90.5}),
        ("lon_deg", {"lon_deg": -180.5}),
        ("speed_limit", {"sog_kn": 40.1}),
        ("position_not_available", {"lat_deg": 91.0, "lon_deg": 181.0}),
        ("mmsi_class", {"mmsi": 123456789}),
        ("missing_mmsi", {"mmsi": None}),
        ("missing_lat_deg", {"lat_deg": None}),
        ("observed_at_ms", {"observed_at_ms": 5}),
        ("unknown_event_type", {"event_type": "sighting"}),
        ("unknown_schema_version", {"schema_version": 9}),
        ("malformed_json", {"lat_deg": "north"}),
    ],
)
def test_a_record_that_breaks_a_rule_is_named_by_it(
    spark: SparkSession, position: Make, rule: str, changes: Any
) -> None:
    records = spark.createDataFrame(
        [("t", 0, 0, None, b"", json.dumps(position(**changes)).encode(), [], None, None)],
        silver_bronze_schema(),
    )

    events = parse(records, AIS, event_schema(AIS))

    assert [row.rule for row in judge(events, AIS, 40).collect()] == [rule]


def silver_bronze_schema() -> str:
    return (
        "kafka_topic string, kafka_partition int, kafka_offset long, published_at timestamp, kafka_key binary, "
        "value binary, headers array<struct<key:string,value:binary>>, ingested_at timestamp, ingested_on date"
    )


def test_every_record_ends_in_exactly_one_place(store: Store, settings: Settings, land: Land, position: Make) -> None:
    broken = b"\xff\xfe not json"
    land(AIS, [position(), position(), position(mmsi=366053210), position(sog_kn=77), broken])

    run_flows([AIS_FLOW], settings, once=True)

    assert outcome(settings) == {"read": 5, "accepted": 2, "quarantined": 2, "duplicate": 1, "late": 0}
    kept = {row.rule: bytes(row.value) for row in store.read(SILVER_QUARANTINE).collect()}
    assert kept["malformed_json"] == broken
    assert json.loads(kept["speed_limit"])["sog_kn"] == 77


def test_a_sentinel_becomes_null_with_a_flag(store: Store, settings: Settings, land: Land, position: Make) -> None:
    land(AIS, [position(sog_kn=102.3, cog_deg=360.0, heading_deg=511, nav_status=15)])

    run_flows([AIS_FLOW], settings, once=True)

    row = store.read(SILVER_POSITIONS).collect()[0]
    assert (row.sog_kn, row.cog_deg, row.heading_deg, row.nav_status) == (None, None, None, None)
    assert row.flags == ["sog_kn", "cog_deg", "heading_deg", "nav_status"]
    assert row.mmsi_class == "ship"


def test_a_repeat_is_recognised_in_a_later_batch(store: Store, settings: Settings, land: Land, position: Make) -> None:
    land(AIS, [position(), position(observed_at_ms=START_MS + 1)])
    run_flows([AIS_FLOW], settings, once=True)
    lat_deg = position()["lat_deg"] + 0.00001  # as another feed rounds it
    land(AIS, [position(lat_deg=lat_deg), position(observed_at_ms=START_MS + 2)])

    run_flows([AIS_FLOW], settings, once=True)

    assert outcome(settings) == {"read": 2, "accepted": 1, "quarantined": 0, "duplicate": 1, "late": 0}
    assert store.read(SILVER_POSITIONS).count() == 3


def test_stamps_hours_ahead_do_not_make_the_rest_late(settings: Settings, land: Land, position: Make) -> None:
    ahead = [position(mmsi=366000000 + i, observed_at_ms=START_MS + 80 * HOUR_MS) for i in range(3)]
    land(AIS, [*ahead, *(position(mmsi=366100000 + i) for i in range(7))])
    run_flows([AIS_FLOW], settings, once=True)
    land(AIS, [position(mmsi=366200000 + i, observed_at_ms=START_MS + HOUR_MS) for i in range(5)])

    run_flows([AIS_FLOW], settings, once=True)

    assert outcome(settings)["late"] == 0
    assert outcome(settings)["accepted"] == 5


def test_a_late_record_is_kept_raw_and_only_once(store: Store, settings: Settings, land: Land, position: Make) -> None:
    old = position(observed_at_ms=START_MS - 30 * HOUR_MS)
    land(AIS, [position()])
    run_flows([AIS_FLOW], settings, once=True)
    land(AIS, [old, position(observed_at_ms=START_MS - 20 * HOUR_MS)])
    run_flows([AIS_FLOW], settings, once=True)
    assert outcome(settings) == {"read": 2, "accepted": 1, "quarantined": 0, "duplicate": 0, "late": 1}
    land(AIS, [old])

    run_flows([AIS_FLOW], settings, once=True)

    assert outcome(settings) == {"read": 1, "accepted": 0, "quarantined": 0, "duplicate": 1, "late": 0}
    assert [json.loads(row.value) for row in store.read(SILVER_LATE).collect()] == [old]


def test_a_vessel_that_says_the_same_again_is_one_identity(
    store: Store, settings: Settings, land: Land, position: Make
) -> None:
    named = {"event_type": "static", "vessel_name": "EVER@@@", "imo_number": 9074729}
    static = {k: v for k, v in position(**named).items() if k not in ("lat_deg", "lon_deg", "sog_kn")}
    land(AIS, [static, {**static, "event_id": "b", "observed_at_ms": START_MS + 1}, position(vessel_name="OTHER")])

    run_flows([AIS_FLOW], settings, once=True)

    assert outcome(settings) == {"read": 3, "accepted": 2, "quarantined": 0, "duplicate": 1, "late": 0}
    names = {row.vessel_name: row.is_imo_valid for row in store.read(SILVER_VESSELS).collect()}
    assert names == {"EVER": True, "OTHER": None}


def test_a_batch_replayed_after_a_crash_between_two_tables_adds_nothing(
    store: Store, settings: Settings, land: Land, position: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(AIS, [position(), position(), position(sog_kn=77), position(mmsi=366053210)])

    def crash(*_: object) -> dict[str, int]:
        raise RuntimeError("killed between positions and quarantine")

    with monkeypatch.context() as patch:
        patch.setattr(silver, "_write_quarantine", crash)
        with pytest.raises(Exception, match="killed between"):
            run_flows([AIS_FLOW], settings, once=True)
    assert store.read(SILVER_POSITIONS).count() == 2
    assert ledger.entries(settings.lake) == []

    run_flows([AIS_FLOW], settings, once=True)

    assert outcome(settings) == {"read": 4, "accepted": 2, "quarantined": 1, "duplicate": 1, "late": 0}
    assert store.read(SILVER_POSITIONS).count() == 2
    assert store.read(SILVER_QUARANTINE).count() == 1


def test_a_ledger_entry_that_does_not_add_up_is_refused() -> None:
    with pytest.raises(ContractError, match="3 records read, 2 accounted for"):
        ledger.Entry("s", 0, "a", (), 3, 2, datetime.min, datetime.min)


def test_an_accepted_alert_keeps_the_rule_that_it_warns_of(store: Store, settings: Settings, land: Land) -> None:
    alert = {"event_type": "alert", "event_id": "a", "schema_version": 1, "source": "watch", "rule": "overspeed"}
    lawful = {**alert, "observed_at_ms": START_MS, "severity": "warning", "message": "Too fast."}
    land(ALERTS, [lawful, {**lawful, "event_id": "b", "rule": None}])

    run_flows([SILVER_FLOWS[2]], settings, once=True)

    assert [row.rule for row in store.read(SILVER_ALERTS).collect()] == ["overspeed"]
    assert [row.rule for row in store.read(SILVER_QUARANTINE).collect()] == ["missing_rule"]
