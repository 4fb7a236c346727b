"""The formats that can be published. A new feed is one file beside this one and one line here."""

from __future__ import annotations

from contracts.topics import AIS, ALERTS, SENSORS, TOPICS, VOYAGE_EVENTS
from producers.feeds import aisstream, events, ndbc, nmea, nmea_sensors
from producers.feeds.aisdk import AISDK
from producers.feeds.base import Feed
from producers.feeds.noaa import NOAA

TWIN_FILES = {
    AIS: "ais.jsonl.gz",
    SENSORS: "sensors.jsonl.gz",
    VOYAGE_EVENTS: "voyage_events.jsonl.gz",
    ALERTS: "alerts.jsonl.gz",
}

FEEDS = {
    "noaa": Feed(NOAA.read, (AIS,), "noaa", "NOAA MarineCadastre CSV: plain, gz or zip"),
    "aisdk": Feed(AISDK.read, (AIS,), "aisdk", "Danish Maritime Authority CSV: plain, gz or zip"),
    "nmea": Feed(nmea.read, (AIS,), "nmea", "NMEA 0183 AIVDM/AIVDO with tag blocks"),
    "aisstream": Feed(aisstream.read, (AIS,), "aisstream", "JSON lines as aisstream.io sends them"),
    "ndbc": Feed(ndbc.read, (SENSORS,), "ndbc", "NOAA NDBC weather buoys, standard meteorological data"),
    "nmea-sensors": Feed(nmea_sensors.read, (SENSORS,), "nmea-sensors", "NMEA 0183 weather and depth of one ship"),
    "events": Feed(events.read, TOPICS, "", "JSON lines of this platform's own events"),
    "twin": Feed(events.read, TOPICS, "", "a folder that the fleet twin wrote", files=TWIN_FILES),
}
