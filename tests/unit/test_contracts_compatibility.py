"""A change that would break a reader of yesterday's events is found, whatever its kind."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
from pathlib import Path

import jsonschema
import pytest

from contracts.compatibility import JsonSchema, breaking_changes, event_schemas
from contracts.errors import ContractError
from maritime import docs

ROOT = Path(__file__).parents[2]
OLD: JsonSchema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["mmsi"],
    "properties": {
        "mmsi": {"type": "integer", "minimum": 0, "maximum": 999_999_999},
        "sog_kn": {"anyOf": [{"type": "number", "minimum": 0, "maximum": 102.3}, {"type": "null"}]},
        "ais_class": {"anyOf": [{"type": "string", "enum": ["A", "B"]}, {"type": "null"}]},
        "note": {"type": "string", "maxLength": 200},
    },
}


def field(name: str, declared: JsonSchema, *, required: bool = False) -> JsonSchema:
    new = copy.deepcopy(OLD)
    new["properties"][name] = declared
    new["required"] += [name] if required else []
    return new


def without(name: str) -> JsonSchema:
    return OLD | {"properties": {key: value for key, value in OLD["properties"].items() if key != name}}


@pytest.mark.parametrize(
    ("new", "found"),
    [
        (without("note"), "note: removed"),
        (field("port", {"type": "string"}, required=True), "port: now required"),
        (OLD | {"required": ["mmsi", "note"]}, "note: now required"),
        (field("note", {"type": "integer"}), "note: type string is now integer"),
        (
            field("sog_kn", {"type": "number", "minimum": 0, "maximum": 102.3}),
            "sog_kn: type null is now number",
        ),
        (
            field("sog_kn", {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
            "sog_kn: type number is now null",
        ),
        (
            field("mmsi", {"type": "integer", "minimum": 1, "maximum": 999_999_999}),
            "mmsi: minimum was 0, is 1",
        ),
        (field("mmsi", {"type": "integer", "minimum": 0, "maximum": 9}), "mmsi: maximum was 999999999, is 9"),
        (field("note", {"type": "string", "maxLength": 20}), "note: maxLength was 200, is 20"),
        (
            field("note", {"type": "string", "minLength": 1, "maxLength": 200}),
            "note: minLength was None, is 1",
        ),
        (field("note", {"type": "string", "pattern": "^x"}), "note: pattern was None, is ^x"),
        (
            field("ais_class", {"anyOf": [{"type": "string", "enum": ["A"]}, {"type": "null"}]}),
            "ais_class: values no longer lawful: B",
        ),
        (field("note", {"type": "string", "const": "x"}), "note: values no longer lawful: any other"),
    ],
)
def test_each_kind_of_break_is_found(new: JsonSchema, found: str) -> None:
    assert breaking_changes(OLD, new) == [found]


def test_a_renamed_field_is_a_removed_field() -> None:
    new = without("note")
    new["properties"] = new["properties"] | {"remark": OLD["properties"]["note"]}

    assert breaking_changes(OLD, new) == ["note: removed"]


def test_refusing_fields_that_were_tolerated_is_a_break() -> None:
    assert breaking_changes(OLD | {"additionalProperties": True}, OLD) != []


@pytest.mark.parametrize(
    "new",
    [
        OLD,
        field("port", {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        OLD | {"required": []},
        field("mmsi", {"type": "number", "minimum": -1}),
        field("ais_class", {"anyOf": [{"type": "string", "enum": ["A", "B", "C"]}, {"type": "null"}]}),
    ],
    ids=["no change", "new optional field", "no longer required", "wider type and range", "more values"],
)
def test_what_widens_an_event_is_allowed(new: JsonSchema) -> None:
    assert breaking_changes(OLD, new) == []


def test_the_models_read_every_event_that_the_committed_schemas_allow() -> None:
    assert docs.broken_promises(ROOT, event_schemas()) == []


def test_the_models_read_every_event_that_any_earlier_commit_allowed() -> None:
    """The committed files could be edited together with a break; their history could not."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("needs the git history of contracts/schemas")
    schemas = event_schemas()
    broken = []
    for commit in git("log", "--format=%H", "--", "contracts/schemas").split():
        for path in git("ls-tree", "-r", "--name-only", commit, "contracts/schemas").split():
            old, new = json.loads(git("show", f"{commit}:{path}")), schemas.get(Path(path).stem)
            reasons = breaking_changes(old, new) if new else ["removed"]
            broken += [f"{commit[:8]} {Path(path).stem}: {reason}" for reason in reasons]
    assert broken == []


def git(*arguments: str) -> str:
    return subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True).stdout


def test_a_breaking_change_is_not_written_over_the_committed_schema(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docs.write(tmp_path)
    committed = tmp_path / "contracts/schemas/ais.position.v1.json"
    before = committed.read_text()
    schemas = event_schemas()
    del schemas["ais.position.v1"]["properties"]["sog_kn"]
    monkeypatch.setattr(docs, "event_schemas", lambda: schemas)

    with pytest.raises(ContractError, match=r"ais.position.v1: sog_kn: removed.*yesterday's events"):
        docs.write(tmp_path)

    assert committed.read_text() == before


def test_an_event_that_vanishes_is_a_break(tmp_path: Path) -> None:
    docs.write(tmp_path)
    schemas = event_schemas()
    del schemas["alerts.alert.v1"]

    assert docs.broken_promises(tmp_path, schemas) == ["alerts.alert.v1: removed"]


@pytest.mark.parametrize("name", sorted(event_schemas()))
def test_every_schema_is_lawful_json_schema(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(event_schemas()[name])
