"""A reader of a report can follow its figures: the commands on a page give the page's own figures again."""

from __future__ import annotations

import html
import json
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner
from pyspark.sql import SparkSession

from contracts.settings import Settings
from maritime.cli import main

KINDS = ("voyages", "imo-2030", "eu-ets", "fueleu")


@pytest.fixture
def home(spark: SparkSession, sailed: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("MARITIME_HOME", str(sailed.home))
    return sailed


def page_of(settings: Settings, kind: str) -> str:
    (page,) = (path for path in settings.reports.glob("*.html") if kind in path.name)
    return Path(page).read_text()


def trails(page: str) -> list[str]:
    return page.split('<div class="trail"')[1:]


def commands(page: str, kind: str) -> list[str]:
    return [html.unescape(text) for text in re.findall(rf'<code class="{kind}">(.*?)</code>', page, re.DOTALL)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_section_has_its_trail_and_every_trail_its_section(home: Settings, kind: str) -> None:
    page = page_of(home, kind)

    sections = re.findall(r'<h2 id="([\w-]+)">(.*?) <a class="from" href="#from-([\w-]+)"', page)
    told = re.findall(r'id="from-([\w-]+)">\s*<h3><a href="#([\w-]+)">(.*?)</a>', page)
    assert [(one, other) for one, _, other in sections if one != other] == []
    assert page.count("<h2") == len(sections) + 2  # the notes, and the trails themselves
    of_head = [trail for trail in told if trail[0] == "totals"]
    named = {one: re.sub(r": .*", "", title) for one, title, _ in sections}
    assert {one: title for one, _, title in told if one != "totals"} == named
    assert len(told) == len(sections) + len(of_head)
    assert all(f'id="{one}"' in page for one, _, _ in told)


@pytest.mark.parametrize("kind", KINDS)
def test_the_commands_of_a_page_give_its_figures_again(home: Settings, kind: str) -> None:
    checked = 0
    for trail in trails(page_of(home, kind)):
        (command, *_), value = commands(trail, "command") or [""], re.search(r'<data value="([^"]+)">', trail)
        assert bool(command) == bool(value), trail
        if value:
            words = shlex.split(command)
            assert words.pop(0) == "maritime"
            done = CliRunner().invoke(main, [*words, "--json"])
            assert done.exit_code == 0, (command, done.output)
            ((found,),) = json.loads(done.stdout)["rows"]
            assert found == pytest.approx(float(value[1]), rel=1e-9), command
            checked += 1
    assert checked >= 3


def test_the_figures_at_the_head_of_a_page_are_those_of_its_trails(home: Settings) -> None:
    page = page_of(home, "imo-2030")
    co2 = float(re.search(r'id="from-totals">.*?<data value="([^"]+)">', page, re.DOTALL)[1])  # type: ignore[index]

    assert f"<b>{co2:,.0f} t</b>" in page
    assert 'id="from-totals"' in page_of(home, "voyages")


@pytest.mark.parametrize("kind", KINDS)
def test_the_evidence_that_a_page_names_can_be_had_and_holds(home: Settings, kind: str) -> None:
    named = list(dict.fromkeys(commands(page_of(home, kind), "evidence")))

    assert named
    for command in named:
        done = CliRunner().invoke(main, shlex.split(command)[1:])
        assert done.exit_code == 0, (command, done.output)
        made = json.loads(done.stdout)
        assert made["steps"][-1]["table"].startswith("bronze."), command


def test_a_page_names_the_regulation_data_that_stand_in_its_rows(home: Settings) -> None:
    for kind in ("imo-2030", "eu-ets", "fueleu"):
        page = page_of(home, kind)
        version = re.search(r"Regulation data <code>(\w+)</code>", page)
        assert version, kind
        table = {"imo-2030": "emission_year", "eu-ets": "eu_ets_year", "fueleu": "fueleu_year"}[kind]
        query = f"SELECT DISTINCT regulation_version FROM gold.{table}"
        done = CliRunner().invoke(main, ["sql", query, "--json"])
        assert json.loads(done.stdout)["rows"] == [[version[1]]]


def test_a_query_reads_a_table_as_it_was_in_a_version(home: Settings) -> None:
    def rows(*pins: str) -> int:
        done = CliRunner().invoke(main, ["sql", "SELECT count(*) FROM gold.port_calls", *pins, "--json"])
        assert done.exit_code == 0, done.output
        return int(json.loads(done.stdout)["rows"][0][0])

    assert rows("--at", "gold.port_calls=0") == 0 < rows()


@pytest.mark.parametrize(
    ("pin", "sentence"),
    [("gold.sailings=1", "does not name this table"), ("gold.port_calls", "write it as"), ("gold.port_calls=99", "99")],
)
def test_a_version_that_cannot_be_read_is_told_in_one_sentence(home: Settings, pin: str, sentence: str) -> None:
    done = CliRunner().invoke(main, ["sql", "SELECT count(*) FROM gold.port_calls", "--at", pin])

    assert (done.exit_code, sentence in done.stderr) == (2, True), done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
