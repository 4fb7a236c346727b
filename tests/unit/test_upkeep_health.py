"""What a table's log tells of its health, and what a look-up would read."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pytest

from contracts.errors import InputError
from contracts.settings import Settings
from lakehouse.upkeep.health import shape, verdict
from lakehouse.upkeep.skipping import reading
from maritime.upkeep import seconds

MB = 1_000_000


def files(*sizes_mb: float, days: list[date] | None = None) -> pa.Table:
    columns = {"size_bytes": [int(size * MB) for size in sizes_mb], "num_records": [10] * len(sizes_mb)}
    return pa.table({**columns, **({"partition.observed_on": days} if days else {})})


def test_a_file_under_the_limit_is_small() -> None:
    found = shape(files(1, 2, 100), 64 * MB)

    assert (found.files, found.rows, found.small_files, found.mergeable_files) == (3, 30, 2, 1)
    assert found.small_share == pytest.approx(2 / 3)
    assert found.mean_file_mb == pytest.approx(103 / 3)


def test_small_files_of_different_partitions_cannot_be_merged() -> None:
    days = [date(2024, 1, 1), date(2024, 1, 2), date(2024, 1, 2)]

    assert shape(files(1, 1, 1, days=days), 64 * MB).mergeable_files == 1


def test_an_empty_table_has_no_small_files() -> None:
    found = shape(files(), 64 * MB)

    assert (found.files, found.mergeable_files, found.small_share, found.mean_file_mb) == (0, 0, 0, 0)


def test_the_verdict_says_what_to_type() -> None:
    settings = Settings(upkeep_small_files=2)

    assert verdict("silver.late", shape(files(1, 1), MB * 64), 3, settings) == "sound"
    assert verdict("silver.late", shape(files(1, 1, 1), MB * 64), 3, settings).endswith(
        "maritime tables optimize silver.late"
    )
    assert verdict("silver.late", shape(files(1), MB * 64), 201, settings).endswith(
        "maritime tables checkpoint silver.late"
    )


def test_a_look_up_reads_the_files_that_its_values_may_be_in() -> None:
    ranges = {"min.mmsi": [1, 5, None], "max.mmsi": [4, 9, None], "partition.observed_on": ["a", "b", "b"]}
    table = pa.table({"size_bytes": [10 * MB, 20 * MB, 40 * MB], **ranges})

    assert reading(table, [{"mmsi": 4}]).mb == 50  # a file without statistics may hold anything
    assert reading(table, [{"mmsi": 4, "observed_on": "a"}]).mb == 10
    assert reading(table, [{"mmsi": 4}, {"mmsi": 7}]).files == 2
    assert reading(table, [{"mmsi": 4}, {"mmsi": 7}]).mb == 55


def test_a_pause_is_written_with_its_unit() -> None:
    assert [seconds(text) for text in ("90s", "30m", "1h", "2d")] == [90, 1_800, 3_600, 172_800]
    with pytest.raises(InputError, match="30m, 1h or 1d"):
        seconds("1.5h")
