"""A fleet's health as one page for its operator, and as lines for a terminal. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from probe.core.counted_words import choose_word, count_things
from probe.core.tables.outcomes import OUTCOMES
from probe.core.visible_text import visible
from probe.upkeep.page.markup import Html, join_html, make_tag
from probe.upkeep.page.simple_document import make_simple_document
from probe_analysis.fleet_health.fleet_health import FleetHealth, NetworkHealth, ProbeHealth
from probe_analysis.tables.isolated_text import isolate_text

_MOST_ROWS = 500
_SHOWN = 5
_MEANINGS: Mapping[str, str] = {word: about for word, about in OUTCOMES.items()}
TITLE = "Health of the fleet"
_LIMITS = (
    "A probe's name changes with each month. Who fell silent over the turn of a month is told by networks alone.",
    "Only rows of runs are read: probe verify tells whether the other tables are what was signed.",
    "A name says nothing of a person, but rows that are made of names are not to be published.",
)


def list_findings(health: FleetHealth) -> Iterator[str]:
    """What an operator should look at, a sentence each; nothing where all is well."""
    if not health.newest_run:
        yield "No run is there."
        return
    if health.silent:
        yield (f"{len(health.silent)} of {count_things(len(health.silent) + len(health.active), 'probe')} "
               f"{choose_word(len(health.silent) + len(health.active), 'is', 'are')} silent.")
    quiet = [network for network in health.networks if network.quiet]
    if quiet:
        named = ", ".join(name_network(network) for network in quiet[:_SHOWN])
        more = f" and {len(quiet) - _SHOWN} more" if len(quiet) > _SHOWN else ""
        yield f"Fewer than half of the usual probes are there in {named}{more}."
    if health.clocks_off:
        yield (f"{count_things(len(health.clocks_off), 'probe')} {choose_word(len(health.clocks_off), 'has', 'have')} "
               f"a clock that is wrong by more than a minute.")
    versions = health.versions.get("software", {})
    if len(versions) > 1:
        yield f"{len(versions)} versions of the program are in use."
    if health.cut_yesterday * 4 > health.runs_yesterday:
        yield (f"{health.cut_yesterday} of yesterday's {count_things(health.runs_yesterday, 'run')} ended before all "
               f"targets were tried.")
    for count, what in ((health.unusable_runs, "are not as they were signed, and count for nothing"),
                        (health.unreadable_runs, "cannot be read"), (health.ahead_runs, "are dated ahead"),
                        (health.nameless_runs, "bear no name, so nobody can tell whose they are")):
        if count:
            yield f"{count_things(count, 'run')} {what}."


def name_network(network: NetworkHealth | ProbeHealth) -> str:
    """As `RU AS12389`."""
    return f"{visible(network.cc)} AS{network.asn}" if network.asn else visible(network.cc)


def make_health_lines(health: FleetHealth) -> Iterator[str]:
    """A summary for a terminal."""
    yield (f"{count_things(len(health.active), 'probe')} {choose_word(len(health.active), 'is', 'are')} there, "
           f"{len(health.silent)} silent; {count_things(health.runs_today, 'run')} today, "
           f"{health.runs_yesterday} yesterday, {health.runs_month} in 30 days"
           + (f"; the newest began {health.newest_run}." if health.newest_run else "."))
    yield from list_findings(health)
    for probe in health.silent[:_SHOWN]:
        yield (f"  silent: {visible(probe.probe_id)} ({name_network(probe)}), last run {visible(probe.last_run)}, "
               f"usually every {probe.usual_interval_h:g} h")
    named = sum(network.named for network in health.networks)
    yield (f"{count_things(len(health.networks), 'network')} in {len({network.cc for network in health.networks})} "
           f"countries; "
           f"a release names {named} of them.")


def make_health_page(health: FleetHealth) -> str:
    """The document."""
    findings = list(list_findings(health)) or ["No fault was found."]
    body = join_html(
        make_tag("h1", TITLE),
        make_tag("p", f"As of {health.generated}. {count_things(len(health.active), 'probe')} "
                      f"{choose_word(len(health.active), 'is', 'are')} there; "
                      f"{count_things(health.runs_yesterday, 'run')} "
                      f"yesterday, {health.runs_month} in 30 days."),
        make_tag("ul", [make_tag("li", each) for each in findings]),
        _section("Silent probes", ("name of the month", "network", "last run", "usually every"),
                 ((isolate_text(probe.probe_id), name_network(probe), probe.last_run, f"{probe.usual_interval_h:g} h")
                  for probe in health.silent)),
        _section("Networks", ("network", "probes", "usual", "runs yesterday", "established", "a release says"),
                 ((name_network(network), f"{network.probes}{' (quiet)' if network.quiet else ''}",
                   f"{network.usual_probes:g}", str(network.runs_yesterday), str(network.established),
                   "network and hour" if network.named else "country and day") for network in health.networks)),
        *(_section(title, ("version", "probes"), _rows(health.versions.get(kind, {})))
          for kind, title in (("software", "Versions of the program"), ("catalogue", "Lists of targets"),
                              ("rules", "Rules"), ("schema", "Schemas"))),
        _section("Levels of consent", ("level", "probes"),
                 _rows({str(level): count for level, count in health.consent_levels.items()})),
        _section("Yesterday's runs", ("of the whole network", "runs", "meaning"),
                 ((word, str(count), _MEANINGS.get(word, ""))
                  for word, count in sorted(health.outcomes_yesterday.items()))),
        _section("Clocks that are wrong", ("name of the month", "network", "seconds"),
                 ((isolate_text(probe.probe_id), name_network(probe), f"{probe.clock_offset_s or 0:.0f}")
                  for probe in health.clocks_off)),
        make_tag("h2", "What this page cannot tell"),
        make_tag("ul", [make_tag("li", each) for each in _LIMITS]),
    )
    return make_simple_document(TITLE, body)


def _rows(counts: Mapping[str, int]) -> list[tuple[Html, str]]:
    return [(isolate_text(word or "(none)"), str(count))
            for word, count in sorted(counts.items(), key=lambda pair: -pair[1])]


def _section(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> Html:
    listed = list(rows)
    if not listed:
        return join_html()
    more = f" The first {_MOST_ROWS} of {len(listed)}." if len(listed) > _MOST_ROWS else ""
    return join_html(
        make_tag("h2", title), make_tag("p", more) if more else "",
        make_tag("table", make_tag("thead", make_tag("tr", [make_tag("th", cell, scope="col") for cell in head])),
                 make_tag("tbody", [make_tag("tr", [make_tag("td", cell) for cell in row])
                                    for row in listed[:_MOST_ROWS]])))
