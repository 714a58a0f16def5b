"""What another user of the machine may lay in the way: links, pipes, folders of his own or open to him."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from probe.core.safe_files import (
    UnsafeFileError,
    check_own,
    create_new,
    find_distrust,
    open_in_place,
    open_own,
    open_regular,
)

US, STRANGER, GROUP = 3000, 4000, 5000
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files of other users")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder of user `US`, below a folder that is open to all and sticky, as /tmp is."""
    (tmp_path / "all" / "me").mkdir(parents=True)
    (tmp_path / "all").chmod(0o1777)
    monkeypatch.setenv("HOME", str(tmp_path / "all" / "me"))
    os.chown(tmp_path / "all" / "me", US, GROUP)
    return tmp_path / "all" / "me"


def make(path: Path, *, owner: int = US, mode: int = 0o700, group: int = GROUP) -> Path:
    path.mkdir()
    os.chown(path, owner, group)
    path.chmod(mode)
    return path


@needs_root
@pytest.mark.parametrize(("where", "owner", "mode", "is_trusted"), [
    ("me/results", US, 0o700, True),
    ("me/results", US, 0o755, True),
    ("me/results", 0, 0o755, True),
    ("me/results", US, 0o777, False),
    ("me/results", US, 0o1777, False),  # in what is ours a sticky bit is not enough
    ("me/results", US, 0o770, False),  # the group has no member that is known
    ("me/results", STRANGER, 0o700, False),
    ("results", US, 0o700, True),
    ("results", STRANGER, 0o700, False),
    ("results", STRANGER, 0o777, False),
])
def test_who_else_could_change_a_folder(home: Path, where: str, owner: int, mode: int, is_trusted: bool) -> None:
    folder = make(home.parent / where, owner=owner, mode=mode)
    assert (find_distrust(folder, trusted=frozenset({0, US})) == "") is is_trusted
    below = find_distrust(folder / "not" / "there", trusted=frozenset({0, US}))
    assert (below == "") is (is_trusted or (mode == 0o1777 and owner == US))


@needs_root
@pytest.mark.parametrize(("members", "primary", "in_group", "is_trusted"), [
    ([], {"me": GROUP}, True, True),  # umask 002, a group for each user
    (["me"], {"me": 100}, True, True),
    ([], {"me": GROUP, "she": GROUP}, True, False),  # one group for all
    (["she"], {"me": GROUP, "she": 100}, True, False),
    ([], {}, True, True),  # a container that knows numbers alone
    ([], {}, False, False),
])
def test_a_group_may_write_where_nobody_else_is_in_it(home: Path, monkeypatch: pytest.MonkeyPatch, members: list[str],
                                                      primary: dict[str, int], in_group: bool,
                                                      is_trusted: bool) -> None:
    import grp
    import pwd

    from probe.core import safe_files

    uids = {"me": US, "she": STRANGER}
    users = [pwd.struct_passwd((name, "x", uids[name], gid, "", "/", "")) for name, gid in primary.items()]
    monkeypatch.setattr(pwd, "getpwall", lambda: users)
    monkeypatch.setattr(grp, "getgrgid", lambda gid: grp.struct_group(("g", "x", gid, members)))
    monkeypatch.setattr(os, "getgroups", lambda: [GROUP] if in_group else [])
    safe_files._is_own_group.cache_clear()
    folder = make(home / "results", mode=0o775)
    assert (find_distrust(folder, trusted=frozenset({0, US})) == "") is is_trusted
    safe_files._is_own_group.cache_clear()


@needs_root
@pytest.mark.parametrize("above", [0o777, 0o1777])
def test_what_is_above_a_home_is_not_looked_at(home: Path, above: int) -> None:
    home.parent.chmod(above)
    assert not find_distrust(make(home / "results"), trusted=frozenset({0, US}))
    other = make(home.parent / "elsewhere")
    assert (find_distrust(other, trusted=frozenset({0, US})) == "") is (above == 0o1777)


@needs_root
@pytest.mark.parametrize(("owner", "target", "is_trusted"), [
    (US, "me/mine", True), (STRANGER, "me/mine", False), (US, "his", False), (US, "../all/me/mine/../mine", True),
    (US, "loop", None),
])
def test_a_link_counts_for_where_it_leads(home: Path, owner: int, target: str, is_trusted: bool | None) -> None:
    make(home / "mine")
    make(home.parent / "his", owner=STRANGER)
    link = home.parent / "loop"
    link.symlink_to(target)
    os.lchown(link, owner, GROUP)
    if is_trusted is None:
        with pytest.raises(UnsafeFileError):
            find_distrust(link, trusted=frozenset({0, US}))
    else:
        assert (find_distrust(link, trusted=frozenset({0, US})) == "") is is_trusted


@needs_root
def test_root_reads_what_one_user_owns_and_writes_nothing_there(home: Path) -> None:
    """So `sudo probe install` reads a person's configuration, and `sudo probe run` leaves his folders alone."""
    file = home / "probe.toml"
    file.write_text("a = 1")
    os.chown(file, US, GROUP)
    with open_own(file) as handle:
        assert handle.read() == b"a = 1"
    with pytest.raises(UnsafeFileError):
        check_own(home)
    os.chown(home, STRANGER, GROUP)
    with pytest.raises(UnsafeFileError):
        open_own(file)


def lay(path: Path, kind: str) -> None:
    if kind == "link":
        path.symlink_to(path.with_name("precious"))
    elif kind == "dangling":
        path.symlink_to(path.with_name("nothing"))
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()


@pytest.mark.parametrize("kind", ["link", "dangling", "pipe", "folder"])
def test_only_plain_files_are_opened(tmp_path: Path, kind: str) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    path = tmp_path / "file"
    lay(path, kind)
    for opens in (open_regular, open_in_place):
        with pytest.raises((UnsafeFileError, IsADirectoryError)):
            opens(path)
    if kind != "folder":
        os.close(create_new(path))
        assert path.read_bytes() == b""
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert not (tmp_path / "nothing").exists()
