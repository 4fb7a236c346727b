"""Every rule that sends a record to quarantine fires on a record that breaks it, and on no lawful one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from contracts.events import EVENTS, LARGEST_VALUE_BYTES
from contracts.fields import BY_NAME, Field
from contracts.tables import BRONZE
from contracts.topics import AIS, TOPICS, Topic
from lakehouse.schema import event_schema, spark_schema
from lakehouse.transforms.parsing import judge, parse, row_rules

START_MS = 1_700_000_000_000
SOG_LIMIT_KN = 40.0
Event = dict[str, Any]
SPECIAL: dict[str, Event] = {
    "unknown_event_type": {"event_type": "no such event"},
    "unknown_schema_version": {"schema_version": 99},
    "mmsi_class": {"mmsi": 123_456_789},
    "position_not_available": {"lat_deg": 91.0, "lon_deg": 181.0},
    "speed_limit": {"sog_kn": SOG_LIMIT_KN + 0.1},
}
"""Rules that are no field's range, values, time or absence."""


def lawful(topic: Topic, kind: str) -> Event:
    """An event of the kind with its required fields only."""
    event: Event = {"event_type": kind, "schema_version": 1}
    for name, declared in EVENTS[topic][kind].model_fields.items():
        if declared.is_required() and name not in event:
            event[name] = value_of(name)
    return event


def value_of(name: str) -> Any:
    if name.endswith("_ms"):
        return START_MS
    if name == "mmsi":
        return 366_053_209
    field = BY_NAME.get(name)
    if field and field.allowed:
        return field.allowed[0]
    return 1.0 if field and field.type == "double" else f"a {name}"


def kind_with(topic: Topic, name: str) -> str:
    return next(kind for kind, model in EVENTS[topic].items() if name in model.model_fields)


def kind_that_needs(topic: Topic, name: str) -> str:
    kinds = EVENTS[topic].items()
    return next(kind for kind, model in kinds if name in model.model_fields and model.model_fields[name].is_required())


def breaking(topic: Topic, rule: str) -> bytes:
    """A record that breaks the rule and none before it."""
    kinds = list(EVENTS[topic])
    if rule == "too_large":
        return encoded(lawful(topic, kinds[0])) + b" " * LARGEST_VALUE_BYTES
    if rule == "malformed_json":
        return b'{"event_type": '
    if rule in SPECIAL:
        changes = SPECIAL[rule]
        kind = kind_with(topic, next(iter(changes))) if rule != "unknown_event_type" else kinds[0]
        return encoded({**lawful(topic, kind), **changes})
    if rule.startswith("missing_"):
        name = rule.removeprefix("missing_")
        return encoded({k: v for k, v in lawful(topic, kind_that_needs(topic, name)).items() if k != name})
    return encoded({**lawful(topic, kind_with(topic, rule)), rule: unlawful(rule)})


def unlawful(name: str) -> Any:
    if name.endswith("_at_ms"):
        return 5
    field: Field = BY_NAME[name]
    if field.allowed:
        return "no such value"
    assert field.low is not None
    return field.low - 1


def encoded(event: Event) -> bytes:
    return json.dumps(event).encode()


def judged(spark: SparkSession, topic: Topic, values: list[bytes]) -> DataFrame:
    rows: list[tuple[Any, ...]] = [
        (topic.name, 0, offset, None, b"", value, [], None, None) for offset, value in enumerate(values)
    ]
    schema = spark_schema(BRONZE[topic])
    for column in schema.fields:
        column.nullable = True
    return parse(spark.createDataFrame(rows, schema), topic, event_schema(topic))


def rules_of(events: DataFrame, topic: Topic) -> Iterator[str]:
    yield from dict.fromkeys(name for name, _ in row_rules(events, topic, SOG_LIMIT_KN))


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.short)
def test_each_rule_of_a_topic_fires_on_a_record_made_to_break_it(spark: SparkSession, topic: Topic) -> None:
    rules = list(rules_of(judged(spark, topic, []), topic))
    sound = [encoded(lawful(topic, kind)) for kind in EVENTS[topic]]

    events = judged(spark, topic, [*(breaking(topic, rule) for rule in rules), *sound])

    found = judge(events, topic, SOG_LIMIT_KN).select("kafka_offset", "rule").collect()
    by_offset = [row.rule for row in sorted(found, key=lambda row: row.kafka_offset)]
    assert by_offset == [*rules, *[None] * len(sound)]
    assert len(rules) > (20 if topic == AIS else 5)
