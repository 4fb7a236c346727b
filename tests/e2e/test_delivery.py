"""`maritime verify delivery` for a short time: real processes, really killed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def test_a_line_killed_in_every_part_and_at_two_named_places_loses_and_repeats_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "maritime", "verify", "delivery", "--minutes", "0.5", "--seed", "22", "--json"],
        cwd=tmp_path, capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    answer = json.loads(done.stdout)
    assert (answer["lost"], answer["twice"], answer["reordered"], answer["foreign"]) == (0, 0, 0, 0)
    assert all(finding["holds"] for finding in answer["findings"])
    assert {struck["kill"]["victim"] for struck in answer["struck"]} == {"producer", "broker", "streams", "executor"}
    assert len([struck for struck in answer["struck"] if struck["kill"]["point"] and struck["reached"]]) == 2
    assert answer["acknowledged"] > 1_000
    assert "seed 22" in done.stderr.lower()
    assert not list(Path(tmp_path).iterdir())  # it works in a place of its own
