"""Bronze records to judged events: parse the JSON, name the first rule that a record breaks. One projection."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from contracts.ais import MMSI_CLASSES
from contracts.events import (
    EVENTS,
    FIRST_LAWFUL_MS,
    LARGEST_VALUE_BYTES,
    LAST_LAWFUL_MS,
    former_names,
    models_read,
    retired_fields,
    version_of,
)
from contracts.fields import BY_NAME, Field
from contracts.tables import BRONZE
from contracts.topics import ContractMode, Topic

CORRUPT = "_corrupt_record"
Versions = dict[str, list[int]]
"""Schema versions by event type."""


def parse(records: DataFrame, topic: Topic, schema: StructType) -> DataFrame:
    """Add the event's columns beside the record's.

    Args:
        records: Bronze rows of the topic.
        topic: Decides which of the bronze columns are kept; all are.
        schema: Columns of the topic's events.

    Returns:
        One row per record, in any order: the bronze columns, then the event's columns (null where absent) under
        their names of today, ``observed_at``, ``observed_on``, ``unknown_fields`` (names that no contract of the topic
        has), ``extra`` (what the columns do not hold, as JSON), and ``_corrupt_record``, null for a value that is JSON
        of the right types.
    """
    with_corrupt = StructType([*schema.fields, StructField(CORRUPT, StringType())])
    options = {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": CORRUPT, "allowNonNumericNumbers": "false"}
    text = F.col("value").cast("string")
    retired = retired_fields(topic)
    event = F.from_json(text, with_corrupt, options).alias("event")
    unknown = F.array_except(F.json_object_keys(text), _texts(schema.names)).alias("unknown_fields")
    extra = _extra(text, [name for name in schema.names if name not in retired]).alias("extra")
    landed = BRONZE[topic].columns
    events = records.select(*landed, event, unknown, extra).select(*landed, "event.*", "unknown_fields", "extra")
    return (
        _renamed(events, topic)
        .withColumn("observed_at", instant("observed_at_ms"))
        .withColumn("observed_on", F.to_date("observed_at"))
    )


def _extra(text: Column, held: list[str]) -> Column:
    """The object's fields but those that are held in columns, as JSON; null where there are none."""
    others = F.array_except(F.json_object_keys(text), _texts(held))
    fields = F.map_filter(F.from_json(text, "map<string,variant>"), lambda name, _: ~name.isin(held))
    return F.when(F.size(others) > 0, F.to_json(fields))


def _renamed(events: DataFrame, topic: Topic) -> DataFrame:
    """The events with each field under its name of today, whichever its producer used."""
    models = [model for versions in models_read(topic).values() for model in versions]
    former = {alias: name for model in models for alias, name in former_names(model).items()}
    for alias, name in former.items():
        events = events.withColumn(name, F.coalesce(name, alias)).drop(alias)
    return events


def _texts(values: list[str]) -> Column:
    return F.array(*map(F.lit, values))


def judge(events: DataFrame, topic: Topic, sog_limit_kn: float, mode: ContractMode = "evolve") -> DataFrame:
    """Add ``rule``: the first of ``row_rules`` that the record breaks, null for a lawful one.

    A column of that name, which an alert has, is kept as ``own_rule``.
    """
    checks = row_rules(events, topic, sog_limit_kn, mode)
    kept = events.withColumn("own_rule", F.col("rule")) if "rule" in events.columns else events
    return kept.withColumn("rule", F.coalesce(*(F.when(broken, F.lit(name)) for name, broken in checks)))


def row_rules(
    events: DataFrame, topic: Topic, sog_limit_kn: float, mode: ContractMode = "evolve"
) -> list[tuple[str, Column]]:
    """Name of each rule that sends a record to quarantine, and whether a record breaks it.

    The rules, in this order: ``too_large``, ``malformed_json`` (what is not UTF-8 is no JSON either),
    ``unknown_event_type``, ``unknown_schema_version``, ``missing_<field>``, ``unknown_field`` (unless the contract's
    mode is to evolve), ``<field>`` out of its lawful range (a sentinel is not) or values, ``mmsi_class`` for a number
    that no station may have, ``position_not_available`` for AIS's 91 and 181 degrees, ``speed_limit``.
    """
    of_fields = [*_time_rules(events), *_range_rules(events), *_value_rules(events)]
    unknown = [] if mode == "evolve" else [("unknown_field", F.size("unknown_fields") > 0)]
    return [*_shape_rules(topic), *unknown, *of_fields, *_ais_rules(events, sog_limit_kn)]


