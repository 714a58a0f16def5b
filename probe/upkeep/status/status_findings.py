"""What the facts mean, each with what to do. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from probe import __version__
from probe.config.consent.control_ways import list_ways_in_use
from probe.config.consent.public_controls import explain_public_refusal
from probe.config.settings import Settings
from probe.core.runs import Run
from probe.core.tables.control_remedies import FIRST_CONTROL
from probe.core.tables.control_sources import CONTROL_FAULTS
from probe.core.tables.run_words import CUT_SHORT, NO_TUNNEL, TOLD_WORDS, read_rungs
from probe.core.tables.words import read_word
from probe.core.translation import say, say_count
from probe.core.visible_text import visible
from probe.session.planning.rotation import CORE
from probe.upkeep.schedules.missing_runs import GAP_REASONS, ScheduleTerm
from probe.upkeep.schedules.turns import find_turn
from probe.upkeep.status.status_facts import StatusFacts
from probe.upkeep.status.status_phrases import describe_failed_look, describe_size, read_start
from probe.upkeep.updates.feed_updates import describe_feed_state, is_feed_fresh

OK, NOTE, BAD = "ok", "note", "bad"
CLOCK_S = 60.0
LOW_BYTES = 500 << 20
MAX_SHOWN = 5
_CLOCK_DOES = "set the clock, best by itself: timedatectl set-ntp true"
_IPV6_DOES = "restart the router or ask the provider; IPv4 is measured all the same"
_VPN_DOES = "leave the VPN, or say that it is what you mean to measure: probe setup --network-type vpn"
_MOVED_DOES = "nothing, if it moves now and then; else look at the line, or measure from a device that stays"
_LIST_DOES = ("probe update; if that fails too, ask whoever makes the list, or bring it by hand: "
              "probe update --from FILE")
_PUBLIC_DOES = "leave it so, or switch them off: probe setup --no-globalping --no-ooni-helpers"
_FEED_DOES = "probe update feeds; if that fails too, ask whoever makes the feed, or name another mirror under [[feed]]"
_HELPER_DOES = "if it lasts, ask whoever runs it, or take it out of the configuration and name another: probe setup"
_RESOLVER_DOES = "ask whoever runs your network, or choose another resolver on the router"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusFinding:
    """One thing that is so."""

    what: str
    state: str
    """ok; note, worth knowing; bad, should be put right."""
    text: str
    todo: str = ""
    """What to do; empty where nothing is to be done."""


def list_findings(facts: StatusFacts) -> tuple[StatusFinding, ...]:
    """Everything, in the order in which a person wants to know it."""
    return tuple(finding for find in _FINDERS for finding in find(facts))


def _configuration(facts: StatusFacts) -> Iterator[StatusFinding]:
    yield StatusFinding(what="version", state=OK, text=__version__)
    path = facts.settings.path
    if not path:
        yield StatusFinding(what="configuration", state=NOTE, text=say("there is none, defaults hold"),
                            todo="probe setup")
    else:
        yield StatusFinding(what="configuration", state=OK, text=path)
    if facts.not_agreed:
        text = say("{why} Runs are refused.", why=facts.not_agreed)
        yield StatusFinding(what="consent", state=BAD, text=text, todo="probe setup")
    elif agreed := facts.settings.consent:
        yield StatusFinding(what="consent", state=OK, text=say(
            "level {level}, text {number}, {date}", level=agreed.level, number=agreed.text, date=agreed.date))


def _schedule(facts: StatusFacts) -> Iterator[StatusFinding]:
    term, running = facts.term, facts.running_since is not None
    real = facts.at_work + (("watch",) if term and term.by == "watch" else ())
    if len(facts.at_work) > 1:
        yield StatusFinding(what="schedule", state=BAD,
                            text=say("there are several: {names}", names=", ".join(facts.at_work)),
                            todo=say("probe uninstall, then probe install once"))
    elif not real:
        text = say("the log knows one by {by}, but it is not there any more", by=term.by) if term else say(
            "none is installed")
        yield StatusFinding(what="schedule", state=BAD if term else NOTE, text=text,
                            todo=say("probe install systemd, probe install cron or probe watch")
                           + (say("; or probe uninstall, if it was meant to end") if term else ""))
    elif not term:
        yield StatusFinding(what="schedule", state=NOTE, text=say(
            "by {by}, but {folder} has no log of it", by=real[0], folder=str(facts.results)),
                            todo=say("probe install again, with the configuration that you use"))
    else:
        text = say("by {by}, every {n} minutes", by=term.by, n=term.rhythm.every_min)
        yield StatusFinding(what="schedule", state=OK, text=text)
        yield StatusFinding(what="next run", state=OK, text=_next(facts))
        yield StatusFinding(what="next turn", state=OK, text=_turn(facts.settings, term, facts.now))
    if running:
        since = facts.running_since
        text = say("a run goes on since {time}", time=since) if since else say("a run goes on")
        yield StatusFinding(what="now", state=OK, text=text)


def _next(facts: StatusFacts) -> str:
    assert facts.term
    due = facts.term.next_due(facts.now).astimezone()
    return say("{time}, up to {n} minutes later by chance", time=f"{due:%Y-%m-%d %H:%M %Z}",
               n=facts.term.rhythm.jitter_s // 60)


def _turn(settings: Settings, term: ScheduleTerm, now: datetime) -> str:
    """What of the catalogue the next run takes."""
    if settings.run.tier != CORE or settings.run.rotate is False:
        return say("all endpoints up to tier {tier}, in every run", tier=settings.run.tier)
    turn = find_turn(settings, term, term.next_due(now))
    assert turn
    shares = dict(word.split(":") for word in turn.words)
    if not turn.extended:
        return say("the core, and share {share} of small servers; the rest only with run.rotate = true",
                   share=shares["small"])
    return say("the core, share {daily} of what is measured about once a day, and share {weekly} of what is measured "
               "once a week", daily=shares["daily"], weekly=shares["weekly"])


def _runs(facts: StatusFacts) -> Iterator[StatusFinding]:
    if not facts.runs:
        yield StatusFinding(what="last run", state=NOTE, text=say("there is none of the last 30 days"),
                            todo=say("wait for the next one, or probe run") if facts.term else "probe run")
    for number, run in enumerate(reversed(facts.runs[-MAX_SHOWN:])):
        cause, is_partial = run.block_type or run.outcome, CUT_SHORT in run.conditions
        partial = "; " + say("partial: it was ended from outside, and has no verdicts") if is_partial else ""
        yield StatusFinding(
            what="last run" if not number else "before", state=OK if run.outcome == "ok" and not is_partial else NOTE,
            text=say("{time}: {cause}, targets: {attempted} of {targets}, {seconds:.0f} s",
                     time=run.measurement_start_time, cause=say("ok") if cause == "ok" else cause,
                     attempted=run.n_attempted, targets=run.n_targets, seconds=run.runtime_s) + partial,
            todo=say("test again: probe run --fast") if is_partial and not number else
            "" if run.outcome == "ok" or is_partial else f"probe explain {cause}")
    if facts.unreadable:
        yield StatusFinding(what="results", state=BAD, text=say_count(
            "{n} run cannot be read: {first}", "{n} runs cannot be read: {first}", len(facts.unreadable),
            first=visible(facts.unreadable[0])), todo=say("restore these files from a copy or remove them"))
    failed = [event for event in facts.events if event.kind == "failed"]
    if failed and (not facts.runs or failed[-1].at > read_start(facts.runs[-1])):
        yield StatusFinding(what="failure", state=BAD, text=f"{failed[-1].at.isoformat()}: {visible(failed[-1].why)}",
                            todo=say("put that right; probe run shows whether it is"))
    if facts.errors:
        yield StatusFinding(what="last words", state=NOTE, text=visible(facts.errors.strip().splitlines()[-1][:300]),
                            todo=say("if it is an error, put it right; probe run shows whether it is"))


def _gaps(facts: StatusFacts) -> Iterator[StatusFinding]:
    total = sum(gap.n for gap in facts.gaps)
    if not total:
        if facts.term:
            yield StatusFinding(what="gaps", state=OK, text=say("no run is missing of the last 30 days"))
        return
    for gap in facts.gaps[-MAX_SHOWN:]:
        ago = facts.now - gap.last
        recent = ago < timedelta(days=1) and gap.why not in _MEANT
        yield StatusFinding(what="gap", state=BAD if recent else NOTE,
                            text=say("{n} from {time}: {why}", n=gap.n, time=f"{gap.first:%Y-%m-%d %H:%M} UTC",
                                     why=say(GAP_REASONS[gap.why])),
                            todo=say(_GAP_DOES[gap.why]) if recent and gap.why in _GAP_DOES else "")
    yield StatusFinding(what="gaps", state=NOTE,
                        text=say_count("{n} run is missing of the last 30 days; it stays missing, nothing is made up "
                                       "for it", "{n} runs are missing of the last 30 days; they stay missing, nothing "
                                       "is made up for them", total))


_MEANT = ("overlap", "battery", "metered", "late", "paused")
"""Reasons why a run is missing with which all is well."""
_GAP_DOES = {
    "refused": "probe setup", "failed": "see failure above",
    "broken_off": "if the machine is well, look at its journal for what ended the program",
    "not_started": "leave the machine on, or accept the gap; where it was on: probe install again",
}


def _list_blocked(facts: StatusFacts) -> Iterator[StatusFinding]:
    if not facts.runs:
        return
    answer = facts.answer
    if not facts.blocked and (answer is None or answer.says_nothing):
        yield StatusFinding(what="blocked now", state=NOTE,
                            text=say("not known: the last run says nothing of any service"),
                            todo=say("see above, then: probe run --fast"))
    elif answer and not facts.blocked:
        missing = answer.chosen - answer.tested
        text = say_count("nothing, by {n} test of the last run", "nothing, by {n} tests of the last run", answer.tested)
        yield StatusFinding(what="blocked now", state=OK, text=text if not missing else say_count(
            "{text}; {n} was not made", "{text}; {n} were not made", missing, text=text))
    for verdict in facts.blocked:
        sure = say("confirmed") if verdict.confirmed else say("seen in one run only so far")
        yield StatusFinding(what="blocked now", state=NOTE, text=f"{verdict.target_id}: {verdict.block_type}, {sure}",
                            todo=f"probe explain {verdict.block_type}")


def _volume(facts: StatusFacts) -> Iterator[StatusFinding]:
    def sent(runs: Sequence[Run]) -> str:
        return say("{sent} sent, {received} received", sent=describe_size(sum(r.bytes_written for r in runs)),
                   received=describe_size(sum(r.bytes_read for r in runs)))

    day = [run for run in facts.runs if read_start(run) > facts.now - timedelta(days=1)]
    yield StatusFinding(what="data used", state=OK,
                        text=say("{day} in 24 hours; {month} in 30 days, without headers of packets and runs that "
                                 "broke off", day=sent(day), month=sent(facts.runs)))
    low = facts.free_bytes < LOW_BYTES
    yield StatusFinding(what="disk", state=BAD if low else OK,
                        text=say("{used} in {folder}, {free} are free", used=describe_size(facts.disk_bytes),
                                 folder=str(facts.results), free=describe_size(facts.free_bytes)),
                        todo=say("free some space, or name another folder with probe setup") if low else "")


def _uploads(facts: StatusFacts) -> Iterator[StatusFinding]:
    known = facts.uploads
    if known is None:
        return
    if known.lost:
        yield StatusFinding(what="lost", state=BAD, todo=say("raise store.quota_mb, and see upload"),
                            text=say_count("{n} run of the last 30 days went for the quota before it was uploaded",
                                           "{n} runs of the last 30 days went for the quota before they were uploaded",
                                           known.lost))
    if known.not_agreed:
        yield StatusFinding(what="upload", state=BAD, text=say("{why} Nothing is sent.", why=known.not_agreed),
                            todo="probe setup")
        return
    last = f"{known.last_success:%Y-%m-%d %H:%M} UTC" if known.last_success else say("never")
    said = say(", and was answered: {answer}", answer=visible(known.last_answer)) if known.last_answer else ""
    text = say_count("to {place}: {n} run waits, {there} are there, the last one was sent: {last}",
                     "to {place}: {n} runs wait, {there} are there, the last one was sent: {last}", known.waiting,
                     place=known.place, there=known.there, last=last) + said
    if known.damaged:
        yield StatusFinding(what="upload", state=BAD, text=visible(known.damaged), todo=say("do so, then probe upload"))
    elif not known.failure:
        yield StatusFinding(what="upload", state=BAD if known.overdue else OK, text=text,
                            todo=say("probe upload, and see what it says") if known.overdue else "")
    else:
        again = say("; tried again after {time}", time=f"{known.next_try:%Y-%m-%d %H:%M} UTC") if known.next_try else ""
        why = say_count("{text}. {n} failure in a row: {failure}{again}",
                        "{text}. {n} failures in a row: {failure}{again}",
                        known.failures, text=text, failure=visible(known.failure), again=again)
        yield StatusFinding(what="upload", state=BAD if known.overdue else NOTE, text=why,
                            todo=say("nothing was sent for a week: put this right, then probe upload")
                            if known.overdue else
                            say("if it lasts, put that right; probe upload shows whether it is"))


def _conditions(facts: StatusFacts) -> Iterator[StatusFinding]:
    """What the last run found of this device and its line."""
    conditions = facts.runs[-1].conditions if facts.runs else ()
    words = dict(word.split(":", 1) for word in conditions if ":" in word)
    if {"power", "metered"} & words.keys():
        charge = say(" at about {charge} %", charge=words["charge"]) if "charge" in words else ""
        yield StatusFinding(what="conditions", state=OK,
                            text=say("power: {power}{charge}; metered line: {metered}; in the last run",
                                     power=_tell_word(words.get("power", "unknown")), charge=charge,
                                     metered=_tell_word(words.get("metered", "unknown"))))
    if words.get("network") == "changed":
        yield StatusFinding(what="network", state=NOTE, todo=say(_MOVED_DOES),
                            text=say("the device went to another network during the last run: nothing is said of any "
                                     "service"))


def _tell_word(word: str) -> str:
    """A word of a run's row as it is shown to people; an unknown word as it is."""
    return say(TOLD_WORDS[word]) if word in TOLD_WORDS else visible(word)


