"""One line of OONI's data becomes a measurement of ours, or a reason why not. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from probe.interop.imported_measurement import ImportedMeasurement, MeasurementEnvelope, Reader, ReadResult
from probe.interop.ooni.decode import NotJudgedError, UnreadableError, read_envelope
from probe.interop.ooni.exported_by_us import TEST_NAME
from probe.interop.ooni.messenger_tests import read_messenger
from probe.interop.ooni.own_measurements import read_own
from probe.interop.ooni.single_endpoint_tests import (
    read_dnscheck,
    read_echcheck,
    read_pings,
    read_sniblocking,
    read_stun,
    read_tlsmiddlebox,
    read_urlgetter,
)
from probe.interop.ooni.web_connectivity import read_web
from probe.interop.words.ooni_keys import Envelope
from probe.interop.words.ooni_words import VERIFYING_ENGINES
from probe.interop.words.translated_words import (
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
NAMES = {"sni_blocking": "sniblocking", "stun_reachability": "stunreachability", "tls_middlebox": "tlsmiddlebox"}
"""Earlier names of tests."""
_NETWORKS = {"wifi": "wifi", "mobile": "mobile", "wired_ethernet": "wired", "vpn": "vpn"}


def read_measurement_line(line: bytes) -> ImportedMeasurement:
    """The measurement in one line. Raises Unreadable, and its kind NotJudged."""
    found = read_envelope(line)
    test = NAMES.get(found.test_name, found.test_name)
    reader = READERS.get(test)
    if reader is None:
        raise NotJudgedError(f"test {found.test_name[:60]!r} is not judged")
    start = parse_measurement_time(found.measurement_start_time) or parse_measurement_time(found.test_start_time)
    if start is None:
        raise UnreadableError("no time of measurement")
    notes = {k: v for k, v in (found.annotations or {}).items() if isinstance(v, str)}
    frame = MeasurementEnvelope(test=test, version=parse_version(found.test_version), url=_input(found), start=start,
                                verifies=notes.get("engine_name", "") in VERIFYING_ENGINES,
                                runtime_s=found.test_runtime or 0.0, envelope=found)
    made = reader(frame)
    if not made.aims:
        raise UnreadableError("names nothing that was tried")
    return _measurement(found, frame, made, notes)


def _input(found: Envelope) -> str:
    text = found.input[0] if isinstance(found.input, list) and found.input else found.input
    return to_ascii_url(text.strip()[:MAX_URL]) if isinstance(text, str) else ""


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
