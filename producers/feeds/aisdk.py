"""Danish Maritime Authority AIS (aisdk): one CSV row per position, numbers of AIS given as words, times in
UTC.

The words are those of the files. Cargo, tanker and the like name a whole ten of ship types: the first code
stands for it.
"""

from producers.feeds.columns import Integer, Real, Text, Time, Words
from producers.feeds.csv_feed import Column, CsvFormat

UNKNOWN = ("Unknown", "Undefined", "Unknown value")

NAV_STATUS = {
    "Under way using engine": 0,
    "At anchor": 1,
    "Not under command": 2,
    "Restricted maneuverability": 3,
    "Constrained by her draught": 4,
    "Moored": 5,
    "Aground": 6,
    "Engaged in fishing": 7,
    "Under way sailing": 8,
    "Reserved for future amendment [HSC]": 9,
    "Reserved for future amendment [WIG]": 10,
    "Power-driven vessel towing astern": 11,
    "Power-driven vessel pushing ahead or towing alongside": 12,
    "Reserved for future use": 13,
}

SHIP_TYPE = {
    "WIG": 20,
    "Fishing": 30,
    "Towing": 31,
    "Towing long/wide": 32,
    "Dredging": 33,
    "Diving": 34,
    "Military": 35,
    "Sailing": 36,
    "Pleasure": 37,
    "Reserved": 38,
    "HSC": 40,
    "Pilot": 50,
    "SAR": 51,
    "Tug": 52,
    "Port tender": 53,
    "Anti-pollution": 54,
    "Law enforcement": 55,
    "Spare 1": 56,
    "Spare 2": 57,
    "Medical": 58,
    "Not party to conflict": 59,
    "Passenger": 60,
    "Cargo": 70,
    "Tanker": 80,
    "Other": 90,
}

AISDK = CsvFormat(
    {
        "mmsi": Column(("mmsi",), Integer()),
        "observed_at_ms": Column(("# timestamp", "timestamp"), Time("%d/%m/%Y %H:%M:%S")),
        "lat_deg": Column(("latitude",), Real()),
        "lon_deg": Column(("longitude",), Real()),
        "sog_kn": Column(("sog",), Real()),
        "cog_deg": Column(("cog",), Real()),
        "heading_deg": Column(("heading",), Real()),
        "nav_status": Column(("navigational status",), Words(NAV_STATUS), UNKNOWN),
        "ais_class": Column(("type of mobile",), Words({"Class A": "A", "Class B": "B"})),
        "imo_number": Column(("imo",), Integer(), UNKNOWN),
        "vessel_name": Column(("name",), Text(), UNKNOWN),
        "call_sign": Column(("callsign",), Text(), UNKNOWN),
        "ship_type_code": Column(("ship type",), Words(SHIP_TYPE), UNKNOWN),
        "length_m": Column(("length",), Real()),
        "beam_m": Column(("width",), Real()),
        "draught_m": Column(("draught",), Real()),
    }
)
