"""The rules that contracts keep among themselves."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from contracts import fields as f
from contracts import tables as t
from contracts.ais import MMSI_CLASSES, is_imo_valid
from contracts.errors import ConfigurationError
from contracts.events import (
    EVENTS,
    AisPosition,
    Alert,
    Engine,
    Environment,
    FuelReport,
    VoyageEvent,
    event_id,
)
from contracts.settings import Settings, load_settings
from contracts.topics import AIS, SENSORS, TOPICS, VOYAGE_EVENTS

FIELDS = [value for value in vars(f).values() if isinstance(value, f.Field)] + list(f.FUEL_T)
UNITS = (
    "deg",
    "kn",
    "nm",
    "m",
    "t",
    "c",
    "h",
    "pct",
    "mps",
    "s",
    "hpa",
    "rpm",
    "kw",
    "kg_per_h",
    "bar",
    "mm_per_s",
)
NOON_MS = 1_704_110_400_000
POSITION: dict[str, Any] = {
    "event_id": "p-1", "source": "noaa", "mmsi": 366_999_999, "observed_at_ms": NOON_MS, "lat_deg": 30.0,
    "lon_deg": -90.0,
}  # fmt: skip


@pytest.mark.parametrize("field", [field for field in FIELDS if field.unit], ids=lambda field: field.name)
def test_a_measured_column_ends_in_its_unit(field: f.Field) -> None:
    stem = re.sub(r"_(7|30)d(?=_|$)", "", field.name)  # the length of a rolling window is no unit
    assert field.name.endswith(f"_{field.unit}") or stem.endswith(f"_{field.unit}")


@pytest.mark.parametrize("field", [field for field in FIELDS if not field.unit], ids=lambda field: field.name)
def test_a_column_named_after_a_unit_declares_it(field: f.Field) -> None:
    if field.type == "double":
        assert not field.name.endswith(tuple(f"_{unit}" for unit in UNITS))


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_instants_days_and_yes_or_no_are_told_by_their_names(field: f.Field) -> None:
    assert (field.type == "timestamp") == field.name.endswith("_at")
    assert (field.type == "date") == field.name.endswith("_on")
    if field.type == "boolean":
        assert field.name.startswith(("is_", "has_", "needs_"))


def test_a_column_name_is_declared_once() -> None:
    names = [field.name for field in FIELDS]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("table", t.TABLES, ids=lambda table: table.name)
def test_key_and_clustering_are_made_of_the_tables_own_fields(table: t.Table) -> None:
    assert table.key
    assert set(table.key) | set(table.clustered_by) <= set(table.fields)
    assert len(table.columns) == len(set(table.columns))
    assert len(table.clustered_by) <= 4  # Delta refuses more


def test_table_names_and_topic_names_are_unique() -> None:
    assert len({table.name for table in t.TABLES}) == len(t.TABLES)
    assert len({topic.name for topic in TOPICS} | {topic.dead_letter.name for topic in TOPICS}) == 2 * len(TOPICS)


@pytest.mark.parametrize(
    ("table", "models"),
    [
        (t.SILVER_POSITIONS, [EVENTS[AIS]["position"]]),
        (t.SILVER_SENSORS, list(EVENTS[SENSORS].values())),
        (t.SILVER_ALERTS, [Alert]),
        (t.SILVER_VOYAGE_EVENTS, list(EVENTS[VOYAGE_EVENTS].values())),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_silver_measurement_is_named_as_its_event_field(table: t.Table, models: list[Any]) -> None:
    sent = {name for model in models for name in model.model_fields}
    measured = {field.name for field in table.fields if field.unit}
    assert measured
    assert measured <= sent


def test_every_sensor_reading_reaches_silver() -> None:
    sent = {name for model in EVENTS[SENSORS].values() for name in model.model_fields}
    assert sent - set(t.SILVER_SENSORS.columns) == {"schema_version", "observed_at_ms"}


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("lat_deg", -90, 91),
        ("lon_deg", -180, 181),
        ("sog_kn", 0, 102.3),
        ("cog_deg", 0, 360),
        ("heading_deg", 0, 511),
    ],
)
def test_the_wire_takes_a_range_and_its_sentinel_and_no_more(name: str, low: float, high: float) -> None:
    for lawful in (low, high):
        AisPosition(**{**POSITION, name: float(lawful)})
    for unlawful in (low - 0.1, high + 0.1):
        with pytest.raises(ValidationError):
            AisPosition(**{**POSITION, name: unlawful})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "12.0"])
def test_the_wire_refuses_what_is_no_number(value: object) -> None:
    with pytest.raises(ValidationError):
        AisPosition(**{**POSITION, "sog_kn": value})


def test_the_wire_refuses_a_field_that_no_contract_knows() -> None:
    with pytest.raises(ValidationError, match="sog_knots"):
        AisPosition(**{**POSITION, "sog_knots": 12.0})


@pytest.mark.parametrize("stamp_ms", [946_684_799_999, 4_102_444_800_001, NOON_MS // 1_000])
def test_the_wire_refuses_a_clock_that_cannot_be(stamp_ms: int) -> None:
    with pytest.raises(ValidationError):
        AisPosition(**{**POSITION, "observed_at_ms": stamp_ms})


@pytest.mark.parametrize("model", [AisPosition, Engine, VoyageEvent, FuelReport])
def test_a_vessels_event_without_its_vessel_is_refused(model: type[Any]) -> None:
    with pytest.raises(ValidationError, match="mmsi"):
        model(event_id="x", source="noaa", observed_at_ms=NOON_MS)


def test_a_vessel_is_keyed_by_its_mmsi_and_a_buoy_by_its_station() -> None:
    buoy = Environment(event_id="b", source="ndbc", station="41001", observed_at_ms=NOON_MS)

    assert AisPosition(**POSITION).key == "366999999"
    assert buoy.key == "41001"


def test_the_same_report_sent_twice_has_one_id() -> None:
    first = event_id("position", 366_999_999, NOON_MS, b"line")

    assert first == "position-366999999-1704110400000-d114b4f6"
    assert event_id("position", 366_999_999, NOON_MS, b"other") != first
    assert event_id("position", 366_999_999, NOON_MS + 1, b"line") != first


@pytest.mark.parametrize("imo_number", [9_074_729, 9_319_466, 8_814_275, 9_176_187, 6_710_932])
def test_an_imo_number_with_its_check_digit_is_valid(imo_number: int) -> None:
    assert is_imo_valid(imo_number)


@pytest.mark.parametrize("imo_number", [8_814_274, 0, 999_999, 10_000_000])
def test_an_imo_number_with_a_wrong_check_digit_or_out_of_range_is_not(imo_number: int) -> None:
    assert not is_imo_valid(imo_number)


@pytest.mark.parametrize(
    ("mmsi", "kind"),
    [
        ("366999999", "ship"), ("111232506", "sar_aircraft"), ("993672005", "aton"),
        ("982579001", "craft_of_parent_ship"), ("970210119", "sart"), ("972210119", "man_overboard"),
        ("974210119", "epirb"), ("824490001", "handheld"), ("003669945", "coast"), ("023200001", "group"),
        ("123456789", None), ("000000000", None), ("199999999", None), ("799999999", None),
    ],
)  # fmt: skip
def test_an_mmsi_tells_its_kind_of_station(mmsi: str, kind: str | None) -> None:
    number = int(mmsi)
    assert next((name for name, first, last in MMSI_CLASSES if first <= number <= last), None) == kind


def test_settings_cannot_change_after_start() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().kafka_servers = "elsewhere"  # type: ignore[misc]


def test_an_unknown_setting_is_refused_and_the_nearest_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARITIME_KAFKA_SERVER", "127.0.0.1:1")

    with pytest.raises(ConfigurationError, match="Did you mean MARITIME_KAFKA_SERVERS"):
        load_settings()


def test_an_unlawful_setting_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARITIME_SPARK_SHUFFLE_PARTITIONS", "0")

    with pytest.raises(ConfigurationError, match="MARITIME_SPARK_SHUFFLE_PARTITIONS"):
        load_settings()


def test_an_unknown_name_in_the_env_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("MARITIME_LAKE=/data\n")
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ConfigurationError, match="MARITIME_LAKE"):
        load_settings()


def test_a_password_is_never_printed() -> None:
    assert "s3cret" not in repr(Settings(kafka_password=SecretStr("s3cret")))
