"""The reports in a real browser: on a wide screen, on a telephone, and in print. Skipped where there is no chromium."""

from __future__ import annotations

import base64
import html
import json
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from contracts.settings import Settings

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PDFTOTEXT = shutil.which("pdftotext")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)  # fmt: skip
KINDS = ("voyages", "imo-2030", "eu-ets", "fueleu")
WIDTHS = (390, 1440)
PROBE = """<!doctype html><meta charset="utf-8"><body style="margin:0"><iframe id="page" style="border:0;height:800px;
width:{width}px" srcdoc="{page}"></iframe><script>
const errors = [];
const frame = document.getElementById("page");
frame.contentWindow.addEventListener("error", event => errors.push(String(event.message)), true);
frame.onload = () => {{
  const page = frame.contentDocument, all = what => [...page.querySelectorAll(what)];
  const box = element => element.getBoundingClientRect();
  const lie = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
  const over = plot => [...plot.querySelectorAll("text")].flatMap((one, at, texts) => texts.slice(at + 1)
    .filter(other => lie(box(one), box(other))).map(other => one.textContent + " | " + other.textContent));
  const told = {{
    errors,
    width: page.documentElement.clientWidth,
    content: page.documentElement.scrollWidth,
    loaded: frame.contentWindow.performance.getEntriesByType("resource").map(entry => entry.name),
    beyond: all("body *").filter(e => !e.closest(".scroll") && !e.closest("svg") && box(e).right > {width} + 1)
      .map(e => e.tagName + " " + e.className + " " + e.textContent.slice(0, 40)),
    plots: all("svg").map(plot => [plot.getAttribute("aria-label"), box(plot).width, box(plot).height]),
    overlaid: all("figure svg").flatMap(over),
    letters: Math.min(...all("figure svg text").map(text => box(text).height)),
    cut: all(".fact b").filter(e => e.scrollWidth > e.clientWidth).map(e => e.textContent),
    dead: all("a[href^='#']").map(a => a.getAttribute("href").slice(1)).filter(id => !page.getElementById(id)),
    empty: all("table").filter(table => !table.tBodies[0].rows.length).map(table => table.textContent.slice(0, 40)),
    heads: all("table").filter(table => !table.tHead).length,
    tables: all("table").map(table => table.scrollWidth - table.closest(".scroll").clientWidth),
  }};
  document.body.textContent = "told:" + btoa(unescape(encodeURIComponent(JSON.stringify(told)))) + ":";
}};
</script>"""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: `apt-get install chromium` looks at pages")


def page_of(settings: Settings, kind: str) -> Path:
    (page,) = (path for path in settings.reports.glob("*.html") if kind in path.name)
    return page


def browse(folder: Path, *arguments: str) -> str:
    command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={folder / 'profile'}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def looked_at(sailed: Settings, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What a browser of a width tells of a page: it is in a frame, for a window itself is never so narrow."""

    @cache
    def look(kind: str, width: int) -> dict[str, Any]:
        folder = tmp_path_factory.mktemp("browser")
        probe = folder / "probe.html"
        probe.write_text(PROBE.format(width=width, page=html.escape(page_of(sailed, kind).read_text(), quote=True)))
        dom = browse(folder, "--window-size=1600,900", "--virtual-time-budget=10000", "--dump-dom", probe.as_uri())
        told = re.search(r"told:([\w+/=]+):", dom)
        assert told, dom[:2000]
        return dict(json.loads(base64.b64decode(told[1])))

    return look


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_page_fits_the_screen_and_loads_nothing_from_elsewhere(looked_at: Any, kind: str, width: int) -> None:
    told = looked_at(kind, width)

    assert told["width"] == width
    assert told["content"] <= width
    assert (told["beyond"], told["cut"]) == ([], [])
    assert (told["errors"], told["loaded"], told["dead"]) == ([], [], [])
    assert (told["empty"], told["heads"]) == ([], 0)


@pytest.mark.parametrize("kind", KINDS)
def test_no_table_is_wider_than_a_wide_screen(looked_at: Any, kind: str) -> None:
    assert [hidden for hidden in looked_at(kind, 1440)["tables"] if hidden > 0] == []


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(("kind", "least"), [("voyages", 3), ("imo-2030", 5)])
def test_every_plot_has_a_name_a_size_and_letters_that_can_be_read(
    looked_at: Any, kind: str, least: int, width: int
) -> None:
    told = looked_at(kind, width)

    assert len(told["plots"]) >= least
    assert all(label and wide >= 100 and high >= 10 for label, wide, high in told["plots"])
    assert max(wide for _, wide, _ in told["plots"]) >= 0.6 * min(width, 600)
    assert told["letters"] >= 6
    assert told["overlaid"] == []  # words on words


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_prints_on_paper_with_the_heads_of_its_tables(sailed: Settings, kind: str, tmp_path: Path) -> None:
    page, paper = page_of(sailed, kind), tmp_path / "page.pdf"

    browse(tmp_path, f"--print-to-pdf={paper}", "--no-pdf-header-footer", page.as_uri())

    raw = paper.read_bytes()
    assert len(re.findall(rb"/Type\s*/Page\b", raw)) >= 2
    assert re.search(rb"/MediaBox \[0 0 59[45][.\d]* 84[12][.\d]*\]", raw), "not A4"
    if PDFTOTEXT is None:
        pytest.skip("no pdftotext here: `apt-get install poppler-utils` reads what was printed")
    text = subprocess.run([PDFTOTEXT, "-layout", str(paper), "-"], capture_output=True, text=True, check=True).stdout
    words = set(text.split())
    heads = {word for head in re.findall(r"<th(?: [^>]*)?>(.*?)</th>", page.read_text()) for word in head.split()}
    assert heads - words == set()
    assert "Where these figures come from" in text


def test_a_page_is_one_file_without_scripts(sailed: Settings) -> None:
    for kind in KINDS:
        page = page_of(sailed, kind).read_text()
        assert not re.search(r"<script|<link|<img|@import|url\(['\"]?http|(src|href)=.http", page), kind
