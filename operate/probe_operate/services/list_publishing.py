"""Makes and signs the list that volunteers take, from the catalogue and the policies in an operator's folder."""

from __future__ import annotations

import datetime
from pathlib import Path

from probe.store.files.atomic import StoreError, translate_os_errors, write_file
from probe.upkeep.updates.list_document import (
    EVERYWHERE,
    MAX_BYTES,
    CountryPolicy,
    ListDocument,
    ListError,
    StagedTargets,
    limit_policy,
    load_listed_catalogue,
    load_staged_catalogue,
    read_document,
)
from probe_operate.lists.key_publishing import read_published_number
from probe_operate.lists.list_making import read_policies, write_document
from probe_operate.lists.signature_comments import number_signature
from probe_operate.lists.signing import read_secret_key
from probe_operate.services.operator_choices import OperatorFolder

LIST_NAME, OWN_NAME, NEXT_NAME = "list.json", "targets.csv", "targets-next.csv"
AFRESH = datetime.timedelta(days=7)
"""A list that stays the same is signed anew after this long: what is older than 30 days, probes take for old."""


def publish_list(folder: OperatorFolder, keys: Path, *, targets: str, now: datetime.datetime,
                 percent: int = 10) -> str:
    """Sign and publish a list where the catalogue, a policy or the week is another than in the last one; what was done,
    as a sentence. Raises ListError, SignatureError, StoreError; ListError also where all but a file of targets is out:
    a slip in these must hold up no pause.

    `targets`: the text of a targets.csv, where the folder holds none of its own. Where its own cannot be used the last
    list's stay; before the first list it is these, and no more of them than by an old list. Those of NEXT_NAME, where
    it is there, go to `percent` of 100 volunteers first.
    """
    there, today = folder.public / "lists" / LIST_NAME, now.date()
    policy = read_policies(_read(folder.config / "policy.toml"))
    before = read_document(_read(there)) if there.exists() else None
    own, unusable = _read_own(folder, today)
    if unusable:
        policy = _limit_at_first(policy, before, targets)
    targets = own or (before.targets if before and unusable else targets)
    stage, unstaged = _read_stage(folder, targets, percent, today)
    why = "; ".join(filter(None, (unusable, unstaged)))
    if before and (before.policy, before.targets, before.stage) == (policy, targets, stage) and (
            today - before.date < AFRESH):
        return _tell(f"{before.name} stays", why)
    raw = write_document(serial=max(before.serial + 1 if before else 1, int(now.timestamp())), date=today,
                         policy=policy, targets=targets, stage=stage)
    made = read_document(raw)
    load_listed_catalogue(made)
    signature = read_secret_key(keys / "list.key").sign(raw, f"list {made.serial}")
    if number := read_published_number(there):
        signature = number_signature(signature, number)
    write_file(there.with_name(LIST_NAME + ".minisig"), signature)
    write_file(there, raw)
    return _tell(f"{made.name} is out" + (f", with {stage.percent} of 100 on other targets" if stage else ""), why)


def _read_own(folder: OperatorFolder, today: datetime.date) -> tuple[str, str]:
    """The operator's own targets, where there are any and they can be used; why not, else an empty text."""
    try:
        own = _read(folder.config / OWN_NAME).decode("utf-8-sig")
        if own:
            load_listed_catalogue(ListDocument(format=1, serial=1, date=today, policy={}, targets=own))
    except (ListError, StoreError, UnicodeDecodeError) as error:
        return "", f"{OWN_NAME}: {error}"
    return own, ""


def _limit_at_first(policy: dict[str, CountryPolicy], before: ListDocument | None,
                    targets: str) -> dict[str, CountryPolicy]:
    """The policies, as careful as an old list where no targets of the operator's own were ever out."""
    careful = limit_policy(policy.get(EVERYWHERE, CountryPolicy()))
    is_first = before is None or (before.targets == targets and before.policy.get(EVERYWHERE) == careful)
    return {**policy, EVERYWHERE: careful} if is_first else policy


def _read_stage(folder: OperatorFolder, targets: str, percent: int,
                today: datetime.date) -> tuple[StagedTargets | None, str]:
    """The targets that come next, where there are any and they can be used; why not, else an empty text."""
    try:
        coming = _read(folder.config / NEXT_NAME).decode("utf-8-sig")
        if coming in ("", targets):
            return None, ""
        stage = StagedTargets(percent=percent, targets=coming)
        load_staged_catalogue(ListDocument(format=1, serial=1, date=today, policy={}, targets=targets, stage=stage))
    except (ListError, StoreError, UnicodeDecodeError) as error:
        return None, f"{NEXT_NAME}: {error}"
    return stage, ""


def _tell(what: str, why: str) -> str:
    """What was done; ListError where a file of targets was left out."""
    if why:
        raise ListError(f"{what}, without {why}")
    return what


def _read(path: Path) -> bytes:
    """A file's bytes; none where it is not there."""
    with translate_os_errors(path):
        if not path.exists():
            return b""
        with path.open("rb") as handle:
            raw = handle.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise ListError(f"{path}: is larger than {MAX_BYTES} bytes")
    return raw
