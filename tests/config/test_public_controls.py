"""Public networks as controls: off until agreed, refused where care is asked for, and named in the consent."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from probe.config.consent.consent_check import (
    describe_destinations,
    explain_lacking_consent,
    list_destinations,
    make_consent,
)
from probe.config.consent.control_ways import list_ways_in_use
from probe.config.consent.public_controls import (
    GLOBALPING_ID,
    GLOBALPING_URL,
    OONI_ID,
    OONI_URLS,
    explain_public_refusal,
    list_public_controls,
    list_public_destinations,
)
from probe.config.settings import PublicControlSettings, Settings, VantageSettings

BOTH = PublicControlSettings(globalping=True, ooni_helpers=True)


def settings(wanted: PublicControlSettings, cc: str = "DE") -> Settings:
    return Settings(vantage=VantageSettings(cc=cc), public_controls=wanted)


@pytest.mark.parametrize(("wanted", "ids", "urls"), [
    (PublicControlSettings(), (), ()),
    (PublicControlSettings(globalping_leave="2026-11-01", globalping_token_file="t"), (), ()),
    (PublicControlSettings(globalping=True), (GLOBALPING_ID,), (GLOBALPING_URL,)),
    (PublicControlSettings(globalping=True, globalping_url="https://other.example"), (GLOBALPING_ID,),
     ("https://other.example",)),
    (PublicControlSettings(ooni_helpers=True), (OONI_ID,), OONI_URLS),
    (PublicControlSettings(ooni_helpers=True, ooni_helper_addresses=("https://a.example/",)), (OONI_ID,),
     ("https://a.example/",)),
    (BOTH, (GLOBALPING_ID, OONI_ID), (GLOBALPING_URL, *OONI_URLS)),
])
def test_nothing_is_asked_that_is_not_switched_on(wanted: PublicControlSettings, ids: tuple[str, ...],
                                                  urls: tuple[str, ...]) -> None:
    asked = settings(wanted)
    assert tuple(control.id for control in list_public_controls(asked)) == ids
    assert list_public_destinations(asked) == urls
    assert set(urls) <= set(list_destinations(asked))
    assert explain_public_refusal(asked) == ""


@pytest.mark.parametrize("cc", ["RU", "IR", "TR", "ZZ", ""])
def test_where_care_is_asked_for_nobody_is_asked(cc: str) -> None:
    asked = settings(BOTH, cc)
    assert not list_public_controls(asked)
    assert not list_public_destinations(asked)
    assert list_ways_in_use(asked) == ()
    assert explain_public_refusal(asked)
    assert explain_public_refusal(settings(PublicControlSettings(), cc)) == ""


def test_a_consent_of_before_covers_none_of_them() -> None:
    plain = settings(PublicControlSettings())
    agreed = make_consent(plain, level=1, today=date(2026, 11, 28))
    asked = msgspec.structs.replace(settings(BOTH), consent=agreed)
    assert GLOBALPING_URL in explain_lacking_consent(asked)
    again = msgspec.structs.replace(asked, consent=make_consent(asked, level=1, today=date(2026, 11, 28)))
    assert explain_lacking_consent(again) == ""
    assert all(len(line) > len(url) for line, url in zip(describe_destinations(again), list_destinations(again),
                                                          strict=True))