def _helpers(facts: StatusFacts) -> Iterator[StatusFinding]:
    """Whose word the last run did not count."""
    for left_out in facts.runs[-1].controls_left_out if facts.runs else ():
        name, _, word = left_out.rpartition(":")
        why = CONTROL_FAULTS.get(read_word(word, CONTROL_FAULTS), word)
        yield StatusFinding(what="helper", state=NOTE, todo=say(_HELPER_DOES),
                            text=say("{name} was not counted in the last run: it {why}", name=visible(name),
                                     why=say(visible(why))))


def _network(facts: StatusFacts) -> Iterator[StatusFinding]:
    """What the last run's ladder said."""
    if not facts.runs:
        return
    run = facts.runs[-1]
    words = read_rungs(run.ladder)
    yield _clock(facts, run, words.get("clock", "unknown"))
    resolver = words.get("resolver", "unknown")
    yield StatusFinding(what="resolver", state=OK if resolver == "ok" else NOTE,
                        text=say("{word} in the last run", word=_tell_word(resolver)),
                        todo="" if resolver == "ok" else say(_RESOLVER_DOES))
    ipv6 = words.get("ipv6", "unknown")
    yield StatusFinding(what="IPv6", state=NOTE if ipv6 == "broken" else OK,
                        text=say("{word} in the last run", word=_tell_word(ipv6)),
                        todo=say(_IPV6_DOES) if ipv6 == "broken" else "")
    if words.get("tunnel", "none") not in NO_TUNNEL:
        yield StatusFinding(what="VPN", state=NOTE, todo=say(_VPN_DOES),
                            text=say("a tunnel carried the last run: nothing is said of the network here"))


