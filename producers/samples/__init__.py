"""Slices of real recordings that come with the platform, for the demo and for tests; NOTICE.md tells their
origin.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent

NOAA_CSV = FOLDER / "noaa_2022-01-03.csv.gz"
"""24,000 positions in US waters; some stamped up to 23 hours ahead of their neighbours. Format ``noaa``."""

AMSA_NMEA = FOLDER / "amsa_2012-01-27.nmea.gz"
"""Raw AIS sentences of Australian receivers, among vendors' own sentences. Format ``nmea``."""

NDBC_BUOYS = (FOLDER / "ndbc_46002_2016.txt.gz", FOLDER / "ndbc_46097_2019-08.txt.gz")
"""Two weather buoys: one with continuous winds, one with waves and temperatures. Format ``ndbc``."""

SHIP_SENSORS_NMEA = FOLDER / "ship_sensors_2014-04-16.nmea.gz"
"""Wind, depth and temperature of a ship that does not name itself: give ``--station``. Format ``nmea-
sensors``."""
