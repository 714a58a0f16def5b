"""The recurring work of an operator: each step a command of this program, bounded in time; what came of it is kept."""

from __future__ import annotations

import datetime
import subprocess
import tarfile
import time
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Annotated, Literal, get_args

import msgspec

from probe.core.json_decoders import decode_json
from probe.store.files.atomic import replace_file
from probe_operate.issuer.ledger import copy_ledger
from probe_operate.services.operator_choices import FILE_NAME, ISSUER_KEYS, OperatorChoices, OperatorFolder

StepName = Literal["collect", "analyse", "site", "health", "rollout", "alert", "crowd", "list", "backup"]
STEPS: tuple[StepName, ...] = get_args(StepName)
STEP_S = 3000.0
"""What one may take; stuck is worse than late, for the next hour's would wait as well."""
_KEPT_BACKUPS = 14
_MESSAGE_CHARS = 500
ROLLOUT = "rollout.json"
ALERTS = "alerts"
"""In the folder of keys: where alerts go, as `probe alert` reads it; while it is empty none are sent."""


class StepOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a step went last."""

    at: datetime.datetime
    """When it ended."""
    worked_at: datetime.datetime | None = None
    """When it last ended well."""
    seconds: float = 0.0
    message: Annotated[str, msgspec.Meta(max_length=4 * _MESSAGE_CHARS)] = msgspec.field(default="", name="told")
    """The end of its output if it failed."""


def make_step_command(step: StepName, choices: OperatorChoices, folder: OperatorFolder, keys: Path) -> list[str]:
    """The arguments for this program; none for what it does within itself, and where there is nothing to do."""
    lab = ["--lab"] if choices.lab else []
    collected, analysis = str(folder.collected), str(folder.analysis)
    match step:
        case "collect":
            sealed = ["--identity", str(keys / "age.key")] if (keys / "age.key").exists() else []
            public = folder.config / ISSUER_KEYS
            aged = ["--issuer-keys", str(public)] if choices.issuer and public.exists() else []
            origins = ["--origins", str(folder.origins)] if choices.knows_origins and folder.origins.is_dir() else []
            return ["collect", str(folder.inbox), "-o", collected, *sealed, *aged, *origins, *lab]
        case "analyse":
            return ["analyse", collected, "-o", analysis, *lab]
        case "site":
            return ["site", analysis, "-o", str(folder.public / "site"), "--address", f"https://{choices.host}/"]
        case "health":
            state = str(folder.figures / "fleet-alerts.json")
            alerts = ["--alert-to", str(keys / ALERTS), "--alert-state", state,
                      "--rollout", str(folder.figures / ROLLOUT)] if has_alerts(keys) else []
            return ["fleet", "health", collected, "-o", str(folder.figures / "health.html"),
                    "--metrics", str(folder.figures / "fleet.prom"), *alerts, *lab]
        case "rollout":
            published = folder.public / "lists" / "list.json"
            return ["fleet", "rollout", collected, "--list", str(published), "-o", str(folder.figures / ROLLOUT),
                    *lab] if published.exists() else []
        case "alert":
            return ["alert", analysis, "--to", str(keys / ALERTS), "--address", f"https://{choices.host}/"] if (
                has_alerts(keys)) else []
        case "crowd":
            return ["feed", "--from", collected, "--key", str(keys / "crowd.key"), "--name", "crowd",
                    "-o", str(folder.public / "feeds"), "--config", str(folder.config / "feed.toml")]
    return []


def has_alerts(keys: Path) -> bool:
    """Whether a place for alerts is named."""
    path = keys / ALERTS
    return path.is_file() and path.stat().st_size > 0


def run_step(command: Sequence[str]) -> str:
    """Why a command of this program did not end well, in its own words; empty when it did."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=STEP_S, check=False)
    except subprocess.TimeoutExpired:
        return f"took longer than {STEP_S:g} s and was ended"
    except OSError as error:
        return f"could not be started: {error.strerror}"
    if done.returncode == 0:
        return ""
    return done.stdout[-_MESSAGE_CHARS:].decode(errors="replace").strip() or f"ended with status {done.returncode}"


def note_step(folder: OperatorFolder, step: StepName, work: Callable[[], str], *,
              get_now: Callable[[], datetime.datetime]) -> str:
    """Do a step, and keep how it went; why it did not go well, or an empty text. Raises StoreError."""
    started = time.monotonic()
    why, now = work(), get_now()
    before = read_outcomes(folder).get(step)
    worked_at = (before.worked_at if before else None) if why else now
    outcome = StepOutcome(at=now, worked_at=worked_at, seconds=round(time.monotonic() - started, 1),
                          message=why[-_MESSAGE_CHARS:])
    replace_file(_outcome_path(folder, step), msgspec.json.encode(outcome))
    return why


def read_outcomes(folder: OperatorFolder) -> Mapping[StepName, StepOutcome]:
    """How each step went last; what cannot be read was not."""
    found: dict[StepName, StepOutcome] = {}
    for step in STEPS:
        try:
            with _outcome_path(folder, step).open("rb") as handle:
                outcome = decode_json(handle.read(1 << 16), StepOutcome)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            continue
        if outcome.at.tzinfo and (outcome.worked_at is None or outcome.worked_at.tzinfo):
            found[step] = outcome
    return found


def back_up(folder: OperatorFolder, keys: Path, *, now: datetime.datetime) -> Path:
    """Keys, choices, configuration and what the issuer has taken, in one archive for the owner alone; its path.
    Raises StoreError, OSError."""
    raw = BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as archive:
        for path, name in ((folder.root / FILE_NAME, FILE_NAME), (folder.config, "config"), (keys, "keys")):
            archive.add(path, arcname=name)
        if folder.ledger.exists():
            content = copy_ledger(folder.ledger)
            member = tarfile.TarInfo(f"issuer/{folder.ledger.name}")
            member.size, member.mode = len(content), 0o600
            archive.addfile(member, BytesIO(content))
    there = folder.backup / f"operator-{now:%Y-%m-%d}.tar.gz"
    replace_file(there, raw.getvalue())
    for old in sorted(folder.backup.glob("operator-*.tar.gz"))[:-_KEPT_BACKUPS]:
        old.unlink(missing_ok=True)
    return there


def _outcome_path(folder: OperatorFolder, step: StepName) -> Path:
    return folder.state / "steps" / f"{step}.json"
