"""An operator's services on loopback, as `probe operate init` writes them, for a rehearsal."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from probe_operate.services.operator_choices import FILE_NAME, OperatorFolder, read_choices
from probe_operate.services.operator_units import make_inbox_arguments
from probe_operate.services.web_server import UPLOAD_USER, make_web_configuration

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
HOST = "probe.example.org"
SAID = ("--operator", "Rehearsal", "--contact", "nobody@example.org", "--reviewed", "nobody: this is a rehearsal")
STATE_MB, FULL_STATE_MB = 192, 768
"""Of the small disk; it lies in memory. The full rehearsal keeps 14,000 runs there, about 30 kB each."""
_REPLACED = ("web_port", "health_port", "helper_port", "metrics_port", "inbox_port", "stage_percent", "lab")


class OperatorWorld:
    """The services, while the block runs. `disk`: whether state lies on a small disk of its own, of `state_mb`."""

    def __init__(self, home: Path, *, state_mb: int = STATE_MB) -> None:
        self._state_mb = state_mb
        self.folder = OperatorFolder(root=home / "operator")
        self.home = home
        self.alerts: list[dict[str, Any]] = []
        self.disk = False
        self._stack = ExitStack()
        self._helper: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> OperatorWorld:
        with ExitStack() as stack:
            self._mount(stack)
            self.probe("operate", "init", str(self.folder.root), "--host", HOST, "--vantage", "rehearsal",
                       "--web-port", str(_find_port()), *SAID)
            self._choose_ports()
            self._start_inbox(stack)
            self._start_web(stack)
            self._start_hook(stack)
            self.start_helper()
            stack.callback(self.stop_helper)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def url(self) -> str:
        """Of the web server."""
        return f"http://127.0.0.1:{read_choices(self.folder).web_port}"

    def list_alerts(self, *, of_fleet: bool) -> list[str]:
        """The titles of those that came: of the fleet's troubles, or of events."""
        return [str(one.get("title")) for one in self.alerts if str(one.get("title")).startswith("Fleet:") is of_fleet]

    @property
    def login(self) -> tuple[str, str]:
        """Of all volunteers."""
        return UPLOAD_USER, (self.folder.keys / "upload-password").read_text()

    def probe(self, *arguments: str, wrong: bool = False, own: Path | None = None) -> str:
        """What a command says. `wrong`: it may fail. `own`: the home of a volunteer. Raises RuntimeError."""
        done = subprocess.run([sys.executable, "-m", "probe", *arguments], capture_output=True, text=True, timeout=600,
                              check=False, env=self._environment(own), cwd=own, stdin=subprocess.DEVNULL)
        if done.returncode and not wrong:
            raise RuntimeError(f"probe {' '.join(arguments)}: status {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def work(self, *steps: str, wrong: bool = False) -> str:
        """Some steps of the hourly work."""
        return self.probe("operate", "work", str(self.folder.root), *steps, wrong=wrong)

    def check(self, *parts: str) -> dict[str, tuple[bool, str]]:
        """How these parts do: (well, what is told)."""
        only = [word for part in parts for word in ("--only", part)]
        said = self.probe("operate", "check", str(self.folder.root), *only, "--json", wrong=True)
        return {one["part"]: (one["well"], one["told"]) for one in json.loads(said)}

    def start_helper(self) -> None:
        """Raises RuntimeError where it does not listen."""
        port = read_choices(self.folder).helper_port
        self._helper = self._listen("helper", "--listen", f"127.0.0.1:{port}", "--behind-proxy")

    def _listen(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Starts a service. Raises RuntimeError where it does not listen."""
        service = subprocess.Popen([sys.executable, "-m", "probe", *arguments], stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, env=self._environment(None))
        assert service.stdout
        if not service.stdout.readline().startswith(b"listening"):
            raise RuntimeError(f"{arguments[0]} does not start")
        return service

    def stop_helper(self) -> None:
        """As if it fell over."""
        if self._helper and self._helper.poll() is None:
            self._helper.kill()
            self._helper.wait()

    def _environment(self, own: Path | None) -> dict[str, str]:
        home = own or self.home / "home"
        home.mkdir(exist_ok=True)
        kept = {name: value for name, value in os.environ.items() if name not in (
            "PROBE_CONFIG", "XDG_STATE_HOME", "XDG_CONFIG_HOME") and not name.lower().endswith("_proxy")}
        return kept | {"HOME": str(home)}

    def _mount(self, stack: ExitStack) -> None:
        """A small disk for what services write, where this user may mount one."""
        self.folder.state.mkdir(parents=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self._state_mb}m,mode=0700", "rehearsal",
                               str(self.folder.state)], capture_output=True, check=False)
        self.disk = done.returncode == 0
        if self.disk:
            stack.callback(subprocess.run, ["umount", "--lazy", str(self.folder.state)], check=False)

    def _choose_ports(self) -> None:
        path = self.folder.root / FILE_NAME
        lines = [line for line in path.read_text().splitlines() if not line.startswith(_REPLACED)]
        ports = dict(zip(("web_port", "health_port", "helper_port", "metrics_port", "inbox_port"), _find_ports(5),
                         strict=True))
        path.write_text("\n".join([*lines, *(f"{name} = {port}" for name, port in ports.items()),
                                   "stage_percent = 30", "lab = true", ""]))

    def _start_inbox(self, stack: ExitStack) -> None:
        """With little room set aside: the disk is small."""
        arguments = make_inbox_arguments(read_choices(self.folder), self.folder)
        stack.callback(_end, self._listen(*arguments, "--least-free-mb", "1"))

    def _start_web(self, stack: ExitStack) -> None:
        runtime = self.home / "runtime"
        runtime.mkdir()
        text = make_web_configuration(read_choices(self.folder), self.folder, runtime=str(runtime),
                                      credentials=str(self.folder.keys))
        path = self.home / "nginx.conf"
        path.write_text(("user root;\n" if os.geteuid() == 0 else "")
                        + text.replace("/dev/null crit", "stderr notice").replace("rate=5r/s", "rate=1000r/s"))
        assert NGINX
        server = subprocess.Popen([NGINX, "-e", "stderr", "-c", str(path)], stderr=subprocess.PIPE)
        stack.callback(_end, server)
        assert server.stderr
        if not any(b"start worker processes" in line for line in server.stderr):
            raise RuntimeError("nginx does not start")
        threading.Thread(target=server.stderr.read, daemon=True).start()

    def _start_hook(self, stack: ExitStack) -> None:
        told = self.alerts

        class Hook(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        stack.callback(server.shutdown)
        (self.folder.keys / "alerts").write_text(f"desk json://127.0.0.1:{server.server_port}/\n")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait()


def _find_port() -> int:
    return _find_ports(1)[0]


def _find_ports(count: int) -> Sequence[int]:
    taken = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [int(one.getsockname()[1]) for one in taken]
    finally:
        for one in taken:
            one.close()
