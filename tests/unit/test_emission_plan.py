"""What `maritime-emissions` says before any engine starts."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from batch_jobs import emissions
from contracts.settings import Settings


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--start-date", "2024-13-01"), "--start-date"),
        (("--end-date", "yesterday"), "--end-date"),
        (("--as-known-on", "2024-02-30"), "--as-known-on"),
        (("--compliance-check", "eu-ets", "--start-date", "2024-13-01"), "--start-date"),
        (("--start-date", "2024-02-01", "--end-date", "2024-01-31"), "is before --start-date 2024-02-01: swap them"),
        (("--compliance-check", "fueleu", "--changed-only"), "--changed-only belongs to --compliance-check imo-2030"),
        (("--compliance-check", "eu-ets", "--engine", "sail"), "--engine sail belongs to --compliance-check imo-2030"),
        (("--changed-only", "--what-if", "fuel=lng"), "add --report FOLDER"),
        (("--engine", "sail", "--what-if", "speed=-10%"), "leave --engine sail out"),
        ((), "name the folder of silver.emissions"),
    ],
)
def test_what_is_wrong_with_the_words_is_told_before_what_is_missing_in_the_lake(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], sentence: str
) -> None:
    monkeypatch.setenv("MARITIME_HOME", str(settings.home))
    done = CliRunner().invoke(emissions.main, arguments)

    assert (done.exit_code, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
