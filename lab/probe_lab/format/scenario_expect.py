"""The expectations of a scenario file: what is read, and what is refused because nothing in the file can cause it."""

from __future__ import annotations

from collections.abc import Iterable

from probe.core.tables.block_types import is_ancestor
from probe.core.tables.outcomes import NOT_ATTEMPTED, OUTCOMES
from probe.core.tables.roles import ROLES
from probe_lab.format.scenario_parts import block_types
from probe_lab.format.toml_table import Table
from probe_lab.lab_types import ROLE, Expect

LEVELS = ("any", "socket", "packet")
CLASSES = ("http", "https", "tls", "recorded", "quic", "dns", "literal", "app", "starttls")
"""What `proto:` may name: plain HTTP, HTTP over TLS, certificates judged over TCP, those that nobody judges, QUIC, DNS
names, literals, messengers' own words in the clear, and those of them that lead to TLS."""
BELOW = "+"
"""`tls.reset+` is `tls.reset` or any cause below it, such as `tls.reset.sni`."""
SCOPES = ("", "device", "lan", "access", "beyond_access", "unknown")


def read_expect(table: Table, *, aliases: frozenset[str]) -> Expect:
    """One `[[expect]]`."""
    outcomes = _outcomes(table, "outcome")
    if not outcomes:
        raise table.error("outcome", "missing")
    written = table.texts("block_type")
    causes = block_types(table, outcomes=outcomes, suffix=BELOW)
    expect = Expect(
        of=_subject(table, aliases=aliases),
        outcomes=outcomes,
        block_types=causes,
        below=tuple(text.removesuffix(BELOW) for text in written if text.endswith(BELOW)),
        min_depth=table.number("min_depth", default=1, low=1, high=max(map(_depth, causes), default=1)),
        also=block_types(table, outcomes=tuple(OUTCOMES), key="also"),
        scope=table.text("scope", default="", among=SCOPES),
        unless_fired=_outcomes(table, "unless_fired"),
        level=table.text("level", default="any", among=LEVELS),
        partial=table.flag("partial"),
        endpoints=_endpoints(table, aliases=aliases),
    )
    if not expect.of.startswith(ROLE) and (expect.partial is not None or expect.endpoints):
        raise table.error("of", "partial and endpoints are expected of roles alone")
    table.close()
    return expect


def _depth(path: str) -> int:
    return path.count(".") + 1


def _outcomes(table: Table, key: str) -> tuple[str, ...]:
    found = table.texts(key)
    unknown = sorted(set(found) - set(OUTCOMES) - {NOT_ATTEMPTED})
    if unknown:
        raise table.error(key, f"unknown {unknown[0]!r}")
    return found


def _endpoints(table: Table, *, aliases: frozenset[str]) -> tuple[str, ...]:
    found = table.texts("endpoints")
    if unknown := [name for name in found if name.removeprefix("@") not in aliases or not name.startswith("@")]:
        raise table.error("endpoints", f"alias not drawn: {unknown[0]}")
    return found


def _subject(table: Table, *, aliases: frozenset[str]) -> str:
    of = table.text("of")
    if of.startswith(ROLE):
        service, _, role = of.removeprefix(ROLE).partition(".")
        if not service or role not in ROLES:
            raise table.error("of", f"want role:SERVICE.ROLE, got {of!r}")
        return of
    subjects = ("*", "run", *(f"proto:{name}" for name in CLASSES), *(f"@{alias}" for alias in aliases))
    if of not in subjects:
        raise table.error("of", f"alias not drawn: {of}" if of.startswith("@") else f"unknown {of!r}")
    return of


def _is_unseen(expect: Expect) -> bool:
    """Whether it says that nothing is claimed of a role: the censor may then be one whom nobody can see."""
    return expect.of.startswith(ROLE) and expect.outcomes == (NOT_ATTEMPTED,)


def _is_of_network(expect: Expect, makes: Iterable[str]) -> bool:
    """Whether it expects what the file does to the whole network: a shutdown or a list singles out no service."""
    whole = [path for path in makes if is_ancestor("network", path)]
    return "network" in expect.outcomes and any(
        is_ancestor(path, cause) or is_ancestor(cause, path) for path in expect.block_types for cause in whole)


def check_causes(kind: str, made: Iterable[str], expects: tuple[Expect, ...], table: Table) -> None:
    """Raise ScenarioError for censorship that nothing makes or nobody expects, and for what nothing can cause.

    `made`: the block types of the file's rules, faults and program.
    """
    makes = {path for path in made if path}
    blocked = [expect for expect in expects if "blocked" in expect.outcomes]
    if kind == "censorship" and not makes:
        raise table.error("kind", "censorship without a rule or fault that has a block_type")
    if kind == "censorship" and not blocked and not any(_is_unseen(e) or _is_of_network(e, makes) for e in expects):
        raise table.error("expect", "censorship without an expected `blocked`, nor an expected `network` for what is "
                                    "done to the whole network, nor a role that is `not_attempted`")
    for expect in blocked:
        if not any(is_ancestor(path, cause) for path in expect.block_types for cause in makes):
            wanted = " or ".join(expect.block_types) or "a block without a block_type"
            raise table.error("expect", f"no rule or fault makes {wanted}")
