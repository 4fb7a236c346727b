"""Options of ``maritime-emissions`` as they were typed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lakehouse.engines import Engine


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What each is for stands in the command's help; null is one that was not given."""

    input_path: str | None
    output_path: str | None
    register_path: str | None
    compliance_check: str
    start_date: str | None
    end_date: str | None
    as_known_on: str | None
    what_if_text: str | None
    vessel: int | None
    gwp: str | None
    baseline_2008: float | None
    report_folder: Path | None
    engine: Engine
    changed_only: bool
    dry_run: bool
    as_json: bool

    @property
    def of_cii(self) -> dict[str, object]:
        """Those that only CII knows, as far as they were given: by the name under which a run is recorded with them."""
        known = {
            "what_if": self.what_if_text,
            "vessel": self.vessel,
            "gwp": self.gwp,
            "baseline_2008": self.baseline_2008,
            "changed_only": self.changed_only or None,
            "engine": None if self.engine == "spark" else self.engine,
        }
        return {name: value for name, value in known.items() if value is not None}
