"""Is an installation in order, and which blocks can it name? Each check sends nothing."""

from __future__ import annotations

import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from probe.catalogue.laboratory_marker import read_marker
from probe.catalogue.types import CatalogueError
from probe.config.consent.consent_check import explain_lacking_consent
from probe.config.consent.public_controls import list_public_controls
from probe.config.geo.geo_status import check_geo_status
from probe.config.install_advice import advise_extra
from probe.config.settings import Settings, choose_results_folder
from probe.core.tables.protocols import PROTOCOLS
from probe.core.tables.systems import LINUX, UNTOLD
from probe.core.translation import say, say_count
from probe.instruments.hops.trace import can_hear_routers
from probe.instruments.packets.capture import may_capture
from probe.session.planning.foreign_plan import ELSEWHERE_LEVEL
from probe.session.planning.locate_plan import CONSENT_LEVEL as SEARCH_LEVEL
from probe.session.selection import find_lacking_modules
from probe.store.files.atomic import StoreError, try_writable
from probe.upkeep.updates.catalogue_choice import choose_catalogue
from probe.upkeep.updates.list_document import ListError

if TYPE_CHECKING:
    from probe.controls.feeds.feed_board import FeedBoard

Check = tuple[str, bool | None, str]
"""What was looked at, whether it is in order, and what a person should know of it; None: no fault, but something cannot
be done here."""


def check_links() -> Check:
    from probe.instruments.device.vantage import list_families

    found = list_families()
    if not found:
        return "network", False, say("no route to anywhere: connect this device, then try again")
    return "network", True, say("routes for {families}", families=say(" and ").join(f"IPv{f}" for f in found))


def check_resolver() -> Check:
    from probe.instruments.names.system_dns import read_network_resolvers

    found, place = read_network_resolvers(), say("the registry") if sys.platform == "win32" else "/etc/resolv.conf"
    if not found:
        return "resolver", False, say("{place} names no resolver: the network's own answers cannot be seen",
                                      place=place)
    return "resolver", True, say("{n} in {place}", n=len(found), place=place)


def check_http_library() -> Check:
    """Packages that overwrite urllib3 make `requests` speak through code that this program never saw."""
    from importlib.metadata import version

    found = version("urllib3")
    if not found.split(".")[1].isdigit() or int(found.split(".")[1]) > 99:
        return "urllib3", False, say("another package overwrote urllib3: reinstall this program in its own "
                                     "environment")
    return "urllib3", True, found


def check_libraries() -> Check:
    """Never a fault: what lacks its library is not tested, and a run says so."""
    lacking = find_lacking_modules()
    extras = {p.extra: p.module for p in PROTOCOLS.values() if p.module in lacking}
    if not extras:
        return "libraries", True, say("all that are needed for what can be tested")
    return "libraries", None, "; ".join(
        say("{module} is missing, so that some is not tested: {advice}", module=module, advice=advise_extra(extra))
        for extra, module in extras.items())


def check_capture() -> Check:
    """Never a fault: without them a run sees what sockets tell, and says so."""
    if may_capture():
        return "packets", True, say("can be captured: packets also show who ended a connection")
    if not LINUX:
        return "packets", None, say("can be captured on Linux alone; here sockets tell what they know")
    return "packets", None, say(
        "cannot be captured, so that only sockets tell who ended a connection; to let scheduled runs do so, and no "
        "other program: sudo probe install systemd --system --packets")


def check_interpreter() -> Check:
    """A capability on an interpreter that others use arms every program in it, of every user."""
    shared = Path(sys.executable).resolve()
    if not has_file_capabilities(shared) or shared.is_relative_to(sys.prefix):
        return "interpreter", True, say("has no capabilities of its own that others could use")
    return "interpreter", False, say(
        "{path} has capabilities: every program of every user in it has them. Take them away: {command}",
        path=str(shared), command=f"sudo setcap -r {shared}")


def has_file_capabilities(path: Path) -> bool:
    """Whether a file gives whoever runs it capabilities (capabilities(7)); what cannot be read has none."""
    try:
        return bool(os.getxattr(path, "security.capability"))
    except (OSError, AttributeError):
        return False


