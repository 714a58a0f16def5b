"""Submitting to what is no collector, or a bad one: bounded in time and bytes, told in our words, sent nowhere else."""

from __future__ import annotations

import json
import ssl
import time
from pathlib import Path
from typing import Any

import pytest

from collector_world import TARGETS, Fault, a_run, collecting, submit, with_runs
from probe.config.destination import find_collector_problem
from probe.controls.reaching import http_connections, public_addresses
from probe.upkeep.commands.exit_codes import EXIT_FAILED
from probe.upkeep.upload.sender import UploadError
from probe_analysis.submit import collector as collector_module
from probe_analysis.submit.collector import CollectorClient
from probe_analysis.submit.published_runs import RipeRun
from probe_analysis.submit.submit_send import submit_waiting_runs
from upload_world import Handler, answering, drip, flood


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector_module, "FIRST_PAUSE_S", 0.0)


def _says(body: bytes, status: int = 200) -> Fault:
    return lambda handler: handler.reply(status, body)


def _cut(handler: Handler) -> None:
    handler.connection.shutdown(2)


def _broken_off(handler: Handler) -> None:
    """A good status, and an answer that ends before its end."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
    handler.wfile.flush()
    handler.connection.shutdown(2)


def _dripping_body(handler: Handler) -> None:
    """A good status, and a body that takes for ever."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not handler.server.stopped.wait(0.05):
        handler.wfile.write(b" ")
        handler.wfile.flush()


