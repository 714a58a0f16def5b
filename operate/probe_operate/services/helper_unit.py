"""The helper's service, as text: a user of its own who may write nowhere, and no more of the system than it needs.
Pure."""

from __future__ import annotations

from collections.abc import Sequence

from probe.upkeep.schedules.systemd import format_lone_path, quote_word
from probe_operate.services.unit_sandbox import list_sandbox_lines

NAME = "reachability-probe-helper.service"


def make_helper_unit(command: Sequence[str], *, low_port: bool, keys: Sequence[str] = ()) -> str:
    """The unit; systemd.exec(5) tells each line. `low_port`: it listens below 1024. `keys`: files of certificate and
    key, which systemd reads as root and hands over. Raises ValueError for a word that cannot stand in a unit."""
    lines = [
        f"# Written by `probe helper --print-unit`. To use it, as root: save it as /etc/systemd/system/{NAME},",
        f"# then: systemctl daemon-reload && systemctl enable --now {NAME}",
        "[Unit]",
        "Description=Reachability probe: test helper",
        "Wants=network-online.target",
        "After=network-online.target",
        "",
        "[Service]",
        "Type=exec",
        f"ExecStart={' '.join(word if word.startswith('%d/') else quote_word(word) for word in command)}",
        *(f"LoadCredential={name}:{format_lone_path(path)}" for name,
          path in zip(("certificate", "key"), keys, strict=False)),
        "Restart=on-failure",
        "RestartSec=5",
        "TimeoutStopSec=30",
        "",
        "# Nobody's files: a user that is made for the service, and a file system that cannot be written to.",
        "DynamicUser=yes",
        *list_sandbox_lines(low_port=low_port),
        "",
        "# A flood of requests takes no more than this from the machine.",
        "LimitNOFILE=16384",
        "MemoryMax=1G",
        "TasksMax=1024",
        "",
        "[Install]",
        "WantedBy=multi-user.target",
    ]
    return "\n".join(lines) + "\n"
