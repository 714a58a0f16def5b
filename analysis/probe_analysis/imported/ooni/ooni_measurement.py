"""One line of OONI's data becomes a measurement of ours, or a reason why not. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from probe.core.addresses import PROVIDER, is_private
from probe.core.tables.run_words import NetworkType
from probe_analysis.imported.imported_measurement import ImportedMeasurement, MeasurementEnvelope, Reader, ReadResult
from probe_analysis.imported.ooni.decode import NotJudgedError, UnreadableError, read_envelope
from probe_analysis.imported.ooni.exported_by_us import TEST_NAME
from probe_analysis.imported.ooni.messenger_tests import read_messenger
from probe_analysis.imported.ooni.own_measurements import read_own
from probe_analysis.imported.ooni.single_endpoint_tests import (
    read_dnscheck,
    read_echcheck,
    read_pings,
    read_sniblocking,
    read_stun,
    read_tlsmiddlebox,
    read_urlgetter,
)
from probe_analysis.imported.ooni.web_connectivity import read_web
from probe_analysis.imported.words.ooni_keys import Envelope
from probe_analysis.imported.words.ooni_tests import LEFT_OUT
from probe_analysis.imported.words.ooni_words import VERIFYING_ENGINES
from probe_analysis.imported.words.translated_words import (
    clean_address,
    make_digest,
    parse_asn,
    parse_cc,
    parse_measurement_time,
    parse_version,
    to_ascii_url,
)

READERS: Mapping[str, Reader] = {
    "web_connectivity": read_web, "telegram": read_messenger, "whatsapp": read_messenger, "signal": read_messenger,
    "facebook_messenger": read_messenger, "urlgetter": read_urlgetter, "dnscheck": read_dnscheck,
    "sniblocking": read_sniblocking, "tlsmiddlebox": read_tlsmiddlebox, "echcheck": read_echcheck,
    "stunreachability": read_stun, "simplequicping": read_pings, "tlsping": read_pings, "tcpping": read_pings,
    TEST_NAME: read_own,
}
"""Test -> what reads it."""

MAX_URL = 4000
SESSION_FRESH = timedelta(minutes=5)
"""So long after its report was opened a measurement may begin for that to show that its line was well."""
GEOLOCATION, COLLECTOR, UNKNOWN_COUNTRY = "ooni-geolocation", "ooni-collector", "ZZ"
REPORT_NAME = re.compile(r"20\d{6}T\d{6}Z_[a-z]+_", re.ASCII)
"""How the collector begins the names that it gives; programs that cannot reach it have none."""
UNKNOWN_TEST = "it is not known here"
NAMES = {"sni_blocking": "sniblocking", "stun_reachability": "stunreachability", "tls_middlebox": "tlsmiddlebox"}
"""Earlier names of tests."""
_NETWORKS: Mapping[str, NetworkType] = {"wifi": "wifi", "mobile": "mobile", "wired_ethernet": "wired", "vpn": "vpn"}


def read_measurement_line(line: bytes) -> ImportedMeasurement:
    """The measurement in one line. Raises Unreadable, and its kind NotJudged."""
    found = read_envelope(line)
    test = NAMES.get(found.test_name, found.test_name)
    reader = READERS.get(test)
    if reader is None:
        raise NotJudgedError(f"test {found.test_name[:60]!r} is not judged: {LEFT_OUT.get(test, UNKNOWN_TEST)}")
    start = parse_measurement_time(found.measurement_start_time) or parse_measurement_time(found.test_start_time)
    if start is None:
        raise UnreadableError("no time of measurement")
    notes = {k: v for k, v in (found.annotations or {}).items() if isinstance(v, str)}
    envelope = MeasurementEnvelope(test=test, version=parse_version(found.test_version), url=_input(found), start=start,
                                   verifies=notes.get("engine_name", "") in VERIFYING_ENGINES,
                                   runtime_s=found.test_runtime or 0.0, resolver=_read_resolver(found), envelope=found)
    made = reader(envelope)
    made.shown.update(_find_session(found, start))
    if not made.aims:
        raise UnreadableError("names nothing that was tried")
    return _measurement(found, envelope, made, notes)


def _input(found: Envelope) -> str:
    text = found.input[0] if isinstance(found.input, list) and found.input else found.input
    return to_ascii_url(text.strip()[:MAX_URL]) if isinstance(text, str) else ""


def _read_resolver(found: Envelope) -> str:
    """`provider` for one in the network that measured: never its address, for it may be the household's own."""
    asn, address = parse_asn(found.resolver_asn), clean_address(found.resolver_ip)
    if not asn or not address or is_private(address):
        return ""
    return PROVIDER if asn == parse_asn(found.probe_asn) else address


def _find_session(found: Envelope, start: datetime) -> Iterator[str]:
    """Who was reached just before: a program asks who tells it its network, and the collector for the report's name."""
    opened = parse_measurement_time(found.test_start_time)
    if opened is None or not timedelta(0) <= start - opened <= SESSION_FRESH:
        return
    if parse_asn(found.probe_asn) and parse_cc(found.probe_cc) != UNKNOWN_COUNTRY:
        yield GEOLOCATION
    if REPORT_NAME.match(found.report_id or ""):
        yield COLLECTOR


def _fingerprint(found: Envelope) -> str:
    """What tells a measurement apart that nobody has given a name."""
    return make_digest(bytes(found.test_keys).decode("latin-1"))


def _measurement(found: Envelope, envelope: MeasurementEnvelope, made: ReadResult,
                 notes: Mapping[str, str]) -> ImportedMeasurement:
    source = found.measurement_uid or "|".join(filter(None, (found.report_id or _fingerprint(found), envelope.url)))
    version = " ".join(filter(None, (found.test_version, notes.get("engine_version"))))
    software = " ".join(filter(None, (found.software_name, found.software_version))) or "unknown"
    return ImportedMeasurement(
        test=envelope.test, version=version[:60], software=software[:100], cc=parse_cc(found.probe_cc),
        asn=parse_asn(found.probe_asn), start=envelope.start,
        source=source[:300],
        report=(found.report_id or source)[:200], platform=notes.get("platform", "")[:40],
        network_type=_NETWORKS.get(notes.get("network_type", ""), "unknown"),
        lab=envelope.test == TEST_NAME and notes.get("lab") == "true",
        aims=tuple(made.aims), observations=tuple(made.observations), controls=tuple(made.controls),
        shown=frozenset(made.shown), left_out=made.left_out,
    )
