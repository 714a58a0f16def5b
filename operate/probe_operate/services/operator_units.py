"""The systemd units of an operator's services, as text. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from probe.upkeep.schedules.systemd import format_lone_path, quote_word
from probe_operate.services.helper_unit import NAME as HELPER
from probe_operate.services.helper_unit import make_helper_unit
from probe_operate.services.operator_choices import ISSUER_KEY, ISSUER_KEYS, OperatorChoices, OperatorFolder, list_keys
from probe_operate.services.unit_sandbox import list_sandbox_lines
from probe_operate.services.web_server import ORIGINS_RUNTIME, ORIGINS_SOCKET

USER = "reachability-probe"
NGINX = "/usr/sbin/nginx"
_HEAD = "# Written by `probe operate init`, which writes it anew."


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceJob:
    """One service."""

    about: str
    command: Sequence[str]
    writes: Sequence[str] = ()
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Name of a credential -> its file."""
    low_port: bool = False
    stays: bool = False
    """Whether it goes on until it is stopped."""
    after_it: Sequence[str] = ()
    """Units that start when it has done its work, or failed."""
    more: Sequence[str] = ()
    memory: str = "2G"


def make_units(choices: OperatorChoices, folder: OperatorFolder, command: Sequence[str]) -> dict[str, str]:
    """File name -> text of every unit. `command`: how this program is called."""
    found = {f"{USER}-{name}.service": _make_service(job) for name, job in _list_jobs(choices, folder, command)}
    found |= {f"{USER}-{name}.timer": _make_timer(name, when) for name, when in _TIMES.items()}
    helper = [*command, "helper", "--listen", f"127.0.0.1:{choices.helper_port}", "--behind-proxy",
              "--metrics", f"127.0.0.1:{choices.metrics_port}"]
    return found | {HELPER: make_helper_unit(helper, low_port=False)}


_TIMES = {
    "hourly": "*-*-* *:20:00 UTC", "crowd": "*-*-* *:50:00 UTC", "list": "*-*-* *:00/10:30 UTC",
    "check": "*-*-* *:00/10:00 UTC", "rollout": "*-*-* 04:10:00 UTC", "backup": "*-*-* 03:40:00 UTC",
}
"""Service -> when it starts. Lists every ten minutes: a stop that an operator writes down is out at once."""


def _list_jobs(choices: OperatorChoices, folder: OperatorFolder,
               command: Sequence[str]) -> Iterator[tuple[str, ServiceJob]]:
    state, keys = str(folder.state), folder.keys
    work = [*command, "operate", "work", str(folder.root)]
    yield "web", ServiceJob(
        about="web server of inbox, lists, feeds and site", stays=True,
        low_port=bool(choices.certificate) and choices.web_port < 1024,
        command=[NGINX, "-e", "/dev/null", "-c", str(folder.config / "nginx.conf")], memory="512M",
        secrets={"certificate": choices.certificate, "key": choices.key} if choices.certificate else {},
        more=[f"RuntimeDirectory={USER}-web", "ExecReload=/bin/kill -HUP $MAINPID"])
    yield "inbox", ServiceJob(
        about="volunteers' uploads", stays=True, writes=[str(folder.inbox), str(folder.partly)], memory="512M",
        command=[*command, *make_inbox_arguments(choices, folder)])
    yield "feed", ServiceJob(
        about="control feed of this vantage", stays=True, writes=[state], secrets={"feed.key": str(keys / "feed.key")},
        command=[*command, "feed", "--key", "%d/feed.key", "--name", choices.vantage,
                 "-o", str(folder.public / "feeds"), "--every", "30", "--config", str(folder.config / "feed.toml")])
    yield "hourly", ServiceJob(about="collect and analyse", command=[*work, "--keys", "%d", "collect", "analyse"],
                               writes=[state], memory="3G",
                               secrets={"age.key": str(keys / "age.key")} if choices.encrypt_to else {},
                               after_it=[f"{USER}-site.service", f"{USER}-metrics.service"])
    if choices.issuer:
        yield "issuer", ServiceJob(
            about="proofs of volunteers' ages", stays=True, writes=[str(folder.ledger.parent)], memory="256M",
            secrets={ISSUER_KEY: str(keys / ISSUER_KEY)},
            command=[*command, "issuer", "serve", "--key", f"%d/{ISSUER_KEY}", "--ledger", str(folder.ledger),
                     "--listen", f"127.0.0.1:{choices.issuer_port}"])
    if choices.knows_origins:
        yield "origins", ServiceJob(
            about="from which network uploads come", stays=True, writes=[str(folder.origins)], memory="256M",
            command=[*command, *make_origins_arguments(folder)],
            more=[f"RuntimeDirectory={ORIGINS_RUNTIME.removeprefix('/run/')}", "RuntimeDirectoryMode=0700",
                  "RuntimeDirectoryPreserve=yes", "IPAddressDeny=any"])
    yield "site", ServiceJob(about="public site", command=[*work, "site"], writes=[state])
    yield "metrics", ServiceJob(about="health of the fleet, alerts", command=[*work, "--keys", "%d", "health", "alert"],
                                writes=[state], secrets={"alerts": str(keys / "alerts")})
    yield "rollout", ServiceJob(about="staged targets beside the others", command=[*work, "rollout"], writes=[state])
    yield "crowd", ServiceJob(about="control feed of the volunteers", command=[*work, "--keys", "%d", "crowd"],
                              writes=[state], secrets={"crowd.key": str(keys / "crowd.key")})
    yield "list", ServiceJob(about="signed list", command=[*work, "--keys", "%d", "list"], writes=[state],
                             secrets={"list.key": str(keys / "list.key")})
    yield "backup", ServiceJob(about="backup of keys and configuration", command=[*work, "--keys", "%d", "backup"],
                               writes=[state], secrets={name: str(keys / name) for name in list_keys(choices)})
    yield "check", ServiceJob(about="check of all services", command=[*command, "operate", "check", str(folder.root),
                              "--metrics", str(folder.figures / "operator.prom")], writes=[state], memory="256M")


