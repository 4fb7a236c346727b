"""Reads the columns that a recount needs from a Delta table, also from one of whose files some are gone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import deltalake
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake.exceptions import DeltaError
from pyarrow import fs

from contracts.tables import Table
from lakehouse.commits import Commit, commits
from lakehouse.recount.findings import Finding
from lakehouse.recount.spans import Offsets, by_partition

PLACE = ("kafka_partition", "kafka_offset")


@dataclass(frozen=True, slots=True)
class Lake:
    """The tables below a root, each opened once: what is counted is one version of it, while streams go on writing."""

    root: str
    _opened: dict[str, deltalake.DeltaTable] = field(default_factory=dict)
    _commits: dict[str, list[Commit]] = field(default_factory=dict)

    def log(self, table: Table) -> deltalake.DeltaTable | None:
        """The table at the version that it had when it was first asked for; null where there is none."""
        if table.name not in self._opened:
            if not deltalake.DeltaTable.is_deltatable(f"{self.root}/{table.path}"):
                return None
            self._opened[table.name] = deltalake.DeltaTable(f"{self.root}/{table.path}")
        return self._opened[table.name]

    def commits(self, table: Table) -> list[Commit]:
        """Batches in the table's log, as far back as that is kept, oldest first."""
        if table.name not in self._commits:
            log = self.log(table)
            self._commits[table.name] = list(commits(log, table))[::-1] if log else []
        return self._commits[table.name]

    def as_of(self, table: Table, version: int) -> deltalake.DeltaTable | None:
        """The table at a version; null where its log or files are no longer kept."""
        try:
            log = deltalake.DeltaTable(f"{self.root}/{table.path}", version=version)
        except DeltaError:
            return None
        return None if damaged_files(log) else log


def damaged_files(log: deltalake.DeltaTable) -> dict[str, str]:
    """Files that the log names and that are not there, or not as long as it says; with what is wrong."""
    files = pa.table(log.get_add_actions(flatten=True))
    system, root = fs.FileSystem.from_uri(log.table_uri)
    paths = files["path"].to_pylist()
    infos = system.get_file_info([f"{root.rstrip('/')}/{path}" for path in paths])
    wrong: dict[str, str] = {}
    for path, size, info in zip(paths, files["size_bytes"].to_pylist(), infos, strict=True):
        if info.type != fs.FileType.File:
            wrong[path] = "is gone"
        elif info.size != size:
            wrong[path] = f"is {info.size} bytes long, not {size}"
    return wrong


def file_findings(table: Table, log: deltalake.DeltaTable) -> Iterator[Finding]:
    """Each damaged file of the table by its name and rows."""
    wrong = damaged_files(log)
    if not wrong:
        return
    files = pa.table(log.get_add_actions(flatten=True))
    rows = dict(zip(files["path"].to_pylist(), files["num_records"].to_pylist(), strict=True))
    for path, what in sorted(wrong.items()):
        yield Finding(table.name, f"file {path} with {rows[path]} rows {what}, version {log.version()}")


def batches(log: deltalake.DeltaTable, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """These columns of all rows; rows of damaged files are left out."""
    wrong = damaged_files(log)
    if not wrong:
        yield from (pa.record_batch(batch) for batch in log.scan(columns=list(columns)))
        return
    system, root = fs.FileSystem.from_uri(log.table_uri)
    for path in pa.table(log.get_add_actions(flatten=True))["path"].to_pylist():
        if path not in wrong:
            with pq.ParquetFile(f"{root.rstrip('/')}/{path}", filesystem=system) as file:
                yield from file.iter_batches(columns=list(columns))


def places(log: deltalake.DeltaTable, only: Mapping[str, str]) -> Iterator[tuple[int, Offsets]]:
    """Partition and offsets of the rows whose columns have the values of ``only``, in pieces."""
    for batch in batches(log, [*PLACE, *only]):
        rows = pa.table([batch[name] for name in PLACE], names=list(PLACE))
        for column, value in only.items():
            wanted = pc.equal(batch[column].cast(pa.string()), value)  # DataFusion's string views know no equality
            rows = rows.append_column(column, wanted)
        for column in only:
            rows = rows.filter(rows[column])
        yield from by_partition(rows[PLACE[0]].to_numpy(), rows[PLACE[1]].to_numpy())


def days(batches_of_rows: Iterable[pa.RecordBatch], day: str, count: str | None = None) -> Counter[date]:
    """Rows per day, or the sum of a column."""
    total: Counter[date] = Counter()
    for batch in batches_of_rows:
        aggregate = (count, "sum") if count else (day, "count")
        grouped = pa.table(batch).group_by(day).aggregate([aggregate])
        for row in grouped.to_pylist():
            total[row[day]] += row["_".join(aggregate)]
    return total
