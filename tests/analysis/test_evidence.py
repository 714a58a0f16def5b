"""Captured packets as a file, and the command that takes those of one verdict out of it."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from scapy.utils import RawPcapNgReader

from probe.cli.main import cli
from probe.config.install_advice import advise_extra
from probe.core.observations import KeptPacket
from probe.core.runs import RunResult
from probe.store.files.atomic import StoreError
from probe.store.files.pcapng import MAX_FILE_BYTES, read_blocks, write_packets
from probe.store.layout import packets_path
from probe.store.runs.run_writer import write_run
from probe.upkeep.commands.exit_codes import EXIT_FAILED, EXIT_USAGE
from stored import a_result


def kept(result: RunResult, *numbers: int, size: int = 41) -> tuple[KeptPacket, ...]:
    run_id = result.run.run_id
    return tuple(KeptPacket(observation_id=f"{run_id}.{n}", at_s=1.5 + n, outbound=n % 2 == 0, length=size + 900,
                            data=bytes((0x45, n)) + b"x" * (size - 2)) for n in numbers)


@pytest.fixture
def stored(tmp_path: Path) -> tuple[Path, RunResult]:
    """A results folder with one run, whose first verdict rests on the observations 1 and 2."""
    plain = a_result()
    run_id = plain.run.run_id
    first = replace(plain.verdicts[0], evidence=(f"{run_id}.1", f"{run_id}.2"))
    second = replace(first, target_id="c.chat.d", evidence=(f"{run_id}.9",))
    run = replace(plain.run, vantage=replace(plain.run.vantage, privilege="packet"))
    result = replace(plain, run=run, verdicts=(first, second), packets=kept(plain, 0, 1, 2, 2, 3))
    write_run(result, tmp_path / "results", parquet=False)
    return tmp_path / "results", result


def call(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(cli, ["evidence", *map(str, arguments)])
    return done.exit_code, done.output


def packets_in(path: Path) -> list[bytes]:
    with RawPcapNgReader(str(path)) as reader:
        return [data for data, _ in reader]


def test_another_implementation_reads_what_was_written(stored: tuple[Path, RunResult]) -> None:
    path = packets_path(stored[0], stored[1].run)
    assert path.parent.name.startswith("date=")
    assert packets_in(path) == [packet.data for packet in stored[1].packets]
    assert [comment for comment, _ in read_blocks(path)][2:] == [p.observation_id for p in stored[1].packets]
    assert path.stat().st_mode & 0o077 == 0


def test_every_byte_of_the_file_is_known() -> None:
    run = replace(a_result().run, run_id="r1", measurement_start_time="2026-11-25T10:00:00Z", software_version="0.1")
    packets = [KeptPacket(observation_id="o1", at_s=1.5, outbound=True, length=60, data=b"E1234"),
               KeptPacket(observation_id="", at_s=2.25, outbound=False, length=4, data=b"E123")]
    file = io.BytesIO()
    write_packets(file, run, packets)
    assert file.getvalue() == (
        b"\n\r\r\n\x80\0\0\0M<+\x1a\1\0\0\0" + b"\xff" * 8 + b"\1\0K\0"
        b"run r1; the client's address, its ports and checksums are not the real ones\0"
        b"\4\0\t\0probe 0.1\0\0\0" + bytes(4) + b"\x80\0\0\0"
        b"\1\0\0\0000\0\0\0e\0\0\0\0\1\0\0\2\0\t\0volunteer\0\0\0\t\0\1\0\t\0\0\0" + bytes(4) + b"0\0\0\0"
        b"\6\0\0\0<\0\0\0" + bytes(4) + b"jA\xeb\x18\0o\xd0[\5\0\0\0<\0\0\0E1234\0\0\0"
        b"\1\0\2\0o1\0\0\2\0\4\0\2\0\0\0" + bytes(4) + b"<\0\0\0"
        b"\6\0\0\0004\0\0\0" + bytes(4) + b"jA\xeb\x18\x80\x86\x84\x88\4\0\0\0\4\0\0\0E123"
        b"\1\0\0\0\2\0\4\0\1\0\0\0" + bytes(4) + b"4\0\0\0")


def test_a_run_without_packets_has_no_such_file(tmp_path: Path) -> None:
    result = a_result()
    write_run(result, tmp_path, parquet=False)
    assert not packets_path(tmp_path, result.run).exists()


def test_the_file_is_bounded() -> None:
    result, file = a_result(), io.BytesIO()
    write_packets(file, result.run, kept(result, *[7] * 20_000, size=256))
    assert MAX_FILE_BYTES - 1000 < len(file.getvalue()) <= MAX_FILE_BYTES


def test_the_whole_run_is_written(stored: tuple[Path, RunResult], tmp_path: Path) -> None:
    code, said = call(stored[0], stored[1].run.run_id, "-o", tmp_path / "all.pcapng")
    assert (code, said.split()[0]) == (0, "5")
    assert (tmp_path / "all.pcapng").read_bytes() == packets_path(stored[0], stored[1].run).read_bytes()


@pytest.mark.parametrize("by_option", [True, False])
def test_the_packets_of_one_verdict_are_written(
    stored: tuple[Path, RunResult], tmp_path: Path, by_option: bool,
) -> None:
    run_id, target = stored[1].run.run_id, stored[1].verdicts[0].target_id
    which = [run_id, "--target", target] if by_option else [f"{run_id}.{target}"]
    code, said = call(stored[0], *which, "-o", tmp_path / "one.pcapng")
    assert (code, said.split()[0]) == (0, "3")
    assert packets_in(tmp_path / "one.pcapng") == [p.data for p in stored[1].packets[1:4]]


def test_the_packets_of_one_verdict_are_shown(stored: tuple[Path, RunResult]) -> None:
    run_id, target = stored[1].run.run_id, stored[1].verdicts[0].target_id
    code, said = call(stored[0], f"{run_id}.{target}", "--show")
    assert code == 0
    assert [line.split()[:2] for line in said.splitlines()] == [
        [f"{run_id}.1", "0.000000"], [f"{run_id}.2", "1.000000"], [f"{run_id}.2", "1.000000"]]


def test_packets_are_shown_or_written(stored: tuple[Path, RunResult], monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(stored[0], stored[1].run.run_id)[0] == EXIT_USAGE
    monkeypatch.setitem(sys.modules, "scapy.layers.inet", None)
    code, said = call(stored[0], stored[1].run.run_id, "--show")
    assert code == EXIT_FAILED
    assert advise_extra("packets") in said


def test_errors_say_what_is_wrong(stored: tuple[Path, RunResult], tmp_path: Path) -> None:
    folder, run_id, out = stored[0], stored[1].run.run_id, tmp_path / "x.pcapng"
    assert "no run" in call(folder, "20990101T000000Z_00000000", "-o", out)[1]
    assert "'nobody'" in call(folder, run_id, "--target", "nobody", "-o", out)[1]
    other = "c.chat.d"
    code, said = call(folder, run_id, "--target", other, "-o", out)
    assert code == 1
    assert "captured packets" in said
    packets_path(folder, stored[1].run).unlink()
    assert "kept no packets" in call(folder, run_id, "-o", out)[1]
    assert not out.exists()


@pytest.mark.parametrize("damage", [b"", b"x", b"\0" * 40, b"\x0a\x0d\x0d\x0a" + b"\xff" * 40])
def test_a_damaged_file_is_an_error_and_nothing_else(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "f").write_bytes(damage)
    if damage:
        with pytest.raises(StoreError, match="damaged"):
            list(read_blocks(tmp_path / "f"))
    else:
        assert list(read_blocks(tmp_path / "f")) == []
