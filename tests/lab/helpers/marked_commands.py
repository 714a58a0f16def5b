"""Runs every command that writes something, one after the other in one process: `FOLDER` receives what they say, write
and send. Prints the hardware addresses of this host's network cards as JSON. Its environment is the volunteer's.
"""

from __future__ import annotations

import io
import json
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path

import msgspec

from collector_world import Stub
from probe.catalogue.laboratory_marker import read_marker
from probe.cli.main import cli
from probe.config.settings_edit import edit_settings
from probe.store.runs.run_reader import read_runs
from probe.store.runs.run_writer import write_run
from upload_world import Answering, Handler, answering

FAST = ("run", "--fast", "--timed", "--parquet", "--deadline-s", "40", "--details", "--seed", "7")
CONFIG = Path.home() / ".config" / "probe" / "probe.toml"
RESULTS, LIST = Path.home() / "probe-results", Path.home() / "own-list.csv"
EARLIER = "2026-03-01T05:10:00Z"
"""When a run that is old enough to be published was made."""


class Volunteer:
    """Whose commands they are; `out` has a folder for each way out: said, written, published, sent, submitted."""

    def __init__(self, out: Path) -> None:
        self.out = out
        for name in ("said", "written", "published", "sent", "submitted"):
            (out / name).mkdir(parents=True)

    def call(self, name: str, *arguments: object, status: int = 0, to: str = "said") -> str:
        """What a command prints, kept as a file as well; a traceback is what it prints too."""
        out, error = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
        got: object = 0
        with redirect_stdout(out), redirect_stderr(error):
            try:
                cli.main(list(map(str, arguments)), prog_name="probe")
            except SystemExit as ended:
                got = ended.code or 0
            except BaseException:
                traceback.print_exc()
                got = "crash"
            out.flush()
        text = out.buffer.getvalue().decode()
        (self.out / "said" / f"{name}.err").write_text(error.getvalue())
        (self.out / to / f"{name}.out").write_text(text)
        if got != status:
            sys.exit(f"{name}: exit status {got}\n{text}\n{error.getvalue()}")
        return text

    @contextmanager
    def receiving(self, folder: str, server: Answering) -> Iterator[str]:
        """A server; what came is kept."""
        yield server.url
        for number, (method, path, headers, body) in enumerate(server.asked):
            at = self.out / folder / f"{number}"
            at.with_suffix(".head").write_text(json.dumps([method, path, headers]))
            at.with_suffix(".body").write_bytes(body)


def look_at(v: Volunteer) -> None:
    """Measure, and look at what came of it."""
    v.call("run", *FAST, "--catalogue", LIST, "--results", RESULTS)
    v.call("run-json", *FAST, "--catalogue", LIST, "--results", RESULTS, "--json", "--input", "https://www.facebook.com/")
    (run, *_) = read_runs(RESULTS)
    blocked = next((one for one in run.verdicts if one.outcome == "blocked"), run.verdicts[0])
    at = ("--results", RESULTS)
    for form in ((), ("--json",)):
        name = "-".join(("", *form)).replace("--", "")
        v.call(f"doctor{name}", "doctor", *form)
        v.call(f"status{name}", "status", *at, *form)
        v.call(f"show{name}", "show", run.run.run_id, *at, *form)
        v.call(f"show-target{name}", "show", blocked.target_id, *at, *form)
        v.call(f"explain{name}", "explain", run.run.run_id, blocked.target_id, *at, "--catalogue", LIST, *form)
    v.call("targets", "targets", "check", LIST, status=1)
    v.call("no-list", "run", "--catalogue", Path.home() / "missing.csv", *at, status=1)
    v.call("no-run", "show", "no-such-run", *at, status=2)


def hand_on(v: Volunteer) -> None:
    """Write what others are given."""
    written, published = v.out / "written", v.out / "published"
    (run, *_) = read_runs(RESULTS)
    v.call("page", "show", run.run.run_id, "--results", RESULTS, "--page", written / "page.html")
    v.call("report", "report", RESULTS, "-o", written / "report.html", "--figures", written / "figures",
           "--datapackage")
    v.call("evidence", "evidence", RESULTS, run.run.run_id, "-o", written / "evidence.pcapng")
    for table in ("observations", "controls", "verdicts", "services", "runs"):
        for form in ("csv", "parquet", "jsonl"):
            v.call(f"export-{table}-{form}", "export", RESULTS, "--lab", "--table", table, "-o",
                   written / f"{table}.{form}")
    earlier = Path.home() / "earlier"
    day = replace(run, run=replace(run.run, measurement_start_time=EARLIER), packets=())
    write_run(day, earlier, parquet=False)
    for table in ("observations", "verdicts", "runs"):
        v.call(f"release-{table}", "export", earlier, "--lab", "--release", "--table", table, "-o",
               published / f"{table}.csv")
    v.call("ooni", "export", "ooni", earlier, "--lab", "-o", published / "ooni.jsonl")
    v.call("obs-web", "export", "ooni", earlier, "--lab", "--table", "-o", published / "obs_web.csv")
    v.call("analyse", "analyse", RESULTS, "--lab", "--out", written / "analysis", "--threads", "1")
    submit(v, earlier)


def submit(v: Volunteer, results: Path) -> None:
    """Send measurements to a collector on this host."""
    stub = Stub()
    with answering(stub.answer) as server, v.receiving("submitted", server) as url:
        set_up({"submit": {"collector": url}})
        v.call("submit", "submit", "ooni", results, "--collector", url, "--public-for-ever", "--lab")
    if not stub.taken:
        sys.exit("nothing was submitted")


def upload(v: Volunteer) -> None:
    """Send the tables to a place on this host."""
    def take(handler: Handler) -> None:
        handler.reply(201)

    with answering(take) as server, v.receiving("sent", server) as url:
        set_up({"upload": {"to": url}})
        v.call("upload", "upload", "--results", RESULTS)
    if not any(method == "PUT" for method, *_ in server.asked):
        sys.exit("nothing was uploaded")
    set_up({"upload": {"to": "http://127.0.0.1:9/"}})
    v.call("upload-fails", "upload", "--results", RESULTS, status=1)


def set_up(more: dict[str, dict[str, str]]) -> None:
    """Add to the configuration."""
    CONFIG.write_text(edit_settings(CONFIG.read_text(), more))
    CONFIG.chmod(0o600)


def main(folder: str) -> None:
    """Everything, in the order in which a volunteer does it."""
    if not read_marker().lab:
        sys.exit("this is no laboratory")
    v = Volunteer(Path(folder))
    look_at(v)
    hand_on(v)
    upload(v)
    v.call("compact", "compact", RESULTS, "--format", "parquet")
    cards = {(card / "address").read_text().strip() for card in Path("/sys/class/net").iterdir()
             if (card / "address").exists()}
    print(msgspec.json.encode(sorted(card for card in cards if card.strip("0:"))).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
