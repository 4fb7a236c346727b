"""How the bench of the interval loses days, and how it scores what is left."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from pyspark.sql import Row

from bench.uncertainty import BLOCK_DAYS, Case, at_random, at_sea, in_a_row, scored

DAYS = pl.DataFrame({"underway_h": [24.0, 0.0] * 183})


def year(vessel_id: int, attained: float, half_width: float | None, rating: str = "C") -> Row:
    low, high = (None, None) if half_width is None else (attained - half_width, attained + half_width)
    return Row(
        vessel_id=vessel_id, cii_attained=attained, cii_low_90=low, cii_high_90=high, cii_rating=rating,
        is_near_boundary=False, rating_c_probability=0.9, rating_d_probability=0.8,
    )  # fmt: skip


def test_days_lost_at_random_leave_the_share_and_lie_apart() -> None:
    kept = at_random(0.2, DAYS, np.random.default_rng(1))

    assert kept.sum() == 73
    assert np.diff(np.flatnonzero(kept)).max() < 60


def test_days_lost_in_a_row_leave_whole_blocks() -> None:
    kept = np.flatnonzero(in_a_row(0.2, DAYS, np.random.default_rng(1)))

    assert len(kept) in (5 * BLOCK_DAYS, 4 * BLOCK_DAYS + 366 % BLOCK_DAYS)
    assert (np.diff(kept) > 1).sum() <= 4


def test_days_at_sea_are_lost_more_often_than_days_in_port() -> None:
    kept = at_sea(0.2, DAYS, np.random.default_rng(1))

    assert kept.sum() == 73
    assert kept[1::2].sum() > 2 * kept[::2].sum()


def test_a_truth_outside_its_interval_and_one_without_interval_are_told_apart() -> None:
    cases = [Case(1, 0, "none", 1.0), *(Case(n, 0, "at random", 0.5) for n in (2, 3, 4))]
    years = [year(1, 5.0, 0.0), year(2, 5.2, 0.3), year(3, 6.0, 0.3, "D"), year(4, 5.0, None)]
    (result,) = scored(cases, years)

    assert (result["loss"], result["kept"], result["vessel_years"]) == ("at random", 0.5, 3)
    assert (result["without_interval"], result["inside"]) == (1, 0.5)
    assert result["bias_pct"] == pytest.approx(100 * ((5.2 + 6.0) / 2 / 5.0 - 1))
    assert result["letter_right"] == pytest.approx(2 / 3, abs=1e-4)
    assert result["letter_stated"] == pytest.approx((0.9 + 0.8 + 0.9) / 3, abs=1e-4)
