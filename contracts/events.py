"""The wire events: JSON values of the four topics, validated by producers and parsed by Silver.

Times are epoch milliseconds (UTC), since Spark decodes integers twice as fast as text. A field that a feed does not
have is null or absent. AIS's own "not available" sentinels are lawful here: they are facts about the report, and
Silver turns them into nulls with a flag. ``schemas/`` holds the JSON Schema of each event; a test refuses a change
that would break a reader of yesterday's events.
"""

from __future__ import annotations

import zlib
from typing import Annotated, Any, Final, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, StringConstraints
from pydantic import Field as PydanticField

from contracts import fields as f
from contracts.topics import AIS, ALERTS, SENSORS, VOYAGE_EVENTS, Topic

SCHEMA_VERSION: Final = 1
FIRST_LAWFUL_MS = 946_684_800_000  # 2000-01-01: before AIS existed, so an older stamp is a broken clock
LAST_LAWFUL_MS = 4_102_444_800_000  # 2100-01-01
LARGEST_VALUE_BYTES = 1_000_000
"""No event is near it, and no broker with its own defaults takes more: what is larger came from another program."""

EventTime = Annotated[int, PydanticField(ge=FIRST_LAWFUL_MS, le=LAST_LAWFUL_MS)]
Text = Annotated[str, StringConstraints(max_length=200)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=100)]


def _wire(field: f.Field, *, required: bool = False, retired: bool = False) -> Any:  # noqa: ANN401  as pydantic's own
    """The field's wire range and former names as a pydantic constraint: one declaration serves lake and wire.

    A ``retired`` field is no longer sent; producers of yesterday may, and Silver keeps it in ``extra``.
    """
    return PydanticField(
        ... if required else None,
        ge=field.wire_low,
        le=field.wire_high,
        description=field.doc,
        validation_alias=AliasChoices(field.name, *field.aliases) if field.aliases else None,
        deprecated=retired or None,
    )


def event_id(event_type: str, key: str | int, observed_at_ms: int, payload: bytes) -> str:
    """Deterministic id: same kind, same sender, same instant and same payload bytes make the same event.

    Args:
        event_type: Event type, for example ``position``.
        key: MMSI or station id.
        observed_at_ms: Event time.
        payload: What tells two reports of one instant apart: the raw line, or for NMEA the armoured payload.
    """
    return f"{event_type}-{key}-{observed_at_ms}-{zlib.crc32(payload):08x}"


class Event(BaseModel):
    """What every event carries."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    event_id: Name
    event_type: str
    schema_version: Literal[1] = SCHEMA_VERSION
    source: Name
    station: Text | None = None
    mmsi: int | None = _wire(f.MMSI)
    observed_at_ms: EventTime

    @property
    def key(self) -> str:
        """Kafka key: the MMSI, or the station where there is no vessel."""
        return str(self.mmsi) if self.mmsi is not None else self.station or self.source


class AisEvent(Event):
    """An AIS report; the sender is always known."""

    mmsi: int = _wire(f.MMSI, required=True)
    message_type: int | None = _wire(f.MESSAGE_TYPE)
    ais_class: Literal["A", "B"] | None = None
    imo_number: int | None = _wire(f.IMO_NUMBER)
    vessel_name: Text | None = None
    call_sign: Text | None = None
    ship_type_code: int | None = _wire(f.SHIP_TYPE_CODE)
    length_m: float | None = _wire(f.LENGTH_M)
    beam_m: float | None = _wire(f.BEAM_M)
    draught_m: float | None = _wire(f.DRAUGHT_M)


class AisPosition(AisEvent):
    """Where a vessel was. Feeds whose rows hold static columns too (NOAA, aisdk) carry them in the same event."""

    event_type: Literal["position"] = "position"
    lat_deg: float = _wire(f.LAT_DEG, required=True)
    lon_deg: float = _wire(f.LON_DEG, required=True)
    sog_kn: float | None = _wire(f.SOG_KN)
    cog_deg: float | None = _wire(f.COG_DEG)
    heading_deg: float | None = _wire(f.HEADING_DEG)
    nav_status: int | None = _wire(f.NAV_STATUS)


class AisStatic(AisEvent):
    """Who a vessel says it is, and where it says it goes (AIS messages 5 and 24)."""

    event_type: Literal["static"] = "static"
    destination: Text | None = None


class SensorEvent(Event):
    """A reading of a buoy, a station or a vessel's own instruments."""

    lat_deg: float | None = _wire(f.LAT_DEG)
    lon_deg: float | None = _wire(f.LON_DEG)


class Environment(SensorEvent):
    """Weather and sea."""

    event_type: Literal["environment"] = "environment"
    wind_speed_mps: float | None = _wire(f.WIND_SPEED_MPS)
    wind_gust_mps: float | None = _wire(f.WIND_GUST_MPS)
    wind_from_deg: float | None = _wire(f.WIND_FROM_DEG)
    wave_height_m: float | None = _wire(f.WAVE_HEIGHT_M)
    wave_period_s: float | None = _wire(f.WAVE_PERIOD_S)
    wave_from_deg: float | None = _wire(f.WAVE_FROM_DEG)
    air_temperature_c: float | None = _wire(f.AIR_TEMPERATURE_C)
    sea_temperature_c: float | None = _wire(f.SEA_TEMPERATURE_C)
    pressure_hpa: float | None = _wire(f.PRESSURE_HPA)
    depth_m: float | None = _wire(f.DEPTH_M)


