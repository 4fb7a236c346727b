"""Emission control areas, by places that everybody finds on a chart."""

from __future__ import annotations

from datetime import date

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from contracts.regulation.emission_control_areas import control_areas
from lakehouse.transforms.control_areas import is_in_eca

INSIDE = {
    "off Rotterdam": (51.98, 3.9), "Dover Strait": (51.0, 1.4), "Hamburg": (53.54, 9.9), "Bergen": (60.4, 5.2),
    "Oslo fjord": (59.6, 10.6), "Firth of Forth": (56.1, -2.9), "Southampton": (50.8, -1.3), "Brest sea": (48.6, -4.9),
    "north of Scotland": (59.5, -3.9), "Skagerrak": (57.9, 9.5), "Le Havre": (49.5, 0.1), "London": (51.5, 0.2),
}  # fmt: skip
OUTSIDE = {
    "Liverpool Bay": (53.5, -3.4), "Bristol Channel": (51.3, -3.6), "Clyde": (55.8, -4.9), "north of 62": (62.1, 3.0),
    "west of 4 W": (60.0, -4.1), "south of 48 30": (48.4, -4.95), "Kattegat": (56.9, 11.3), "Kiel": (54.4, 10.2),
    "Singapore": (1.2, 103.8), "west of 5 W in the Channel": (49.5, -5.1),
}  # fmt: skip
TODAY = date(2024, 1, 1)


def found(spark: SparkSession, places: dict[str, tuple[float | None, float | None]], day: date = TODAY) -> set[str]:
    rows = [(name, lat, lon, day) for name, (lat, lon) in places.items()]
    frame = spark.createDataFrame(rows, "name string, lat_deg double, lon_deg double, day date")
    is_in = is_in_eca(control_areas(), F.col("lat_deg"), F.col("lon_deg"), F.col("day"))
    return {row["name"] for row in frame.withColumn("is_in", is_in).collect() if row.is_in}


def test_the_north_sea_and_the_channel_are_inside_and_the_seas_around_are_not(spark: SparkSession) -> None:
    assert found(spark, {**INSIDE, **OUTSIDE}) == INSIDE.keys()


def test_an_area_is_controlled_from_its_first_day_and_a_place_unknown_is_in_none(spark: SparkSession) -> None:
    assert found(spark, {**INSIDE}, date(2007, 11, 21)) == set()
    assert found(spark, {**INSIDE}, date(2007, 11, 22)) == INSIDE.keys()
    assert found(spark, {"nowhere": (None, None)}) == set()


def test_an_area_says_that_it_is_only_roughly_drawn_and_whence() -> None:
    (area,) = control_areas()

    assert (area.area, area.is_approximate, area.resolution) == ("north_sea", True, "MEPC.201(62)")
