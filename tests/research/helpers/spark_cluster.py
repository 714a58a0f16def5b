"""A Spark cluster of its own on loopback: one master, two workers of one processor each, until the block ends."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_START_S = 90.0
_CLASS = "org.apache.spark.deploy"
QUICK_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""Processes that live for a minute are not worth a better compiler and several collectors."""


@contextmanager
def spark_cluster(folder: Path, *, workers: int = 2) -> Iterator[str]:
    """Yields the master's address. Logs and everything else that they write are in `folder`."""
    started: list[subprocess.Popen[bytes]] = []
    try:
        master = _start(started, folder, "master", "master.Master", "--port", "0", "--webui-port", "0")
        url = _await(master, folder / "master.log", r"Starting Spark master at (spark://127\.0\.0\.1:\d+)")
        for number in range(workers):
            name = f"worker-{number}"
            worker = _start(started, folder, name, "worker.Worker", "--cores", "1", "--memory", "1g",
                            "--webui-port", "0", "--work-dir", str(folder / name), url)
            _await(worker, folder / f"{name}.log", r"Successfully registered with master (\S+)")
        yield url
    finally:
        for process in reversed(started):
            process.kill()
            process.wait()


def _start(started: list[subprocess.Popen[bytes]], folder: Path, name: str, kind: str, *words: str
           ) -> subprocess.Popen[bytes]:
    """Spark's script becomes the Java process, which therefore has its number."""
    import pyspark

    home = Path(pyspark.__file__).parent
    environment = {**os.environ, "SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1",
                   "SPARK_LOCAL_DIRS": str(folder), "SPARK_NO_DAEMONIZE": "1", "JAVA_TOOL_OPTIONS": QUICK_JAVA}
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [str(home / "bin" / "spark-class"), f"{_CLASS}.{kind}", "--host", "127.0.0.1", *words],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
    started.append(process)
    return process


def _await(process: subprocess.Popen[bytes], log: Path, words: str) -> str:
    """What the log says; its lines are all that such a process tells."""
    deadline = time.monotonic() + _START_S
    while not (found := re.search(words, log.read_text(errors="replace"))):
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"no {words} in {log.name}: {log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.1)  # a file cannot be waited for
    return found[1]
