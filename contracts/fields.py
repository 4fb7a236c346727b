"""Every column of the platform, declared once: one name, one quantity, one unit.

``low`` and ``high`` bound a lawful value, ``allowed`` lists the lawful texts; ``severity`` says what it means when a
table holds another. ``sentinel`` is the value by which AIS says "not available" (ITU-R M.1371): lawful on the wire,
null with a flag in Silver. ``aliases`` are former names: events may still use them, and tables keep a column of each,
so that nobody who writes or reads the old name is cut off. ``of_before`` is, in SQL, the value in rows that a table
held before it had the column; without it that is null.

Names end in their unit: ``_deg _kn _nm _m _t _c _h _pct``; an instant (UTC) ends in ``_at``, a day in ``_on``, a
yes-or-no begins with ``is_``. The mission's own names (``duration_hours``, ``delay_hours``) are kept as they were
given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from contracts.ais import MMSI_CLASSES
from contracts.regulation import RATINGS

Severity = Literal["warn", "stop"]
"""What a broken rule of a table means: it is told, or it also stops what would publish the table."""
Type = Literal[
    "boolean", "int", "long", "double", "string", "binary", "timestamp", "date",
    "strings", "headers", "ranges", "versions", "watermarks",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Field:
    """A column: its type, meaning, unit, lawful range or values, and sentinel. Knows no engine."""

    name: str
    type: Type
    doc: str
    unit: str | None = None
    low: float | None = None
    high: float | None = None
    sentinel: float | None = None
    allowed: tuple[str, ...] = ()
    severity: Severity = "stop"
    aliases: tuple[str, ...] = ()
    of_before: str | None = None

    @property
    def wire_low(self) -> float | None:
        """Least value that an event may carry: the lawful bound, or the sentinel below it."""
        return self.low if self.low is None or self.sentinel is None else min(self.low, self.sentinel)

    @property
    def wire_high(self) -> float | None:
        """Greatest value that an event may carry: the lawful bound, or the sentinel above it."""
        return self.high if self.high is None or self.sentinel is None else max(self.high, self.sentinel)


# Identity of a record and where it came from
EVENT_ID = Field("event_id", "string", "Deterministic id of the event: the same report re-sent has the same id.")
EVENT_TYPE = Field("event_type", "string", "Which event of its topic this is.")
SCHEMA_VERSION = Field("schema_version", "int", "Version of the event's contract.", low=1)
SOURCE = Field("source", "string", "Feed that the record came from; `twin` means generated, not observed.")
STATION = Field("station", "string", "Receiver or buoy that heard it, where the feed says so.")
OBSERVED_AT = Field("observed_at", "timestamp", "When it was observed, by the feed's own clock (UTC).")
OBSERVED_ON = Field("observed_on", "date", "UTC day of `observed_at`.")
MMSI = Field("mmsi", "long", "Maritime Mobile Service Identity; leading zeros are not kept.", None, 0, 999_999_999)
IMO_NUMBER = Field("imo_number", "long", "IMO ship number as sent, 30 bits in AIS.", None, 0, 1_073_741_823, 0)

# AIS position (ITU-R M.1371, messages 1-3, 9, 18, 19, 27)
LAT_DEG = Field("lat_deg", "double", "Latitude, WGS84.", "deg", -90, 90, 91)
LON_DEG = Field("lon_deg", "double", "Longitude, WGS84, east positive.", "deg", -180, 180, 181)
SOG_KN = Field("sog_kn", "double", "Speed over ground.", "kn", 0, 102.2, 102.3)
COG_DEG = Field("cog_deg", "double", "Course over ground from true north.", "deg", 0, 359.99, 360)
HEADING_DEG = Field("heading_deg", "double", "True heading.", "deg", 0, 359.99, 511)
NAV_STATUS = Field("nav_status", "int", "AIS navigational status code; 15 means undefined.", None, 0, 15, 15)
MESSAGE_TYPE = Field("message_type", "int", "AIS message type, where the feed tells it.", None, 1, 28)
AIS_CLASS = Field("ais_class", "string", "Transceiver class, A or B.", allowed=("A", "B"))
MMSI_CLASS = Field(
    "mmsi_class",
    "string",
    "Kind of station by its MMSI: ship, coast, sar_aircraft, aton, ...",
    allowed=tuple(name for name, _, _ in MMSI_CLASSES),
)
FLAGS = Field("flags", "strings", "Columns that were set to null because AIS said `not available`.")

# Segments: who of those that share an MMSI a position is of
SEGMENT_ID = Field(
    "segment_id",
    "string",
    "Track that a position is of: the MMSI and the instant of the track's first position; 1970 "
    "for all positions from before tracks were told apart.",
    of_before="concat(mmsi, '-1970-01-01T00:00:00.000000Z')",
)
BEGAN_AT = Field("began_at", "timestamp", "First position of the segment.")
HEAD_AT = Field("head_at", "timestamp", "Last position of the segment that is believed.")
HEAD_LAT_DEG = Field("head_lat_deg", "double", "Its latitude.", "deg", -90, 90)
HEAD_LON_DEG = Field("head_lon_deg", "double", "Its longitude.", "deg", -180, 180)
HEAD_SOG_KN = Field("head_sog_kn", "double", "Its speed over ground.", "kn", 0, 102.2)
HEAD_COG_DEG = Field("head_cog_deg", "double", "Its course over ground.", "deg", 0, 359.99)
AHEAD_AT = Field(
    "ahead_at", "timestamp", "Position after a silence of more than an hour that no other confirms yet; else null."
)
AHEAD_LAT_DEG = Field("ahead_lat_deg", "double", "Its latitude.", "deg", -90, 90)
AHEAD_LON_DEG = Field("ahead_lon_deg", "double", "Its longitude.", "deg", -180, 180)
AHEAD_SOG_KN = Field("ahead_sog_kn", "double", "Its speed over ground.", "kn", 0, 102.2)
AHEAD_COG_DEG = Field("ahead_cog_deg", "double", "Its course over ground.", "deg", 0, 359.99)
IS_BESIDE = Field("is_beside", "boolean", "The segment began near an established one of its MMSI: perhaps a fault.")
IS_ESTABLISHED = Field("is_established", "boolean", "Ten positions over half an hour: a ship, and no error.")
IS_OPEN = Field("is_open", "boolean", "Further positions may come to it.")
IS_NOISE = Field("is_noise", "boolean", "Ended without becoming a ship while another segment of the MMSI was one.")

# AIS static and voyage data (messages 5, 19, 24)
VESSEL_NAME = Field("vessel_name", "string", "Name as the vessel sends it.")
CALL_SIGN = Field("call_sign", "string", "Radio call sign.")
SHIP_TYPE_CODE = Field("ship_type_code", "int", "AIS ship and cargo type code.", None, 0, 255, 0)
LENGTH_M = Field("length_m", "double", "Length over all.", "m", 0, 1_022, 0)
BEAM_M = Field("beam_m", "double", "Beam.", "m", 0, 126, 0)
DRAUGHT_M = Field("draught_m", "double", "Present draught.", "m", 0, 25.5, 0)
DESTINATION = Field("destination", "string", "Destination as typed by the crew.")
IMO_IS_VALID = Field("is_imo_valid", "boolean", "The IMO number is in range and its check digit agrees.")
IDENTITY_ID = Field("identity_id", "string", "Fingerprint of MMSI, IMO number, name, call sign, type and dimensions.")
HOUR_AT = Field("hour_at", "timestamp", "Beginning of the UTC hour of `observed_at`.")
VALID_FROM_AT = Field(
    "valid_from_at",
    "timestamp",
    "First report with this identity; after another one of the same MMSI, the first again.",
    of_before="timestamp_seconds(0)",
)
VALID_TO_AT = Field(
    "valid_to_at",
    "timestamp",
    "When the MMSI's next identity was told first, or this one last where it was none of a day; null: it holds.",
)
IS_SHARED = Field(
    "is_shared", "boolean", "Another identity was told under the MMSI by turns with it: two ships, or an error."
)

# Weather and sea, of sensors and buoys
WIND_SPEED_MPS = Field("wind_speed_mps", "double", "True wind speed.", "mps", 0, 120)
WIND_GUST_MPS = Field("wind_gust_mps", "double", "Gust speed.", "mps", 0, 150)
WIND_FROM_DEG = Field("wind_from_deg", "double", "Direction the wind blows from.", "deg", 0, 360)
WAVE_HEIGHT_M = Field("wave_height_m", "double", "Significant wave height.", "m", 0, 40)
WAVE_PERIOD_S = Field("wave_period_s", "double", "Dominant wave period.", "s", 0, 60)
WAVE_FROM_DEG = Field("wave_from_deg", "double", "Direction the waves come from.", "deg", 0, 360)
AIR_TEMPERATURE_C = Field("air_temperature_c", "double", "Air temperature.", "c", -90, 60)
SEA_TEMPERATURE_C = Field("sea_temperature_c", "double", "Sea surface temperature.", "c", -5, 45)
PRESSURE_HPA = Field("pressure_hpa", "double", "Air pressure at sea level.", "hpa", 850, 1_100)
DEPTH_M = Field("depth_m", "double", "Water depth below the transducer.", "m", 0, 12_000)

# Engine and fuel telemetry
ENGINE_SPEED_RPM = Field("engine_speed_rpm", "double", "Main engine speed.", "rpm", 0, 3_000)
ENGINE_LOAD_PCT = Field("engine_load_pct", "double", "Main engine load.", "pct", 0, 120)
SHAFT_POWER_KW = Field("shaft_power_kw", "double", "Power at the shaft.", "kw", 0, 120_000)
FUEL_RATE_KG_PER_H = Field("fuel_rate_kg_per_h", "double", "Main engine fuel flow.", "kg_per_h", 0, 30_000)
EXHAUST_TEMPERATURE_C = Field("exhaust_temperature_c", "double", "Mean exhaust gas temperature.", "c", -40, 800)
COOLANT_TEMPERATURE_C = Field("coolant_temperature_c", "double", "Jacket cooling water outlet.", "c", -40, 150)
LUBE_OIL_PRESSURE_BAR = Field("lube_oil_pressure_bar", "double", "Lubricating oil pressure.", "bar", 0, 20)
VIBRATION_MM_PER_S = Field("vibration_mm_per_s", "double", "Vibration velocity, RMS.", "mm_per_s", 0, 100)
RUNNING_TIME_H = Field("running_time_h", "double", "Engine running hours since overhaul.", "h", 0, 1_000_000)

# What no contract of ours knows
EXTRA = Field("extra", "string", "Fields of the event that have no column here, as JSON; null without any.")

# Alerts
RULE = Field("rule", "string", "Rule that spoke: what a record broke, or what an alert warns of.")
SEVERITY = Field("severity", "string", "info, warning or critical.", allowed=("info", "warning", "critical"))
MESSAGE = Field("message", "string", "One sentence for people.")
EVIDENCE = Field("evidence", "string", "What the alert rests on, as JSON.")

# Voyages
VOYAGE_ID = Field("voyage_id", "string", "Id of the voyage, as its operator names it.")
ROUTE_ID = Field("route_id", "string", "From and to port by UN/LOCODE: `USNYC-NLRTM`.")
FROM_LOCODE = Field("from_locode", "string", "UN/LOCODE of the port of departure.")
TO_LOCODE = Field("to_locode", "string", "UN/LOCODE of the port of arrival.")
SCHEDULED_DEPARTURE_AT = Field("scheduled_departure_at", "timestamp", "Departure by schedule.")
SCHEDULED_ARRIVAL_AT = Field("scheduled_arrival_at", "timestamp", "Arrival by schedule.")
DEPARTED_AT = Field("departed_at", "timestamp", "Actual departure; null before it.")
DEPARTED_ON = Field("departed_on", "date", "UTC day of `departed_at`.")
ARRIVED_AT = Field("arrived_at", "timestamp", "Actual arrival; null while under way.")
STATUS = Field(
    "status",
    "string",
    "scheduled, in_progress, arrived or cancelled, as far as events tell.",
    allowed=("scheduled", "in_progress", "arrived", "cancelled"),
)
DELAY_CAUSE = Field("delay_cause", "string", "Cause of a delay as reported; null when nobody reported one.")
DISTANCE_NM = Field("distance_nm", "double", "Distance sailed.", "nm", 0)
DURATION_HOURS = Field(
    "duration_hours", "double", "From beginning to end, as from departure to arrival; null while under way.", "hours"
)
IS_DELAYED = Field("is_delayed", "boolean", "Arrived later than scheduled; null without both instants.")
DELAY_HOURS = Field("delay_hours", "double", "Arrival after schedule, 0 when early or on time.", "hours", 0)
MEAN_SPEED_KN = Field("mean_speed_kn", "double", "Distance by duration.", "kn", 0)
ROUTE_VOYAGES_7D = Field(
    "route_voyages_7d", "long", "Judged voyages of the route that departed on this day or the six days before."
)
ROUTE_DELAYED_SHARE_7D = Field(
    "route_delayed_share_7d", "double", "Share of `route_voyages_7d` that arrived late.", None, 0, 1
)
SCHEDULE_STATUSES = ("on_time", "delayed", "cancelled", "in_progress")
SCHEDULE_STATUS = Field(
    "schedule_status",
    "string",
    "Against the schedule: on_time, delayed, cancelled or in_progress; null for an arrival without a schedule.",
    allowed=SCHEDULE_STATUSES,
)
BASES = ("declared", "declared_and_sailed", "sailed")
BASIS = Field(
    "basis",
    "string",
    "How the voyage is known: declared by events, seen in positions too, or only sailed; null in rows of before.",
    allowed=BASES,
)
START_ON = Field("start_on", "date", "First day of the period asked for.")
END_ON = Field("end_on", "date", "Last day of the period asked for, included.")
VOYAGES = Field("voyages", "long", "Voyages that departed in the period.")
ARRIVED_VOYAGES = Field("arrived_voyages", "long", "Of these, arrived ones.")
DELAYED_VOYAGES = Field("delayed_voyages", "long", "Of these, voyages that arrived late.")
DELAYED_SHARE = Field("delayed_share", "double", "Delayed by judged voyages; null when none can be judged.", None, 0, 1)
MEAN_DURATION_HOURS = Field("mean_duration_hours", "double", "Mean duration of arrived voyages.", "hours", 0)
MEAN_DELAY_HOURS = Field("mean_delay_hours", "double", "Mean of `delay_hours` over judged voyages.", "hours", 0)

# Port calls, sailings and events at sea, as positions tell them; docs/voyages.md
TRACK_ID = Field(
    "track_id", "string", "Vessel as its positions tell: the first of the segments that are one and the same ship."
)
WAS_IDENTITY_ID = Field("was_identity_id", "string", "`identity_id` that the track had before.")
WAS_IMO_NUMBER = Field("was_imo_number", "long", "`imo_number` that the track had before.")
TOLD_AT = Field("told_at", "timestamp", "Newest static report of the MMSI that was known at the revision.")
BEGAN_LAT_DEG = Field("began_lat_deg", "double", "Latitude at `began_at`.", "deg", -90, 90)
BEGAN_LON_DEG = Field("began_lon_deg", "double", "Longitude at `began_at`.", "deg", -180, 180)
HEARD_AT = Field("heard_at", "timestamp", "Last position of the segment.")
HEARD_LAT_DEG = Field("heard_lat_deg", "double", "Latitude at `heard_at`.", "deg", -90, 90)
HEARD_LON_DEG = Field("heard_lon_deg", "double", "Longitude at `heard_at`.", "deg", -180, 180)
POSITIONS_BEFORE = Field(
    "positions_before", "long", "Positions in the 12 hours up to the last one heard, that one among them.", None, 1
)
PORT_CALL_ID = Field("port_call_id", "string", "Id of the port call: its track and the second of its beginning.")
WPI_NUMBER = Field("wpi_number", "string", "Number of the port in the World Port Index.")
LOCODE = Field("locode", "string", "UN/LOCODE of the port; null where the index has none.")
PORT_NAME = Field("port_name", "string", "Name of the port in the World Port Index.")
LEFT_BY_AT = Field("left_by_at", "timestamp", "First position outside the port again; null before it.")
STOPPED_AT = Field("stopped_at", "timestamp", "First position at which the vessel lay still; null without any.")
MOVED_AT = Field("moved_at", "timestamp", "Last position at which the vessel lay still; null without any.")
STOPPED_HOURS = Field("stopped_hours", "double", "Time in port that the vessel lay still.", "hours", 0)
HAS_ENTRY = Field("has_entry", "boolean", "The vessel was seen to come in.")
HAS_GAP = Field("has_gap", "boolean", "It was silent in port for more than 4 hours, and may have moored unseen.")
IS_AT_ANCHOR = Field("is_at_anchor", "boolean", "It lay still, and said each time that it was at anchor.")
CONFIDENCE = Field(
    "confidence",
    "int",
    "4: entry, exit, and a stop or gap; 3: one of entry and exit, and these; 2: a stop or gap only; 1: neither.",
    None,
    1,
    4,
)
SAILING_ID = Field("sailing_id", "string", "Id of the sailing: its track and the second of its departure.")
FROM_WPI_NUMBER = Field("from_wpi_number", "string", "Port of departure in the World Port Index.")
TO_WPI_NUMBER = Field("to_wpi_number", "string", "Port of arrival in the World Port Index; null while under way.")
BERTH_TO_BERTH_NM = Field("berth_to_berth_nm", "double", "Distance from the last stop to the first.", "nm", 0)
OBSERVED_SHARE = Field(
    "observed_share", "double", "Share of the hours whose positions are at most an hour apart.", None, 0, 1
)
INTERPOLATED_SHARE = Field(
    "interpolated_share", "double", "Share of the miles drawn straight over a longer silence.", None, 0, 1
)
SEA_HOURS = Field("sea_hours", "double", "Hours at sea, by speed and distance from a port.", "hours", 0)
MANOEUVRING_HOURS = Field("manoeuvring_hours", "double", "Hours manoeuvring near a port.", "hours", 0)
ANCHORED_HOURS = Field("anchored_hours", "double", "Hours at anchor or adrift.", "hours", 0)
BERTH_HOURS = Field("berth_hours", "double", "Hours lying near a port.", "hours", 0)
UNKNOWN_HOURS = Field(
    "unknown_hours", "double", "Hours more than 2 h after a position, or without a speed.", "hours", 0
)
SAILED_DEPARTED_AT = Field("sailed_departed_at", "timestamp", "Last position in the port of departure; null unseen.")
SAILED_ARRIVED_AT = Field("sailed_arrived_at", "timestamp", "First position in the port of arrival; null unseen.")
SAILED_DISTANCE_NM = Field(
    "sailed_distance_nm", "double", "Sum of geodesics from berth to berth, as positions tell; null unseen.", "nm", 0
)
GAP_ID = Field("gap_id", "string", "Id of the gap: its track and the second of its beginning.")
ENDED_AT = Field("ended_at", "timestamp", "When it ended; null while it goes on.")
START_LAT_DEG = Field("start_lat_deg", "double", "Latitude at the beginning.", "deg", -90, 90)
START_LON_DEG = Field("start_lon_deg", "double", "Longitude at the beginning.", "deg", -180, 180)
END_LAT_DEG = Field("end_lat_deg", "double", "Latitude at the end; null while it goes on.", "deg", -90, 90)
END_LON_DEG = Field("end_lon_deg", "double", "Longitude at the end; null while it goes on.", "deg", -180, 180)
IMPLIED_SPEED_KN = Field("implied_speed_kn", "double", "Least speed that joins both ends.", "kn", 0)
ENCOUNTER_ID = Field("encounter_id", "string", "Id of the encounter: both tracks and the second of its beginning.")
TRACK_ID_1 = Field("track_id_1", "string", "Track of the one vessel.")
MMSI_1 = Field("mmsi_1", "long", "Its MMSI.", None, 0, 999_999_999)
TRACK_ID_2 = Field("track_id_2", "string", "Track of the other vessel.")
MMSI_2 = Field("mmsi_2", "long", "Its MMSI.", None, 0, 999_999_999)
MEDIAN_SPEED_KN = Field("median_speed_kn", "double", "Median speed of both vessels.", "kn", 0)
MEDIAN_DISTANCE_KM = Field("median_distance_km", "double", "Median distance between them.", "km", 0)
LOITERING_ID = Field("loitering_id", "string", "Id of the loitering: its track and the second of its beginning.")
NEAREST_PORT_NM = Field(
    "nearest_port_nm", "double", "Least distance from a port; null where none is within 20 nm.", "nm", 0
)

# Fuel, CO2, carbon intensity
REPORTED_ON = Field("reported_on", "date", "UTC day that the figures are for.")
UNDERWAY_H = Field("underway_h", "double", "Hours under way.", "h", 0, 24)
ANCHORED_H = Field("anchored_h", "double", "Hours at anchor.", "h", 0, 24)
BERTH_H = Field("berth_h", "double", "Hours at berth.", "h", 0, 24)
FUEL_KINDS = ("hfo", "lfo", "mdo", "lng", "lpg_propane", "lpg_butane", "ethane", "methanol", "ethanol")
FUEL_T = tuple(Field(f"fuel_{kind}_t", "double", f"{kind.upper()} burnt.", "t", 0, 1_000) for kind in FUEL_KINDS)
METHOD = Field(
    "method",
    "string",
    "How the figures came about: `reported` by the ship, or `modelled`.",
    allowed=("reported", "modelled"),
)
QUALITY = Field("quality", "string", "high, medium, low or very_low.", allowed=("high", "medium", "low", "very_low"))
CII_SHIP_TYPE = Field("cii_ship_type", "string", "Ship type as MEPC.353(78) divides them; not the AIS type.")
DWT_T = Field("dwt_t", "double", "Deadweight.", "t", 0, 600_000)
GROSS_TONNAGE = Field("gross_tonnage", "double", "Gross tonnage (a number without a unit).", None, 0, 300_000)
MAIN_ENGINE_KW = Field("main_engine_kw", "double", "Maximum continuous rating of the main engine.", "kw", 0, 120_000)
ENGINE_TYPE = Field("engine_type", "string", "Slow, medium or high speed diesel: SSD, MSD, HSD.")
SERVICE_SPEED_KN = Field("service_speed_kn", "double", "Design service speed.", "kn", 0, 50)
DESIGN_DRAUGHT_M = Field("design_draught_m", "double", "Draught that the service speed belongs to.", "m", 0, 30)
BUILT_YEAR = Field("built_year", "int", "Year of build.", None, 1900, 2100)
FUEL_KIND = Field(
    "fuel_kind",
    "string",
    "Main fuel, one of the kinds with a factor in MEPC.364(79).",
    allowed=FUEL_KINDS,
)
TOTAL_FUEL_T = Field("total_fuel_t", "double", "Fuel of all kinds burnt on the day.", "t", 0)
CO2_T = Field("co2_t", "double", "CO2 from the fuel burnt, tank to wake.", "t", 0)
CO2_7D_T = Field("co2_7d_t", "double", "CO2 of this day and the six calendar days before.", "t", 0)
CO2_30D_T = Field("co2_30d_t", "double", "CO2 of this day and the 29 calendar days before.", "t", 0)
CII_7D = Field("cii_7d", "double", "Carbon intensity of 7 calendar days, gCO2 per capacity and nm.", None, 0)
CII_30D = Field("cii_30d", "double", "Carbon intensity of 30 calendar days, gCO2 per capacity and nm.", None, 0)
CO2_YTD_T = Field("co2_ytd_t", "double", "CO2 of the calendar year up to this day.", "t", 0)
DISTANCE_YTD_NM = Field("distance_ytd_nm", "double", "Distance of the calendar year up to this day.", "nm", 0)
CAPACITY = Field("capacity", "double", "Capacity of the carbon intensity: DWT or GT, as `capacity_unit` says.", None, 0)
CAPACITY_UNIT = Field("capacity_unit", "string", "dwt or gt, by ship type.", allowed=("dwt", "gt"))
CII_ATTAINED_YTD = Field("cii_attained_ytd", "double", "Attained CII of the year so far, gCO2 per capacity and nm.")
CII_REQUIRED = Field("cii_required", "double", "Required CII of the calendar year, gCO2 per capacity and nm.")
CII_RATING_YTD = Field(
    "cii_rating_ytd", "string", "Rating A to E of the year so far; an estimate, not a verified one.", allowed=RATINGS
)
CII_REQUIRED_2030 = Field("cii_required_2030", "double", "Required CII of 2030 for the same ship.")
CII_RATING_2030 = Field(
    "cii_rating_2030", "string", "Rating that the year so far would earn under the 2030 limit.", allowed=RATINGS
)
IS_OVER_LIMIT = Field("is_over_limit", "boolean", "Attained CII of the year so far is above the required one.")
IS_OVER_LIMIT_2030 = Field("is_over_limit_2030", "boolean", "Attained CII of the year so far is above that of 2030.")
SCOPE_NOTE = Field("scope_note", "string", "Why the ship has no rating; null for a rated one.")
YEAR = Field("year", "int", "Calendar year (UTC).", None, 2000, 2100)
FUEL_DAYS = Field("fuel_days", "long", "Days of the year with a fuel report, or a modelled one.", None, 0, 366)
SCOPE_UNKNOWN_DAYS = Field(
    "scope_unknown_days", "long", "Of these, days of which no voyage covers all hours.", None, 0, 366
)
FUEL_OF_YEAR_T = Field("fuel_of_year_t", "double", "Fuel of all kinds burnt on these days.", "t", 0)
FUEL_IN_SCOPE_T = Field("fuel_in_scope_t", "double", "Fuel that counts: each day's by its voyages' share.", "t", 0)
FUEL_SCOPE_UNKNOWN_T = Field(
    "fuel_scope_unknown_t", "double", "Fuel of hours that no voyage covers: it may count, and is in no figure.", "t", 0
)
ETS_GASES = Field("ets_gases", "string", "Gases that count in the year: `co2`, from 2026 on also `ch4` and `n2o`.")
ETS_EMISSIONS_T = Field(
    "ets_emissions_t", "double", "Emissions in scope of the EU ETS, tank to wake: CO2, from 2026 on CO2e.", "t", 0
)
ETS_SURRENDER_PCT = Field("ets_surrender_pct", "double", "Share for which allowances are owed.", "pct", 0, 100)
ETS_SURRENDER_T = Field("ets_surrender_t", "double", "Allowances to surrender; one is a tonne of CO2e.", "t", 0)
ETS_DUE_ON = Field("ets_due_on", "date", "Last day on which they may be surrendered.")
ENERGY_KINDS = ("hfo", "lfo", "mdo", "lng", "methanol")
"""Kinds of fuel for which FuelEU's annex II data are here."""
ENERGY_MJ = tuple(
    Field(f"energy_{kind}_mj", "double", f"Energy in scope from {kind.upper()}, by FuelEU's heating value.", "mj", 0)
    for kind in ENERGY_KINDS
)
ENERGY_IN_SCOPE_MJ = Field("energy_in_scope_mj", "double", "Energy of all fuels in scope of FuelEU.", "mj", 0)
GHG_INTENSITY_G_PER_MJ = Field("ghg_intensity_g_per_mj", "double", "Well-to-wake CO2e of that energy.", "g_per_mj", 0)
FUELEU_LIMIT_G_PER_MJ = Field("fueleu_limit_g_per_mj", "double", "What FuelEU allows in the year.", "g_per_mj", 0)
COMPLIANCE_BALANCE_T = Field(
    "compliance_balance_t", "double", "Limit less intensity, by energy; a deficit is negative.", "t"
)
PENALTY_EUR = Field("penalty_eur", "double", "FuelEU penalty of a deficit, 0 without one.", "eur", 0)
EU_SCOPE_NOTE = Field("eu_scope_note", "string", "Why there is no figure; null where there is.")
METHODS = Field("methods", "string", "Every `method` of the days, in a list.")
QUALITIES = Field("qualities", "string", "Every `quality` of the days, in a list.")
REGULATION_VERSION = Field("regulation_version", "string", "Fingerprint of the regulation data the row rests on.")

