"""The reference pages and the JSON Schemas say what the contracts say."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from contracts.fields import FUEL_T
from contracts.settings import PREFIX, Settings
from contracts.tables import TABLES
from maritime import docs


def test_no_generated_file_is_stale() -> None:
    assert docs.stale(docs.ROOT) == {}, "run `python -m maritime.docs`"


def test_a_stale_file_is_named_with_what_differs_and_fails_the_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docs.write(tmp_path)
    page = tmp_path / "docs/tables.md"
    page.write_text(page.read_text().replace("Latitude, WGS84.", "Latitude."))
    monkeypatch.setattr(docs, "ROOT", tmp_path)

    result = CliRunner().invoke(docs.main, ["--check"])

    assert result.exit_code == 3
    assert "docs/tables.md" in result.stderr
    assert "Latitude, WGS84." in result.stderr
    assert "python -m maritime.docs" in result.stderr


def test_writing_twice_writes_once(tmp_path: Path) -> None:
    assert len(docs.write(tmp_path)) == len(docs.generated())
    assert docs.write(tmp_path) == []


def test_every_table_column_and_setting_is_documented() -> None:
    tables, settings = docs.tables_page(), docs.settings_page()
    assert [c for t in TABLES for c in t.columns if f"| `{c}` |" not in tables] == []
    assert [t.name for t in TABLES if f"## {t.name}\n" not in tables] == []
    assert [n for n in Settings.model_fields if f"`{PREFIX}{n.upper()}`" not in settings] == []
    assert "| `fuel_hfo_t` | double | t | 0 to 1,000 |" in tables
    assert FUEL_T[0].name == "fuel_hfo_t"