def make_inbox_arguments(choices: OperatorChoices, folder: OperatorFolder) -> list[str]:
    """Of this program, for the service that takes uploads."""
    issuer = ["--issuer-keys", str(folder.config / ISSUER_KEYS)] if choices.issuer else []
    return ["operate", "inbox", str(folder.inbox), "--logins", str(folder.logins), *issuer,
            "--listen", f"127.0.0.1:{choices.inbox_port}"]


def make_origins_arguments(folder: OperatorFolder) -> list[str]:
    """Of this program, for the service that is told of uploads."""
    return ["operate", "origins", str(folder.origins), "--listen", ORIGINS_SOCKET,
            "--prefix-key", f"{ORIGINS_RUNTIME}/prefix.key"]


def _make_service(job: ServiceJob) -> str:
    lines = [
        _HEAD,
        "[Unit]",
        f"Description=Reachability probe: {job.about}",
        "Wants=network-online.target",
        "After=network-online.target",
        *([f"{when}={' '.join(job.after_it)}" for when in ("OnSuccess", "OnFailure")] if job.after_it else []),
        "",
        "[Service]",
        f"Type={'exec' if job.stays else 'oneshot'}",
        f"ExecStart={' '.join(word if word.startswith('%d') else quote_word(word) for word in job.command)}",
        *(f"LoadCredential={name}:{format_lone_path(path)}" for name, path in job.secrets.items()),
        *(["Restart=on-failure", "RestartSec=10", "TimeoutStopSec=60"] if job.stays else ["TimeoutStartSec=3300"]),
        f"User={USER}",
        f"Group={USER}",
        *([] if job.stays else ["Nice=10"]),
        *(f"ReadWritePaths={path}" for path in job.writes),
        *(f"Environment=XDG_STATE_HOME={path}/own" for path in job.writes),
        *job.more,
        "",
        *list_sandbox_lines(low_port=job.low_port, others_files=True),
        "",
        f"MemoryMax={job.memory}",
        "TasksMax=512",
        "LimitNOFILE=16384",
        *(["", "[Install]", "WantedBy=multi-user.target"] if job.stays else []),
    ]
    return "\n".join(lines) + "\n"


def _make_timer(name: str, when: str) -> str:
    return "\n".join([
        _HEAD,
        "[Unit]",
        f"Description=Reachability probe: when {name} is due",
        "",
        "[Timer]",
        f"OnCalendar={when}",
        "RandomizedDelaySec=30",
        "Persistent=true",
        "",
        "[Install]",
        "WantedBy=timers.target",
    ]) + "\n"