# A vessel's calendar year, and the years to come
VESSEL_ID = Field("vessel_id", "long", "IMO number of the ship; its MMSI where no IMO number was reported.", None, 0)
TARGET_YEAR = Field("target_year", "int", "Calendar year whose limits the year is held to.", None, 2000, 2100)
CII_METRIC = Field(
    "cii_metric", "string", "AER, by deadweight, or cgDIST, by gross tonnage (MEPC.352(78)).", allowed=("AER", "cgDIST")
)
FUEL_YEAR_T = tuple(
    Field(f"fuel_{kind}_year_t", "double", f"{kind.upper()} burnt on the year's reported days.", "t", 0)
    for kind in FUEL_KINDS
)
TOTAL_FUEL_YEAR_T = Field("total_fuel_year_t", "double", "Fuel of all kinds burnt on the year's reported days.", "t", 0)
CO2_YEAR_T = Field("co2_year_t", "double", "CO2 of the year's reported days, tank to wake.", "t", 0)
DISTANCE_YEAR_NM = Field("distance_year_nm", "double", "Distance of the year's reported days.", "nm", 0)
UNDERWAY_YEAR_H = Field("underway_year_h", "double", "Hours under way on the year's reported days.", "h", 0)
ANCHORED_YEAR_H = Field("anchored_year_h", "double", "Hours at anchor on the year's reported days.", "h", 0)
BERTH_YEAR_H = Field("berth_year_h", "double", "Hours at berth on the year's reported days.", "h", 0)
FIRST_ON = Field("first_on", "date", "First day of the year with a fuel report.")
LAST_ON = Field("last_on", "date", "Last day of the year with a fuel report; the figures are of the year up to it.")
DAYS_REPORTED = Field("days_reported", "int", "Days of the year with a fuel report.", None, 0, 366)
DAYS_IN_YEAR = Field("days_in_year", "int", "Days of the calendar year.", None, 365, 366)
IS_YEAR_OVER = Field("is_year_over", "boolean", "The vessel has reported 31 December or a later day.")
REPORTED_SHARE = Field(
    "reported_share",
    "double",
    "Days with a fuel report by days from 1 January to `last_on`, to 31 December once the year is over.",
    None,
    0,
    1,
)
MODELLED_CO2_SHARE = Field(
    "modelled_co2_share", "double", "Share of `co2_year_t` that was modelled, not reported.", None, 0, 1
)
CII_ATTAINED = Field("cii_attained", "double", "Attained CII of the year's reported days, gCO2 per capacity and nm.")
CII_SUPERIOR = Field("cii_superior_boundary", "double", "Highest CII that is rated A (MEPC.354(78)).", None, 0)
CII_LOWER = Field("cii_lower_boundary", "double", "Highest CII that is rated B.", None, 0)
CII_UPPER = Field("cii_upper_boundary", "double", "Highest CII that is rated C.", None, 0)
CII_INFERIOR = Field("cii_inferior_boundary", "double", "Highest CII that is rated D.", None, 0)
CII_BOUNDARIES = (CII_SUPERIOR, CII_LOWER, CII_UPPER, CII_INFERIOR)
CII_RATING = Field("cii_rating", "string", "Rating A to E; an estimate, not a verified one.", allowed=RATINGS)
D_YEARS_RUNNING = Field(
    "d_years_running", "int", "Years rated D in a row up to this one, 3 at most; 0 for another letter.", None, 0, 3
)
CONSEQUENCE = Field(
    "consequence",
    "string",
    "What regulation 28 asks of a ship with this rating and those of the two years before, as far as they are known.",
    allowed=("none", "corrective action plan: rated E", "corrective action plan: rated D three years running"),
)
FIRST_YEAR_D_OR_E = Field(
    "first_year_d_or_e",
    "int",
    "First year, from this one on, whose limits make the same CII a D or E; null where none does.",
    None,
    1900,
    2100,
)
CUT_FOR_C_PCT = Field(
    "cut_for_c_pct", "double", "By how much attained CII must fall to be rated C in the target year.", "pct", 0, 100
)
CUT_FOR_C_IN_2030_PCT = Field(
    "cut_for_c_in_2030_pct", "double", "By how much attained CII must fall to be rated C in 2030.", "pct", 0, 100
)
CII_LOW_90 = Field("cii_low_90", "double", "Low end of the 90 % interval of the CII of the row.", None, 0)
CII_HIGH_90 = Field("cii_high_90", "double", "High end of the 90 % interval of the CII of the row.", None, 0)
RATING_PROBABILITIES = tuple(
    Field(f"rating_{letter.lower()}_probability", "double", f"Probability that the rating is {letter}.", None, 0, 1)
    for letter in RATINGS
)
IS_NEAR_BOUNDARY = Field(
    "is_near_boundary", "boolean", "The rating is within noise of a boundary: its probability is below 0.9."
)
DAYS_INSIDE = Field("days_inside", "int", "Days with known fuel that lie wholly in the voyage.", None, 1)
KNOWN_SHARE = Field("known_share", "double", "Hours of these days by hours of the voyage.", None, 0, 1)
CO2_INSIDE_T = Field("co2_inside_t", "double", "CO2 of these days, tank to wake.", "t", 0)
DISTANCE_INSIDE_NM = Field("distance_inside_nm", "double", "Distance of these days.", "nm", 0)
VOYAGE_MODELLED_SHARE = Field(
    "voyage_modelled_share", "double", "Share of `co2_inside_t` that was modelled, not reported.", None, 0, 1
)
VOYAGE_CII = Field("voyage_cii", "double", "CO2 of these days by capacity and distance, gCO2 per capacity and nm.")
DAYS_REMAINING = Field("days_remaining", "int", "Days of the year after `last_on`; 0 once it is over.", None, 0, 366)
CII_PROJECTED = Field(
    "cii_projected",
    "double",
    "CII of the whole year if the rest is like the last 30 days; null once it is over.",
    None,
    0,
)
CII_RATING_PROJECTED = Field(
    "cii_rating_projected", "string", "Rating of `cii_projected`; a projection.", allowed=RATINGS
)
CII_REST_LIMIT = Field(
    "cii_rest_limit",
    "double",
    "Highest CII of the remaining days that still makes the year a C, distance as in the last 30 days; below 0: none.",
)
WARNING = Field("warning", "string", "Why to act while the year can still be changed; null for no reason.")

