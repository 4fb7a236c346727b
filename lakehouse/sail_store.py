"""The Delta tables by Sail, and by delta-rs what Sail has not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import deltalake
from deltalake import CommitProperties
from pyspark.sql import DataFrame

from contracts import fingerprints
from contracts.tables import Table
from lakehouse.evolution.tables import CONTRACT_PROPERTY
from lakehouse.restatement import GONE, same_rows
from lakehouse.schema import stored_schema
from lakehouse.store import Store, properties


@dataclass(frozen=True, slots=True)
class SailStore(Store):
    """The tables of one root by Sail; those that it makes are not clustered."""

    def create(self, table: Table) -> None:
        """As `Store.create`."""
        if self.exists(table):
            Store.create(self, table)
            return
        made = deltalake.DeltaTable.create(
            self.path(table),
            deltalake.Schema.from_json(stored_schema(table).json()),
            partition_by=[column.name for column in table.partitioned_by],
            configuration=properties(table),
        )
        made.alter.set_table_properties({CONTRACT_PROPERTY: fingerprints.of_table(table)}, raise_if_not_exists=False)

    def restore(self, table: Table, version: int) -> int:
        """As `Store.restore`."""
        deltalake.DeltaTable(self.path(table)).restore(version)
        return self.version(table)

    def _put_in_place(
        self, table: Table, source: DataFrame, columns: Sequence[str], metadata: Mapping[str, Any] | None
    ) -> None:
        condition = same_rows(table, source, lambda text: text.replace("'", "''"))  # delta-rs has no other escapes
        values = {name: f"new.{name}" for name in columns}
        said = CommitProperties(custom_metadata={"userMetadata": json.dumps(metadata or {}, default=str)})
        (
            deltalake.DeltaTable(self.path(table))
            .merge(source.toArrow(), condition, "new", "old", commit_properties=said)
            .when_matched_delete(f"new.{GONE}")
            .when_matched_update(values)
            .when_not_matched_insert(values, f"NOT new.{GONE}")
            .execute()
        )
