"""Data Docs: Great Expectations' own pages of what was found, made to be read without a network."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

from great_expectations.render.renderer import ValidationResultsPageRenderer
from great_expectations.render.view import DefaultJinjaPageView

from lakehouse.quality.findings import Checked

_REMOTE = re.compile(r'<link[^>]*href="https?://[^>]*>|@import[^;]*https?:[^;]*;')
_SCRIPT = re.compile(r"<script\b.*?</script>", re.DOTALL)
_PICTURE = re.compile(r"<(?:img|source)[^>]*https?://[^>]*>")
STYLE = """<style>
body{font:15px/1.5 system-ui,sans-serif;color:#1f2933;margin:0 auto;max-width:70rem;padding:1rem}
table{border-collapse:collapse;width:100%;margin:.5rem 0}td,th{border:1px solid #e4e7eb;padding:.3rem .6rem;
text-align:left;vertical-align:top}.badge{background:#e4e7eb;padding:0 .4rem;border-radius:3px}
.text-success{color:#1a7f4b}.text-danger,.stop{color:#b3261e}.text-warning,.warn{color:#9a6200}
.modal,.navbar,.ge-walkthrough-modal,nav,button{display:none}td{overflow-wrap:anywhere}
</style>"""


def write_pages(folder: Path, checks: Sequence[Checked]) -> Path:
    """Write one page per table and an index into the folder, and return the index.

    The pages are those of Great Expectations without what they would load from elsewhere.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for checked in checks:
        assert checked.validation is not None  # pages are made where the check was
        document = ValidationResultsPageRenderer(run_info_at_end=True).render(checked.validation)
        page = DefaultJinjaPageView().render(document)  # type: ignore[no-untyped-call]
        (folder / f"{checked.table}.html").write_text(_alone(page))
    index = folder / "index.html"
    index.write_text(_index(checks))
    return index


def _alone(page: str) -> str:
    """The page without scripts, remote styles and pictures, with a style of its own."""
    for remote in (_REMOTE, _SCRIPT, _PICTURE):
        page = remote.sub("", page)
    return page.replace("</head>", f"{STYLE}</head>", 1)


def _index(checks: Sequence[Checked]) -> str:
    rows = "".join(
        f'<tr><td><a href="{escape(c.table)}.html">{escape(c.table)}</a></td><td>{c.rows_checked:,} of {c.rows:,}</td>'
        f'<td>{len(c.findings)}</td><td>{len(c.failed)}</td><td class="{c.worst}">{c.worst}</td></tr>'
        for c in checks
    )
    at = max((c.checked_at for c in checks), default=None)
    head = "<tr><th>table</th><th>rows checked</th><th>expectations</th><th>failed</th><th>worst</th></tr>"
    told = f"<p>Checked at {at:%F %T} UTC.</p>" if at else "<p>No table is there yet.</p>"
    body = f"<h1>Data quality</h1>{told}<table>{head}{rows}</table>"
    style = f'<meta charset="utf-8"><title>Data quality</title>{STYLE}'
    return f'<!doctype html><html lang="en"><head>{style}</head><body>{body}</body></html>'