# Vessel and day
POSITION_COUNT = Field("position_count", "long", "Accepted positions.", None, 0)
SOG_COUNT = Field("sog_count", "long", "Positions with a speed; the weight of `avg_speed_kn`.", None, 0)
AVG_SPEED_KN = Field("avg_speed_kn", "double", "Mean reported speed over ground; null without any.", "kn", 0)
JUMP_COUNT = Field("jump_count", "long", "Legs left out of the distance, as they imply an impossible speed.", None, 0)
FIRST_AT = Field("first_at", "timestamp", "First position of the day.")
FIRST_LAT_DEG = Field("first_lat_deg", "double", "Latitude at `first_at`.", "deg", -90, 90)
FIRST_LON_DEG = Field("first_lon_deg", "double", "Longitude at `first_at`.", "deg", -180, 180)
LAST_AT = Field("last_at", "timestamp", "Last position of the day.")
LAST_LAT_DEG = Field("last_lat_deg", "double", "Latitude at `last_at`.", "deg", -90, 90)
LAST_LON_DEG = Field("last_lon_deg", "double", "Longitude at `last_at`.", "deg", -180, 180)

# Features of a vessel and day, and what the maintenance model says of them
ENGINE_READINGS = Field("engine_readings", "long", "Engine readings of the day with the engine running.", None, 0)
MEAN_ENGINE_LOAD_PCT = Field("mean_engine_load_pct", "double", "Mean load while running.", "pct", 0, 120)
MEAN_FUEL_G_PER_KWH = Field(
    "mean_fuel_g_per_kwh", "double", "Fuel by shaft energy: the ratio of the day's sums.", "g_per_kwh", 0
)
MEAN_EXHAUST_TEMPERATURE_C = Field("mean_exhaust_temperature_c", "double", "Mean while running.", "c")
MEAN_COOLANT_TEMPERATURE_C = Field("mean_coolant_temperature_c", "double", "Mean while running.", "c")
MEAN_LUBE_OIL_PRESSURE_BAR = Field("mean_lube_oil_pressure_bar", "double", "Mean while running.", "bar", 0)
MEAN_VIBRATION_MM_PER_S = Field("mean_vibration_mm_per_s", "double", "Mean while running.", "mm_per_s", 0)
MAX_EXHAUST_TEMPERATURE_C = Field("max_exhaust_temperature_c", "double", "Highest while running.", "c")
MIN_LUBE_OIL_PRESSURE_BAR = Field("min_lube_oil_pressure_bar", "double", "Lowest while running.", "bar", 0)
MAX_VIBRATION_MM_PER_S = Field("max_vibration_mm_per_s", "double", "Highest while running.", "mm_per_s", 0)
ENGINE_LOAD_CHANGE_PCT = Field("engine_load_change_pct", "double", "Last 3 days against the 30 before.", "pct")
FUEL_CHANGE_G_PER_KWH = Field("fuel_change_g_per_kwh", "double", "Last 3 days against the 30 before.", "g_per_kwh")
EXHAUST_TEMPERATURE_CHANGE_C = Field(
    "exhaust_temperature_change_c", "double", "Last 3 days against the 30 before.", "c"
)
COOLANT_TEMPERATURE_CHANGE_C = Field(
    "coolant_temperature_change_c", "double", "Last 3 days against the 30 before.", "c"
)
LUBE_OIL_PRESSURE_CHANGE_BAR = Field(
    "lube_oil_pressure_change_bar", "double", "Last 3 days against the 30 before.", "bar"
)
VIBRATION_CHANGE_MM_PER_S = Field(
    "vibration_change_mm_per_s", "double", "Last 3 days against the 30 before.", "mm_per_s"
)
UNDERWAY_7D_H = Field("underway_7d_h", "double", "Hours under way on this day and the six before.", "h", 0, 168)
SINCE_PORT_H = Field(
    "since_port_h", "double", "Hours since the last departure at the end of the day; 0 in port.", "h", 0
)
VOYAGES_30D = Field("voyages_30d", "long", "Departures on this day and the 29 before.", None, 0)
MODEL_VERSION = Field("model_version", "string", "Version of the registered model `predictive_maintenance`.")
FEATURES_VERSION = Field(
    "features_version", "long", "Delta version of `gold.vessel_features` that was scored; null in old rows.", None, 0
)
FAILURE_PROBABILITY = Field(
    "failure_probability", "double", "Share of the votes for a failure within 7 days; not calibrated.", None, 0, 1
)
NEEDS_MAINTENANCE = Field("needs_maintenance", "boolean", "The model expects a failure within the next 7 days.")

