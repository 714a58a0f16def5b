"""Whether the times of one service in one country were examined, against what, and what was found: values and
sentences. No network is named in them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from probe.core.counted_words import count_things
from probe_analysis.events.slow_times import SLOW_KINDS, SLOWED, SlowTimes
from probe_analysis.findings.finding_values import LookSource, TimedPart
from probe_analysis.look.look_subject import is_about
from probe_analysis.look.look_values import LookSubject
from probe_analysis.times.examined_times import ExaminedTimes


def list_timed_parts(examined: Sequence[ExaminedTimes], subject: LookSubject) -> Iterator[TimedPart]:
    """The sums of each service or web site of the subject, those with most handshakes first."""
    mine: dict[str, list[ExaminedTimes]] = {}
    for one in examined:
        if one.cc == subject.cc and is_about(subject, one.service, ()):
            mine.setdefault(one.service, []).append(one)
    for service, own in sorted(mine.items(), key=lambda item: -sum(one.n for one in item[1])):
        yield TimedPart(
            service=service[:80], n=sum(one.n for one in own), networks=len(own),
            alone=sum(one.elsewhere_networks == 0 for one in own), others_n=sum(one.others_n for one in own),
            others_names=max(one.others_names for one in own), beside_names=max(one.beside_names for one in own),
            typical_s=min(one.typical_s for one in own), slowest_s=max(one.typical_s for one in own))


def describe_timed(source: LookSource, subject: LookSubject) -> str:
    """One sentence on the subject as a whole: it stands there whatever was found; empty where nothing tells."""
    if source.kind == "counts":
        return "times were not examined: counts of others tell none."
    if source.times is None:
        return ""
    if not source.times:
        return f"times of {subject.title} were not examined: no handshake with it was timed."
    handshakes = count_things(sum(one.n for one in source.times), "handshake")
    networks = count_things(max(one.networks for one in source.times), "network")
    beside = max(one.beside_names for one in source.times)
    others = count_things(max(one.others_names for one in source.times), "other name")
    elsewhere = "the same name on other networks of the country" if any(one.networks > 1 for one in source.times) else (
        "no other network of the country, without which nothing is found")
    against = (f"{others} on the same networks", f"{count_things(beside, 'name')} beside it at the same prefix",
               elsewhere, "the same hours of other days", "the time to connect")
    slowed = [one for one in source.findings if one.kind == SLOWED]
    found = (f"{count_things(len(slowed), 'finding')} of slowing" if slowed else
             "no slowing was found, in the latest 60 days")
    typical = (f"they took {_seconds(min(one.typical_s for one in source.times))} to "
               f"{_seconds(max(one.slowest_s for one in source.times))} on average")
    return f"the times of {handshakes} in {networks} were examined, against {', '.join(against)}: {found}; {typical}."


def describe_slowness(times: SlowTimes | None) -> str:
    """What a slowed service takes where, and what is usual."""
    if times is None:
        return "by how much is not known"
    what = "a handshake takes" if times.step == "handshake" else "connecting takes"
    beside = (f"; of {count_things(times.beside_names, 'name')} beside it at the same prefix the fastest takes "
              f"{_seconds(times.beside_s)}" if times.beside_s is not None else "")
    elsewhere = (f"; on {count_things(times.elsewhere_networks, 'other network')} of the country it takes "
                 f"{_seconds(times.elsewhere_s)}" if times.elsewhere_s is not None else "")
    before = f"; at other times it took {_seconds(times.before_s)} here" if times.before_s is not None else ""
    connect = (f"; connecting alone takes {_seconds(times.connect_s)}"
               if times.connect_s is not None and times.step == "handshake" else "")
    return (f"{what} {_seconds(times.took_s)} where {_seconds(times.others_s)} is usual for "
            f"{count_things(times.others_names, 'other name')}{beside}{elsewhere}{before}{connect}")


def describe_slow_kind(mechanism: str) -> str:
    """What tells name from address; empty for what is no slowing."""
    text = SLOW_KINDS.get(mechanism, "")
    return f"{text[:1].upper()}{text[1:]} ({mechanism})." if text else ""


def _seconds(value: float) -> str:
    return f"{value:.1f} s" if value >= 1 else f"{value:.2f} s"
