"""Findings of one service in one country, to be weakened by tests of what is said of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from probe_analysis.findings.finding_values import LookFinding, LookNetwork, LookSource, MeasuredPart, SourceKind
from probe_analysis.look.look_page import make_look_page
from probe_analysis.look.look_sentences import make_sentences
from probe_analysis.look.look_values import LookData, LookSentence, LookSubject

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
BEGAN = datetime(2026, 11, 26, 9, 17, tzinfo=UTC)
SUBJECT = LookSubject(service="whatsapp", title="WhatsApp", cc="RU", roles=("chat", "web"), sites=frozenset(),
                      site_targets=frozenset())


def network(asn: int = 25513, witnesses: int | None = 4) -> LookNetwork:
    return LookNetwork(asn=asn, label="", n=40, blocked=40, witnesses=witnesses, known=True, onset_from=BEGAN,
                       onset_until=BEGAN + timedelta(hours=1))


def finding(**values: Any) -> LookFinding:
    made = LookFinding(
        kind="event", status="confirmed", service="whatsapp", roles=("chat",), targets=(),
        networks=(network(), network(12389)), onset_from=BEGAN, onset_until=BEGAN + timedelta(hours=1), end_from=None,
        end_until=None, last=NOW, mechanism="tls.reset.sni", n=80, blocked=80, witnesses=8, strength=1.0,
        daily_hours=None, probability=0.98, basis="", ruled_out=("one_device",), not_ruled_out=())
    return replace(made, **values)


def part(**values: Any) -> MeasuredPart:
    made = MeasuredPart(asn=25513, label="", service="whatsapp", role="chat", n=40, ok=40, blocked=0, down=0,
                        inconclusive=0, network=0, local=0, witnesses=4, first=BEGAN, last=NOW, last_ok=NOW)
    return replace(made, **values)


def look(*findings: LookFinding, kind: SourceKind = "ooni", measured: Sequence[MeasuredPart] = (),
         **values: Any) -> LookData:
    source = LookSource(kind=kind, label="somebody", findings=findings, dismissed=(), measured=tuple(measured),
                        services_beside=3, countries_beside=2)
    return replace(LookData(subject=SUBJECT, sources=(source,), operators={25513: "Moscow Telephone"}, now=NOW),
                   **values)


def say(data: LookData, topic: str) -> list[LookSentence]:
    """The sentences of a topic; each row that they name is on the page."""
    page, told = make_look_page(data), [one for one in make_sentences(data) if one.topic == topic]
    assert all(f'id="{row}"' in page for one in told for row in one.rows)
    return told
