"""What a page's own server says to others, where it refuses us or fails for us.

A refusal elsewhere does not clear the way to us, and shows no block either: a data centre is refused more often than a
home is. What it shows, beside a refusal of ours that came over a validated connection, is that the service refuses
more than this place. A page that is served elsewhere shows that the service lives, and refuses some and not others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from probe.core.endpoints import Endpoint
from probe.core.observations import ControlAnswer, Observation
from probe.core.tables.evidence_words import PageWord
from probe.core.tables.http_status import RATE_LIMITED, REFUSALS, is_server_error, is_status
from probe.judge.common.fingerprint_weight import CHALLENGES


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswersElsewhere:
    """Networks of controls by what this very page's server said to them. Networks, not answers: two helpers in one
    network see what one sees."""

    served: int = 0
    """The page came, or a redirect, or another answer that refuses nobody (a place of an interface may be told of as
    not found); of a messenger its proof."""
    refused: int = 0
    """A refusal there as well; of a messenger an answer that is not the service's."""
    failed: int = 0
    """An error of the server's own (5xx) there as well."""


SERVED: tuple[PageWord, ...] = ("served", "other")
NO_ANSWERS = AnswersElsewhere()


def gather_answers_elsewhere(controls: Sequence[ControlAnswer], endpoint: Endpoint) -> AnswersElsewhere:
    """Count them. What a feed tells of a time before our own failure is left out."""
    asked = [c for c in controls if c.input == endpoint.input]
    words = {(c.asn, c.cc, word) for c in asked if (word := read_page_word(c, endpoint))}
    return AnswersElsewhere(
        served=len({(asn, cc) for asn, cc, word in words if word in SERVED}),
        refused=sum(word == "refused" for *_, word in words),
        failed=sum(word == "failed" for *_, word in words),
    )


def read_page_word(control: ControlAnswer, endpoint: Endpoint) -> PageWord:
    """What one control was answered; empty where it says nothing of us: no page, an old one, or a limit of its own."""
    if control.state != "answered" or control.before or control.http_failure != "":
        return ""
    status = control.http_status
    if any(is_status(status, word) for word in endpoint.expect.status):
        return "served"
    if status == RATE_LIMITED:
        return ""
    if status in REFUSALS:
        return "refused"
    if is_server_error(status):
        return "failed"
    return "served" if 200 <= status < 400 else "other"


def needs_reason(seen: Observation) -> bool:
    """Whether a page came that is the server's refusal, its challenge or its error, and not what is expected: others
    can say whether they get it as well. A limit of requests is each client's own."""
    if seen.failure or seen.met_expectation == "yes":
        return False
    status = seen.http.status
    challenge = status >= 400 and status != RATE_LIMITED and seen.fingerprint in CHALLENGES
    return status in REFUSALS or is_server_error(status) or challenge
