"""A volunteer whose every name is marked runs all commands in a laboratory: `FOLDER` receives what they write.

Prints the marks as JSON. The names are those that the system gives: account, host, home folder, time zone.
"""

from __future__ import annotations

import csv
import json
import os
import socket
import sys
from pathlib import Path

import msgspec

from mark_search import Mark
from probe.catalogue.load import load_catalogue
from probe_lab.draw import draw_scenario
from probe_lab.format.scenario import load_scenario
from probe_lab.host import namespaces as ns
from probe_lab.host.mounts import cover_file, make_private
from probe_lab.laboratory import Laboratory
from probe_lab.scoring.trial import configuration, program_environment

NEW_UTS = 0x0400_0000
USER, HOST, NETWORK_NAME, ZONE = "gerhild7q", "kammerl7q", "NachbarNetz7q", "Australia/Eucla"
BLOCKED = "www.facebook.com"
SERVICES = ("facebook", "telegram")
COMMANDS = Path(__file__).with_name("marked_commands.py")


def become_marked(folder: Path) -> dict[str, str]:
    """Give this process's world the marked names; the environment of the volunteer's programs."""
    if not ns.has_capability(ns.CAP_SYS_ADMIN):
        ns.enter_new_user(uid=0, gid=0)
    ns.unshare(ns.NEW_MOUNT | NEW_UTS)
    make_private()
    socket.sethostname(HOST)
    home = folder / USER
    home.mkdir()
    for name, text in {"passwd": f"{USER}:x:{os.geteuid()}:{os.getegid()}:{USER}:{home}:/bin/sh\n", "hostname": HOST,
                       "timezone": ZONE}.items():
        (folder / name).write_text(text)
        cover_file(f"/etc/{name}", folder / name)
    kept = {name: value for name, value in program_environment().items()
            if name in ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "LANG")}
    return kept | {"HOME": str(home), "USER": USER, "LOGNAME": USER, "SUDO_USER": USER, "HOSTNAME": HOST, "TZ": ZONE,
                   "SSID": NETWORK_NAME, "MAIL": f"/var/mail/{USER}"}


def write_own_list(path: Path) -> None:
    """A list of the person's own, of a few rows of the program's."""
    with Path(load_catalogue(search=False).path).open(newline="", encoding="utf-8") as rows, path.open(
            "w", newline="", encoding="utf-8") as out:
        reader = csv.DictReader(rows)
        assert reader.fieldnames
        writer = csv.DictWriter(out, reader.fieldnames)
        writer.writeheader()
        writer.writerows(row for row in reader if row["role"] == "control" or (
            row["service"] in SERVICES and row["tier"] in ("0", "1")))


def main(target: str) -> None:
    """Make the volunteer, build the laboratory, and run all that writes."""
    folder = Path(target)
    drawn = draw_scenario(load_scenario("sni-gfw2"), seed=7, pinned={"t": (BLOCKED,)},
                          endpoints=load_catalogue(search=False).endpoints)
    env = become_marked(folder)
    home = Path(env["HOME"])
    write_own_list(home / "own-list.csv")
    config = home / ".config" / "probe" / "probe.toml"
    config.parent.mkdir(parents=True)
    config.write_text(configuration(drawn.world, helpers=True))
    config.chmod(0o600)
    (folder / "wires").mkdir()
    with Laboratory(drawn, level="packet", pcap_dir=folder / "wires") as lab:
        done = lab.run([sys.executable, str(COMMANDS), str(folder / "out")], env=env | {
            "PYTHONPATH": os.pathsep.join(sys.path)}, timeout_s=200, cwd=home, stderr=None)
    if done.returncode:
        sys.exit(done.returncode)
    world = drawn.world
    marks = [Mark(kind="user", text=USER), Mark(kind="host", text=HOST), Mark(kind="home", text=str(home)),
             Mark(kind="network_name", text=NETWORK_NAME), Mark(kind="zone", text="eucla"),
             Mark(kind="zone", text="+08:45"), Mark(kind="zone", text="+0845"),
             Mark(kind="address", text=world.client4), Mark(kind="address", text=world.client6),
             Mark(kind="resolver", text=world.resolver),
             *(Mark(kind="card", text=text) for text in json.loads(done.stdout.splitlines()[-1]))]
    print(msgspec.json.encode(marks).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