# Kafka coordinates and raw bytes
KAFKA_TOPIC = Field("kafka_topic", "string", "Topic of the record.")
KAFKA_PARTITION = Field("kafka_partition", "int", "Partition of the record.", None, 0)
KAFKA_OFFSET = Field("kafka_offset", "long", "Offset of the record in its partition.", None, 0)
KAFKA_KEY = Field("kafka_key", "binary", "Raw key: the MMSI or station id as text.")
VALUE = Field("value", "binary", "Raw value, byte for byte.")
HEADERS = Field("headers", "headers", "Raw headers in order.")
PUBLISHED_AT = Field("published_at", "timestamp", "Kafka's time stamp of the record: when it was published.")
INGESTED_AT = Field("ingested_at", "timestamp", "When the record was landed in Bronze.")
INGESTED_ON = Field("ingested_on", "date", "UTC day of `ingested_at`.")

# Operations
STREAM = Field("stream", "string", "Name of the stream, for example `silver.ais`.")
BATCH_ID = Field("batch_id", "long", "Number of the micro-batch in its checkpoint.", None, 0)
APP_ID = Field("app_id", "string", "Table and checkpoint id: the writer identity in the Delta log.")
RANGES = Field("ranges", "ranges", "Kafka offsets taken, `[start, end)` per topic and partition.")
SOURCE_END = Field(
    "source_end",
    "string",
    "Where the batch ends in what the stream reads, in Spark's own words: a lost checkpoint is made anew from it.",
)
ROWS_READ = Field("rows_read", "long", "Records taken.", None, 0)
ROWS_ACCEPTED = Field("rows_accepted", "long", "Records that became rows of the stream's table.", None, 0)
ROWS_QUARANTINED = Field("rows_quarantined", "long", "Records refused with a rule.", None, 0)
ROWS_DUPLICATE = Field("rows_duplicate", "long", "Records already known.", None, 0)
ROWS_LATE = Field("rows_late", "long", "Records behind the watermark, kept in `silver.late`.", None, 0)
VERSIONS = Field("versions", "versions", "Delta version per table: committed, or read by a run.")
WATERMARKS = Field("watermarks", "watermarks", "Event time reached per source after the batch.")
TOPIC_ID = Field("topic_id", "string", "Kafka's id of the topic; a topic that is made anew has a new one.")
REASON = Field("reason", "string", "Why the stream takes up its topic there: first start, or what was recovered.")
STARTS = Field("starts", "versions", "First offset to be read, per partition.")
GAPS = Field("gaps", "ranges", "Offsets `[start, end)` gone before they were read; a person accepted the loss.")
ROWS_DELIVERED = Field("rows_delivered", "long", "Records of the run that the broker has acknowledged.", None, 0)
STARTED_AT = Field("started_at", "timestamp", "When the batch, run or event began.")
FINISHED_AT = Field("finished_at", "timestamp", "When the batch or run was complete.")
RUN_ID = Field("run_id", "string", "Id of a job run.")
JOB = Field("job", "string", "Command that ran.")
ARGUMENTS = Field("arguments", "string", "Arguments of the run, as JSON.")
CHECKED_AT = Field("checked_at", "timestamp", "When the table was checked.")
TABLE_NAME = Field("table_name", "string", "Table that the row is about; `lake` for what several tables say together.")
TABLE_VERSION = Field("table_version", "long", "Delta version that was checked; null for the lake.", None, 0)
EXPECTATION = Field("expectation", "string", "What is expected of the table, in words.")
ACTION = Field("action", "string", "What a failure does.", allowed=("warn", "stop"))
IS_MET = Field("is_met", "boolean", "The rows checked are as expected.")
ROWS_CHECKED = Field("rows_checked", "long", "Rows looked at.", None, 0)
ROWS_FAILED = Field("rows_failed", "long", "Of these, rows that are not as expected; null where rows are not counted.")
EXAMPLES = Field("examples", "string", "First values that are not as expected, as JSON.")
OUTCOME = Field("outcome", "string", "succeeded or failed.", allowed=("succeeded", "failed"))
RUN_STATE = Field(
    "run_state", "string", "What the event tells of the run.", allowed=("START", "COMPLETE", "ABORT", "FAIL")
)
HAPPENED_AT = Field("happened_at", "timestamp", "When the run began or ended.")
LINEAGE_EVENT = Field("event", "string", "The OpenLineage event (RunEvent 2-0-2), as JSON.")

