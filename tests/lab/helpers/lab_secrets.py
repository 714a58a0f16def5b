"""What a program in a laboratory can find out about it: `LEVEL`, secrets to look for on standard input.

Prints, as JSON, where each was found by the client, and where by a program outside.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import tempfile

from lab_exercise import DRAWN, open_lab
from probe_lab.lab_types import Censor, Expect, Rule
from probe_lab.laboratory import Laboratory
from probe_lab.truth import TruthEntry, TruthLog

SEARCH = r"""
import json, os, sys
asked = json.load(sys.stdin)
os.close(0)  # or it would find what it was told
secrets = [text.encode() for text in asked["secrets"]]
found, looked = set(), 0

def look(where, data):
    global looked
    looked += 1
    found.update(f"{where}: {secret.decode()}" for secret in secrets if secret in data)

def look_into(path, most=1 << 22):
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError:
        return
    try:
        look(path, os.read(fd, most))
    except OSError:
        pass
    finally:
        os.close(fd)

for name, value in os.environ.items():
    look(f"variable {name}", value.encode())
for pid in filter(str.isdigit, os.listdir("/proc")):
    for name in ("cmdline", "environ", "comm", "status", "maps", "mountinfo", "cgroup", "net/unix", "mem"):
        look_into(f"/proc/{pid}/{name}")
    try:
        held = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        held = []
    for fd in held:
        try:
            target = os.readlink(f"/proc/{pid}/fd/{fd}")
        except OSError:
            continue
        look(f"/proc/{pid}/fd/{fd}", target.encode())
        if target.startswith("/") and not target.startswith("/dev"):
            look_into(f"/proc/{pid}/fd/{fd}")
for root in asked["roots"]:
    for at, folders, files in os.walk(root):
        look(at, " ".join([at, *folders, *files]).encode())
        for name in files:
            if os.path.isfile(os.path.join(at, name)):
                look_into(os.path.join(at, name))
print(json.dumps({"found": sorted(found), "looked": looked}))
"""


def search(secrets: list[str], lab: Laboratory | None) -> dict[str, object]:
    """Look for secrets on the client, or outside."""
    command = [sys.executable, "-c", SEARCH]
    roots = [tempfile.gettempdir(), "/run", "/dev/shm", "/var/tmp"]
    with tempfile.TemporaryFile() as told:
        told.write(json.dumps({"secrets": secrets, "roots": roots}).encode())
        told.seek(0)
        if lab is None:
            done = subprocess.run(command, stdin=told, stdout=subprocess.PIPE, check=True)
        else:
            done = lab.run(command, stdin=told, timeout_s=120)
    found: dict[str, object] = json.loads(done.stdout)
    return found


def main(level: str) -> None:
    """Two laboratories with the same secrets; the client of the first looks for them."""
    secrets: list[str] = json.load(sys.stdin)
    name, alias, block_type, host = secrets
    drawn = dataclasses.replace(
        DRAWN,
        name=name,
        rules=(Rule(trigger="sni", match=(host,), action="reset", block_type=block_type, alias=alias),),
        expects=(Expect(of=f"@{alias}", outcomes=("blocked",), block_types=(block_type,)),),
        aliases={alias: (f"https://{host}/",)},
        censor=Censor(setup=(f"echo {host} > {alias}",), program=f"sh -c 'echo {name}; sleep 1000; echo {block_type}'"),
    )
    with open_lab(drawn=drawn, level=level) as lab, open_lab(drawn=drawn) as other:
        for log_path in (lab.log_path, other.log_path):
            log = TruthLog(log_path)
            log.write(TruthEntry(time_s=0, actor=name, action=host, block_type=block_type, alias=alias))
            log.close()
        print(json.dumps({"inside": search(secrets, lab), "outside": search(secrets, None)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