def _clock(facts: StatusFacts, run: Run, word: str) -> StatusFinding:
    if (read_start(run) - facts.now).total_seconds() > CLOCK_S:
        return StatusFinding(what="clock", state=BAD, text=say("the last run is in the future: the clock was set back"),
                             todo=say(_CLOCK_DOES))
    if word != "wrong":
        return StatusFinding(what="clock", state=OK, text=say("{word} in the last run", word=_tell_word(word)))
    offset_s = run.clock_offset_s or 0.0
    return StatusFinding(what="clock", state=BAD, todo=say(_CLOCK_DOES),
                         text=say("{seconds:.0f} s behind in the last run" if offset_s > 0 else
                                  "{seconds:.0f} s ahead in the last run", seconds=abs(offset_s)))


def _list(facts: StatusFacts) -> Iterator[StatusFinding]:
    """How it stands with signed lists of targets; nothing where there are none."""
    here, looks = facts.lists, facts.looks
    if not here.wanted:
        return
    failed = describe_failed_look(looks)
    if here.listed is None:
        yield StatusFinding(what="list", state=BAD, todo=say(_LIST_DOES), text=say(
            "{trouble}; only the core is measured, at level 1", trouble=visible(here.trouble)) + failed)
        return
    asked = visible(here.limits.words) or say("nothing")
    text = say_count("{name}, {n} day old, asks for {asked} in {cc}", "{name}, {n} days old, asks for {asked} in {cc}",
                     here.age_days, name=here.listed.document.name, asked=asked, cc=facts.settings.vantage.cc)
    state = BAD if here.trouble else NOTE if failed or here.limits.pause or here.limits.stop else OK
    yield StatusFinding(what="list", state=state, text=text + failed,
                        todo=say(_LIST_DOES) if here.trouble or failed else "")


