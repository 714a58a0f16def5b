"""Charts as PNG: real pictures, twice as large, with their words; and what is said where they cannot be made."""

from __future__ import annotations

import re
import struct
import zlib
from functools import partial
from pathlib import Path

import pytest
import resvg_py
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.store.files.atomic import StoreError
from probe_analysis.cli.report import report
from probe_analysis.pages.figures import check_png_here, draw_figures
from probe_analysis.pages.language import ReportLanguage
from probe_analysis.pages.png import check_png, render_png
from probe_analysis.report.report_page import make_drawing
from report_made import HOSTILE, START, fill, made_part


@pytest.fixture(scope="module")
def chart() -> str:
    part = made_part("oooooooo" + " " * 10 + "BBBBBBBB????", every_h=12)
    return draw_figures([make_drawing(part)], ReportLanguage("ru"))["overview-1-as64500-ru.svg"]


@pytest.fixture
def font() -> None:
    try:
        check_png_here()
    except StoreError as error:
        pytest.skip(str(error))


def opened(picture: bytes) -> tuple[int, int, list[bytes]]:
    """Width, height and the different lines of an 8-bit RGBA PNG, as they are packed. Raises AssertionError."""
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    at, data, head = 8, b"", b""
    while at < len(picture):
        (length,), kind = struct.unpack_from(">I", picture, at), picture[at + 4:at + 8]
        body = picture[at + 8:at + 8 + length]
        assert zlib.crc32(kind + body) == struct.unpack_from(">I", picture, at + 8 + length)[0]
        head, data = (body, data) if kind == b"IHDR" else (head, data + body * (kind == b"IDAT"))
        at += 12 + length
    width, height, depth, colour = struct.unpack_from(">IIBB", head)
    assert (depth, colour) == (8, 6)
    raw, line = zlib.decompress(data), 1 + 4 * width
    assert len(raw) == height * line
    return width, height, sorted({raw[start:start + line] for start in range(0, len(raw), line)})


def test_a_chart_is_drawn_twice_as_large_and_not_in_one_colour(chart: str) -> None:
    width, height, lines = opened(render_png(chart))
    assert [2 * int(side) for side in re.findall(r' (?:width|height)="(\d+)"', chart)[:2]] == [width, height]
    assert len(lines) > 10
    blank = opened(render_png('<svg xmlns="http://www.w3.org/2000/svg" width="90" height="90"><rect width="90" '
                              'height="90" fill="#fff"/></svg>'))
    assert len(blank[2]) < 4


@pytest.mark.usefixtures("font")
def test_its_words_are_drawn(chart: str) -> None:
    wordless = re.sub(r"<text.*?</text>", "", chart)
    assert wordless != chart
    assert len(opened(render_png(chart))[2]) > len(opened(render_png(wordless))[2]) + 50


@pytest.mark.slow
def test_a_picture_larger_than_memory_is_drawn_smaller() -> None:
    width, height, _ = opened(render_png('<svg xmlns="http://www.w3.org/2000/svg" width="960" height="900000"></svg>'))
    assert width * height <= 40_100_000


@pytest.mark.slow
@pytest.mark.usefixtures("font")
@settings(max_examples=25, deadline=None)
@given(service=st.one_of(st.text(max_size=40), st.just(HOSTILE)))
def test_any_name_can_be_drawn(service: str) -> None:
    part = made_part("ooB")
    part.services = {(service, "chat"): [(START, "ok")]}
    for text in draw_figures([make_drawing(part)], ReportLanguage("en")).values():
        opened(render_png(text))


@pytest.mark.usefixtures("font")
def test_the_command_writes_both(tmp_path: Path) -> None:
    fill(tmp_path / "results", lab=True, letters="oBBo")
    folder = tmp_path / "figures"
    done = CliRunner().invoke(report, [str(tmp_path / "results"), "--figures", str(folder), "--figures-as", "png"])
    assert done.exit_code == 0, done.output
    assert f"Figures: {folder} (SVG and PNG)" in done.output
    assert {path.stem for path in folder.glob("*.svg")} == {path.stem for path in folder.glob("*.png")} != set()
    assert all(opened(path.read_bytes())[0] == 1920 for path in folder.glob("*.png"))


def test_without_a_font_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library alone: what this system has would be taken instead of a font that is missing."""
    monkeypatch.setattr(resvg_py, "svg_to_bytes", partial(resvg_py.svg_to_bytes, skip_system_fonts=True))
    with pytest.raises(StoreError, match="no font"):
        check_png("text { font: 12px sans-serif }")


def test_png_needs_a_folder(tmp_path: Path) -> None:
    done = CliRunner().invoke(report, [str(tmp_path), "--figures-as", "png"])
    assert done.exit_code == 2
    assert "needs --figures DIR" in done.output
