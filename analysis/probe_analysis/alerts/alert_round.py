"""One round of alerts: what each place has not had yet, the oldest first, each noted as soon as it was taken."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from probe.core.counted_words import count_things
from probe_analysis.alerts.alert_sending import Send
from probe_analysis.alerts.alert_state import SentAlerts, forget_gone
from probe_analysis.alerts.alert_targets import AlertTarget
from probe_analysis.alerts.alert_texts import Alert

MAX_SENT = 20
"""Alerts to one place in one round: the next round sends more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DueAlert:
    """One that a place has not had yet."""

    alert: Alert
    sent_names: frozenset[str] = frozenset()
    """Names that count as sent once it was taken."""
    over: frozenset[str] = frozenset()
    """Names that count as sent no more then: what comes back is sent again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceRound:
    """What became of one place."""

    place: str
    sent: int
    waiting: int
    failed: bool
    fresh: bool
    """It is new: what was known by then counts as sent."""


def describe_round(done: PlaceRound) -> str:
    """What became of one place."""
    words = "is new: what is known by now counts as told" if done.fresh else f"{count_things(done.sent, 'alert')} sent"
    return f"{done.place}: {words}" + (f", {done.waiting} wait" if done.waiting else "") + (
        "; it did not take one: check its line, it is tried again by the next call" if done.failed else "")


def send_round(alerts: Sequence[Alert], others: frozenset[str], targets: Sequence[AlertTarget],
               already_sent: SentAlerts, send: Send, keep: Callable[[SentAlerts], None]) -> list[PlaceRound]:
    """Send what is new. `others`: names of alerts that are not wanted; they count as sent, whatever is wanted later.

    `keep` writes what was sent: before a place is used first, and after each alert.

    A place that fails gets the same alert first in the next round; an alert that was taken is never sent again, unless
    the process ends between its being taken and `keep`.
    """
    names = frozenset(alert.name for alert in alerts) | others
    now = forget_gone(already_sent, names)
    rounds = []
    for target in targets:
        fresh = target.name not in now
        if fresh:
            now[target.name] = names
        now[target.name] |= others
        keep(now)
        waiting = [alert for alert in alerts if alert.name not in now[target.name]]
        due = [DueAlert(alert=alert, sent_names=frozenset((alert.name,))) for alert in waiting[:MAX_SENT]]
        sent = send_in_turn(target, due, now, send, keep)
        rounds.append(PlaceRound(place=target.name, sent=sent, waiting=len(waiting) - sent, failed=sent < len(due),
                                 fresh=fresh))
    return rounds


def send_in_turn(target: AlertTarget, due: Iterable[DueAlert], now: dict[str, frozenset[str]], send: Send,
                 keep: Callable[[SentAlerts], None]) -> int:
    """Send alerts to a place until it does not take one, and note in `now` after each what it tells; how many it took.
    """
    sent = 0
    for one in due:
        if not send(target, one.alert):
            break
        sent += 1
        now[target.name] = (now[target.name] | one.sent_names) - one.over
        keep(now)
    return sent
