"""Bronze records to judged events: parse the JSON, name the first rule that a record breaks. One projection."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from contracts.ais import MMSI_CLASSES
from contracts.events import EVENTS, FIRST_LAWFUL_MS, LARGEST_VALUE_BYTES, LAST_LAWFUL_MS, SCHEMA_VERSION
from contracts.fields import BY_NAME, Field
from contracts.tables import BRONZE
from contracts.topics import Topic

CORRUPT = "_corrupt_record"


def parse(records: DataFrame, topic: Topic, schema: StructType) -> DataFrame:
    """Add the event's columns beside the record's.

    Args:
        records: Bronze rows of the topic.
        topic: Decides which of the bronze columns are kept; all are.
        schema: Columns of the topic's events.

    Returns:
        One row per record, in any order: the bronze columns, then the event's columns (null where absent),
        ``observed_at``, ``observed_on``, and ``_corrupt_record``, null for a value that is JSON of the right types.
    """
    with_corrupt = StructType([*schema.fields, StructField(CORRUPT, StringType())])
    options = {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": CORRUPT, "allowNonNumericNumbers": "false"}
    event = F.from_json(F.col("value").cast("string"), with_corrupt, options)
    return (
        records.select(*BRONZE[topic].columns, event.alias("event"))
        .select(*BRONZE[topic].columns, "event.*")
        .withColumn("observed_at", instant("observed_at_ms"))
        .withColumn("observed_on", F.to_date("observed_at"))
    )


def judge(events: DataFrame, topic: Topic, sog_limit_kn: float) -> DataFrame:
    """Add ``rule``: the first of ``row_rules`` that the record breaks, null for a lawful one.

    A column of that name, which an alert has, is kept as ``own_rule``.
    """
    checks = row_rules(events, topic, sog_limit_kn)
    kept = events.withColumn("own_rule", F.col("rule")) if "rule" in events.columns else events
    return kept.withColumn("rule", F.coalesce(*(F.when(broken, F.lit(name)) for name, broken in checks)))


def row_rules(events: DataFrame, topic: Topic, sog_limit_kn: float) -> list[tuple[str, Column]]:
    """Name of each rule that sends a record to quarantine, and whether a record breaks it.

    The rules, in this order: ``too_large``, ``malformed_json`` (what is not UTF-8 is no JSON either),
    ``unknown_event_type``, ``unknown_schema_version``, ``missing_<field>``, ``<field>`` out of its lawful range
    (a sentinel is not) or values, ``mmsi_class`` for a number that no station may have, ``position_not_available`` for
    AIS's 91 and 181 degrees, ``speed_limit``.
    """
    of_fields = [*_time_rules(events), *_range_rules(events), *_value_rules(events)]
    return [*_shape_rules(topic), *of_fields, *_ais_rules(events, sog_limit_kn)]


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
    kinds = EVENTS[topic]
    required: dict[str, list[str]] = {}
    for kind, model in kinds.items():
        for name, declared in model.model_fields.items():
            if declared.is_required():
                required.setdefault(name, []).append(kind)
    missing = [
        (f"missing_{name}", F.col(name).isNull() & F.col("event_type").isin(of))
        for name, of in required.items()
        if name != "event_type"
    ]
    is_text = F.is_valid_utf8(F.col("value").cast("string"))  # the JSON parser would mend what is not, silently
    return [
        ("too_large", F.octet_length("value") > LARGEST_VALUE_BYTES),
        ("malformed_json", F.col(CORRUPT).isNotNull() | F.col("value").isNull() | ~is_text),
        ("unknown_event_type", ~F.coalesce(F.col("event_type").isin(list(kinds)), F.lit(False))),
        ("unknown_schema_version", F.coalesce(F.col("schema_version"), F.lit(0)) != SCHEMA_VERSION),
        *missing,
    ]


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
