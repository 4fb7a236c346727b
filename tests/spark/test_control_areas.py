"""Emission control areas, by places that everybody finds on a chart and by the ports of the World Port Index."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from contracts.ports import world_port_index
from contracts.regulation.emission_control_areas import ControlArea, control_areas
from lakehouse.transforms.control_areas import is_in_eca

Places = Mapping[str, tuple[float | None, float | None]]
INSIDE: Places = {
    "off Rotterdam": (51.98, 3.9), "Dover Strait": (51.0, 1.4), "Hamburg": (53.54, 9.9), "Bergen": (60.4, 5.2),
    "Oslo fjord": (59.6, 10.6), "Firth of Forth": (56.1, -2.9), "Southampton": (50.8, -1.3), "Brest sea": (48.6, -4.9),
    "north of Scotland": (59.5, -3.9), "Skagerrak": (57.9, 9.5), "Le Havre": (49.5, 0.1), "London": (51.5, 0.2),
    "Kattegat": (56.9, 11.3), "Kiel": (54.4, 10.2), "Great Belt": (55.4, 11.0), "Bay of Bothnia": (65.0, 23.5),
    "Gulf of Finland": (59.9, 25.0), "Gulf of Riga": (57.7, 23.6), "Gdansk Bay": (54.6, 19.0),
    "Strait of Gibraltar": (35.95, -5.6), "Ligurian Sea": (43.5, 9.0), "Venice": (45.4, 12.5), "Aegean": (38.0, 25.0),
    "Gulf of Sidra": (31.2, 18.5), "Gulf of Gabes": (34.0, 10.6), "off Port Said": (31.55, 32.3),
    "Levant": (33.5, 34.0),
    "off Los Angeles": (33.6, -118.3), "Puget Sound": (47.8, -122.4), "Inside Passage": (53.5, -129.5),
    "Prince William Sound": (60.7, -147.0), "Cook Inlet": (60.0, -152.3), "off Houston": (29.2, -94.5),
    "Strait of Florida": (24.4, -81.5), "Chesapeake Bay": (38.0, -76.3), "Gulf of Maine": (43.0, -68.0),
    "Gulf of Saint Lawrence": (48.5, -62.0), "Grand Banks": (46.0, -50.0), "Montreal": (45.52, -73.53),
    "Honolulu": (21.3, -157.9), "San Juan": (18.47, -66.1), "Saint Croix": (17.7, -64.7),
}  # fmt: skip
OUTSIDE: Places = {
    "Liverpool Bay": (53.5, -3.4), "Bristol Channel": (51.3, -3.6), "Clyde": (55.8, -4.9), "north of 62": (62.1, 3.0),
    "west of 4 W": (60.0, -4.1), "south of 48 30": (48.4, -4.95), "west of 5 W in the Channel": (49.5, -5.1),
    "Singapore": (1.2, 103.8), "Biscay": (45.0, -4.0), "Cadiz": (36.5, -6.3), "Tangier Atlantic": (35.7, -6.1),
    "Marmara": (40.7, 28.0), "Dardanelles": (40.2, 26.42), "Black Sea": (43.0, 33.0), "Red Sea": (27.0, 34.5),
    "Suez Canal entrance": (31.3, 32.4), "Ensenada": (31.85, -116.65), "Kodiak": (57.5, -152.0),
    "Havana": (23.2, -82.3), "Freeport": (26.5, -78.8), "Bermuda": (32.3, -64.8), "Lake Michigan": (43.0, -87.0),
    "Hudson Bay": (58.0, -85.0), "Ungava Bay": (59.5, -67.5), "Tortola": (18.42, -64.6), "Midway": (28.2, -177.4),
    "Veracruz": (19.2, -96.1), "mid-Atlantic": (45.0, -30.0), "off California, 250 nm": (35.0, -126.5),
}  # fmt: skip
WHOLLY_IN = {
    "north_sea": {"Belgium", "Netherlands"},
    "baltic_sea": {"Estonia", "Finland", "Latvia", "Lithuania", "Poland"},
    "mediterranean": {"Albania", "Algeria", "Croatia", "Cyprus", "Greece", "Italy", "Lebanon", "Libya", "Malta",
                      "Montenegro", "Slovenia", "Syria", "Tunisia"},
    "north_america_atlantic": {"Saint Pierre and Miquelon"},
    "us_caribbean": {"Puerto Rico", "U.S. Virgin Islands"},
}  # fmt: skip
PARTLY_IN = {
    "Bosnia and Herzegovina", "Canada", "Denmark", "Egypt", "France", "Germany", "Gibraltar", "Guernsey", "Israel",
    "Jersey", "Monaco", "Morocco", "Norway", "Russia", "Spain", "Sweden", "Turkey", "United Kingdom", "United States",
    "",
}  # fmt: skip
TODAY = date(2026, 1, 1)


def found(
    spark: SparkSession, places: Places, day: date = TODAY, areas: Iterable[ControlArea] = control_areas()
) -> set[str]:
    rows = [(name, lat, lon, day) for name, (lat, lon) in places.items()]
    frame = spark.createDataFrame(rows, "name string, lat_deg double, lon_deg double, day date")
    is_in = is_in_eca(areas, F.col("lat_deg"), F.col("lon_deg"), F.col("day"))
    return {row["name"] for row in frame.withColumn("is_in", is_in).collect() if row.is_in}


def test_the_areas_are_inside_and_the_seas_around_them_are_not(spark: SparkSession) -> None:
    assert found(spark, {**INSIDE, **OUTSIDE}) == INSIDE.keys()


def test_all_ports_of_a_coast_lie_in_its_area_and_no_port_of_another_country_lies_in_one(spark: SparkSession) -> None:
    ports = {port.wpi_number: port for port in world_port_index()}
    places = {number: (port.lat_deg, port.lon_deg) for number, port in ports.items()}
    of_area = {area.area: found(spark, places, areas=[area]) for area in control_areas()}
    countries = defaultdict(set)
    for number, port in ports.items():
        countries[port.country].add(number)

    for area, wholly in WHOLLY_IN.items():
        assert set().union(*(countries[country] for country in wholly)) <= of_area[area], area
    inside = set().union(*of_area.values())
    assert {ports[number].country for number in inside} == PARTLY_IN.union(*WHOLLY_IN.values())
    assert len(inside) == sum(map(len, of_area.values()))  # no port is in two, for areas share no water
    assert found(spark, places) == inside


def test_an_area_is_controlled_from_its_first_day_and_a_place_unknown_is_in_none(spark: SparkSession) -> None:
    of_2025 = found(spark, {**INSIDE}, areas=[area for area in control_areas() if area.area == "mediterranean"])

    assert found(spark, {**INSIDE}, date(2014, 12, 31)) == set()
    assert found(spark, {**INSIDE}, date(2015, 1, 1)) == INSIDE.keys() - of_2025
    assert found(spark, {**INSIDE}, date(2025, 4, 30)) == INSIDE.keys() - of_2025
    assert found(spark, {**INSIDE}, date(2025, 5, 1)) == INSIDE.keys()
    assert found(spark, {"nowhere": (None, None), "no longitude": (54.0, None), "pole": (90.0, 0.0)}) == set()


def test_an_area_says_whether_it_is_only_roughly_drawn_and_whence() -> None:
    told = {area.area: (area.is_approximate, area.resolution) for area in control_areas()}

    assert told == {
        "north_sea": (True, "MEPC.201(62)"), "baltic_sea": (True, "MEPC.136(53)"),
        "north_america_pacific": (True, "MEPC.190(60)"), "north_america_atlantic": (True, "MEPC.190(60)"),
        "north_america_hawaii": (False, "MEPC.190(60)"), "us_caribbean": (False, "MEPC.202(62)"),
        "mediterranean": (True, "MEPC.361(79)"),
    }  # fmt: skip