class Engine(SensorEvent):
    """Main engine and fuel telemetry of a vessel."""

    event_type: Literal["engine"] = "engine"
    mmsi: int = _wire(f.MMSI, required=True)
    engine_speed_rpm: float | None = _wire(f.ENGINE_SPEED_RPM)
    engine_load_pct: float | None = _wire(f.ENGINE_LOAD_PCT)
    shaft_power_kw: float | None = _wire(f.SHAFT_POWER_KW)
    fuel_rate_kg_per_h: float | None = _wire(f.FUEL_RATE_KG_PER_H)
    exhaust_temperature_c: float | None = _wire(f.EXHAUST_TEMPERATURE_C)
    coolant_temperature_c: float | None = _wire(f.COOLANT_TEMPERATURE_C)
    lube_oil_pressure_bar: float | None = _wire(f.LUBE_OIL_PRESSURE_BAR)
    vibration_mm_per_s: float | None = _wire(f.VIBRATION_MM_PER_S)
    running_time_h: float | None = _wire(f.RUNNING_TIME_H)
    draught_m: float | None = _wire(f.DRAUGHT_M)
    sog_kn: float | None = _wire(f.SOG_KN)


class Alert(Event):
    """Something a person should look at."""

    event_type: Literal["alert"] = "alert"
    rule: Name
    severity: Literal["info", "warning", "critical"]
    message: Annotated[str, StringConstraints(min_length=1, max_length=2_000)]
    evidence: Annotated[str, StringConstraints(max_length=20_000)] | None = None
    lat_deg: float | None = _wire(f.LAT_DEG)
    lon_deg: float | None = _wire(f.LON_DEG)


class VoyageBase(Event):
    """An event of a vessel's voyage; ``observed_at_ms`` is the instant that it speaks of."""

    mmsi: int = _wire(f.MMSI, required=True)
    imo_number: int | None = _wire(f.IMO_NUMBER)
    voyage_id: Name | None = None


class VoyageEvent(VoyageBase):
    """A schedule, departure, port call, arrival or cancellation.

    ``distance_nm`` is the logged distance since departure; ``delay_cause`` is given on arrival where known.
    """

    event_type: Literal["schedule", "departure", "port_call", "arrival", "cancelled"]
    voyage_id: Name
    from_locode: Name | None = None
    to_locode: Name | None = None
    scheduled_departure_at_ms: EventTime | None = None
    scheduled_arrival_at_ms: EventTime | None = None
    distance_nm: float | None = _wire(f.DISTANCE_NM)
    delay_cause: Text | None = None


class FuelReport(VoyageBase):
    """A day's noon report: fuel burnt by kind, distance and hours. ``observed_at_ms`` is the end of that UTC day
    or later instant of reporting; the day meant is the UTC day of ``observed_at_ms`` minus one millisecond.
    """

    event_type: Literal["fuel_report"] = "fuel_report"
    distance_nm: float = _wire(f.DISTANCE_NM, required=True)
    underway_h: float | None = _wire(f.UNDERWAY_H)
    anchored_h: float | None = _wire(f.ANCHORED_H)
    berth_h: float | None = _wire(f.BERTH_H)
    fuel_hfo_t: float | None = _wire(f.FUEL_T[0])
    fuel_lfo_t: float | None = _wire(f.FUEL_T[1])
    fuel_mdo_t: float | None = _wire(f.FUEL_T[2])
    fuel_lng_t: float | None = _wire(f.FUEL_T[3])
    fuel_lpg_propane_t: float | None = _wire(f.FUEL_T[4])
    fuel_lpg_butane_t: float | None = _wire(f.FUEL_T[5])
    fuel_ethane_t: float | None = _wire(f.FUEL_T[6])
    fuel_methanol_t: float | None = _wire(f.FUEL_T[7])
    fuel_ethanol_t: float | None = _wire(f.FUEL_T[8])


EVENTS: dict[Topic, dict[str, type[Event]]] = {
    AIS: {"position": AisPosition, "static": AisStatic},
    SENSORS: {"environment": Environment, "engine": Engine},
    ALERTS: {"alert": Alert},
    VOYAGE_EVENTS: {
        **dict.fromkeys(("schedule", "departure", "port_call", "arrival", "cancelled"), VoyageEvent),
        "fuel_report": FuelReport,
    },
}
"""The newest model of each event, by topic and ``event_type``."""

FORMER: dict[Topic, dict[str, tuple[type[Event], ...]]] = {}
"""Models of earlier versions, which are read as long as anybody may send or replay them.

Event types that share a model share its earlier versions.
"""


def models_read(topic: Topic) -> dict[str, tuple[type[Event], ...]]:
    """Every model that reads an event type of the topic, the newest first."""
    former = FORMER.get(topic, {})
    return {event_type: (newest, *former.get(event_type, ())) for event_type, newest in EVENTS[topic].items()}


def version_of(model: type[Event]) -> int:
    """The schema version that a model reads."""
    version: int = model.model_fields["schema_version"].default
    return version


def former_names(model: type[Event]) -> dict[str, str]:
    """Names that a field of the model had before, each with its name of today."""
    return {
        str(alias): name
        for name, field in model.model_fields.items()
        if isinstance(field.validation_alias, AliasChoices)
        for alias in field.validation_alias.choices
        if alias != name
    }


def retired_fields(topic: Topic) -> set[str]:
    """Fields that no event of the topic has any more; their values are kept in ``extra``."""
    models = [model for versions in models_read(topic).values() for model in versions]
    declared = [(name, bool(field.deprecated)) for model in models for name, field in model.model_fields.items()]
    return {name for name, is_retired in declared if is_retired} - {
        name for name, is_retired in declared if not is_retired
    }


HEADER_SOURCE = "source"
HEADER_EVENT_TYPE = "event-type"
HEADER_SCHEMA_VERSION = "schema-version"
