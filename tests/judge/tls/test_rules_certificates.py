"""How many refusals of a certificate say something, and what they never say."""

from __future__ import annotations

from typing import Any

import pytest

from observations import RESET
from path_scenes import CONTRARY, TWO_ATTEMPTS, scene
from probe.judge.common.fingerprint_weight import FingerprintMark
from probe.judge.common.rule import find_first_rule
from probe.judge.path.path_rules import PATH_RULES

REFUSED: dict[str, Any] = dict(stage="tls", failure="ssl_unknown_authority", trust="unknown_issuer")
OTHER_KEY: dict[str, Any] = CONTRARY | dict(other_key=1)


@pytest.mark.parametrize(("shown", "rule"), [
    (REFUSED | TWO_ATTEMPTS, "path/no_control"),
    (REFUSED | TWO_ATTEMPTS | dict(controls_asked=1), "path/control_failed"),
    (REFUSED | dict(attempts=1, failed_attempts=1), "path/too_few"),
    (REFUSED | TWO_ATTEMPTS | dict(same_failure=False), "path/too_few"),
    (dict(stage="tls", failure=RESET) | TWO_ATTEMPTS, "path/too_few"),
    (REFUSED | TWO_ATTEMPTS | OTHER_KEY, "path/unexplained"),
    (REFUSED | dict(attempts=3, failed_attempts=3) | OTHER_KEY, "tls/foreign_certificate"),
    (REFUSED | TWO_ATTEMPTS | dict(mark=FingerprintMark(name="authority", fits=True)), "tls/national_authority"),
    (REFUSED | TWO_ATTEMPTS | dict(mark=FingerprintMark(name="authority")), "path/no_control"),
])
def test_a_certificate_accuses_nobody_before_its_third_refusal(shown: dict[str, Any], rule: str) -> None:
    assert find_first_rule(PATH_RULES, scene(**shown)).id == rule