def instant(name: str) -> Column:
    """The instant of a column of milliseconds; null for one that no clock tells: it may be past what a time holds."""
    return F.when(F.col(name).between(FIRST_LAWFUL_MS, LAST_LAWFUL_MS), F.timestamp_millis(name))


def mmsi_class(mmsi: Column) -> Column:
    """Kind of station by its MMSI (ITU-R M.585); ``invalid`` for a number in no known range."""
    cases = ((mmsi.between(first, last), name) for name, first, last in MMSI_CLASSES)
    return reduce(lambda chosen, case: F.when(case[0], F.lit(case[1])).otherwise(chosen), cases, F.lit("invalid"))


def lawful(field: Field, value: Column) -> Column:
    """The value, or null where it is the field's "not available" sentinel."""
    return value if field.sentinel is None else F.when(value != F.lit(field.sentinel), value)


def _shape_rules(topic: Topic) -> list[tuple[str, Column]]:
    required: dict[str, Versions] = {}
    for kind, models in models_read(topic).items():
        for model in models:
            for name, declared in model.model_fields.items():
                if declared.is_required():
                    required.setdefault(name, {}).setdefault(kind, []).append(version_of(model))
    missing = [
        (f"missing_{name}", F.col(name).isNull() & _is_one_of(versions))
        for name, versions in required.items()
        if name != "event_type"
    ]
    known = {kind: [version_of(model) for model in models] for kind, models in models_read(topic).items()}
    is_text = F.is_valid_utf8(F.col("value").cast("string"))  # the JSON parser would mend what is not, silently
    return [
        ("too_large", F.octet_length("value") > LARGEST_VALUE_BYTES),
        ("malformed_json", F.col(CORRUPT).isNotNull() | F.col("value").isNull() | ~is_text),
        ("unknown_event_type", ~F.coalesce(F.col("event_type").isin(list(EVENTS[topic])), F.lit(False))),
        ("unknown_schema_version", ~F.coalesce(_is_one_of(known), F.lit(False))),
        *missing,
    ]


def _is_one_of(versions: Versions) -> Column:
    """Whether an event is of one of these types, in one of the versions given for it."""
    kinds: dict[tuple[int, ...], list[str]] = {}
    for kind, numbers in versions.items():
        kinds.setdefault(tuple(numbers), []).append(kind)
    return reduce(
        Column.__or__,
        (F.col("event_type").isin(of) & F.col("schema_version").isin(list(numbers)) for numbers, of in kinds.items()),
    )


def _time_rules(events: DataFrame) -> list[tuple[str, Column]]:
    times = [name for name in events.columns if name.endswith("_at_ms")]
    return [(name, ~F.col(name).between(FIRST_LAWFUL_MS, LAST_LAWFUL_MS)) for name in times]


def _range_rules(events: DataFrame) -> list[tuple[str, Column]]:
    bounded = [BY_NAME[name] for name in events.columns if name in BY_NAME and BY_NAME[name].low is not None]
    # A version out of range is an unknown one: that rule comes before.
    of_event = [field for field in bounded if not field.name.startswith("kafka_") and field.name != "schema_version"]
    return [(field.name, _out_of_range(field)) for field in of_event]


def _value_rules(events: DataFrame) -> list[tuple[str, Column]]:
    listed = [BY_NAME[name] for name in events.columns if name in BY_NAME and BY_NAME[name].allowed]
    return [(field.name, ~F.col(field.name).isin(list(field.allowed))) for field in listed]


def _out_of_range(field: Field) -> Column:
    value = F.col(field.name)
    above = value > F.lit(field.high) if field.high is not None else value.cast("double") == F.lit(float("inf"))
    out = (value < F.lit(field.low)) | above | F.isnan(value.cast("double"))
    return out if field.sentinel is None else out & (value != F.lit(field.sentinel))


def _ais_rules(events: DataFrame, sog_limit_kn: float) -> list[tuple[str, Column]]:
    if "message_type" not in events.columns:
        return []
    absent = (F.col("lat_deg") == F.lit(BY_NAME["lat_deg"].sentinel)) | (
        F.col("lon_deg") == F.lit(BY_NAME["lon_deg"].sentinel)
    )
    speed = lawful(BY_NAME["sog_kn"], F.col("sog_kn"))
    return [
        ("mmsi_class", mmsi_class(F.col("mmsi")) == F.lit("invalid")),
        ("position_not_available", absent),
        ("speed_limit", speed > sog_limit_kn),
    ]
