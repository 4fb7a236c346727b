"""What changes in a table against its contract: columns, types, names, texts, properties. Read without Spark."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import deltalake
from pyspark.sql.types import StructField, StructType

from contracts import fingerprints
from contracts.errors import ContractError
from contracts.tables import Table
from lakehouse.evolution.change import Change, refuse
from lakehouse.schema import stored_schema

CONTRACT_PROPERTY = "maritimeiq.contract"
"""Property of a table: fingerprint of the contract that it has."""
FILLED_PROPERTY = "maritimeiq.filled"
"""Property of a table: key columns that came later, in which rows of before have been given what their fields say."""
WIDENING = {("int", "bigint"), ("int", "double")}
"""Types that hold every value of another one, and that Delta widens without writing a file anew."""
WIDEN = "SET TBLPROPERTIES ('delta.enableTypeWidening' = 'true')"


@dataclass(frozen=True, slots=True)
class Found:
    """A table as it is: columns, properties, partitioning."""

    columns: Mapping[str, StructField]
    properties: Mapping[str, str]
    partitioned_by: tuple[str, ...]


def found_at(path: str) -> Found | None:
    """The table at a path; null where there is none."""
    if not deltalake.DeltaTable.is_deltatable(path):
        return None
    delta = deltalake.DeltaTable(path)
    schema = StructType.fromJson(json.loads(delta.schema().to_json()))
    said = delta.metadata()
    return Found({column.name: column for column in schema}, said.configuration, tuple(said.partition_columns))


def check(table: Table, path: str) -> None:
    """See that rows of today can be written to the table; one that is not there will be made by its contract.

    Raises:
        ContractError: Something must be applied first, or is refused.
    """
    found = found_at(path)
    differing = shape_changes(table, found) if found else []
    refuse(differing, "Nothing was written")
    needed = [change.text for change in differing if change.weight == "needed"]
    if needed:
        raise ContractError(
            f"Nothing was written: {table.name} has an earlier contract ({'; '.join(needed)}). `maritime contract "
            "diff` shows what changes, `maritime contract apply` makes it."
        )


def changes(table: Table, found: Found, properties: Mapping[str, str]) -> list[Change]:
    """Everything that differs: columns first, the contract's own mark last.

    Args:
        table: Its contract.
        found: The table as it is.
        properties: Delta's properties that it should have.
    """
    wanted = {column.name: column for column in stored_schema(table)}
    texts = [
        _text(table, name, str(found.columns[name].metadata.get("comment", "")), column.metadata["comment"])
        for name, column in wanted.items()
        if name in found.columns and found.columns[name].metadata.get("comment") != column.metadata["comment"]
    ]
    mark = {CONTRACT_PROPERTY: fingerprints.of_table(table)}
    others = [_properties(table, found, wanted_ones) for wanted_ones in (properties, mark)]
    return [*shape_changes(table, found), *texts, *(change for change in others if change)]


def grow(table: Table, path: str) -> None:
    """Give a table of ``ops`` the columns that it lacks. These evolve by themselves: our own programs alone write them.

    By delta-rs, whose commits are atomic between processes.

    Raises:
        ContractError: More than new columns differs.
    """
    found = found_at(path)
    if found is None:
        return
    refuse(shape_changes(table, found), "Nothing was written")
    missing = [column for column in stored_schema(table) if column.name not in found.columns]
    if missing:
        fields = deltalake.Schema.from_json(StructType(missing).json()).fields
        deltalake.DeltaTable(path).alter.add_columns(fields)


def shape_changes(table: Table, found: Found) -> list[Change]:
    """What differs in the columns and the partitioning."""
    wanted = {column.name: column for column in stored_schema(table)}
    is_marked = found.properties.get(CONTRACT_PROPERTY) == fingerprints.of_table(table)
    filled = found.properties.get(FILLED_PROPERTY, "").split(",")
    gone = [column for name, column in found.columns.items() if name not in wanted]
    differing = [
        *_partitioning(table, found),
        *(_added(table, column, found) for name, column in wanted.items() if name not in found.columns),
        *(_retyped(table, found.columns[name], column) for name, column in wanted.items() if name in found.columns),
        *(
            _nullable(table, found.columns[name], column, is_filled=name in filled)
            for name, column in wanted.items()
            if name in found.columns
        ),
        *(_removed(table, column, is_marked=is_marked) for column in gone),
    ]
    return [change for change in differing if change]


def _partitioning(table: Table, found: Found) -> Iterator[Change]:
    wanted = tuple(field.name for field in table.partitioned_by)
    if wanted != found.partitioned_by:
        yield Change(
            table.name,
            f"partitioned by {', '.join(found.partitioned_by) or 'nothing'}, and should be by "
            f"{', '.join(wanted) or 'nothing'}",
            "refused",
            "Every file would be written anew: make the table under a new name, and fill it from its source.",
        )


def _added(table: Table, column: StructField, found: Found) -> Change:
    former = _aliases(table).get(column.name, ())
    known_as = next((name for name in former if name in found.columns), None)
    of_before = _of_before(table, column.name)
    if not column.nullable and of_before:
        return _key_of_before(table, column, of_before, _add(column))
    if not column.nullable:
        text = f"{column.name}: new in the key" if known_as is None else f"{column.name}: renames {known_as} of the key"
        way_out = "A key stays: make the table under a new name, and fill it from its source."
        return Change(table.name, text, "refused", way_out)
    text = f"{column.name}: new column, {column.dataType.simpleString()}"
    if known_as:
        text = f"{column.name}: {known_as} is renamed; both columns are kept and filled"
    return Change(table.name, text, "needed", None, (_add(column),))


def _add(column: StructField) -> str:
    return f"ADD COLUMNS (`{column.name}` {column.dataType.simpleString()} COMMENT {_quoted(column)})"


def _key_of_before(table: Table, column: StructField, of_before: str, *statements: str) -> Change:
    """A column comes into the key, and its field says what the rows that are there have in it."""
    text = f"{column.name}: new in the key; rows of before have {of_before}"
    return Change(table.name, text, "needed", None, statements, (column.name, of_before))


def _retyped(table: Table, old: StructField, new: StructField) -> Change | None:
    """Nested types are compared whole, whether their parts may be null left out: delta-rs and Spark differ there."""
    before, after = old.dataType.simpleString(), new.dataType.simpleString()
    if before == after:
        return None
    text = f"{new.name}: {before} is now {after}"
    if (before, after) not in WIDENING:
        way_out = "Values would be lost or changed: declare a new field for the new type, and keep this one."
        return Change(table.name, text, "refused", way_out)
    return Change(table.name, text, "needed", None, (WIDEN, f"ALTER COLUMN `{new.name}` TYPE {after}"))


def _nullable(table: Table, old: StructField, new: StructField, *, is_filled: bool) -> Change | None:
    """Delta makes no column that may be null one that may not: of a key that was filled, a property says so."""
    if old.nullable == new.nullable:
        return None
    of_before = _of_before(table, new.name)
    if old.nullable and of_before:
        return None if is_filled else _key_of_before(table, new, of_before)
    if old.nullable:
        way_out = "A key stays: make the table under a new name, and fill it from its source."
        return Change(table.name, f"{new.name}: may be null, and is in the key now", "refused", way_out)
    statement = f"ALTER COLUMN `{new.name}` DROP NOT NULL"
    return Change(table.name, f"{new.name}: no longer in the key, may be null", "needed", None, (statement,))


def _removed(table: Table, column: StructField, *, is_marked: bool) -> Change | None:
    """Data is never dropped. Once the table bears the contract's mark, the column that was left is no news."""
    if not column.nullable:
        statement = f"ALTER COLUMN `{column.name}` DROP NOT NULL"
        return Change(
            table.name, f"{column.name}: removed from the key; its values are kept", "needed", None, (statement,)
        )
    text = f"{column.name}: removed; its values are kept, new rows have none"
    return None if is_marked else Change(table.name, text, "told")


def _text(table: Table, name: str, before: str, after: str) -> Change:
    statement = f"ALTER COLUMN `{name}` COMMENT {json.dumps(after)}"
    return Change(table.name, f"{name}: text, was {before!r}, is {after!r}", "told", None, (statement,))


def _properties(table: Table, found: Found, wanted: Mapping[str, str]) -> Change | None:
    differing = {name: value for name, value in wanted.items() if found.properties.get(name) != value}
    if not differing:
        return None
    told = ", ".join(
        f"{name}: {found.properties.get(name, 'unset')} is now {value}" for name, value in differing.items()
    )
    pairs = ", ".join(f"'{name}' = '{value}'" for name, value in differing.items())
    return Change(table.name, told, "told", None, (f"SET TBLPROPERTIES ({pairs})",))


def _aliases(table: Table) -> dict[str, tuple[str, ...]]:
    return {field.name: field.aliases for field in table.fields}


def _of_before(table: Table, name: str) -> str | None:
    return next((field.of_before for field in table.fields if field.name == name), None)


def _quoted(column: StructField) -> str:
    return json.dumps(column.metadata["comment"])
