"""A command in a text stays on one line, and nothing else is held together."""

from __future__ import annotations

import pytest

from probe.core.command_words import JOINT, join_commands
from probe.core.line_folding import fold_line

COMMANDS = (
    ("keep the evidence: {}", "probe show 20261128T221151Z --results '/srv/my folder/r1' --page 20261128T221151Z.html"),
    ("what it rests on: {}", "probe show whatsapp.web.client --results r1 --json > r1.json"),
    ("to do: {} (all ways: probe setup)", "probe setup --feed KEY URL"),
    ("install it: {}", "/opt/venv/bin/python -m pip install 'reachability-probe[quic]'"),
    ("take them away: {}", "sudo setcap -r /usr/bin/python3.12"),
    ("see {}, and then go on", "`probe submit ooni --public-for-ever`"),
    ("重新测试：{}。然后再看一看结果", "probe run --fast --results /tmp/abc"),  # noqa: RUF001
    ("\u2066{}\u2069 را بنویسید", "probe update --from FILE"),
)


@pytest.mark.parametrize(("text", "command"), COMMANDS)
@pytest.mark.parametrize("columns", [20, 40, 80])
def test_a_command_is_never_broken_within_itself(text: str, command: str, columns: int) -> None:
    lines = fold_line(text.format(command), columns, rest="  ")
    assert [line for line in lines if command in line]
    assert not [line for line in lines if JOINT in line]


@pytest.mark.parametrize("text", [
    "the probe measured what the others did not, and then it stopped by itself",
    "nothing is known of Probe, nor of probing, nor of probe_id and what it names",
    "messenger's own words and the provider's own words are compared",
])
def test_prose_is_wrapped_as_prose(text: str) -> None:
    assert join_commands(text).count(JOINT) <= 2


def test_commands_in_a_row_are_parted() -> None:
    lines = fold_line("probe install systemd, probe install cron or probe watch", 24)
    assert [line.split()[-1] for line in lines] == ["systemd,", "or", "watch"]
