"""A collector's side of a report: opened, filled, closed. Whatever answers may be hostile, slow or down.

POST /report opens one, /report/ID takes a measurement each, /report/ID/close ends it, as OONI's specification bk-003
has it; newer collectors name each measurement (`measurement_uid`). No redirect is followed, no proxy is used.
"""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from probe.config.destination import is_loopback
from probe.controls.reaching.http_client import HttpAnswer, HttpClient, HttpPolicy, make_json_message
from probe.upkeep.upload.sender import FAILURE_WORDS, UploadError

MAX_ANSWER_BYTES = 64 << 10
MAX_MEASUREMENT_BYTES = 4 << 20
"""Ours have no bodies of pages: one of a few dozen attempts has some 100 kB."""
REQUEST_S = 60.0
"""What one exchange may take."""
LEAST_S = 1.0
TRIES = 4
FIRST_PAUSE_S = 2.0
"""Before the second try, at most; each pause is twice the one before, and about half of it is drawn."""
_NAME = re.compile(r"[A-Za-z0-9_-]{1,200}", re.ASCII)
"""A report or a measurement: both come from the collector, and the first becomes part of a URL."""

REFUSED: Mapping[int, str] = {
    400: "does not understand it", 413: "finds it too large", 415: "knows no such format", 422: "finds it wrong",
}
"""Statuses that concern one measurement: it is never sent again, and the next one is."""
STATUS_WORDS: Mapping[int, str] = {
    **REFUSED,
    401: "wants a login, which a collector should not", 403: "takes nothing from here",
    404: "knows no such address or report: is this the URL of a collector?", 405: "is no collector: it takes no POST",
    408: "found us too slow", 410: "takes no reports any more", 425: "asks for patience", 429: "asks for patience",
}
TRANSIENT = frozenset({408, 425, 429})
_FAILURE_WORDS = {**FAILURE_WORDS, "interrupted": "the connection was cut", "timeout": "no answer in time"}
_PASSING = frozenset({"connect", "tls", "interrupted", "timeout"})

ACCEPTED, DECLINED, UNSURE, FAILED = "accepted", "refused", "unsure", "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitOutcome:
    """What became of a measurement: `unsure` says that the server answered, and not as a collector does."""

    word: str
    why: str = ""
    uid: str = ""
    """The name that the collector gave it; empty where it gives none."""


class CollectorClient:
    """One collector, until a time. Nothing that it says is in any message but checked names."""

    def __init__(self, url: str, *, ends: float, rng: random.Random | None = None,
                 wait: Callable[[float], None] = time.sleep) -> None:
        """`url` as `probe.config.destination.redact_url` writes it; `ends`: monotonic seconds."""
        self.url = url
        self.loopback = is_loopback(url)
        self._ends, self._wait = ends, wait
        self._rng = rng or random.SystemRandom()
        self._client = HttpClient()

    def left_s(self) -> float:
        """Seconds until its time is over."""
        return self._ends - time.monotonic()

    def open(self, opening: Mapping[str, Any]) -> str:
        """The name of a new report. Raises UploadError."""
        call = self._asked("/report", opening)
        document = _object(call)
        if document is None:
            raise UploadError(_why(call) or "what answers there is no collector")
        name, formats = document.get("report_id"), document.get("supported_formats", ["json"])
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise UploadError("what answers there is no collector: it names no report")
        if not isinstance(formats, list) or "json" not in formats:
            raise UploadError("the collector takes no JSON")
        return name

    def submit(self, report_id: str, measurement: Mapping[str, Any]) -> SubmitOutcome:
        """Send one measurement."""
        call = self._asked(f"/report/{report_id}", {"format": "json", "content": measurement})
        if call.status in REFUSED:
            return SubmitOutcome(word=DECLINED, why=_why(call))
        if call.status == 200:  # even if the answer broke off: to send it again might make it public twice
            document = _object(call)
            if document is None:
                return SubmitOutcome(word=UNSURE, why=_why(call) or "its answer is none of a collector's")
            uid = document.get("measurement_uid")
            return SubmitOutcome(word=ACCEPTED, uid=uid if isinstance(uid, str) and _NAME.fullmatch(uid) else "")
        return SubmitOutcome(word=FAILED, why=_why(call))

    def close(self, report_id: str) -> str:
        """End a report; why that did not work, or nothing. What it holds is held all the same."""
        return _why(self._asked(f"/report/{report_id}/close", {}))

    def _asked(self, path: str, message: Mapping[str, Any]) -> HttpAnswer:
        """The answer, after as many tries as it takes and there may be; at least one is made."""
        body = encode_measurement(message)
        for number in range(TRIES):
            call = self._client.ask(make_json_message(self.url + path, body), HttpPolicy(
                max_bytes=MAX_ANSWER_BYTES, timeout_s=max(0.1, min(REQUEST_S, self.left_s())), redirects=0,
                reach="named" if self.loopback else "public"))
            if call.failure == "not_public":
                raise UploadError(FAILURE_WORDS[call.failure])
            pause_s = min(FIRST_PAUSE_S * 2**number * self._rng.uniform(0.5, 1.0), max(0.0, self.left_s()))
            if not _passes(call) or number == TRIES - 1 or self.left_s() - pause_s < LEAST_S:
                break
            self._wait(pause_s)
        return call


def encode_measurement(measurement: Mapping[str, Any]) -> bytes:
    """As it is sent; a text that is no Unicode loses what is none."""
    return json.dumps(measurement, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _passes(call: HttpAnswer) -> bool:
    """Whether another try may go better."""
    return call.status in TRANSIENT or call.status >= 500 or (not call.status and call.failure in _PASSING)


def _object(call: HttpAnswer) -> dict[str, Any] | None:
    """The JSON object of a good answer."""
    if call.status != 200 or call.failure:
        return None
    try:
        document = json.loads(call.body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _why(call: HttpAnswer) -> str:
    """What was wrong with an answer, in our own words; empty where nothing was."""
    if call.status in (0, 200):
        return _FAILURE_WORDS.get(call.failure, call.failure)
    if 300 <= call.status < 400:
        word = "points elsewhere, which is not followed"
    else:
        word = STATUS_WORDS.get(call.status, "has a failure of its own" if call.status >= 500 else "does not take it")
    return f"the collector {word} (HTTP status {call.status})"
