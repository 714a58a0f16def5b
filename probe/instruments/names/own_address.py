"""Asks name servers, each in the clear, which address a question came from: so a run learns in which country it is."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable

from probe.instruments.names.dns_udp import DnsListener, DnsQuestion

TELLERS: tuple[tuple[str, str, str], ...] = (
    ("208.67.222.222", "myip.opendns.com", "A"),
    ("216.239.32.10", "o-o.myaddr.l.google.com", "TXT"),
    ("193.108.88.1", "whoami.akamai.net", "A"),
)
"""A server of OpenDNS, of Google and of Akamai, and the name whose record there is the address of whoever asks."""
OwnAddress = Callable[[Callable[[str, str], None]], None]
"""Waits for the answers, and hands on each with the server that gave it."""
_TIMEOUT_S = 3.0
_MOST_ANSWERS = 4


def ask_own_address(listener: DnsListener) -> OwnAddress:
    """Ask all."""
    done, until_s = queue.SimpleQueue[DnsQuestion](), time.monotonic() + _TIMEOUT_S
    for server, name, query_type in TELLERS:
        listener.ask(DnsQuestion(name=name, query_type=query_type, server=server, timeout_s=_TIMEOUT_S,
                                 on_first=done.put))

    def hand_on(report: Callable[[str, str], None]) -> None:
        for _ in TELLERS:
            try:
                question = done.get(timeout=max(0.0, until_s - time.monotonic()))
            except queue.Empty:
                return
            for answer in question.first.answers[:_MOST_ANSWERS] if question.first else ():
                report(answer.strip('"'), question.server)

    return hand_on
