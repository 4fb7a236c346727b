"""A contract, as Spark writes it: a table's columns, an event's JSON."""

from __future__ import annotations

from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
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

from contracts.compatibility import schema_of
from contracts.errors import ContractError
from contracts.events import models_read
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


def stored_schema(table: Table) -> StructType:
    """The columns that the table has on disk: the same, then those under former names."""
    return StructType([*spark_schema(table), *(_column(alias, nullable=True) for alias, _ in table.former)])


def stored(table: Table, rows: DataFrame) -> DataFrame:
    """The rows as they are written: former names hold the value too, for readers of yesterday."""
    return rows.withColumns({alias.name: F.col(field.name) for alias, field in table.former}) if table.former else rows


def as_declared(table: Table, rows: DataFrame) -> DataFrame:
    """The rows in the columns that the contract names today, under whatever contract they were written.

    A renamed column has its value from either name; one that the table did not have yet has the field's ``of_before``,
    else null; others are left out.
    """
    came_later = {column.name for column in rows.schema if column.nullable}
    if rows.columns == table.columns and not any(f.of_before and f.name in came_later for f in table.fields):
        return rows
    return rows.select(*(_declared(field, rows.schema) for field in table.fields))


def _declared(field: Field, there: StructType) -> Column:
    found = [there[name] for name in (field.name, *field.aliases) if name in there.names]
    values = [F.col(column.name) for column in found]
    if field.of_before and all(column.nullable for column in found):
        values.append(F.expr(field.of_before))
    value = F.coalesce(*values) if values else F.lit(None).cast(SPARK_TYPES[field.type])
    return value.alias(field.name)


def _column(field: Field, *, nullable: bool) -> StructField:
    unit = {"unit": field.unit} if field.unit else {}
    return StructField(field.name, SPARK_TYPES[field.type], nullable, {"comment": field.doc, **unit})


def event_schema(topic: Topic) -> StructType:
    """Every column that any event of the topic may carry, in any version that is read and under any of its names.

    All are nullable: this is what ``from_json`` is given.

    Raises:
        ContractError: Two events give one name to different types.
    """
    columns: dict[str, DataType] = {}
    for model in dict.fromkeys(model for models in models_read(topic).values() for model in models):
        for name, declared in schema_of(model)["properties"].items():
            columns[name] = _wider(name, columns.get(name), _json_type(declared))
    return StructType([StructField(name, kind) for name, kind in columns.items()])


def _wider(name: str, known: DataType | None, kind: DataType) -> DataType:
    if known is None or known == kind:
        return kind
    if {known, kind} == {LongType(), DoubleType()}:
        return DoubleType()
    raise ContractError(f"Events of one topic give {name} the types {known.typeName()} and {kind.typeName()}.")


def _json_type(declared: dict[str, Any]) -> DataType:
    """Integers as long, so that a number past 2^31 is judged by its rule and not lost by its type."""
    kinds = {choice.get("type") for choice in declared.get("anyOf", [declared])}
    if "integer" in kinds:
        return LongType()
    return DoubleType() if "number" in kinds else StringType()
