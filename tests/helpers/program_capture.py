"""Catches the ClientHellos of a program, in a network of its own in which there is nothing but loopback.

`capture(program, count)` starts this file again under `unshare`, where port 443 of loopback takes every connection,
keeps its first record and closes. Run by hand it prints them: `unshare -rn python program_capture.py chromium 3`.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

NAME = "chat.example.test"
_LONGEST_S, _ONE_START_S, _MOST_BYTES = 60.0, 20.0, 1 << 16
_FIREFOX = ('user_pref("network.dns.forceResolve", "127.0.0.1");\nuser_pref("network.http.http3.enable", false);\n'
            'user_pref("network.trr.mode", 5);\n')
_ASK_BY_OKHTTP = Path(__file__).parents[1] / "instruments" / "streams" / "AskByOkHttp.java"
_MAVEN = Path.home() / ".m2" / "repository"
_JARS = ("com/squareup/okhttp3/okhttp/4.12.0/okhttp-4.12.0.jar", "com/squareup/okio/okio-jvm/3.6.0/okio-jvm-3.6.0.jar",
         "org/jetbrains/kotlin/kotlin-stdlib/1.8.21/kotlin-stdlib-1.8.21.jar")
"""Of OkHttp; `mvn dependency:get -Dartifact=com.squareup.okhttp3:okhttp:4.12.0` brings them, and
`mvn dependency:get -Dartifact=org.conscrypt:conscrypt-openjdk-uber:2.7.0` what is asked by it."""


def _chromium(folder: Path) -> list[str]:
    return ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}",
            "--host-resolver-rules=MAP * 127.0.0.1", f"https://{NAME}/"]


def _firefox(folder: Path) -> list[str]:
    (folder / "user.js").write_text(_FIREFOX)
    return ["firefox-esr", "--headless", "--no-remote", "--profile", str(folder), f"https://{NAME}/"]


def _openssl(folder: Path) -> list[str]:
    del folder
    return ["openssl", "s_client", "-connect", "127.0.0.1:443", "-servername", NAME]


def _okhttp(folder: Path, *, version: str) -> list[str]:
    del folder
    return ["java", "-cp", os.pathsep.join(map(str, _list_jars(version))), str(_ASK_BY_OKHTTP), NAME]


def _list_jars(version: str) -> list[Path]:
    conscrypt = f"org/conscrypt/conscrypt-openjdk-uber/{version}/conscrypt-openjdk-uber-{version}.jar"
    return [_MAVEN / jar for jar in (*_JARS, conscrypt)]


CONSCRYPT = ("2.5.2", "2.7.0")
PROGRAMS: dict[str, Callable[[Path], list[str]]] = {
    "chromium": _chromium, "firefox-esr": _firefox, "openssl": _openssl,
    **{f"conscrypt-{version}": partial(_okhttp, version=version) for version in CONSCRYPT},
}


def find_obstacle(program: str) -> str:
    """Why it cannot be caught here; empty where it can."""
    _, _, version = program.partition("conscrypt-")
    missing = [name for name in ("unshare", "ip", "java" if version else program) if shutil.which(name) is None]
    missing += [jar.name for jar in (_list_jars(version) if version else ()) if not jar.is_file()]
    if missing:
        return f"not installed: {', '.join(missing)}"
    tried = subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False)
    return "" if tried.returncode == 0 else "no user namespaces here"


def read_version(program: str) -> str:
    """The number of its version, of OpenSSL the line that it belongs to; or as much of its name as begins with one."""
    if program.startswith("conscrypt-"):
        return program.removeprefix("conscrypt-")
    asked = [program, "version" if program == "openssl" else "--version"]
    told = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    number = next((word for word in told.split() if word[:1].isdigit()), "")
    return ".".join(number.split(".")[:2]) if program == "openssl" else number


def capture(program: str, count: int) -> list[bytes]:
    """So many records, or fewer where the program sends no more in a minute."""
    done = subprocess.run(["unshare", "-rn", sys.executable, __file__, program, str(count)], capture_output=True,
                          text=True, timeout=_LONGEST_S + 30, check=True)
    return [bytes.fromhex(line) for line in done.stdout.split()]


def _serve(listener: socket.socket, got: list[bytes], came: threading.Event) -> None:
    while True:
        stream, _ = listener.accept()
        with stream:
            stream.settimeout(3)
            record = _read_record(stream)
        if record[:1] == b"\x16" and NAME.encode() in record:
            got.append(record)
            came.set()


def _read_record(stream: socket.socket) -> bytes:
    data = b""
    try:
        while len(data) < _MOST_BYTES and (len(data) < 5 or len(data) < 5 + int.from_bytes(data[3:5])):
            part = stream.recv(_MOST_BYTES)
            if not part:
                break
            data += part
    except OSError:
        pass
    return data


def _main(program: str, count: int) -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    got: list[bytes] = []
    came, until_s = threading.Event(), time.monotonic() + _LONGEST_S
    with socket.create_server(("127.0.0.1", 443)) as listener:
        threading.Thread(target=_serve, args=(listener, got, came), daemon=True).start()
        while len(got) < count and time.monotonic() < until_s:
            came.clear()
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                run = subprocess.Popen(PROGRAMS[program](Path(folder)), stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                       env=os.environ | {"HOME": folder})
                came.wait(_ONE_START_S)
                run.kill()
                run.wait()
        print("\n".join(record.hex() for record in got[:count]), flush=True)
        os._exit(0)


if __name__ == "__main__":
    _main(sys.argv[1], int(sys.argv[2]))
