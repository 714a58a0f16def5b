"""Lists of an inbox's folders: no link leads anywhere else, and none of them has no end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from folder_lists import listing
from probe.config.settings import UploadSettings
from probe_operate.collect.remote_runs import InboxError, is_looked_into, list_remote_folders
from probe_operate.inbox import http_inbox, inbox_crawl
from probe_operate.inbox.folder_listings import read_dav_listing, read_html_listing, read_json_listing
from probe_operate.inbox.http_inbox import HttpInbox
from upload_world import Handler, answering, call, drip, flood, no_proxies

DAY = "date=2017-05-04"


@pytest.fixture(autouse=True)
def _on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    no_proxies(monkeypatch)


@pytest.mark.parametrize("answer", [
    drip, flood, lambda handler: handler.reply(500), lambda handler: handler.reply(401),
    lambda handler: handler.reply(302, Location="http://127.0.0.1:1/"),
    lambda handler: handler.reply(207, b"<!DOCTYPE x [<!ENTITY a 'b'>]><x/>"), lambda handler: handler.reply(207, b"<"),
    lambda handler: handler.reply(207, b"<d:x xmlns:d='DAV:'/>"),
    lambda handler: handler.reply(200, b'{"a": 1}', **{"Content-Type": "application/json"}),
    lambda handler: handler.reply(200, b"[" * 100_000, **{"Content-Type": "application/json"}),
])
def test_a_server_that_gives_no_list_is_told(tmp_path: Path, answer: Callable[[Handler], None],
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_inbox, "LIST_S", 1.0)
    monkeypatch.setattr(http_inbox, "MAX_LIST_BYTES", 4 << 20)
    with answering(answer) as server:
        result = call("collect", server.url, "-o", str(tmp_path / "out"))
        assert (result.exit_code, server.url in result.output) == (1, True), result.output
        assert server.flooded < 64 << 20
    assert "\x1b" not in result.output


def test_a_listing_that_goes_round_leads_nowhere(tmp_path: Path) -> None:
    """Each folder claims to hold all others, and itself."""
    every = listing(*((name, "directory", 0) for name in ("archives", "runs", DAY, "v", "..", ".", "a/b", "x" * 999)))
    asked = []

    def answer(handler: Handler) -> None:
        asked.append(handler.path)
        handler.reply(200 if handler.command == "GET" else 405, every, **{"Content-Type": "application/json"})

    with answering(answer) as server:
        assert list_remote_folders(HttpInbox(UploadSettings(to=server.url), {})) == []
    assert len(asked) == len(set(asked)) + 1 < 30  # PROPFIND and GET of the first
    assert not [path for path in asked if ".." in path]


def test_too_many_folders_end_the_listing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox_crawl, "MAX_FOLDERS", 3)
    rows = listing(*((f"v{number}", "directory", 0) for number in range(9)))

    def answer(handler: Handler) -> None:
        handler.reply(200 if handler.command == "GET" else 405, rows, **{"Content-Type": "application/json"})

    with answering(answer) as server, pytest.raises(InboxError, match="too many folders"):
        list_remote_folders(HttpInbox(UploadSettings(to=server.url), {}))


@pytest.mark.parametrize(("folder", "expected"), [
    ("v", True), ("archives", True), (f"archives/{DAY}", True), ("v/archives", True), (f"v/runs/{DAY}", True),
    ("sealed", True), ("v/sealed", True), ("sealed/sealed", False), (f"v/sealed/{DAY}", False), ("a/b/sealed", False),
    ("v/other", False), ("v/archives/x", False), (f"v/archives/{DAY}/more", False), ("a/b/archives", False),
    ("..", False), ("v/..", False), (".git", False), ("parquet", False), ("v\x1b", False), ("v/archives/date=1", False),
])
def test_folders_that_may_hold_runs(folder: str, expected: bool) -> None:
    assert is_looked_into(folder.split("/")) is expected


URL = "https://inbox.example/in/v%201/"
_DAV_ROW = ("<D:response><D:href>{}</D:href><D:propstat><D:prop><D:getcontentlength>12</D:getcontentlength>"
            "<D:getetag>\"e\"</D:getetag><D:resourcetype>{}</D:resourcetype></D:prop></D:propstat></D:response>")
LINKS = {"a.tgz": True, "/in/v%201/b.tgz": True, "https://inbox.example/in/v%201/c/": True, "../": False, "./": False,
         "/in/v%201/": False, "/in/v%201/a/b": False, "https://other.example/in/v%201/d": False, "?C=N;O=D": False,
         "..%2fe": False, "%2e%2e": False, "file:///etc/passwd": False, "//[": False, "a%00b": False, "": False}
"""Link in the list of a folder -> whether it is of something in it."""


@pytest.mark.parametrize("link", LINKS)
def test_only_what_lies_directly_in_a_folder_is_taken_from_its_list(link: str) -> None:
    page = f'<html><pre><a href="{escape(link)}">x</a> 28-Nov-2026 07:00    12\n</pre>'.encode()
    assert len(read_html_listing(page, URL)) == LINKS[link]
    answer = f'<D:multistatus xmlns:D="DAV:">{_DAV_ROW.format(escape(link), "")}</D:multistatus>'.encode()
    assert len(read_dav_listing(answer, URL)) == LINKS[link]


def test_sizes_and_versions_are_taken_where_they_are_told() -> None:
    page = (b'<a href="../">../</a>\n<a href="a.tgz">a</a>  28-Nov-2026 07:00   14321\n'
            b'<a href="v/">v/</a>  28-Nov-2026 07:00   -\n<a href="b.tgz">b</a></td><td>2026-11-28 07:00 </td><td>14K'
            b'</td>\n<a href="c.tgz">c</a>')
    found = [(entry.name, entry.is_folder, entry.bytes, bool(entry.tag)) for entry in read_html_listing(page, URL)]
    assert found == [("a.tgz", False, 14321, True), ("v", True, None, True), ("b.tgz", False, None, True),
                     ("c.tgz", False, None, False)]
    rows = b'[{"name": "a", "type": "file", "size": 3, "mtime": "x"}, {"name": "../b", "type": "file"}]'
    assert [(entry.name, entry.bytes) for entry in read_json_listing(rows)] == [("a", 3)]
