"""A refused certificate is asked for again only where the next one could say something."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from made_up_net import FRAME, Net, walk
from observations import HERE4, NEAR4, endpoint, numbered, replace_flat, site_of, told, visit_to
from probe.core.observations import ControlAnswer
from probe.core.tables.evidence_words import Depth
from probe.instruments.steps import AskControl, Step, Visit
from probe.session.planning.next_steps import plan_rows
from probe.session.planning.plan_context import SiteHistory
from probe.session.planning.plan_view import PlanView
from probe.session.planning.run_order import STEPS

TWO: dict[str, tuple[str, ...] | str] = dict.fromkeys(("system", "network", "public", "tcp", "doh"), (HERE4, NEAR4))
REFUSED = ("tls", "ssl_unknown_authority")
AT_ADDRESS = [row for row in STEPS if row.place == "address"]
DEPTHS: tuple[Depth, ...] = ("tls", "all")
MINE, OTHER = "a1" * 32, "b2" * 32


def shown(*keys: str) -> Any:
    """What controls say of both addresses: each is shown these keys."""
    def answer(step: AskControl) -> ControlAnswer:
        return told(step.control_id, input=step.input, tls=tuple((f"{a}:443", "") for a in (HERE4, NEAR4)),
                    leaf_keys=tuple((f"{a}:443", key) for a in (HERE4, NEAR4) for key in keys))
    return answer


def refused(trust: str = "unknown_issuer", *, keys: tuple[str, ...] = (MINE,), **changes: Any) -> Net:
    return Net(dns=TWO, cuts={HERE4: REFUSED, NEAR4: REFUSED}, cut_shake={"trust": trust, "chain": keys},
               **changes)


def shaken(taken: list[Step], *purposes: str) -> list[str]:
    """Where hands were shaken, a word for each time."""
    return sorted(s.address for s in taken if isinstance(s, Visit) and s.purpose in purposes and s.sni)


@pytest.mark.parametrize("trust", ["unknown_issuer", "self_signed", "wrong_name", "expired"])
@pytest.mark.parametrize("controls", [(), ("a", "b")])
def test_two_refusals_of_one_certificate_are_enough(trust: str, controls: tuple[str, ...]) -> None:
    frame = replace(FRAME, controls=controls, slots_s=(240.0, 480.0), consent_level=3)
    for chance in (None, *map(random.Random, range(6))):
        taken = walk(site_of(endpoint()), refused(trust, told=shown(MINE)), context=frame, rng=chance)
        assert shaken(taken, "target") == [HERE4, HERE4, NEAR4, NEAR4]
        assert not shaken(taken, "shape", "foreign", "residual")
        assert shaken(taken, "innocent") == [HERE4, NEAR4]


def test_the_next_try_is_one_and_the_same_step_however_deep_the_address_is_to_be_looked_at() -> None:
    history = SiteHistory(visits=numbered(visit_to(NEAR4, until="tls", failure="ssl_unknown_authority",
                                                   trust="unknown_issuer", chain=(MINE,))),
                          around=numbered(visit_to(NEAR4, purpose="innocent", until="tls")))
    for trust in ("unknown_issuer", ""):
        visits = tuple(replace_flat(o, trust=trust if o.failure else "") for o in history.visits)
        view = PlanView(site=site_of(endpoint()), history=replace(history, visits=visits), context=FRAME,
                        has_answer=True, address=NEAR4, source="network")
        planned = [plan_rows(AT_ADDRESS, replace(view, depth=depth)) for depth in DEPTHS]
        assert all(isinstance(step, Visit) and step.attempt == 2 for steps in planned for step in steps)
        assert (planned[0] == planned[1]) == bool(trust)


def test_another_certificate_elsewhere_asks_for_as_many_as_an_accusation_takes() -> None:
    for chance in (None, *map(random.Random, range(6))):
        taken = walk(site_of(endpoint()), refused(told=shown(OTHER)), rng=chance)
        assert shaken(taken, "target") == [HERE4] * 3 + [NEAR4] * 3


@pytest.mark.parametrize("keys", [(), ("",)])
def test_certificates_that_cannot_be_compared_are_not_one(keys: tuple[str, ...]) -> None:
    taken = walk(site_of(endpoint()), refused(keys=keys))
    assert shaken(taken, "target") == [HERE4] * 3 + [NEAR4] * 3


def test_what_is_no_matter_of_certificates_is_tried_as_before() -> None:
    taken = walk(site_of(endpoint()), Net(dns=TWO, cuts={HERE4: ("tls", "connection_reset")}))
    assert shaken(taken, "target").count(HERE4) == FRAME.quick_attempts
