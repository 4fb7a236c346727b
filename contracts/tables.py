"""The Delta tables: which fields, unique by which key, clustered by what readers filter on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from contracts import fields as f
from contracts.fields import Field, Severity
from contracts.topics import AIS, ALERTS, SENSORS, VOYAGE_EVENTS, Topic

BOUNDED = ("long", "date", "timestamp")
"""Types of columns that number ships, records or time."""


@dataclass(frozen=True, slots=True)
class RowRule:
    """What holds between two columns of a row.

    ``at_most``: left is not above right, where both are known. ``needs``: where left is known, right is too.
    ``excludes``: where left is known, right is null. ``instead``: where left is null, right is known.
    """

    kind: Literal["at_most", "needs", "excludes", "instead"]
    left: Field
    right: Field
    severity: Severity = "stop"


@dataclass(frozen=True, slots=True)
class Table:
    """One Delta table. ``grain`` finishes the sentence "one row per ...".

    ``partitioned_by`` is for a table that is updated in place day by day: a batch then rewrites the files of its own
    days and no others. Delta allows it or ``clustered_by``, not both. Beside the key, the ``known`` columns are never
    null, and ``rules`` hold in every row.

    Of one that ``only_grows`` no stream or job ever changes a row: streams may read it, and its files may be merged
    beside the batches that append to it.

    ``keep_hours`` is the least time that files stay on disk after a newer version has replaced them; ``log_keep_days``
    the most that the log tells of the newest versions. What a known reader still needs is kept beyond both.
    """

    name: str
    grain: str
    fields: tuple[Field, ...]
    key: tuple[Field, ...]
    clustered_by: tuple[Field, ...] = ()
    partitioned_by: tuple[Field, ...] = ()
    known: tuple[Field, ...] = ()
    rules: tuple[RowRule, ...] = ()
    only_grows: bool = False
    keep_hours: int = 168
    log_keep_days: int = 30

    @property
    def columns(self) -> list[str]:
        """Column names in order."""
        return [field.name for field in self.fields]

    @property
    def bounded(self) -> list[str]:
        """Columns of which each file tells the least and the greatest value, by which readers leave whole files unread.

        Key, clustering, and all that numbers ships, records or time. Bounds of measures and texts would let nobody
        leave out a file, and to find them takes a fifth of the time of writing a wide row.
        """
        asked = {*self.key, *self.clustered_by}
        found = (field for field in self.fields if field in asked or field.type in BOUNDED)
        return [field.name for field in found if field not in self.partitioned_by]

    @property
    def former(self) -> tuple[tuple[Field, Field], ...]:
        """Columns under a former name, each with the field that it is of: written with the same value."""
        return tuple(
            (replace(field, name=alias, doc=f"Former name of `{field.name}`.", aliases=()), field)
            for field in self.fields
            for alias in field.aliases
        )

    @property
    def path(self) -> str:
        """Path below the lake root: ``silver/positions``."""
        return self.name.replace(".", "/")


_KAFKA = (f.KAFKA_TOPIC, f.KAFKA_PARTITION, f.KAFKA_OFFSET, f.PUBLISHED_AT)
_PROVENANCE = (f.SOURCE, f.STATION, f.EVENT_ID, f.KAFKA_PARTITION, f.KAFKA_OFFSET, f.PUBLISHED_AT)
_ORIGIN = (f.SOURCE, f.KAFKA_PARTITION, f.KAFKA_OFFSET)
_PHASES = (f.SEA_HOURS, f.MANOEUVRING_HOURS, f.ANCHORED_HOURS, f.BERTH_HOURS, f.UNKNOWN_HOURS)
_SAILED = RowRule("at_most", f.DEPARTED_AT, f.ARRIVED_AT, "warn")
"""What operators report is told and kept: the measures of a voyage that breaks it are null."""


def _bronze(topic: Topic) -> Table:
    return Table(
        name=f"bronze.{topic.short}",
        grain=f"record of `{topic.name}`, raw",
        fields=(*_KAFKA, f.KAFKA_KEY, f.VALUE, f.HEADERS, f.INGESTED_AT, f.INGESTED_ON),
        key=(f.KAFKA_TOPIC, f.KAFKA_PARTITION, f.KAFKA_OFFSET),
        clustered_by=(f.INGESTED_ON, f.KAFKA_PARTITION),
        only_grows=True,
    )


BRONZE_AIS = _bronze(AIS)
BRONZE_SENSORS = _bronze(SENSORS)
BRONZE_ALERTS = _bronze(ALERTS)
BRONZE_VOYAGE_EVENTS = _bronze(VOYAGE_EVENTS)
BRONZE = {AIS: BRONZE_AIS, SENSORS: BRONZE_SENSORS, ALERTS: BRONZE_ALERTS, VOYAGE_EVENTS: BRONZE_VOYAGE_EVENTS}

SILVER_POSITIONS = Table(
    name="silver.positions",
    grain="vessel segment and report time: two ships that share an MMSI are two tracks",
    fields=(
        f.SEGMENT_ID, f.MMSI, f.OBSERVED_AT, f.OBSERVED_ON, f.LAT_DEG, f.LON_DEG, f.SOG_KN, f.COG_DEG, f.HEADING_DEG,
        f.NAV_STATUS, f.MESSAGE_TYPE, f.AIS_CLASS, f.MMSI_CLASS, f.FLAGS, *_PROVENANCE, f.EXTRA,
    ),
    key=(f.SEGMENT_ID, f.OBSERVED_AT),
    clustered_by=(f.OBSERVED_ON, f.MMSI),
    known=(f.MMSI, f.OBSERVED_ON, f.LAT_DEG, f.LON_DEG, f.MMSI_CLASS, f.EVENT_ID, *_ORIGIN),
    only_grows=True,
)  # fmt: skip

SILVER_SEGMENTS = Table(
    name="silver.segments",
    grain="vessel segment: a track under one MMSI, as the position stream remembered it last",
    fields=(
        f.SEGMENT_ID, f.MMSI, f.BEGAN_AT,
        f.HEAD_AT, f.HEAD_LAT_DEG, f.HEAD_LON_DEG, f.HEAD_SOG_KN, f.HEAD_COG_DEG,
        f.AHEAD_AT, f.AHEAD_LAT_DEG, f.AHEAD_LON_DEG, f.AHEAD_SOG_KN, f.AHEAD_COG_DEG,
        f.POSITION_COUNT, f.IS_BESIDE, f.IS_ESTABLISHED, f.IS_OPEN, f.IS_NOISE,
    ),
    key=(f.SEGMENT_ID,),
    clustered_by=(f.MMSI,),
    keep_hours=24,  # written anew again and again
    known=(f.MMSI, f.BEGAN_AT, f.HEAD_AT, f.HEAD_LAT_DEG, f.HEAD_LON_DEG, f.POSITION_COUNT, f.IS_OPEN),
)  # fmt: skip

_WHO = (
    f.IMO_NUMBER, f.IMO_IS_VALID, f.VESSEL_NAME, f.CALL_SIGN, f.SHIP_TYPE_CODE, f.LENGTH_M, f.BEAM_M, f.MMSI_CLASS,
    f.EVENT_TYPE, *_PROVENANCE, f.EXTRA,
)  # fmt: skip

SILVER_IDENTITIES = Table(
    name="silver.identities",
    grain="MMSI, identity and UTC hour in which it was told: the first report of the hour",
    fields=(f.MMSI, f.IDENTITY_ID, f.HOUR_AT, f.OBSERVED_AT, *_WHO, f.DRAUGHT_M),
    key=(f.MMSI, f.IDENTITY_ID, f.HOUR_AT),
    clustered_by=(f.HOUR_AT, f.MMSI),
    known=(f.OBSERVED_AT, f.MMSI_CLASS, f.EVENT_TYPE, f.EVENT_ID, *_ORIGIN),
    only_grows=True,
)

SILVER_VESSELS = Table(
    name="silver.vessels",
    grain="vessel identity under an MMSI and its validity (SCD2), folded from `silver.identities`; the rest of a row "
    "is of its first report",
    fields=(f.MMSI, f.IDENTITY_ID, f.VALID_FROM_AT, *_WHO, f.VALID_TO_AT, f.IS_SHARED),
    key=(f.MMSI, f.IDENTITY_ID, f.VALID_FROM_AT),
    clustered_by=(f.MMSI,),
    keep_hours=24,  # written anew again and again
    known=(f.MMSI_CLASS, f.EVENT_TYPE, f.EVENT_ID, *_ORIGIN),
    rules=(RowRule("at_most", f.VALID_FROM_AT, f.VALID_TO_AT),),
)

SILVER_SHIP_REGISTER = Table(
    name="silver.ship_register",
    grain="ship by IMO number, loaded from a register file",
    fields=(
        f.IMO_NUMBER, f.MMSI, f.VESSEL_NAME, f.CII_SHIP_TYPE, f.DWT_T, f.GROSS_TONNAGE, f.LENGTH_M, f.BEAM_M,
        f.DESIGN_DRAUGHT_M, f.ENGINE_TYPE, f.MAIN_ENGINE_KW, f.SERVICE_SPEED_KN, f.FUEL_KIND, f.BUILT_YEAR, f.SOURCE,
    ),
    key=(f.IMO_NUMBER,),
    known=(f.SOURCE,),
)  # fmt: skip

SILVER_SENSORS = Table(
    name="silver.sensors",
    grain="station or vessel, kind of reading and report time",
    fields=(
        f.EVENT_TYPE, f.MMSI, f.OBSERVED_AT, f.OBSERVED_ON, f.LAT_DEG, f.LON_DEG,
        f.WIND_SPEED_MPS, f.WIND_GUST_MPS, f.WIND_FROM_DEG, f.WAVE_HEIGHT_M, f.WAVE_PERIOD_S, f.WAVE_FROM_DEG,
        f.AIR_TEMPERATURE_C, f.SEA_TEMPERATURE_C, f.PRESSURE_HPA, f.DEPTH_M,
        f.ENGINE_SPEED_RPM, f.ENGINE_LOAD_PCT, f.SHAFT_POWER_KW, f.FUEL_RATE_KG_PER_H, f.EXHAUST_TEMPERATURE_C,
        f.COOLANT_TEMPERATURE_C, f.LUBE_OIL_PRESSURE_BAR, f.VIBRATION_MM_PER_S, f.RUNNING_TIME_H, f.DRAUGHT_M,
        f.SOG_KN, *_PROVENANCE, f.EXTRA,
    ),
    key=(f.EVENT_ID,),
    clustered_by=(f.OBSERVED_ON, f.MMSI),
    known=(f.EVENT_TYPE, f.OBSERVED_AT, f.OBSERVED_ON, *_ORIGIN),
    only_grows=True,
)  # fmt: skip

SILVER_ALERTS = Table(
    name="silver.alerts",
    grain="alert",
    fields=(
        f.MMSI, f.OBSERVED_AT, f.OBSERVED_ON, f.RULE, f.SEVERITY, f.MESSAGE, f.EVIDENCE, f.LAT_DEG, f.LON_DEG,
        *_PROVENANCE, f.EXTRA,
    ),
    key=(f.EVENT_ID,),
    clustered_by=(f.OBSERVED_ON, f.MMSI),
    known=(f.OBSERVED_AT, f.OBSERVED_ON, f.RULE, f.SEVERITY, f.MESSAGE, *_ORIGIN),
    only_grows=True,
)  # fmt: skip

SILVER_VOYAGE_EVENTS = Table(
    name="silver.voyage_events",
    grain="accepted voyage event; the voyages and emissions tables are folded from these",
    fields=(
        f.EVENT_TYPE, f.VOYAGE_ID, f.MMSI, f.IMO_NUMBER, f.OBSERVED_AT, f.OBSERVED_ON, f.FROM_LOCODE, f.TO_LOCODE,
        f.SCHEDULED_DEPARTURE_AT, f.SCHEDULED_ARRIVAL_AT, f.DISTANCE_NM, f.DELAY_CAUSE, f.UNDERWAY_H, f.ANCHORED_H,
        f.BERTH_H, *f.FUEL_T, *_PROVENANCE, f.EXTRA,
    ),
    key=(f.EVENT_ID,),
    clustered_by=(f.OBSERVED_ON, f.MMSI),
    known=(f.EVENT_TYPE, f.OBSERVED_AT, f.OBSERVED_ON, *_ORIGIN),
    only_grows=True,
)  # fmt: skip

SILVER_VOYAGES = Table(
    name="silver.voyages",
    grain="voyage",
    fields=(
        f.VOYAGE_ID, f.MMSI, f.IMO_NUMBER, f.ROUTE_ID, f.FROM_LOCODE, f.TO_LOCODE, f.SCHEDULED_DEPARTURE_AT,
        f.SCHEDULED_ARRIVAL_AT, f.DEPARTED_AT, f.DEPARTED_ON, f.ARRIVED_AT, f.STATUS, f.DISTANCE_NM, f.DELAY_CAUSE,
        f.SOURCE,
    ),
    key=(f.VOYAGE_ID,),
    clustered_by=(f.DEPARTED_ON, f.ROUTE_ID),
    known=(f.STATUS, f.SOURCE),
    rules=(
        _SAILED,
        RowRule("at_most", f.SCHEDULED_DEPARTURE_AT, f.SCHEDULED_ARRIVAL_AT, "warn"),
        RowRule("needs", f.DEPARTED_AT, f.DEPARTED_ON),
    ),
)  # fmt: skip

SILVER_EMISSIONS = Table(
    name="silver.emissions",
    grain="vessel and day with a fuel report",
    fields=(
        f.MMSI, f.IMO_NUMBER, f.REPORTED_ON, f.DISTANCE_NM, f.UNDERWAY_H, f.ANCHORED_H, f.BERTH_H, *f.FUEL_T,
        f.METHOD, f.QUALITY, f.SOURCE,
    ),
    key=(f.MMSI, f.REPORTED_ON),
    clustered_by=(f.REPORTED_ON, f.MMSI),
    known=(f.METHOD, f.QUALITY, f.SOURCE),
)  # fmt: skip

SILVER_QUARANTINE = Table(
    name="silver.quarantine",
    grain="refused record, raw, with the rule it broke",
    fields=(
        f.STREAM, f.RULE, f.SCHEMA_VERSION, f.MMSI, *_KAFKA, f.KAFKA_KEY, f.VALUE, f.HEADERS, f.BATCH_ID,
    ),
    key=(f.KAFKA_TOPIC, f.KAFKA_PARTITION, f.KAFKA_OFFSET),
    clustered_by=(f.STREAM, f.RULE),
    known=(f.STREAM, f.RULE, f.BATCH_ID),
    only_grows=True,
)  # fmt: skip

SILVER_LATE = Table(
    name="silver.late",
    grain="record behind the watermark, raw",
    fields=(
        f.STREAM, f.MMSI, f.SOURCE, f.OBSERVED_AT, f.EVENT_ID, *_KAFKA, f.KAFKA_KEY, f.VALUE, f.HEADERS, f.BATCH_ID,
    ),
    key=(f.KAFKA_TOPIC, f.KAFKA_PARTITION, f.KAFKA_OFFSET),
    clustered_by=(f.STREAM, f.MMSI),
    known=(f.STREAM, f.SOURCE, f.OBSERVED_AT, f.EVENT_ID, f.BATCH_ID),
    only_grows=True,
)  # fmt: skip

SILVER_VERDICTS = Table(
    name="silver.verdicts",
    grain="quarantined record and replay that judged it otherwise than before; the first verdict stays in "
    "`silver.quarantine`",
    fields=(
        f.STREAM, f.FIRST_RULE, f.VERDICT, f.RULE, f.SCHEMA_VERSION, f.MMSI, f.EVENT_ID, *_KAFKA, f.REPLAY_ID,
        f.BATCH_ID, f.CODE_VERSION, f.JUDGED_AT,
    ),
    key=(f.KAFKA_TOPIC, f.KAFKA_PARTITION, f.KAFKA_OFFSET, f.PUBLISHED_AT, f.REPLAY_ID),
    clustered_by=(f.STREAM, f.FIRST_RULE),
)  # fmt: skip

GOLD_VESSEL_LATEST = Table(
    name="gold.vessel_latest",
    grain="vessel segment: its last position; two ships that share an MMSI have a row each",
    fields=(
        f.SEGMENT_ID, f.MMSI, f.OBSERVED_AT, f.LAT_DEG, f.LON_DEG, f.SOG_KN, f.COG_DEG, f.HEADING_DEG, f.NAV_STATUS,
        f.SOURCE,
    ),
    key=(f.SEGMENT_ID,),
    clustered_by=(f.MMSI,),
    keep_hours=24,  # each batch of the stream rewrites it
    known=(f.MMSI, f.OBSERVED_AT, f.LAT_DEG, f.LON_DEG, f.SOURCE),
)  # fmt: skip

GOLD_VESSEL_DAY = Table(
    name="gold.vessel_day",
    grain="vessel segment and UTC day",
    fields=(
        f.SEGMENT_ID, f.MMSI, f.OBSERVED_ON, f.POSITION_COUNT, f.SOG_COUNT, f.AVG_SPEED_KN, f.DISTANCE_NM, f.JUMP_COUNT,
        f.FIRST_AT, f.FIRST_LAT_DEG, f.FIRST_LON_DEG, f.LAST_AT, f.LAST_LAT_DEG, f.LAST_LON_DEG, f.SOURCE,
    ),
    key=(f.SEGMENT_ID, f.OBSERVED_ON),
    partitioned_by=(f.OBSERVED_ON,),
    keep_hours=24,  # as gold.vessel_latest
    known=(
        f.MMSI, f.POSITION_COUNT, f.SOG_COUNT, f.JUMP_COUNT, f.FIRST_AT, f.FIRST_LAT_DEG, f.FIRST_LON_DEG, f.LAST_AT,
        f.LAST_LAT_DEG, f.LAST_LON_DEG, f.SOURCE,
    ),
    rules=(
        RowRule("at_most", f.SOG_COUNT, f.POSITION_COUNT),
        RowRule("at_most", f.JUMP_COUNT, f.POSITION_COUNT),
        RowRule("at_most", f.FIRST_AT, f.LAST_AT),
    ),
)  # fmt: skip

GOLD_VESSEL_TRACKS = Table(
    name="gold.vessel_tracks",
    grain="vessel segment, with the track that it belongs to: segments of one and the same ship share one",
    fields=(
        f.SEGMENT_ID, f.MMSI, f.TRACK_ID, f.BEGAN_AT, f.BEGAN_LAT_DEG, f.BEGAN_LON_DEG, f.HEARD_AT, f.HEARD_LAT_DEG,
        f.HEARD_LON_DEG, f.POSITION_COUNT, f.POSITIONS_BEFORE, f.IS_NOISE, f.IDENTITY_ID, f.IMO_NUMBER, f.SOURCE,
    ),
    key=(f.SEGMENT_ID,),
    clustered_by=(f.MMSI,),
    known=(f.MMSI, f.TRACK_ID, f.BEGAN_AT, f.HEARD_AT, f.POSITION_COUNT, f.IS_NOISE, f.SOURCE),
    rules=(RowRule("at_most", f.BEGAN_AT, f.HEARD_AT),),
)  # fmt: skip

GOLD_PORT_CALLS = Table(
    name="gold.port_calls",
    grain="visit of a vessel to a port, found from positions",
    fields=(
        f.PORT_CALL_ID, f.TRACK_ID, f.MMSI, f.WPI_NUMBER, f.LOCODE, f.PORT_NAME, f.ARRIVED_AT, f.DEPARTED_AT,
        f.LEFT_BY_AT, f.STOPPED_AT, f.MOVED_AT, f.STOPPED_HOURS, f.POSITION_COUNT, f.HAS_ENTRY, f.HAS_GAP, f.IS_OPEN,
        f.IS_AT_ANCHOR, f.CONFIDENCE, f.SOURCE,
    ),
    key=(f.PORT_CALL_ID,),
    clustered_by=(f.ARRIVED_AT, f.MMSI),
    known=(f.TRACK_ID, f.MMSI, f.WPI_NUMBER, f.ARRIVED_AT, f.CONFIDENCE, f.SOURCE),
    rules=(
        RowRule("at_most", f.ARRIVED_AT, f.DEPARTED_AT),
        RowRule("at_most", f.DEPARTED_AT, f.LEFT_BY_AT),
        RowRule("needs", f.DEPARTED_AT, f.LEFT_BY_AT),
    ),
)  # fmt: skip

GOLD_SAILINGS = Table(
    name="gold.sailings",
    grain="voyage as sailed: from the end of one port call to the start of the next, found from positions",
    fields=(
        f.SAILING_ID, f.TRACK_ID, f.MMSI, f.FROM_WPI_NUMBER, f.FROM_LOCODE, f.TO_WPI_NUMBER, f.TO_LOCODE, f.ROUTE_ID,
        f.DEPARTED_ON, f.DEPARTED_AT, f.ARRIVED_AT, f.DURATION_HOURS, f.DISTANCE_NM, f.BERTH_TO_BERTH_NM,
        f.OBSERVED_SHARE, f.INTERPOLATED_SHARE, *_PHASES, f.POSITION_COUNT, f.IS_OPEN, f.SOURCE,
    ),
    key=(f.SAILING_ID,),
    clustered_by=(f.DEPARTED_ON, f.MMSI),
    known=(f.TRACK_ID, f.MMSI, f.FROM_WPI_NUMBER, f.DEPARTED_ON, f.DEPARTED_AT, f.IS_OPEN, f.SOURCE),
    rules=(
        RowRule("at_most", f.DEPARTED_AT, f.ARRIVED_AT),
        RowRule("needs", f.ARRIVED_AT, f.TO_WPI_NUMBER),
        RowRule("needs", f.DURATION_HOURS, f.ARRIVED_AT),
    ),
)  # fmt: skip

GOLD_GAPS = Table(
    name="gold.gaps",
    grain="time of 12 hours or more without a position of a vessel; what was not heard, and no evidence of more",
    fields=(
        f.GAP_ID, f.TRACK_ID, f.MMSI, f.STARTED_AT, f.ENDED_AT, f.DURATION_HOURS, f.START_LAT_DEG, f.START_LON_DEG,
        f.END_LAT_DEG, f.END_LON_DEG, f.DISTANCE_NM, f.IMPLIED_SPEED_KN, f.POSITIONS_BEFORE, f.IS_OPEN, f.SOURCE,
    ),
    key=(f.GAP_ID,),
    clustered_by=(f.STARTED_AT, f.MMSI),
    known=(f.TRACK_ID, f.MMSI, f.STARTED_AT, f.DURATION_HOURS, f.POSITIONS_BEFORE, f.IS_OPEN, f.SOURCE),
    rules=(RowRule("at_most", f.STARTED_AT, f.ENDED_AT), RowRule("needs", f.IMPLIED_SPEED_KN, f.ENDED_AT)),
)  # fmt: skip

GOLD_ENCOUNTERS = Table(
    name="gold.encounters",
    grain="time that two vessels were side by side for two hours or more, slow and away from ports",
    fields=(
        f.ENCOUNTER_ID, f.TRACK_ID_1, f.MMSI_1, f.TRACK_ID_2, f.MMSI_2, f.STARTED_AT, f.ENDED_AT, f.DURATION_HOURS,
        f.MEDIAN_SPEED_KN, f.MEDIAN_DISTANCE_KM, f.LAT_DEG, f.LON_DEG, f.SOURCE,
    ),
    key=(f.ENCOUNTER_ID,),
    clustered_by=(f.STARTED_AT,),
    known=(f.TRACK_ID_1, f.MMSI_1, f.TRACK_ID_2, f.MMSI_2, f.STARTED_AT, f.ENDED_AT, f.SOURCE),
    rules=(RowRule("at_most", f.STARTED_AT, f.ENDED_AT),),
)  # fmt: skip

GOLD_LOITERING = Table(
    name="gold.loitering",
    grain="time of four hours or more that a vessel was slow far from any port",
    fields=(
        f.LOITERING_ID, f.TRACK_ID, f.MMSI, f.STARTED_AT, f.ENDED_AT, f.DURATION_HOURS, f.AVG_SPEED_KN,
        f.NEAREST_PORT_NM, f.LAT_DEG, f.LON_DEG, f.POSITION_COUNT, f.SOURCE,
    ),
    key=(f.LOITERING_ID,),
    clustered_by=(f.STARTED_AT, f.MMSI),
    known=(f.TRACK_ID, f.MMSI, f.STARTED_AT, f.ENDED_AT, f.SOURCE),
    rules=(RowRule("at_most", f.STARTED_AT, f.ENDED_AT),),
)  # fmt: skip

GOLD_TRACK_FUEL = Table(
    name="gold.track_fuel",
    grain="vessel track and UTC day: fuel modelled from positions, whether any was reported or not",
    fields=(
        f.TRACK_ID, f.MMSI, f.IMO_NUMBER, f.REPORTED_ON, f.DISTANCE_NM, f.UNDERWAY_H, f.ANCHORED_H, f.BERTH_H,
        *f.FUEL_T, f.METHOD, f.QUALITY, f.SOURCE,
    ),
    key=(f.TRACK_ID, f.REPORTED_ON),
    clustered_by=(f.REPORTED_ON, f.MMSI),
    known=(f.MMSI, f.METHOD, f.QUALITY, f.SOURCE),
)  # fmt: skip

GOLD_IDENTITY_REVISIONS = Table(
    name="gold.identity_revisions",
    grain="track that turned out to be another ship than was told before; all that rests on it was stated anew",
    fields=(
        f.TRACK_ID, f.MMSI, f.TOLD_AT, f.WAS_IDENTITY_ID, f.WAS_IMO_NUMBER, f.IDENTITY_ID, f.IMO_NUMBER,
    ),
    key=(f.TRACK_ID, f.TOLD_AT),
    clustered_by=(f.MMSI,),
    known=(f.MMSI, f.WAS_IDENTITY_ID),
)  # fmt: skip

GOLD_VOYAGE_ANALYTICS = Table(
    name="gold.voyage_analytics",
    grain="voyage",
    fields=(
        f.VOYAGE_ID, f.MMSI, f.IMO_NUMBER, f.ROUTE_ID, f.FROM_LOCODE, f.TO_LOCODE, f.DEPARTED_ON, f.DEPARTED_AT,
        f.ARRIVED_AT, f.SCHEDULED_ARRIVAL_AT, f.STATUS, f.DURATION_HOURS, f.IS_DELAYED, f.DELAY_HOURS, f.DISTANCE_NM,
        f.MEAN_SPEED_KN, f.ROUTE_VOYAGES_7D, f.ROUTE_DELAYED_SHARE_7D, f.DELAY_CAUSE, f.SOURCE,
        f.SCHEDULE_STATUS, f.BASIS, f.SAILING_ID, f.SAILED_DEPARTED_AT, f.SAILED_ARRIVED_AT, f.SAILED_DISTANCE_NM,
        f.OBSERVED_SHARE, f.INTERPOLATED_SHARE, *_PHASES,
    ),
    key=(f.VOYAGE_ID,),
    clustered_by=(f.DEPARTED_ON, f.ROUTE_ID),
    known=(f.DEPARTED_ON, f.STATUS, f.SOURCE),
    rules=(
        _SAILED,
        RowRule("needs", f.DURATION_HOURS, f.ARRIVED_AT),
        RowRule("needs", f.IS_DELAYED, f.DELAY_HOURS),
        RowRule("needs", f.MEAN_SPEED_KN, f.DURATION_HOURS),
        RowRule("needs", f.SAILED_DEPARTED_AT, f.SAILING_ID),
    ),
)  # fmt: skip

GOLD_ROUTE_PERFORMANCE = Table(
    name="gold.route_performance",
    grain="route and period asked for",
    fields=(
        f.ROUTE_ID, f.START_ON, f.END_ON, f.VOYAGES, f.ARRIVED_VOYAGES, f.DELAYED_VOYAGES, f.DELAYED_SHARE,
        f.MEAN_DURATION_HOURS, f.MEAN_DELAY_HOURS, f.MEAN_SPEED_KN, f.DISTANCE_NM, f.SOURCE,
    ),
    key=(f.ROUTE_ID, f.START_ON, f.END_ON),
    known=(f.VOYAGES, f.ARRIVED_VOYAGES, f.DELAYED_VOYAGES, f.SOURCE),
    rules=(
        RowRule("at_most", f.START_ON, f.END_ON),
        RowRule("at_most", f.ARRIVED_VOYAGES, f.VOYAGES),
        RowRule("at_most", f.DELAYED_VOYAGES, f.ARRIVED_VOYAGES),
    ),
)  # fmt: skip

GOLD_EMISSION_COMPLIANCE = Table(
    name="gold.emission_compliance",
    grain="vessel and day with a fuel report",
    fields=(
        f.MMSI, f.IMO_NUMBER, f.REPORTED_ON, f.CII_SHIP_TYPE, f.CAPACITY, f.CAPACITY_UNIT, f.DISTANCE_NM,
        f.TOTAL_FUEL_T, f.CO2_T, f.CO2_7D_T, f.CO2_30D_T, f.CII_7D, f.CII_30D, f.CO2_YTD_T, f.DISTANCE_YTD_NM,
        f.CII_ATTAINED_YTD, f.CII_REQUIRED, f.CII_RATING_YTD, f.CII_REQUIRED_2030, f.CII_RATING_2030,
        f.IS_OVER_LIMIT, f.IS_OVER_LIMIT_2030, f.SCOPE_NOTE, f.METHOD, f.QUALITY, f.REGULATION_VERSION, f.SOURCE,
    ),
    key=(f.MMSI, f.REPORTED_ON),
    clustered_by=(f.REPORTED_ON, f.MMSI),
    known=(f.METHOD, f.QUALITY, f.REGULATION_VERSION, f.SOURCE),
    rules=(
        RowRule("at_most", f.CO2_T, f.CO2_7D_T),
        RowRule("at_most", f.CO2_7D_T, f.CO2_30D_T),
        RowRule("at_most", f.CO2_T, f.CO2_YTD_T),
        RowRule("at_most", f.DISTANCE_NM, f.DISTANCE_YTD_NM),
        RowRule("needs", f.CII_RATING_YTD, f.CII_SHIP_TYPE),  # a rating only with what the register knows
        RowRule("needs", f.CII_RATING_YTD, f.CAPACITY),
        RowRule("needs", f.CII_RATING_YTD, f.CII_REQUIRED),
        RowRule("excludes", f.SCOPE_NOTE, f.CII_RATING_YTD),
        RowRule("instead", f.SCOPE_NOTE, f.CII_RATING_YTD),
    ),
)  # fmt: skip

_EU_YEAR = (
    f.MMSI, f.IMO_NUMBER, f.YEAR, f.GROSS_TONNAGE, f.FUEL_DAYS, f.SCOPE_UNKNOWN_DAYS, f.FUEL_OF_YEAR_T,
    f.FUEL_IN_SCOPE_T, f.FUEL_SCOPE_UNKNOWN_T,
)  # fmt: skip
_EU_BASIS = (f.EU_SCOPE_NOTE, f.METHODS, f.QUALITIES, f.REGULATION_VERSION, f.SOURCE)
_EU_KNOWN = (f.FUEL_DAYS, f.SCOPE_UNKNOWN_DAYS, f.METHODS, f.QUALITIES, f.REGULATION_VERSION, f.SOURCE)

GOLD_EU_ETS_YEAR = Table(
    name="gold.eu_ets_year",
    grain="vessel and calendar year with a fuel report: an estimate of what it owes in the EU's emissions trading",
    fields=(
        *_EU_YEAR, f.ETS_GASES, f.ETS_EMISSIONS_T, f.ETS_SURRENDER_PCT, f.ETS_SURRENDER_T, f.ETS_DUE_ON, *_EU_BASIS,
    ),
    key=(f.MMSI, f.YEAR),
    clustered_by=(f.YEAR,),
    known=_EU_KNOWN,
    rules=(
        RowRule("at_most", f.ETS_SURRENDER_T, f.ETS_EMISSIONS_T),
        RowRule("excludes", f.EU_SCOPE_NOTE, f.ETS_SURRENDER_T),
        RowRule("instead", f.EU_SCOPE_NOTE, f.ETS_SURRENDER_T),
    ),
)  # fmt: skip

GOLD_FUELEU_YEAR = Table(
    name="gold.fueleu_year",
    grain="vessel and calendar year with a fuel report: an estimate of its FuelEU balance",
    fields=(
        *_EU_YEAR, *f.ENERGY_MJ, f.ENERGY_IN_SCOPE_MJ, f.GHG_INTENSITY_G_PER_MJ, f.FUELEU_LIMIT_G_PER_MJ,
        f.COMPLIANCE_BALANCE_T, f.PENALTY_EUR, *_EU_BASIS,
    ),
    key=(f.MMSI, f.YEAR),
    clustered_by=(f.YEAR,),
    known=_EU_KNOWN,
    rules=(
        RowRule("needs", f.PENALTY_EUR, f.COMPLIANCE_BALANCE_T),
        RowRule("excludes", f.EU_SCOPE_NOTE, f.PENALTY_EUR),
        RowRule("instead", f.EU_SCOPE_NOTE, f.PENALTY_EUR),
    ),
)  # fmt: skip

GOLD_EMISSION_YEAR = Table(
    name="gold.emission_year",
    grain="vessel and calendar year with a fuel report",
    fields=(
        f.VESSEL_ID, f.YEAR, f.MMSI, f.IMO_NUMBER, f.CII_SHIP_TYPE, f.DWT_T, f.GROSS_TONNAGE, f.CAPACITY,
        f.CAPACITY_UNIT, f.CII_METRIC, *f.FUEL_YEAR_T, f.TOTAL_FUEL_YEAR_T, f.CO2_YEAR_T, f.DISTANCE_YEAR_NM,
        f.UNDERWAY_YEAR_H, f.ANCHORED_YEAR_H, f.BERTH_YEAR_H, f.FIRST_ON, f.LAST_ON, f.DAYS_REPORTED, f.DAYS_IN_YEAR,
        f.IS_YEAR_OVER, f.REPORTED_SHARE, f.MODELLED_CO2_SHARE, f.QUALITIES, f.CII_ATTAINED, f.CII_REQUIRED,
        *f.CII_BOUNDARIES, f.CII_RATING, f.D_YEARS_RUNNING, f.CONSEQUENCE, f.FIRST_YEAR_D_OR_E,
        f.CUT_FOR_C_IN_2030_PCT, f.CII_LOW_90, f.CII_HIGH_90, *f.RATING_PROBABILITIES, f.IS_NEAR_BOUNDARY, f.CII_30D,
        f.DAYS_REMAINING, f.CII_PROJECTED, f.CII_RATING_PROJECTED, f.CII_REST_LIMIT, f.WARNING, f.SCOPE_NOTE,
        f.REGULATION_VERSION, f.SOURCE,
    ),
    key=(f.VESSEL_ID, f.YEAR),
    clustered_by=(f.YEAR, f.VESSEL_ID),
    known=(
        f.MMSI, f.FIRST_ON, f.LAST_ON, f.DAYS_REPORTED, f.DAYS_IN_YEAR, f.IS_YEAR_OVER, f.REPORTED_SHARE,
        f.REGULATION_VERSION, f.SOURCE,
    ),
    rules=(
        RowRule("at_most", f.FIRST_ON, f.LAST_ON),
        RowRule("at_most", f.CII_LOW_90, f.CII_ATTAINED),
        RowRule("at_most", f.CII_ATTAINED, f.CII_HIGH_90),
        RowRule("needs", f.CII_RATING, f.CII_SHIP_TYPE),
        RowRule("needs", f.CII_RATING, f.CAPACITY),
        RowRule("needs", f.CII_RATING, f.CII_UPPER),
        RowRule("needs", f.CII_RATING, f.CONSEQUENCE),
        RowRule("excludes", f.SCOPE_NOTE, f.CII_RATING),
        RowRule("instead", f.SCOPE_NOTE, f.CII_RATING),
    ),
)  # fmt: skip

GOLD_VOYAGE_EMISSIONS = Table(
    name="gold.voyage_emissions",
    grain="arrived voyage with a fuel day wholly in it, held to the limits of the year in which it departed",
    fields=(
        f.VOYAGE_ID, f.MMSI, f.IMO_NUMBER, f.ROUTE_ID, f.DEPARTED_ON, f.ARRIVED_AT, f.DURATION_HOURS, f.CII_SHIP_TYPE,
        f.CAPACITY, f.CAPACITY_UNIT, f.DAYS_INSIDE, f.KNOWN_SHARE, f.CO2_INSIDE_T, f.DISTANCE_INSIDE_NM,
        f.VOYAGE_MODELLED_SHARE, f.VOYAGE_CII, f.CII_REQUIRED, f.CII_RATING, f.CII_LOW_90, f.CII_HIGH_90,
        *f.RATING_PROBABILITIES, f.IS_NEAR_BOUNDARY, f.SCOPE_NOTE, f.REGULATION_VERSION, f.SOURCE,
    ),
    key=(f.VOYAGE_ID,),
    clustered_by=(f.DEPARTED_ON, f.MMSI),
    known=(
        f.MMSI, f.DEPARTED_ON, f.ARRIVED_AT, f.DURATION_HOURS, f.DAYS_INSIDE, f.KNOWN_SHARE, f.REGULATION_VERSION,
        f.SOURCE,
    ),
    rules=(
        RowRule("at_most", f.CII_LOW_90, f.VOYAGE_CII),
        RowRule("at_most", f.VOYAGE_CII, f.CII_HIGH_90),
        RowRule("needs", f.CII_RATING, f.CII_REQUIRED),
        RowRule("excludes", f.SCOPE_NOTE, f.CII_RATING),
        RowRule("instead", f.SCOPE_NOTE, f.CII_RATING),
    ),
)  # fmt: skip

GOLD_EMISSION_OUTLOOK = Table(
    name="gold.emission_outlook",
    grain="rated vessel, calendar year and target year to 2030: the year's CII against the limits of each",
    fields=(
        f.VESSEL_ID, f.YEAR, f.TARGET_YEAR, f.MMSI, f.IMO_NUMBER, f.CII_ATTAINED, f.CII_REQUIRED, *f.CII_BOUNDARIES,
        f.CII_RATING, f.CUT_FOR_C_PCT, f.REGULATION_VERSION, f.SOURCE,
    ),
    key=(f.VESSEL_ID, f.YEAR, f.TARGET_YEAR),
    clustered_by=(f.YEAR, f.VESSEL_ID),
    known=(
        f.MMSI, f.CII_ATTAINED, f.CII_REQUIRED, *f.CII_BOUNDARIES, f.CII_RATING, f.CUT_FOR_C_PCT,
        f.REGULATION_VERSION, f.SOURCE,
    ),
    rules=(RowRule("at_most", f.YEAR, f.TARGET_YEAR),),
)  # fmt: skip

GOLD_VESSEL_FEATURES = Table(
    name="gold.vessel_features",
    grain="vessel and UTC day with engine readings; known at the end of that day",
    fields=(
        f.MMSI, f.OBSERVED_ON, f.ENGINE_READINGS, f.RUNNING_TIME_H, f.MEAN_ENGINE_LOAD_PCT, f.MEAN_FUEL_G_PER_KWH,
        f.MEAN_EXHAUST_TEMPERATURE_C, f.MEAN_COOLANT_TEMPERATURE_C, f.MEAN_LUBE_OIL_PRESSURE_BAR,
        f.MEAN_VIBRATION_MM_PER_S, f.MAX_EXHAUST_TEMPERATURE_C, f.MIN_LUBE_OIL_PRESSURE_BAR, f.MAX_VIBRATION_MM_PER_S,
        f.ENGINE_LOAD_CHANGE_PCT, f.FUEL_CHANGE_G_PER_KWH, f.EXHAUST_TEMPERATURE_CHANGE_C,
        f.COOLANT_TEMPERATURE_CHANGE_C, f.LUBE_OIL_PRESSURE_CHANGE_BAR, f.VIBRATION_CHANGE_MM_PER_S, f.UNDERWAY_H,
        f.UNDERWAY_7D_H, f.SINCE_PORT_H, f.VOYAGES_30D, f.SOURCE,
    ),
    key=(f.MMSI, f.OBSERVED_ON),
    clustered_by=(f.OBSERVED_ON, f.MMSI),
    known=(f.ENGINE_READINGS, f.SOURCE),
)  # fmt: skip

GOLD_MAINTENANCE_PREDICTIONS = Table(
    name="gold.maintenance_predictions",
    grain="vessel and UTC day that was scored",
    fields=(
        f.MMSI, f.OBSERVED_ON, f.FAILURE_PROBABILITY, f.NEEDS_MAINTENANCE, f.MODEL_VERSION, f.FEATURES_VERSION,
        f.SOURCE,
    ),
    key=(f.MMSI, f.OBSERVED_ON),
    clustered_by=(f.OBSERVED_ON, f.MMSI),
    known=(f.FAILURE_PROBABILITY, f.NEEDS_MAINTENANCE, f.MODEL_VERSION, f.SOURCE),
)  # fmt: skip

OPS_LEDGER = Table(
    name="ops.ledger",
    grain="stream and batch: `rows_read = rows_accepted + rows_quarantined + rows_duplicate + rows_late`",
    fields=(
        f.STREAM, f.BATCH_ID, f.APP_ID, f.RANGES, f.SOURCE_END, f.ROWS_READ, f.ROWS_ACCEPTED, f.ROWS_QUARANTINED,
        f.ROWS_DUPLICATE, f.ROWS_LATE, f.VERSIONS, f.WATERMARKS, f.STARTED_AT, f.FINISHED_AT,
    ),
    key=(f.STREAM, f.BATCH_ID, f.APP_ID),
)  # fmt: skip

OPS_ORIGINS = Table(
    name="ops.origins",
    grain="stream and start: where Bronze takes up its topic, and after a recovery also where Silver or Gold goes on",
    fields=(f.STREAM, f.STARTED_AT, f.KAFKA_TOPIC, f.TOPIC_ID, f.REASON, f.STARTS, f.GAPS),
    key=(f.STREAM, f.STARTED_AT),
)

OPS_DELIVERIES = Table(
    name="ops.deliveries",
    grain="run of a producer and topic that it published to; a run that was killed leaves none",
    fields=(f.RUN_ID, f.KAFKA_TOPIC, f.TOPIC_ID, f.ROWS_DELIVERED, f.STARTED_AT, f.FINISHED_AT),
    key=(f.RUN_ID, f.KAFKA_TOPIC),
)

OPS_RUNS = Table(
    name="ops.runs",
    grain="run of a batch job, of training or of scoring",
    fields=(
        f.RUN_ID, f.JOB, f.ARGUMENTS, f.STARTED_AT, f.FINISHED_AT, f.ROWS_READ, f.ROWS_ACCEPTED, f.VERSIONS, f.OUTCOME,
    ),
    key=(f.RUN_ID,),
)  # fmt: skip

OPS_QUALITY = Table(
    name="ops.quality",
    grain="check, table and expectation",
    fields=(
        f.RUN_ID, f.CHECKED_AT, f.TABLE_NAME, f.TABLE_VERSION, f.EXPECTATION, f.ACTION, f.IS_MET, f.ROWS_CHECKED,
        f.ROWS_FAILED, f.EXAMPLES,
    ),
    key=(f.RUN_ID, f.TABLE_NAME, f.EXPECTATION),
)  # fmt: skip

OPS_LINEAGE = Table(
    name="ops.lineage",
    grain="OpenLineage event: a stream's batch or a job's run begins or ends",
    fields=(f.RUN_ID, f.JOB, f.RUN_STATE, f.HAPPENED_AT, f.LINEAGE_EVENT),
    key=(f.RUN_ID, f.RUN_STATE, f.HAPPENED_AT),
)

OPS_REPLAYS = Table(
    name="ops.replays",
    grain="replay of a stream's quarantine, entered before it writes anything, so that a broken one is finished first",
    fields=(
        f.STREAM, f.BATCH_ID, f.REPLAY_ID, f.RULE, f.QUARANTINE_VERSION, f.VERDICTS_VERSION, f.CODE_VERSION,
        f.STARTED_AT,
    ),
    key=(f.STREAM, f.BATCH_ID, f.REPLAY_ID),
)  # fmt: skip

OPS_DEAD_LETTERS = Table(
    name="ops.dead_letters",
    grain="dead letter and replay that read it otherwise than before; the letter itself stays in its topic",
    fields=(
        f.KAFKA_TOPIC, f.KAFKA_PARTITION, f.KAFKA_OFFSET, f.PUBLISHED_AT, f.FIRST_RULE, f.RULE, f.EVENTS_PUBLISHED,
        f.REPLAY_ID, f.CODE_VERSION, f.JUDGED_AT,
    ),
    key=(f.KAFKA_TOPIC, f.KAFKA_PARTITION, f.KAFKA_OFFSET, f.PUBLISHED_AT, f.REPLAY_ID),
)  # fmt: skip

OPS_CONTRACTS = Table(
    name="ops.contracts",
    grain="contract and state that it has had: which table or event had which shape from when on",
    fields=(
        f.CONTRACT, f.CONTRACT_VERSION, f.FINGERPRINT, f.DEFINITION, f.CHANGES, f.CODE_VERSION, f.APPLIED_AT,
    ),
    key=(f.CONTRACT, f.CONTRACT_VERSION),
)  # fmt: skip

OPS_ERASURES = Table(
    name="ops.erasures",
    grain="erasure, table and kind of row; in force once the table's log holds the erasure",
    fields=(
        f.ERASURE_ID, f.TABLE_NAME, f.STREAM, f.EVENT_TYPE, f.VERDICT, f.ROWS_ERASED, f.RANGES, f.ERASED_AT,
    ),
    key=(f.ERASURE_ID, f.TABLE_NAME),
)  # fmt: skip

TABLES = tuple(value for value in list(globals().values()) if isinstance(value, Table))
BY_NAME = {table.name: table for table in TABLES}
