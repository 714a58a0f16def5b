"""`probe alert` with real senders: a webhook, a mail server, and servers that stand in for Telegram's and Matrix'."""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

pytest.importorskip("apprise", reason="needs the extra `alerts`")

from aiosmtpd.smtp import SMTP
from click.testing import CliRunner, Result

from made_site import CONFIRMED, SUSPECTED, ended, write_analysis, write_log
from probe.cli.main import cli
from web_hook import Hook, serving_hook

SECRET = "s3cr3t-t0ken"
BOT = "123456789:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr"


@pytest.fixture
def hook() -> Iterator[Hook]:
    with serving_hook() as made:
        yield made


class Letters:
    """What a mail server takes."""

    def __init__(self) -> None:
        self.taken: list[Any] = []

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:
        self.taken.append((envelope.rcpt_tos, email.message_from_bytes(envelope.content, policy=email.policy.default)))
        return "250 OK"


@contextmanager
def mail_server() -> Iterator[tuple[int, Letters]]:
    letters, loop = Letters(), asyncio.new_event_loop()
    server = loop.run_until_complete(loop.create_server(lambda: SMTP(letters, loop=loop), "127.0.0.1", 0))
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        yield int(server.sockets[0].getsockname()[1]), letters
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.run_until_complete(server.wait_closed())
        loop.close()


@pytest.fixture
def analysis(tmp_path: Path) -> Path:
    return write_analysis(tmp_path / "analysis", [SUSPECTED])


def call(folder: Path, line: str, *words: str) -> Result:
    places = folder.parent / "places"
    places.write_text(f"desk {line}\n")
    places.chmod(0o600)
    return CliRunner().invoke(cli, ["alert", str(folder), "--to", str(places), *words])


def test_a_webhook_hears_of_each_change_once(analysis: Path, hook: Hook) -> None:
    line = f"json://127.0.0.1:{hook.port}/{SECRET}"
    assert call(analysis, line).exit_code == 0
    assert hook.posts == [], "what is known by then counts as told"
    write_log(analysis, [SUSPECTED, CONFIRMED])
    for _ in range(2):
        assert call(analysis, line, "--address", "https://site.example").exit_code == 0
    ((path, told),) = hook.posts
    assert path == f"/{SECRET}"
    assert told["title"].startswith("New: Telegram")
    assert "AS64501" in told["message"]
    assert told["message"].endswith("https://site.example/event/2025-03-11-ru-telegram.html")
    write_log(analysis, [SUSPECTED, CONFIRMED, ended(CONFIRMED, 260)])
    assert call(analysis, line, "--lang", "ru", "--country", "ru").exit_code == 0
    assert [told["title"] for _, told in hook.posts[1:]] == ["Закончилось: Telegram, RU"]


def test_a_place_that_refuses_is_tried_again_and_its_secret_is_told_nowhere(
        analysis: Path, hook: Hook, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    line = f"json://user:{SECRET}@127.0.0.1:{hook.port}/{SECRET}"
    call(analysis, line)
    write_log(analysis, [SUSPECTED, CONFIRMED])
    for status in (500, 307):
        hook.status = status
        failed = call(analysis, line, "--json")
        assert failed.exit_code == 1
        assert json.loads(failed.stdout)["places"][0] | {"failed": True, "sent": 0, "waiting": 1} == json.loads(
            failed.stdout)["places"][0]
    assert {path for path, _ in hook.posts} == {f"/{SECRET}"}, "no redirect is followed"
    hook.status = 200
    assert "1 alert sent" in call(analysis, line).stdout
    kept = (analysis / "alerts.json").read_text()
    out, err = capfd.readouterr()
    assert SECRET not in out + err + failed.output + kept + "".join(
        record.getMessage() for record in caplog.records if record.name.startswith(("apprise", "probe")))


def test_a_letter_is_sent(analysis: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.getfqdn", lambda *_: "machine.example")  # smtplib tells it, and would look it up
    with mail_server() as (port, letters):
        line = f"mailto://127.0.0.1:{port}?from=probe@example.org&to=desk@example.org"
        call(analysis, line)
        write_log(analysis, [SUSPECTED, CONFIRMED])
        done = call(analysis, line)
        assert done.exit_code == 0, done.output
    ((to, letter),) = letters.taken
    assert to == ["desk@example.org"]
    assert letter["Subject"].startswith("New: Telegram")
    assert "By whose act" in letter.get_body(("plain", "html")).get_content()


def test_hostile_words_are_text_where_they_arrive(analysis: Path, hook: Hook) -> None:
    line = f"json://127.0.0.1:{hook.port}/"
    call(analysis, line)
    write_log(analysis, [SUSPECTED, {**CONFIRMED, "service": "<b>x</b>\x1b[2J\u202e{0}\n@all"}])
    assert call(analysis, line).exit_code == 0
    ((_, told),) = hook.posts
    assert "\x1b" not in told["title"] + told["message"]
    assert "\u202e" not in told["title"] + told["message"]
    assert "\n" not in told["title"]


def test_a_dry_run_sends_and_keeps_nothing(analysis: Path, hook: Hook) -> None:
    done = call(analysis, f"json://127.0.0.1:{hook.port}/", "--dry-run")
    assert done.exit_code == 0
    assert "Suspicion, not established." in done.stdout
    assert hook.posts == []
    assert not (analysis / "alerts.json").exists()
    assert call(analysis, f"json://127.0.0.1:{hook.port}/", "--dry-run", "--confirmed").stdout == ""


def test_telegram_is_spoken_to_as_its_interface_wants(analysis: Path, hook: Hook,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    from apprise.plugins.telegram import NotifyTelegram

    monkeypatch.setattr(NotifyTelegram, "notify_url", f"http://127.0.0.1:{hook.port}/bot")
    hook.answer = {"ok": True, "result": {"message_id": 1}}
    line = f"tgram://{BOT}/42/"
    call(analysis, line)
    write_log(analysis, [SUSPECTED, {**CONFIRMED, "service": "<b>x</b>"}])
    done = call(analysis, line)
    assert done.exit_code == 0, done.output
    ((path, told),) = [post for post in hook.posts if "sendMessage" in post[0]]
    assert path == f"/bot{BOT}/sendMessage"
    assert str(told["chat_id"]) == "42"
    assert "AS64501" in told["text"]
    assert "<b>x</b>" not in told["text"], "what others wrote is no markup"


def test_matrix_is_spoken_to_as_its_interface_wants(analysis: Path, hook: Hook) -> None:
    hook.answer = {"access_token": "t", "user_id": "@u:127.0.0.1", "home_server": "127.0.0.1",
                   "room_id": "!r:127.0.0.1", "event_id": "$1", "joined_rooms": []}
    line = f"matrix://user:{SECRET}@127.0.0.1:{hook.port}/!r:127.0.0.1"
    call(analysis, line)
    write_log(analysis, [SUSPECTED, CONFIRMED])
    done = call(analysis, line)
    assert done.exit_code == 0, done.output
    told = [told for path, told in hook.posts if "/send/m.room.message" in path]
    assert len(told) == 1
    assert "AS64501" in told[0]["body"]
