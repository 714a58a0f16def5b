"""The report's sentences about one target: its story, its caveats, its results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from probe.catalogue.packaged import load_account_needs
from probe.core.observations import Observation
from probe.store.text_forms import format_icmp
from probe_analysis.events.verdict_series import DECIDED, StateSegment, VerdictRow, find_changes_between
from probe_analysis.pages.language import ENGLISH, ReportLanguage, load_words


def describe_blocks(believed: Sequence[StateSegment], say: ReportLanguage = ENGLISH) -> tuple[str, ...]:
    """One sentence for each time a target was blocked: began between, ended between."""
    stories = []
    for position, segment in enumerate(believed):
        if segment.outcome == "blocked":
            before = believed[position - 1] if position else None
            after = believed[position + 1] if position + 1 < len(believed) else None
            story = _began(before, segment, say), _describe_end(segment, after, say)
            stories.append(say("page.semicolon").join(story) + say("page.stop"))
    return tuple(stories)


def list_caveats(series: Sequence[VerdictRow], believed: Sequence[StateSegment],
                 say: ReportLanguage = ENGLISH) -> tuple[str, ...]:
    """What a reader must know before trusting the story of one target."""
    decided = [row for row in series if row.outcome in DECIDED]
    others = Counter(row.outcome for row in series if row.outcome not in DECIDED)
    found = []
    if others:
        kinds = say.join_words([f"{say.name_word('state', name)} ({n})" for name, n in others.most_common()])
        found.append(say("caveat.others", runs=say.count(others.total(), "run"), kinds=kinds))
    if contrary := sum(segment.n_contrary for segment in believed):
        found.append(say("caveat.contrary", runs=say.count(contrary, "lone_run")))
    if believed and decided[-1].outcome != believed[-1].outcome:
        found.append(say("caveat.latest", outcome=say.name_word("outcome", decided[-1].outcome)))
    if not believed and decided:
        found.append(say("caveat.none"))
    gap = max((segment.longest_gap for segment in believed), default=timedelta(0))
    if gap > timedelta(days=1):
        found.append(say("caveat.gap", span=say.duration(gap)))
    if any(change.instrument_changed for change in find_changes_between(believed)):
        found.append(say("caveat.instrument"))
    return tuple(found)


def describe_result(row: Observation, say: ReportLanguage = ENGLISH) -> str:
    """What came of one operation, in few words."""
    if row.reason:
        return say("result.not_tried", why=row.reason)
    worked = f"success.{row.operation}"
    scope = row.fingerprint_scope or say("result.no_scope")
    facts = (
        row.failure.replace("_", " ") or say(worked if worked in load_words() else "success.other"),
        row.dns.rcode,
        ", ".join(row.dns.answers[:4]),
        f"ICMP {format_icmp(row.icmp)}" if row.icmp else "",
        "" if row.tls.trust in ("", "valid") else say("result.certificate", word=row.tls.trust.replace("_", " ")),
        f"HTTP {row.http.status}" if row.http.status else "",
        say("result.leads", place=row.http.location) if row.http.location else "",
        f"“{row.http.title}”" if row.http.title else "",
        say("result.known", name=row.fingerprint, scope=scope) if row.fingerprint else "",
        say("result.mismatch", word=row.mismatch) if row.mismatch else "",
    )
    return say("page.semicolon").join(filter(None, facts))


def _began(before: StateSegment | None, segment: StateSegment, say: ReportLanguage) -> str:
    if before is None:
        return say("story.already", time=say.moment(segment.first.time))
    return say("story.began", first=say.moment(before.last.time), last=say.moment(segment.first.time))


def _describe_end(segment: StateSegment, after: StateSegment | None, say: ReportLanguage) -> str:
    if after is None:
        return say("story.still", time=say.moment(segment.last.time))
    return say("story.ended", first=say.moment(segment.last.time), last=say.moment(after.first.time))


def describe_account_need(service: str, say: ReportLanguage) -> str:
    """What of the service answers only who is logged in, so that nobody measures it; empty where nothing is known."""
    return say.join_words([say(f"account_part.{part}") for part in load_account_needs().get(service, ())])
