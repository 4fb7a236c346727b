"""``python -m maritime.docs``: the reference pages and the JSON Schemas, written from the contracts."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from pathlib import Path

import click
from pydantic import AliasChoices
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from contracts.compatibility import JsonSchema, breaking_changes, event_schemas
from contracts.errors import ContractError
from contracts.events import EVENTS
from contracts.fields import Field
from contracts.settings import PREFIX, Settings
from contracts.tables import TABLES, Table
from contracts.topics import CONSUMER_GROUP, TOPICS, Topic
from infra.console import Command, say
from maritime.error_page import errors_page

ROOT = Path(__file__).parents[1]
SCHEMAS = Path("contracts/schemas")
HEAD = "<!-- Written by `python -m maritime.docs` from {source}: change that, then run it. -->\n"


def tables_page() -> str:
    """The dictionary of tables: grain, key, clustering and every column of each."""
    parts = [
        HEAD.format(source="contracts/tables.py and contracts/fields.py"),
        "# Tables\n",
        "Delta tables below the lake root, in UTC. A column has one name and one unit wherever it appears.",
        "The range is of lawful values; what AIS sends for `not available` is null in Silver and Gold.\n",
        "| table | one row per |\n| --- | --- |",
        *(f"| [`{table.name}`](#{table.name.replace('.', '')}) | {table.grain} |" for table in TABLES),
        *(_table_section(table) for table in TABLES),
    ]
    return "\n".join(parts) + "\n"


def _table_section(table: Table) -> str:
    rows = [f"| `{field.name}` | {field.type} | {field.unit or ''} | {_range(field)} | {field.doc} |"
            for field in table.fields]  # fmt: skip
    return "\n".join(
        [
            f"\n## {table.name}\n",
            f"One row per {table.grain}.\n",
            f"- folder: `{table.path}`",
            f"- key: {_names(table.key)}",
            *([f"- clustered by: {_names(table.clustered_by)}"] if table.clustered_by else []),
            *([f"- partitioned by: {_names(table.partitioned_by)}"] if table.partitioned_by else []),
            *(["- only grows: rows are added and never changed by a stream or job"] if table.only_grows else []),
            f"- kept: replaced files at least {table.keep_hours} hours, versions in the log at most"
            f" {table.log_keep_days} days ([which](table-care.md#how-long-versions-stay))",
            "\n| column | type | unit | range | meaning |\n| --- | --- | --- | --- | --- |",
            *rows,
        ]
    )


def _names(fields: tuple[Field, ...]) -> str:
    return ", ".join(f"`{field.name}`" for field in fields)


def _range(field: Field) -> str:
    if field.low is None and field.high is None:
        return ""
    if field.high is None:
        return f"from {field.low:,}"
    return f"to {field.high:,}" if field.low is None else f"{field.low:,} to {field.high:,}"


def settings_page() -> str:
    """Every setting with its default."""
    rows = [
        f"| {_variables(name, field)} | {_default(field.get_default())} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    parts = [
        HEAD.format(source="contracts/settings.py"),
        "# Settings\n",
        "Environment variables, or lines of a file `.env` in the working folder. Any other name that begins",
        "with `MARITIME_` is refused, and the nearest lawful one named.\n",
        "| setting | default | meaning |\n| --- | --- | --- |",
        *rows,
    ]
    return "\n".join(parts) + "\n"


def _variables(name: str, field: FieldInfo) -> str:
    aliases = field.validation_alias.choices if isinstance(field.validation_alias, AliasChoices) else ()
    return ", ".join(f"`{variable}`" for variable in dict.fromkeys((PREFIX + name.upper(), *map(str, aliases))))


def _default(value: object) -> str:
    if value is None or value is PydanticUndefined:
        return "unset"
    return f"`{str(value).lower()}`" if isinstance(value, bool) else f"`{value}`"


def events_page() -> str:
    """The topics, and the events that each carries."""
    topics = [f"| `{t.name}` | {t.partitions} | {t.retention_days} days | `{t.dead_letter.name}` |" for t in TOPICS]
    parts = [
        HEAD.format(source="contracts/topics.py and contracts/events.py"),
        "# Topics and events\n",
        "JSON values keyed by MMSI, or by station where there is no vessel, with the headers `source`,",
        f"`event-type` and `schema-version`. Consumer group: `{CONSUMER_GROUP}`.\n",
        "| topic | partitions | kept | dead letters |\n| --- | --- | --- | --- |",
        *topics,
        "\nTimes are epoch milliseconds, UTC. Optional fields may be null or absent. A range includes what",
        "AIS sends for `not available`. Each event's JSON Schema lies in `contracts/schemas`; a version of",
        "it changes only so that every record that was lawful stays lawful.",
        *(_topic_section(topic) for topic in TOPICS),
    ]
    return "\n".join(parts) + "\n"


def _topic_section(topic: Topic) -> str:
    parts = [f"\n## {topic.name}"]
    by_model: dict[type, list[str]] = {}
    for event_type, model in EVENTS[topic].items():
        by_model.setdefault(model, []).append(event_type)
    for model, event_types in by_model.items():
        schema = model.model_json_schema()
        required = schema["required"]
        parts += [
            f"\n### {', '.join(f'`{name}`' for name in event_types)}\n",
            " ".join((model.__doc__ or "").split()),
            "\n| field | type | range | required | meaning |\n| --- | --- | --- | --- | --- |",
            *(_field_row(name, declared, name in required) for name, declared in schema["properties"].items()),
        ]
    return "\n".join(parts)


def _field_row(name: str, declared: JsonSchema, required: bool) -> str:
    value = next(option for option in declared.get("anyOf", [declared]) if option.get("type") != "null")
    low, high = value.get("minimum"), value.get("maximum")
    if "enum" in value:
        lawful = ", ".join(f"`{item}`" for item in value["enum"])
    elif low is None and high is None:
        lawful = f"at most {value['maxLength']:,} characters" if "maxLength" in value else ""
    else:
        lawful = f"from {low:,}" if high is None else f"{low:,} to {high:,}"
    meaning = declared.get("description", "")
    return f"| `{name}` | {value['type']} | {lawful} | {'yes' if required else ''} | {meaning} |"


def generated() -> dict[Path, str]:
    """Every generated file by its path in the repository."""
    pages = {
        Path("docs/tables.md"): tables_page(),
        Path("docs/settings.md"): settings_page(),
        Path("docs/events.md"): events_page(),
        Path("docs/errors.md"): errors_page(ROOT, HEAD.format(source="the code of every command")),
    }
    schemas = {SCHEMAS / f"{name}.json": json.dumps(schema, indent=2) + "\n"
               for name, schema in event_schemas().items()}  # fmt: skip
    return pages | schemas


def broken_promises(root: Path, schemas: Mapping[str, JsonSchema]) -> list[str]:
    """What in ``schemas`` would break a reader of events written under the schema files below ``root``."""
    broken = []
    for path in sorted((root / SCHEMAS).glob("*.json")):
        if path.stem not in schemas:
            broken.append(f"{path.stem}: removed")
        else:
            reasons = breaking_changes(json.loads(path.read_text()), schemas[path.stem])
            broken += [f"{path.stem}: {reason}" for reason in reasons]
    return broken


def stale(root: Path) -> dict[Path, str]:
    """Generated files that are missing or not as the contracts say, each with its first differing lines."""
    hints = {}
    for path, text in generated().items():
        found = (root / path).read_text() if (root / path).exists() else ""
        if found != text:
            changes = difflib.unified_diff(found.splitlines(), text.splitlines(), "committed", "contracts", "", "", 0)
            hints[path] = "\n".join(list(changes)[2:8])
    return hints


def write(root: Path) -> list[Path]:
    """Write what is stale and return its paths.

    Raises:
        ContractError: An event changed so that yesterday's records could not be read; nothing is written.
    """
    broken = broken_promises(root, event_schemas())
    if broken:
        raise ContractError(f"{'; '.join(broken)}. This breaks readers of yesterday's events: add a new version.")
    texts, paths = generated(), list(stale(root))
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(texts[path])
    return paths


@click.command(cls=Command)
@click.option("--check", is_flag=True, help="Write nothing; fail when a file is not as the contracts say.")
def main(check: bool) -> None:
    """Write docs/tables.md, settings.md, events.md and contracts/schemas from the contracts, errors.md from the code.

    Raises:
        ContractError: A file is stale, or an event changed so that yesterday's records could not be read.
    """
    if not check:
        for path in write(ROOT):
            say(f"wrote {path}")
        return
    hints = stale(ROOT)
    for path, hint in hints.items():
        say(f"{path}\n{hint}")
    broken = broken_promises(ROOT, event_schemas())
    if hints or broken:
        stale_files = f"{len(hints)} generated files are stale: run `python -m maritime.docs`. " if hints else ""
        raise ContractError(stale_files + "; ".join(broken))


if __name__ == "__main__":
    main()
