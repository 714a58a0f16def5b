"""Charts as files: well-formed pictures that stand alone, with their numbers, under harmless names."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from in_order import in_order
from probe_analysis.cli.report import report
from probe_analysis.pages.figures import draw_figures
from probe_analysis.pages.language import ReportLanguage
from probe_analysis.report.report_page import make_drawing
from report_made import HOSTILE, START, fill, made_part

SVG = "{http://www.w3.org/2000/svg}"


def test_a_figure_stands_alone_and_tells_its_n() -> None:
    part = made_part("oooooooo" + " " * 10 + "BBBBBBBB????", every_h=12)
    found = draw_figures([make_drawing(part)], ReportLanguage("en"))
    assert list(found) == ["overview-1-as64500-ru.svg", "service-1-as64500-ru-01-service0.svg"]
    for text in found.values():
        root = ElementTree.fromstring(text.split("\n", 1)[1])
        assert root.tag == f"{SVG}svg"
        assert root.find(f"{SVG}title") is not None
        assert not re.search(r"url\(|href|@import|var\(|<script", text)
        assert not [node for node in root.iter() if not node.tag.startswith(SVG)]
    words = "".join(ElementTree.fromstring(found["service-1-as64500-ru-01-service0.svg"].split("\n", 1)[1]).itertext())
    assert in_order(words, "chat", "n = 16", "ok 8", "blocked 8", "inconclusive 4")


@settings(max_examples=40, deadline=None)
@given(service=st.one_of(st.text(max_size=60), st.just(HOSTILE)), role=st.text(max_size=12))
def test_names_stay_within_the_folder_and_are_no_markup(service: str, role: str) -> None:
    part = made_part("ooB")
    part.services = {(service, role): [(START, "ok")], (service + "x", role): [(START, "ok")]}
    found = draw_figures([make_drawing(part)], ReportLanguage("en"))
    assert len(found) == 3
    assert all(re.fullmatch(r"[a-z0-9-]+\.svg", name) for name in found)
    for text in found.values():
        ElementTree.fromstring(text.split("\n", 1)[1])
        assert "<script" not in text


def test_the_command_writes_figures(tmp_path: Path) -> None:
    fill(tmp_path / "results", lab=True, letters="oBBo")
    folder = tmp_path / "figures"
    done = CliRunner().invoke(report, [str(tmp_path / "results"), "--figures", str(folder), "--lang", "ru", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["figures"] == str(folder)
    texts = [path.read_text(encoding="utf-8") for path in folder.glob("*.svg")]
    assert len(texts) == 3
    assert any("Сервисы по времени" in text for text in texts)
