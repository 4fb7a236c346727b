"""Reference data of the contracts as DataFrames."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession

from contracts.ports import world_port_index

PORT_SCHEMA = "wpi_number string, locode string, port_name string, lat_deg double, lon_deg double"


def port_frame(spark: SparkSession) -> DataFrame:
    """Every port of the World Port Index, one row by ``wpi_number``; ``locode`` is null where the index has none."""
    rows = [(p.wpi_number, p.locode or None, p.name, p.lat_deg, p.lon_deg) for p in world_port_index()]
    return spark.createDataFrame(rows, PORT_SCHEMA)
