"""How the model's rates are counted, and what is refused before Spark starts."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from contracts.errors import InputError
from contracts.tables import GOLD_VESSEL_FEATURES
from ml import score, train
from ml.features import FEATURE_NAMES
from ml.model import rates


def test_rates_are_of_failing_days_and_of_warnings() -> None:
    found = rates({(1.0, 1.0): 6, (1.0, 0.0): 4, (0.0, 1.0): 2, (0.0, 0.0): 88})

    assert found["recall"] == 0.6
    assert found["precision"] == 0.75
    assert found["accuracy"] == 0.94
    assert found["baseline_accuracy"] == pytest.approx(0.9)
    assert found["baseline_pr_auc"] == pytest.approx(0.1)


def test_a_model_that_never_warns_has_no_precision_but_the_baselines_accuracy() -> None:
    found = rates({(1.0, 0.0): 1, (0.0, 0.0): 99})

    assert found["precision"] == found["recall"] == 0
    assert found["accuracy"] == found["baseline_accuracy"] == 0.99


def test_the_model_sees_neither_who_nor_when() -> None:
    assert set(FEATURE_NAMES) <= set(GOLD_VESSEL_FEATURES.columns) - {
        "mmsi",
        "observed_on",
        "source",
        "running_time_h",
    }


def test_failures_are_read_as_instants_in_utc(tmp_path: Path) -> None:
    (tmp_path / "failures.csv").write_text("component,failed_at,mmsi\nbearing,2024-01-05T06:30:00Z,219000001\n")

    assert train.read_failures(tmp_path)["failed_at"].dt.to_string("%F %T %Z").to_list() == ["2024-01-05 06:30:00 UTC"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("mmsi,component\n1,bearing\n", "no column failed_at"),
        ("mmsi,failed_at\n1,yesterday\n", "cannot be read"),
    ],
)
def test_a_truth_of_another_shape_is_refused(tmp_path: Path, text: str, found: str) -> None:
    (tmp_path / "failures.csv").write_text(text)

    with pytest.raises(InputError, match=found):
        train.read_failures(tmp_path)


@pytest.mark.parametrize(
    ("command", "arguments", "found"),
    [
        (train.main, ["--truth", "nowhere"], "No truth at nowhere/failures.csv"),
        (score.main, [], "No table gold.vessel_features"),
        (score.main, ["--start-date", "2024-02-02", "--end-date", "2024-02-01"], "is before"),
    ],
)
def test_what_is_missing_is_said_in_one_sentence_with_exit_code_2(
    command: object, arguments: list[str], found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARITIME_HOME", str(tmp_path))

    result = CliRunner().invoke(command, arguments)  # type: ignore[arg-type]

    assert result.exit_code == 2
    assert found in result.stderr
    assert "Traceback" not in result.output