def _feeds(facts: StatusFacts) -> Iterator[StatusFinding]:
    """How it stands with signed control feeds; nothing where none is configured."""
    if facts.feed_trouble:
        yield StatusFinding(what="control feed", state=BAD, text=visible(facts.feed_trouble), todo=say(_FEED_DOES))
    for one in facts.feeds:
        failed = describe_failed_look(one.looks)
        good = one.kept is not None and is_feed_fresh(one.kept, facts.now)
        state = OK if good or not failed else NOTE if one.kept else BAD
        yield StatusFinding(what="control feed", state=state,
                            text=visible(describe_feed_state(one, facts.now)) + failed,
                            todo=say(_FEED_DOES) if state != OK else "")


def _controls(facts: StatusFacts) -> Iterator[StatusFinding]:
    """Who elsewhere says whether what fails here works there."""
    if why := explain_public_refusal(facts.settings):
        yield StatusFinding(what="controls", state=NOTE, text=why, todo=say(_PUBLIC_DOES))
    if ways := list_ways_in_use(facts.settings):
        yield StatusFinding(what="controls", state=OK, text=", ".join(ways))
        return
    waiting = facts.answer.awaiting.first if facts.answer else 0
    text = say_count("none; one would decide {n} test of the last run",
                     "none; one would decide {n} tests of the last run",
                     waiting) if waiting else say("none")
    yield StatusFinding(what="controls", state=NOTE, text=text,
                        todo=say("{command} offers some, and says what each tells to whom",
                                 command=FIRST_CONTROL))


