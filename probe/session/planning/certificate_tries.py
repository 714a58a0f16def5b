"""How often to try a server whose certificate is refused: a certificate does not change by being asked for again.

Two refusals of one and the same certificate are enough where nobody is to be accused of it. Only where a control is
shown another certificate at the place is a third one due, because an accusation needs three
(`probe.judge.path.path_context`).
"""

from __future__ import annotations

from collections.abc import Sequence

from probe.core.observations import ControlAnswer, Observation
from probe.core.tables.trust import OUT_OF_DATE, UNTRUSTED
from probe.judge.path.whole_attempts import list_whole_attempts

ENOUGH_REFUSALS = 2
"""With the innocent name before them they are the three handshakes that an address takes at once
(`probe.session.pacer`)."""
_REFUSED = (*UNTRUSTED, *OUT_OF_DATE)


def ends_by_certificate(seen: Observation) -> bool:
    """Whether the operation failed because the certificate proves nothing."""
    return bool(seen.failure) and seen.tls.trust in _REFUSED


def is_certificate_settled(mine: Sequence[Observation], controls: Sequence[ControlAnswer], port: int) -> bool:
    """Whether all visits of a site at one address, `mine`, met one and the same refused certificate, often enough, and
    no control is shown another one at `port`."""
    numbers = list_whole_attempts(mine)
    refusals = [o for o in mine if o.attempt in numbers and ends_by_certificate(o)]
    keys = {o.tls.chain[0] if o.tls.chain else "" for o in refusals}
    if len(refusals) < max(ENOUGH_REFUSALS, len(numbers)) or len(keys) != 1 or "" in keys:
        return False
    return {key for c in controls if c.state == "answered"
            for place, key in c.leaf_keys if key and place.port == port} <= keys
