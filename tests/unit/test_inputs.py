"""What a batch job takes its period from: the days of its inputs, by their logs."""

from __future__ import annotations

from datetime import date

from batch_jobs.inputs import Period, Source, period_in, together

REPORTED = Source("reported", ((date(2024, 1, 1), date(2024, 2, 29)),))
RATED = Period(date(2019, 1, 1), date(2030, 12, 31))


def test_positions_of_years_before_cii_bring_no_period_that_nobody_asked_for() -> None:
    modelled = Source("modelled", ((date(2010, 6, 11), date(2012, 1, 27)), (date(2022, 1, 3), date(2022, 1, 3))))

    assert period_in(together(REPORTED, modelled.within(RATED)), None, None) == Period(
        date(2022, 1, 3), date(2024, 2, 29)
    )


def test_a_file_that_reaches_out_of_a_period_counts_with_what_it_may_hold_inside() -> None:
    modelled = Source("modelled", ((date(2012, 1, 27), date(2022, 1, 3)), (None, None)))

    assert modelled.within(RATED).files == ((date(2019, 1, 1), date(2022, 1, 3)), (None, None))