def _good_flood(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Encoding", "gzip")
    handler.end_headers()
    handler.wfile.write(b"\x1f\x8b\x08\0\0\0\0\0\0\0")
    while not handler.server.stopped.is_set() and handler.server.flooded < 1 << 30:
        handler.wfile.write(b"\0\xff\xff\0\0" + b"\x1b" * 65535)
        handler.server.flooded += 65540


@pytest.mark.parametrize("body", [
    b"", b"nonsense", b"<html>\x1b[2J", b"[]", b"null", b"\xff\xfe", b"{" * 50_000, b"[" * 60_000, b"{}",
    b'{"report_id": 7}', b'{"report_id": ""}', b'{"report_id": "../../api"}', b'{"report_id": "a/close"}',
    b'{"report_id": "a?b"}', b'{"report_id": "a\\n"}', json.dumps({"report_id": "a" * 201}).encode(),
    b'{"report_id": "a", "supported_formats": ["yaml"]}', b'{"report_id": "a", "supported_formats": "json"}',
])
def test_what_names_no_report_gets_no_measurement(tmp_path: Path, body: bytes) -> None:
    with collecting(open0=_says(body)) as stub:
        result = submit(stub, with_runs(tmp_path / "results", "a"))
    assert (result.exit_code, stub.asked) == (EXIT_FAILED, ["open"]), result.output
    assert "no collector" in result.output or "takes no JSON" in result.output
    assert "\x1b" not in result.output


@pytest.mark.parametrize("fault", [_says(b"nonsense"), _says(b"[1]"), _says(b"x" * 100_000), _good_flood, _broken_off,
                                   _dripping_body])
def test_a_good_status_with_a_bad_answer_is_never_sent_again(tmp_path: Path, fault: Fault,
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector_module, "REQUEST_S", 2.0)
    results = with_runs(tmp_path / "results", "a")
    with collecting(fill1=fault) as stub:
        result = submit(stub, results)
        again = submit(stub, results)
        tried = [one.id for one in stub.tried]
    assert (result.exit_code, again.exit_code) == (EXIT_FAILED, 0)
    assert "Submission failed" in result.output
    assert "1 measurement" in again.output
    assert len(tried) == len(set(tried)) == TARGETS


@pytest.mark.parametrize(("fault", "told"), [
    (_says(b"", 302), "points elsewhere"), (_says(b"", 307), "points elsewhere"), (_says(b"", 308), "points elsewhere"),
    (_cut, "the connection was cut"), (lambda h: h.wfile.write(b"SSH-2.0-x\r\n\r\n\x1b[2J"), "no HTTP server"),
    (flood, "HTTP status 500"), (drip, "no answer in time"), (_dripping_body, "no answer in time"),
])
def test_a_bad_server_is_bounded_and_told_in_our_words(tmp_path: Path, fault: Fault, told: str) -> None:
    flooded = []

    def noted(handler: Handler) -> None:
        try:
            fault(handler)
        finally:
            flooded.append(handler.server.flooded)

    with collecting(**{f"open{number}": noted for number in range(9)}) as stub:
        result = submit(stub, with_runs(tmp_path / "results", "a"), "--for-s", "3")
        assert set(stub.asked) == {"open"}
    assert result.exit_code == EXIT_FAILED, result.output
    assert told in result.output
    assert "\x1b" not in result.output
    assert max(flooded, default=0) < 64 << 20


def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    with answering(lambda handler: handler.reply(200, b'{"report_id": "a"}')) as other:
        with collecting(open0=lambda h: h.reply(307, Location=f"{other.url}/report"),
                        ) as stub:
            assert submit(stub, with_runs(tmp_path / "results", "a")).exit_code == EXIT_FAILED
        assert other.asked == []


def test_a_slow_answer_is_waited_for_and_then_asked_for_again_with_the_same_id(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector_module, "REQUEST_S", 1.0)
    with collecting(fill0=drip) as stub:
        done = submit_waiting_runs(with_runs(tmp_path / "results", "a"),
                                   CollectorClient(stub.url, ends=time.monotonic() + 600),
                                   [RipeRun(run=a_run("a").run, cell=None)], at_most=100)
    assert (done.failure, done.accepted) == ("", TARGETS)
    assert stub.tried[0].id == stub.tried[1].id
    assert len({one.id for one in stub.taken}) == len(stub.taken) == TARGETS


# ---- where to


@pytest.mark.parametrize(("url", "why"), [
    ("https://collector.example", ""), ("https://collector.example:4441/base/", ""), ("https://8.8.8.8/", ""),
    ("http://127.0.0.1:8080", ""), ("http://[::1]:80/", ""), ("https://127.0.0.1/", ""),
    ("http://collector.example/", "unencrypted"), ("http://localhost:80/", "unencrypted"),
    ("http://127.0.0.1.example/", "unencrypted"), ("http://10.0.0.7/", "unencrypted"), ("http://nas.local/", "unenc"),
    ("http://xyz.onion/", "unencrypted"),
    ("https://10.0.0.7/", "no public"), ("https://192.168.1.1/", "no public"),
    ("https://169.254.169.254/", "no public"),
    ("https://[fd00::1]/", "no public"), ("https://0.0.0.0/", "no public"), ("https://100.64.0.1/", "no public"),
    ("https://224.0.0.1/", "no public"), ("https://192.0.2.1/", "no public"),
    ("https://me:pw@collector.example/", "login"), ("https://@collector.example/", "login"),
    ("https://collector.example/?x", "nothing after"), ("https://collector.example/#x", "nothing after"),
    ("https://collector.example/../x", "go up"), ("https://collector.éxample/", "ASCII"),
    ("s3://bucket/x", "https://"), ("file:///tmp/x", "https://"), ("ftp://a.example", "must begin"), ("", "must begin"),
    ("https:///x", "no host"), ("https://a.example:99999/", "no URL"), ("https://a.example/\n", "no URL"),
])
def test_only_what_can_be_a_collector_is_one(url: str, why: str) -> None:
    assert why in find_collector_problem(url)
    assert bool(find_collector_problem(url)) is bool(why)


@pytest.mark.parametrize("addresses", [[], ["10.0.0.7"], ["127.0.0.1"], ["::1", "192.168.0.1"], ["169.254.169.254"]])
def test_no_name_leads_into_a_private_network(addresses: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(public_addresses, "_resolve", lambda host, deadline: (addresses, ""))
    asked: list[Any] = []
    monkeypatch.setattr(http_connections._Plain, "_connect", lambda *args: asked.append(args))
    with pytest.raises(UploadError, match="private network"):
        CollectorClient("https://collector.example", ends=time.monotonic() + 60).open({})
    assert asked == []


@pytest.mark.parametrize(("name", "trusted"), [("collector.example", True), ("other.example", True),
                                               ("collector.example", False)])
def test_the_server_is_whom_the_url_names(name: str, trusted: bool, tmp_path: Path,
                                          monkeypatch: pytest.MonkeyPatch) -> None:
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    (authority if trusted else trustme.CA()).cert_pem.write_to_path(str(tmp_path / "roots.pem"))
    monkeypatch.setattr("certifi.where", lambda: str(tmp_path / "roots.pem"))
    monkeypatch.setattr(public_addresses, "_resolve", lambda host, deadline: (["127.0.0.1"], ""))
    monkeypatch.setattr(public_addresses, "is_bogon", lambda address: False)  # as if loopback were public
    with answering(lambda handler: handler.reply(200, b'{"report_id": "a"}')) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(context)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        one = CollectorClient(f"https://collector.example:{server.server_port}", ends=time.monotonic() + 60)
        if trusted and name == "collector.example":
            assert one.open({"test_name": "x"}) == "a"
            return
        with pytest.raises(UploadError, match="certificate"):
            one.open({"test_name": "x"})
    assert server.asked == []


def test_nobody_at_home_is_told(tmp_path: Path) -> None:
    with collecting() as stub:
        pass
    result = submit(stub, with_runs(tmp_path / "results", "a"))
    assert result.exit_code == EXIT_FAILED
    assert "no connection" in result.output