# Replays of the quarantine
VERDICT = Field(
    "verdict",
    "string",
    "What became of the record when it was judged again.",
    allowed=("accepted", "duplicate", "late", "quarantined"),
)
FIRST_RULE = Field("first_rule", "string", "Rule that refused the record at first: the first verdict.")
EVENTS_PUBLISHED = Field(
    "events_published", "long", "Events read from the dead letter and sent; 0 while it is still refused.", None, 0
)
REPLAY_ID = Field("replay_id", "string", "Id of the replay; also in the writer identity of what it committed.")
JUDGED_AT = Field("judged_at", "timestamp", "When the record was judged again.")
QUARANTINE_VERSION = Field("quarantine_version", "long", "Version of `silver.quarantine` that was judged.", None, 0)
VERDICTS_VERSION = Field("verdicts_version", "long", "Version of `silver.verdicts` before the replay.", None, 0)
CONTRACT = Field("contract", "string", "Table, or event with its version: `silver.positions`, `ais.position.v1`.")
CONTRACT_VERSION = Field("contract_version", "long", "Number of the contract's state, from 1.", None, 1)
FINGERPRINT = Field("fingerprint", "string", "Hash of what the contract declares; a table bears it as a property.")
DEFINITION = Field("definition", "string", "The contract as JSON: columns of a table, JSON Schema of an event.")
CHANGES = Field("changes", "string", "What changed against the state before, as a JSON list of sentences.")
APPLIED_AT = Field("applied_at", "timestamp", "When it came into force.")
CODE_VERSION = Field("code_version", "string", "Version of the installed distribution that did it.")

# Erasure
ERASURE_ID = Field("erasure_id", "string", "Id of the erasure; it names no vessel, nor does the row.")
ROWS_ERASED = Field("rows_erased", "long", "Rows that were erased.", None, 0)
ERASED_AT = Field("erased_at", "timestamp", "When they were about to be erased.")

BY_NAME = {
    field.name: field
    for field in [*globals().values(), *FUEL_T, *ENERGY_MJ, *FUEL_YEAR_T, *RATING_PROBABILITIES]
    if isinstance(field, Field)
}
"""Every column above by its name; an event's JSON uses the same names."""