def _place(facts: StatusFacts) -> Iterator[StatusFinding]:
    """Country and network of the last run, and the table that they were looked up in."""
    if facts.geo.text:
        state = BAD if facts.geo.damaged else NOTE if facts.geo.todo else OK
        yield StatusFinding(what="table", state=state, text=facts.geo.text, todo=facts.geo.todo)
    if not facts.runs:
        return
    here = facts.runs[-1].vantage
    doubts = say("; ").join(say(_DOUBTS[word]) for word in here.vantage_doubt if word in _DOUBTS)
    asns = say(" and ").join(f"AS{asn}" for asn in dict.fromkeys((here.geo_asn_ipv4, here.geo_asn_ipv6)) if asn)
    said = say(", by the table {cc} {networks}", cc=here.geo_cc, networks=asns or say("no network")) \
        if here.geo_db else ""
    text = say("{place} in the last run", place=f"{here.probe_cc} AS{here.probe_asn}") + said
    yield StatusFinding(what="place", state=NOTE if doubts else OK, text=f"{text}: {doubts}" if doubts else text,
                        todo=say(_PLACE_DOES) if doubts else "")


_DOUBTS = {
    "country": "you state another country", "network": "you state another network",
    "several": "the table names several", "moved": "the device changed its network",
}
_PLACE_DOES = ("nothing, if you travel or the table errs; else state what is right, or leave it open: "
               "probe setup --asn 0 --country ZZ")
_FINDERS: tuple[Callable[[StatusFacts], Iterator[StatusFinding]], ...] = (
    _configuration, _list, _controls, _feeds, _schedule, _runs, _gaps, _list_blocked, _volume, _uploads,
    _conditions, _helpers, _network, _place,
)
