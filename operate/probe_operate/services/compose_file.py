"""The same services for a container engine, as a compose file. Pure.

Written as JSON within YAML's rules: each value stands in double quotes or is a number, so that no text of an operator
means anything to the reader of the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from probe_operate.receiving.upload_names import MAX_UPLOAD_MB
from probe_operate.services.operator_choices import FILE_NAME, ISSUER_KEY, OperatorChoices, OperatorFolder, list_keys
from probe_operate.services.operator_units import make_inbox_arguments, make_origins_arguments
from probe_operate.services.web_server import ORIGINS_RUNTIME

PARTS = ".[quic] ./operate[collect] ./analysis[alerts]"
IMAGE = "reachability-probe-operator"
WEB_IMAGE = "docker.io/library/nginx:stable"
_ORIGINS_VOLUME = "origins-runtime"
_RUNTIME = "/run/reachability-probe-web"
_CREDENTIALS = "/run/credentials/reachability-probe-web.service"


def make_compose(choices: OperatorChoices, folder: OperatorFolder, *, uid: int, gid: int) -> str:
    """The text of compose.yaml. `uid`, `gid`: who owns the folder, and is whom services run as."""
    state = str(folder.state)
    keys = list_keys(choices)
    secrets = {name: {"file": str(folder.keys / name)} for name in keys}
    if choices.certificate:
        secrets |= {"certificate": {"file": choices.certificate}, "key": {"file": choices.key}}
    work = ["operate", "work", str(folder.root), "--keys", "/run/secrets"]
    document: dict[str, Any] = {
        "name": "reachability-probe",
        "services": {
            "web": _base(uid, gid) | {
                "image": WEB_IMAGE, "command": ["nginx", "-e", "/dev/null", "-c", str(folder.config / "nginx.conf")],
                "ports": [f"{choices.web_port}:{choices.web_port}"] if choices.certificate else [],
                "volumes": [_bind(str(folder.config), read_only=True), _bind(state, read_only=True),
                            *([f"{_ORIGINS_VOLUME}:{ORIGINS_RUNTIME}"] if choices.knows_origins else [])],
                "tmpfs": [f"{_RUNTIME}:uid={uid},gid={gid},mode=0700", "/tmp"],
                "secrets": [{"source": name, "target": f"{_CREDENTIALS}/{name}"} for name in (
                    ("certificate", "key") if choices.certificate else ())],
                "healthcheck": _check(["curl", "-fsS", f"http://127.0.0.1:{choices.health_port}/health"]),
                "mem_limit": "512m",
            },
            "helper": _base(uid, gid) | _ours() | {
                "network_mode": "service:web",  # it stands behind that server, on loopback
                "command": ["helper", "--listen", f"127.0.0.1:{choices.helper_port}", "--behind-proxy",
                            "--metrics", f"127.0.0.1:{choices.metrics_port}"],
                "volumes": [_bind(str(folder.root), read_only=True)],
                "healthcheck": _check(["probe", "operate", "check", str(folder.root), "--only", "helper"]),
                "mem_limit": "1g",
            },
            **(_make_issuer(choices, folder, uid, gid) if choices.issuer else {}),
            **(_make_origins(folder, uid, gid) if choices.knows_origins else {}),
            "inbox": _base(uid, gid) | _ours() | {
                "network_mode": "service:web",
                "command": make_inbox_arguments(choices, folder),
                "volumes": [_bind(str(folder.config), read_only=True), _bind(state),
                            _bind(str(folder.root / FILE_NAME), read_only=True)],
                "healthcheck": _check(["probe", "operate", "check", str(folder.root), "--only", "inbox"]),
                "mem_limit": "512m",
            },
            "feed": _base(uid, gid) | _ours() | {
                "command": ["feed", "--key", "/run/secrets/feed.key", "--name", choices.vantage,
                            "-o", str(folder.public / "feeds"), "--every", "30",
                            "--config", str(folder.config / "feed.toml")],
                "volumes": [_bind(str(folder.config), read_only=True), _bind(state),
                            _bind(str(folder.root / "operator.toml"), read_only=True)],
                "environment": {"XDG_STATE_HOME": f"{state}/own"},
                "secrets": ["feed.key"],
                "healthcheck": _check(["probe", "operate", "check", str(folder.root), "--only", "feed"]),
                "mem_limit": "2g",
            },
            "hourly": _base(uid, gid) | _ours() | {
                "command": [*work, "--every", "60", "list", "collect", "analyse", "site", "rollout", "health", "alert",
                            "crowd", "backup"],
                "volumes": [_bind(str(folder.config), read_only=True), _bind(state),
                            _bind(str(folder.root / "operator.toml"), read_only=True)],
                "environment": {"XDG_STATE_HOME": f"{state}/own"},
                "secrets": list(keys),
                "healthcheck": _check(["probe", "operate", "check", str(folder.root), "--only", "steps"]),
                "mem_limit": "3g",
            },
            "lists": _base(uid, gid) | _ours() | {
                "command": [*work, "--every", "10", "list"],
                "volumes": [_bind(str(folder.config), read_only=True), _bind(state),
                            _bind(str(folder.root / "operator.toml"), read_only=True)],
                "secrets": ["list.key"],
                "healthcheck": _check(["probe", "operate", "check", str(folder.root), "--only", "list"]),
                "mem_limit": "512m",
            },
        },
        "secrets": secrets,
    }
    if choices.knows_origins:  # in memory, for as long as one of both runs
        document["volumes"] = {_ORIGINS_VOLUME: {"driver": "local", "driver_opts": {
            "type": "tmpfs", "device": "tmpfs", "o": f"uid={uid},gid={gid},mode=0700,size=1m"}}}
    head = ("# Written by `probe operate init`, which writes it anew. In a checkout of the program, once and after\n"
            f"# each upgrade:\n"
            f"#   docker build -f Containerfile --build-arg PARTS='{PARTS}' -t {IMAGE} .\n"
            f"# Then here: docker compose up -d. An upload is {MAX_UPLOAD_MB} MB at most.\n")
    return head + "\n".join(_yaml(document)) + "\n"


def _make_issuer(choices: OperatorChoices, folder: OperatorFolder, uid: int, gid: int) -> dict[str, Any]:
    return {"issuer": _base(uid, gid) | _ours() | {
        "network_mode": "service:web",
        "command": ["issuer", "serve", "--key", f"/run/secrets/{ISSUER_KEY}", "--ledger", str(folder.ledger),
                    "--listen", f"127.0.0.1:{choices.issuer_port}"],
        "volumes": [_bind(str(folder.ledger.parent)), _bind(str(folder.root / FILE_NAME), read_only=True)],
        "secrets": [ISSUER_KEY],
        "healthcheck": _check(["probe", "operate", "check", str(folder.root), "--only", "issuer"]),
        "mem_limit": "256m",
    }}


def _make_origins(folder: OperatorFolder, uid: int, gid: int) -> dict[str, Any]:
    return {"origins": _base(uid, gid) | _ours() | {
        "network_mode": "none",
        "command": make_origins_arguments(folder),
        "volumes": [_bind(str(folder.origins)), _bind(str(folder.root / FILE_NAME), read_only=True),
                    f"{_ORIGINS_VOLUME}:{ORIGINS_RUNTIME}"],
        "healthcheck": _check(["probe", "operate", "check", str(folder.root), "--only", "origins"]),
        "mem_limit": "256m",
    }}


def _base(uid: int, gid: int) -> dict[str, Any]:
    return {"user": f"{uid}:{gid}", "restart": "unless-stopped", "read_only": True, "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges:true"], "pids_limit": 512, "tmpfs": ["/tmp"],
            "logging": {"driver": "json-file", "options": {"max-size": "1m", "max-file": "3"}}}


def _ours() -> dict[str, Any]:
    return {"image": IMAGE, "pull_policy": "never"}


def _bind(path: str, *, read_only: bool = False) -> dict[str, Any]:
    """The same path within, so that configurations hold in both."""
    return {"type": "bind", "source": path, "target": path, "read_only": read_only}


def _check(command: Sequence[str]) -> dict[str, Any]:
    return {"test": ["CMD", *command], "interval": "5m", "timeout": "30s", "retries": 3, "start_period": "2m"}


def _yaml(value: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """A mapping as YAML: of mappings in lines of their own, everything else as JSON, which YAML reads as well."""
    for key, inner in value.items():
        if isinstance(inner, Mapping) and inner:
            yield f"{indent}{json.dumps(key)}:"
            yield from _yaml(inner, indent + "  ")
        else:
            yield f"{indent}{json.dumps(key)}: {json.dumps(inner)}".replace("$", "$$")