def check_consent(settings: Settings) -> Check:
    """Without it a run refuses to start."""
    if read_marker().lab:
        return "consent", True, say("none is needed in the laboratory")
    why = explain_lacking_consent(settings)
    return "consent", not why, say("{why} No run starts: probe setup", why=why) if why else say(
        "level {level}", level=settings.run.consent_level)


def check_tunnel(settings: Settings) -> Check:
    """A VPN that carries everything hides the network, unless it is what the person means to measure."""
    from probe.instruments.device.tunnels import detect_tunnel

    meant = settings.vantage.network_type == "vpn"
    if meant or detect_tunnel() != "full":
        return "tunnel", True, say("is what is measured") if meant else say("none carries everything")
    return "tunnel", False, say("a VPN carries everything, so that a run says nothing of this network: leave it, or "
                                "probe setup --network-type vpn")


def check_system() -> list[Check]:
    """What this system does not tell; on Linux nothing is said. Never a fault: verdicts claim less there."""
    return [] if LINUX else [("not told here", None, say(text)) for text in UNTOLD.values()]


def check_catalogue(settings: Settings) -> Check:
    try:
        found = choose_catalogue(settings, None, now=datetime.now(UTC)).catalogue
    except (CatalogueError, ListError) as error:
        return "catalogue", False, str(error)
    return "catalogue", True, say_count("{n} endpoint, version {version}, {path}",
                                        "{n} endpoints, version {version}, {path}", len(found.endpoints),
                                        version=str(found.version), path=str(found.path))


def check_feeds(settings: Settings) -> tuple[list[Check], FeedBoard | None]:
    """How it stands with signed control feeds, and what a run could consult now; nothing where none is configured."""
    if not settings.feed:
        return [], None
    from probe.controls.feeds.feed_document import FeedError
    from probe.core.visible_text import visible
    from probe.upkeep.updates.feed_updates import describe_feed_state, is_feed_fresh, load_board, read_feed_states

    now = datetime.now(UTC)
    try:
        found = read_feed_states(settings)
    except FeedError as error:
        return [("control feed", False, visible(str(error)))], None
    lines: list[Check] = [("control feed", True, visible(describe_feed_state(one, now))) for one in found]
    fresh = tuple(one for one in found if one.kept and is_feed_fresh(one.kept, now))
    if len(fresh) < len(found):
        lines.append(("control feeds", True, say(
            "{fresh} of {total} count now; a run looks for newer ones before it begins, and probe update feeds does so "
            "now", fresh=len(fresh), total=len(found))))
    return lines, load_board(settings, fresh)


def check_fingerprints(settings: Settings) -> Check:
    from probe.upkeep.updates.fingerprint_files import describe_fingerprints, read_configured_files

    ok, files = read_configured_files(settings)
    return "fingerprints", ok, describe_fingerprints(files)


def check_place(settings: Settings) -> Check:
    found = check_geo_status(settings, today=datetime.now(UTC).date())
    return "place", not found.damaged, f"{found.text}: {found.todo}" if found.todo else found.text


def check_results(settings: Settings) -> Check:
    folder = choose_results_folder(settings)
    try:
        try_writable(folder)
    except StoreError as error:
        return "results", False, str(error)
    return "results", True, say("{folder} can be written", folder=str(folder.absolute()))


ONE_CONTROL: frozenset[str] = frozenset({"helper", "twin"})
"""What one helper, or one feed, is good for."""


def list_means(settings: Settings, board: FeedBoard | None) -> frozenset[str]:
    means = {"nothing", "trusted_dns", "innocent", "udp", "ladder", "later_slots"}
    if can_hear_routers(platform.system(), platform.release()):
        means.add("routers")
    if may_capture():
        means.add("packets")
    networks = {(h.asn, h.cc) for h in settings.helper}
    if settings.helper or board:
        means |= ONE_CONTROL
    if list_public_controls(settings):  # they tell of no ClientHello, so they are no twin
        means.add("helper")
    if settings.matrix_server and settings.run.consent_level >= ELSEWHERE_LEVEL:
        means.add("agreed")
    if settings.run.consent_level >= SEARCH_LEVEL:
        means.add("search")
    if len(networks) >= 2 or (board and board.vantages >= 2):
        means.add("two_helpers")
    return frozenset(means)
