"""Services that are suspected to be slowed for days (`slowed.json` of an analysis), as a table on a fleet's page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import msgspec

from probe.core.json_decoders import decode_json
from probe.store.files.atomic import StoreError, translate_os_errors
from probe.upkeep.page.markup import Html, join_html, make_tag
from probe_analysis.report.at_times_section import format_share
from probe_analysis.report.language import ReportLanguage

_MAX_BYTES, _MAX_ROWS = 8 << 20, 200
_HEADS = ("what", "where", "when", "own", "others", "elsewhere", "beside", "open")
Text = Annotated[str, msgspec.Meta(max_length=120)]
Count = Annotated[int, msgspec.Meta(ge=0, le=10**12)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class SlowedRow(msgspec.Struct, frozen=True, kw_only=True):
    """One suspicion, as `probe_analysis.slowed.slowed_rows` writes it."""

    probe_cc: Text
    probe_asn: int
    service: Text
    first_day: Text
    last_day: Text
    onset: bool
    n: Count
    troubled: Count
    low: Share
    high: Share
    others_n: Count
    others_troubled: Count
    elsewhere_n: Count
    elsewhere_troubled: Count
    beside_n: Count
    beside_troubled: Count
    by_name: bool
    not_ruled_out: Annotated[list[Text], msgspec.Meta(max_length=12)]


def read_slowed(path: Path) -> tuple[SlowedRow, ...]:
    """The rows, the latest first. Raises StoreError where the file cannot be read or is none."""
    with translate_os_errors(path), path.open("rb") as file:
        text = file.read(_MAX_BYTES + 1)
    try:
        if len(text) > _MAX_BYTES:
            raise ValueError(f"larger than {_MAX_BYTES >> 20} MiB")
        rows = decode_json(text, list[SlowedRow])
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{path}: {error}; make it again: probe analyse") from error
    return tuple(sorted(rows, key=lambda row: (row.last_day, row.probe_cc, row.probe_asn), reverse=True))


def make_slowed_section(rows: Sequence[SlowedRow], titles: Mapping[str, str], say: ReportLanguage) -> Html:
    """The table; nothing where nobody is suspected."""
    if not rows:
        return join_html()
    heads = make_tag("tr", [make_tag("th", say(f"slowed.{key}"), scope="col") for key in _HEADS])
    title = say("slowed.heading")
    table = make_tag("table", make_tag("caption", title, class_="unseen"), make_tag("thead", heads),
                     make_tag("tbody", [_row(row, titles, say) for row in rows[:_MAX_ROWS]]), class_="events")
    left = len(rows) - _MAX_ROWS
    return make_tag(
        "section", make_tag("h2", title, id="slowed-h"), make_tag("p", say("slowed.note"), class_="note"),
        make_tag("div", table, class_="scroll", tabindex="0", role="region", aria_label=title),
        make_tag("p", say("finding.more", n=left), class_="note") if left > 0 else "",
        id="slowed", aria_labelledby="slowed-h")


def _row(row: SlowedRow, titles: Mapping[str, str], say: ReportLanguage) -> Html:
    began = say("slowed.began") if row.onset else say("slowed.at_first")
    doubts = [say.name_word("slowed_doubt", word) for word in row.not_ruled_out]
    cells = (
        f"{row.probe_cc} (AS{row.probe_asn})",
        join_html(f"{row.first_day} \u2013 {row.last_day}", make_tag("div", began, class_="note")),
        format_share(row.troubled, row.n, (row.low, row.high)),
        f"{row.others_troubled} / {row.others_n}",
        f"{row.elsewhere_troubled} / {row.elsewhere_n}",
        join_html(f"{row.beside_troubled} / {row.beside_n}",
                  make_tag("div", say("slowed.by_name"), class_="note") if row.by_name else ""),
        [make_tag("div", doubt, class_="note") for doubt in doubts],
    )
    service = make_tag("b", titles.get(row.service) or row.service.replace("_", " "))
    return make_tag("tr", make_tag("th", service, scope="row"), [make_tag("td", cell) for cell in cells],
                    data_service=row.service, class_="stretch")
