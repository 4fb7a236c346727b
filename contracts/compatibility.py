"""Whether readers of today still understand the events of yesterday.

Topics keep their records for days, Bronze for years, and both are read again. So a version of an event may
only change so that every record that was lawful stays lawful and keeps its meaning; for anything else it gets
a new version. Units are part of a field's name: a change of unit is a removed field, and refused too. A field is
renamed by naming its former name as an alias, and removed by retiring it: both stay lawful on the wire.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from contracts.events import EVENTS, Event, former_names, models_read, version_of

JsonSchema = dict[str, Any]

_WIDER_TYPES = {"integer": ("integer", "number")}
"""Types that accept everything the named one accepts; the others accept only themselves."""

_BOUNDS = (
    "type", "const", "enum", "minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "minLength", "maxLength",
    "pattern",
)  # fmt: skip
RENAMED_TO = "x-renamed-to"
"""Our own keyword of JSON Schema, at a former name: the name of today."""


def event_schemas() -> dict[str, JsonSchema]:
    """JSON Schema of every event, by ``<topic>.<event type>.v<version>``, from the models that read it."""
    schemas: dict[str, JsonSchema] = {}
    for topic in EVENTS:
        for event_type, models in models_read(topic).items():
            for model in models:
                schema = schema_of(model)
                # One model may read several event types; its file is for one of them.
                schema["properties"]["event_type"] = {
                    "const": event_type,
                    "title": "Event Type",
                    "type": "string",
                }
                schemas[f"{topic.short}.{event_type}.v{version_of(model)}"] = schema
    return schemas


def committed_schemas() -> dict[str, JsonSchema]:
    """The schema files that this release was published with, by the same names."""
    folder = Path(__file__).parent / "schemas"
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def schema_of(model: type[Event]) -> JsonSchema:
    """JSON Schema of what a model reads, with the former names of its fields."""
    schema = model.model_json_schema()
    for alias, name in former_names(model).items():
        schema["properties"][alias] = {
            **schema["properties"][name],
            "description": f"Former name of {name}.",
            "deprecated": True,
            RENAMED_TO: name,
        }
        if name in schema["required"]:  # under one of its names
            schema["required"].remove(name)
            schema.setdefault("allOf", []).append({"anyOf": [{"required": [name]}, {"required": [alias]}]})
    return schema


def widening_changes(old: JsonSchema, new: JsonSchema) -> list[str]:
    """What ``new`` allows beyond ``old``, in words; it breaks nothing."""
    before, after = old["properties"], new["properties"]
    renamed = {name: field[RENAMED_TO] for name, field in after.items() if RENAMED_TO in field}
    told = [
        f"{name}: new, optional" for name in after if name not in before and name not in {*renamed, *renamed.values()}
    ]
    for name in after:
        if name in renamed and RENAMED_TO not in before.get(name, {}):
            told.append(f"{name}: renamed, now {renamed[name]}; the former name is still read")
        elif name in before and after[name].get("deprecated") and not before[name].get("deprecated"):
            told.append(f"{name}: removed; still read from events that have it")
        elif name in before and _bounds(before[name]) != _bounds(after[name]):
            told.append(f"{name}: wider, {_in_words(before[name])} is now {_in_words(after[name])}")
    required = set(old.get("required", ())) - set(new.get("required", ())) - set(renamed) - set(renamed.values())
    return told + [f"{name}: no longer required" for name in old.get("required", ()) if name in required]


def _bounds(declared: JsonSchema) -> JsonSchema:
    """What a field may be, without the words about it."""
    return {name: value for name, value in declared.items() if name in ("anyOf", *_BOUNDS)}


def _in_words(declared: JsonSchema) -> str:
    choices = (
        " ".join([str(choice.get("type", "")), *(f"{name} {choice[name]}" for name in _BOUNDS[1:] if name in choice)])
        for choice in declared.get("anyOf", [declared])
    )
    return " or ".join(choices)


def breaking_changes(old: JsonSchema, new: JsonSchema) -> list[str]:
    """Why events lawful under ``old`` might be refused or misread under ``new``; empty when they never are.

    A field renamed shows as one removed. Allowed are new optional fields, wider ranges, more lawful values, a
    required field made optional.
    """
    before, after = old["properties"], new["properties"]
    breaks = [f"{name}: removed" for name in before if name not in after]
    was_required, is_required = set(old.get("required", ())), set(new.get("required", ()))
    breaks += [f"{name}: now required" for name in new["properties"] if name in is_required - was_required]
    if old.get("additionalProperties", True) and not new.get("additionalProperties", True):
        breaks.append("fields that are not declared are now refused")
    for name in before:
        if name in after:
            breaks += [f"{name}: {reason}" for reason in _narrowed(before[name], after[name])]
    return breaks


def _narrowed(old: JsonSchema, new: JsonSchema) -> list[str]:
    """Each alternative that was lawful must lie within one that is lawful now."""
    reasons = []
    for alternative in old.get("anyOf", [old]):
        refusals = [_refusal(alternative, candidate) for candidate in new.get("anyOf", [new])]
        if all(refusals):
            # Of the refusals, that by an alternative of the same type tells most; it sorts last.
            reasons.append(sorted(map(str, refusals), key=lambda text: not text.startswith("type"))[-1])
    return reasons


def _refusal(old: JsonSchema, new: JsonSchema) -> str | None:
    """Why ``new`` does not accept everything that ``old`` accepts; None when it does."""
    old_type = old.get("type")
    if "type" in new and new["type"] not in _WIDER_TYPES.get(str(old_type), (old_type,)):
        return f"type {old_type} is now {new['type']}"
    lost = _lost_values(old, new)
    if lost:
        return f"values no longer lawful: {', '.join(map(str, lost))}"
    for low in ("minimum", "exclusiveMinimum", "minLength"):
        if low in new and (low not in old or old[low] < new[low]):
            return f"{low} was {old.get(low)}, is {new[low]}"
    for high in ("maximum", "exclusiveMaximum", "maxLength"):
        if high in new and (high not in old or old[high] > new[high]):
            return f"{high} was {old.get(high)}, is {new[high]}"
    if "pattern" in new and new["pattern"] != old.get("pattern"):
        return f"pattern was {old.get('pattern')}, is {new['pattern']}"
    return None


def _lost_values(old: JsonSchema, new: JsonSchema) -> list[object]:
    """Values that were lawful and no longer are, where the new schema lists its values."""
    lawful = _values(new)
    if lawful is None:
        return []
    before = _values(old)
    return ["any other"] if before is None else [value for value in before if value not in lawful]


def _values(schema: JsonSchema) -> list[object] | None:
    if "const" in schema:
        return [schema["const"]]
    return schema.get("enum")
