"""What a Delta commit says of how its rows came about: code, contracts, rules and settings.

It stands in the commit itself (``userMetadata``), so that it is there exactly when the rows are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from pyspark.sql import SparkSession

from contracts import fingerprints
from contracts.events import models_read, version_of
from contracts.settings import Settings
from contracts.tables import BRONZE, Table
from contracts.topics import TOPICS, Topic
from infra.release import code_version
from lakehouse.schema import event_schema, spark_schema
from lakehouse.transforms.parsing import parse, row_rules

TELLING = (
    "sog_limit_kn",
    "late_after_hours",
    "jump_limit_kn",
    *(f"contract_{topic.short}" for topic in TOPICS),
)
"""Settings that decide what a figure is."""


def made_by(tables: Iterable[Table], settings: Settings | None = None, rules: str | None = None) -> dict[str, Any]:
    """Code, contracts, and where they have a say, settings and rules that a commit to these tables rests on.

    Args:
        tables: What is written.
        settings: Where given, those that decide a figure are named.
        rules: Fingerprint of the row rules that judged the rows.
    """
    contracts = {table.name: fingerprints.of_table(table) for table in tables}
    said: dict[str, Any] = {"code": code_version(), "contracts": contracts}
    if settings:
        said["settings"] = told_settings(settings)
    if rules:
        said["rules"] = rules
    return said


def told_settings(settings: Settings) -> dict[str, Any]:
    """The settings that decide what a figure is."""
    return {name: getattr(settings, name) for name in TELLING}


def event_contracts(topic: Topic) -> dict[str, str]:
    """Fingerprint of the JSON Schema of each event of a topic, by ``<event type>.v<version>``."""
    return {
        f"{kind}.v{version_of(model)}": fingerprints.of_json(model.model_json_schema())
        for kind, models in models_read(topic).items()
        for model in models
    }


def rule_versions(spark: SparkSession, topic: Topic, settings: Settings) -> dict[str, str]:
    """Each row rule of the topic with the fingerprint of what it asks, as Spark has it."""
    events = parse(spark.createDataFrame([], spark_schema(BRONZE[topic])), topic, event_schema(topic))
    asked: dict[str, list[str]] = defaultdict(list)
    for name, broken in row_rules(events, topic, settings.sog_limit_kn, settings.contract_mode(topic)):
        asked[name].append(str(broken))
    return {name: fingerprints.of_text("\n".join(texts)) for name, texts in asked.items()}


def rules_version(versions: Mapping[str, str]) -> str:
    """One fingerprint for all rules of a topic, their order included: the first that is broken names the record."""
    return fingerprints.of_text("\n".join(f"{name} {version}" for name, version in versions.items()))
