"""What a table's log tells of its health, and what a look-up would read."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pytest

from contracts.errors import InputError
from contracts.settings import Settings
from contracts.tables import GOLD_VESSEL_DAY, OPS_LEDGER, SILVER_POSITIONS
from lakehouse.store import ZORDERED_BY
from lakehouse.upkeep.health import layout, shape, verdict
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


def test_how_the_files_are_arranged_is_told() -> None:
    assert layout(SILVER_POSITIONS, {}) == "liquid by observed_on, mmsi"
    assert layout(SILVER_POSITIONS, {ZORDERED_BY: "mmsi, observed_on"}) == "Z-order by mmsi, observed_on"
    assert layout(GOLD_VESSEL_DAY, {ZORDERED_BY: "mmsi"}) == "folder by observed_on, Z-order by mmsi"
    assert layout(OPS_LEDGER, {}) is None


def test_a_pause_is_written_with_its_unit() -> None:
    assert [seconds(text) for text in ("90s", "30m", "1h", "2d")] == [90, 1_800, 3_600, 172_800]
    with pytest.raises(InputError, match="30m, 1h or 1d"):
        seconds("1.5h")
