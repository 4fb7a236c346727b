"""A contract, as Spark writes it: a table's columns, an event's JSON."""

from __future__ import annotations

from functools import cache
from typing import Any

from pyspark.sql.types import (
    ArrayType,
    BinaryType,
    BooleanType,
    DataType,
    DateType,
    DoubleType,
    IntegerType,
    LongType,
    MapType,
    StringType,
    StructField,
    StructType,
    TimestampType,
)

from contracts.events import EVENTS
from contracts.fields import Field, Type
from contracts.tables import Table
from contracts.topics import Topic

OFFSET_RANGE = (
    StructType()
    .add("topic", StringType())
    .add("partition", IntegerType())
    .add("start", LongType())
    .add("end", LongType())
)
HEADER = StructType().add("key", StringType()).add("value", BinaryType())

SPARK_TYPES: dict[Type, DataType] = {
    "boolean": BooleanType(),
    "int": IntegerType(),
    "long": LongType(),
    "double": DoubleType(),
    "string": StringType(),
    "binary": BinaryType(),
    "timestamp": TimestampType(),
    "date": DateType(),
    "strings": ArrayType(StringType()),
    "headers": ArrayType(HEADER),
    "ranges": ArrayType(OFFSET_RANGE),
    "versions": MapType(StringType(), LongType()),
    "watermarks": MapType(StringType(), TimestampType()),
}


def spark_schema(table: Table) -> StructType:
    """The table's columns in order; key columns not null, units and texts as column metadata."""
    return StructType([_column(field, nullable=field not in table.key) for field in table.fields])


def _column(field: Field, *, nullable: bool) -> StructField:
    unit = {"unit": field.unit} if field.unit else {}
    return StructField(field.name, SPARK_TYPES[field.type], nullable, {"comment": field.doc, **unit})


@cache
def event_schema(topic: Topic) -> StructType:
    """Every column that any event of the topic may carry, all nullable: what ``from_json`` is given."""
    columns: dict[str, DataType] = {}
    for model in dict.fromkeys(EVENTS[topic].values()):
        properties = model.model_json_schema()["properties"]
        columns |= {name: _json_type(declared) for name, declared in properties.items()}
    return StructType([StructField(name, kind) for name, kind in columns.items()])


def _json_type(declared: dict[str, Any]) -> DataType:
    """Integers as long, so that a number past 2^31 is judged by its rule and not lost by its type."""
    kinds = {choice.get("type") for choice in declared.get("anyOf", [declared])}
    if "integer" in kinds:
        return LongType()
    return DoubleType() if "number" in kinds else StringType()
