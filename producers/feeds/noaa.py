"""NOAA MarineCadastre AIS: one CSV row per position, static data in the same row.

Header names of 2015 to 2024 (``BaseDateTime``) and of 2025 on (``base_date_time``). Ship types above 255 are
codes of the US vessel register, not of AIS: unknown.
"""

from producers.feeds.columns import Integer, Real, Text, Time, Words
from producers.feeds.csv_feed import Column, CsvFormat

NOAA = CsvFormat(
    {
        "mmsi": Column(("mmsi",), Integer()),
        "observed_at_ms": Column(("basedatetime", "base_date_time"), Time("%Y-%m-%d %H:%M:%S")),
        "lat_deg": Column(("lat", "latitude"), Real()),
        "lon_deg": Column(("lon", "longitude"), Real()),
        "sog_kn": Column(("sog",), Real()),
        "cog_deg": Column(("cog",), Real()),
        "heading_deg": Column(("heading",), Real()),
        "nav_status": Column(("status",), Integer()),
        "ais_class": Column(("transceiverclass", "transceiver", "transceiver_class"), Words({"A": "A", "B": "B"})),
        "imo_number": Column(("imo",), Integer(prefix="IMO")),
        "vessel_name": Column(("vesselname", "vessel_name"), Text()),
        "call_sign": Column(("callsign", "call_sign"), Text()),
        "ship_type_code": Column(("vesseltype", "vessel_type"), Integer(known_up_to=255)),
        "length_m": Column(("length",), Real()),
        "beam_m": Column(("width",), Real()),
        "draught_m": Column(("draft",), Real()),
    }
)
