"""Directories to one zip file and back."""

from __future__ import annotations

import os
import stat
import zipfile

import pytest

from mlcycle.codecs import _folders
from mlcycle.codecs._folders import PackedFolder, check_member, pack_folder, unpack_folder
from mlcycle.errors import Corrupt, InvalidInput, UnsafePath
from tests.nobody import nobody


@pytest.fixture
def folder(tmp_path):
    """Make a directory with files in it, one of them executable, and an empty directory."""
    root = tmp_path / "model"
    (root / "sub" / "empty").mkdir(parents=True)
    (root / "weights.bin").write_bytes(bytes(range(256)) * 40)
    (root / "sub" / "größe.txt").write_text("12", encoding="utf-8")
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)
    return root


def _tree(root):
    return {
        path.relative_to(root).as_posix(): path.read_bytes() if path.is_file() else None for path in root.rglob("*")
    }


def _archive(path, *entries, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for entry, data in entries:
            archive.writestr(entry, data)
    return path


@pytest.mark.parametrize("compress", [False, True])
def test_a_folder_comes_back(folder, tmp_path, compress):
    """Names, contents, executable bits and empty directories survive."""
    packed = pack_folder(folder, tmp_path / "model.zip", compress=compress)
    again = unpack_folder(tmp_path / "model.zip", tmp_path / "again")
    assert PackedFolder(files=3, size=10_252) == packed == again
    assert _tree(folder) == _tree(tmp_path / "again")
    assert (tmp_path / "again" / "run.sh").stat().st_mode & stat.S_IXUSR
    assert not (tmp_path / "again" / "weights.bin").stat().st_mode & stat.S_IXUSR


def test_the_same_folder_gives_the_same_bytes(folder, tmp_path):
    """Times and the order of creation leave no trace."""
    pack_folder(folder, tmp_path / "one.zip")
    unpack_folder(tmp_path / "one.zip", tmp_path / "again")
    for path in folder.rglob("*"):
        os.utime(path, (1, 1))
    pack_folder(tmp_path / "again", tmp_path / "two.zip")
    pack_folder(folder, tmp_path / "three.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "three.zip").read_bytes()


def test_the_rest_is_packed_where_that_will_do(folder, tmp_path):
    """What cannot be packed is named with its reason, and the same rest gives the same bytes."""
    pack_folder(folder, tmp_path / "plain.zip")
    os.mkfifo(folder / "pipe")
    (folder / "out").symlink_to("/etc/hostname")
    (folder / "lost").symlink_to("nothing")
    (folder / "round").symlink_to("round")
    (folder / os.fsdecode(b"caf\xe9")).touch()
    (folder / "a\nb").touch()
    packed = pack_folder(folder, tmp_path / "rest.zip", whole=False)
    assert (packed.files, packed.size) == (3, 10_252)
    assert packed.left_out == (
        r"a\nb has a name that could not be unpacked everywhere: it holds NUL or another control character",
        r"caf\udce9 has a name that could not be unpacked everywhere: it is not Unicode text",
        "lost is a symbolic link to nothing",
        "out is a symbolic link out of the folder; put the file itself there",
        "pipe is not an ordinary file: sockets, pipes and devices cannot be packed",
        "round is a symbolic link to nothing",
    )
    assert (tmp_path / "plain.zip").read_bytes() == (tmp_path / "rest.zip").read_bytes()


def test_what_cannot_be_read_is_named():
    """A file and a folder without permission: refused, or left out, and never silently missing."""
    with nobody() as place:
        folder = place / "model"
        (folder / "shut").mkdir(parents=True)
        (folder / "fine").write_text("1")
        (folder / "secret").write_text("2")
        (folder / "shut" / "more").write_text("3")
        (folder / "secret").chmod(0)
        with pytest.raises(InvalidInput, match=r"secret cannot be read .*Permission denied"):
            pack_folder(folder, place / "bad.zip")
        (folder / "shut").chmod(0)
        with pytest.raises(InvalidInput, match=r"shut cannot be listed .Permission denied"):
            pack_folder(folder, place / "bad.zip")
        packed = pack_folder(folder, place / "rest.zip", whole=False)
        (folder / "shut").chmod(0o700)
        assert (packed.files, packed.size, len(packed.left_out)) == (1, 1, 2)
        assert PackedFolder(1, 1) == unpack_folder(place / "rest.zip", place / "again")


def test_a_file_that_breaks_off_is_not_packed_half(folder, tmp_path, monkeypatch):
    """A disk that fails in the middle of a file costs that file alone."""
    real = _folders._read
    reads = []

    def failing(source):
        if source.name.endswith("weights.bin"):
            reads.append(source)
            if len(reads) > 1:
                raise _folders._Unreadable from OSError(5, "Input/output error")
            return source.read(100)
        return real(source)

    monkeypatch.setattr(_folders, "_read", failing)
    packed = pack_folder(folder, tmp_path / "rest.zip", whole=False)
    assert packed.left_out == ("weights.bin cannot be read ([Errno 5] Input/output error)",)
    assert PackedFolder(2, 12) == unpack_folder(tmp_path / "rest.zip", tmp_path / "again")
    assert sorted(path.name for path in (tmp_path / "again").iterdir()) == ["run.sh", "sub"]


def test_an_empty_folder_comes_back(tmp_path):
    """Nothing packs to nothing."""
    (tmp_path / "empty").mkdir()
    assert PackedFolder(0, 0) == pack_folder(tmp_path / "empty", tmp_path / "empty.zip")
    unpack_folder(tmp_path / "empty.zip", tmp_path / "again")
    assert list((tmp_path / "again").iterdir()) == []


def test_links_out_of_the_folder_are_refused(folder, tmp_path):
    """A link to a file inside is packed as that file; one that leaves, and one to a directory, are refused."""
    (folder / "same.bin").symlink_to(folder / "weights.bin")
    pack_folder(folder, tmp_path / "model.zip")
    unpack_folder(tmp_path / "model.zip", tmp_path / "again")
    assert (folder / "weights.bin").read_bytes() == (tmp_path / "again" / "same.bin").read_bytes()
    (folder / "secret").symlink_to("/etc/hostname")
    with pytest.raises(UnsafePath, match="secret is a symbolic link out of the folder"):
        pack_folder(folder, tmp_path / "bad.zip")
    (folder / "secret").unlink()
    (folder / "round").symlink_to(folder, target_is_directory=True)
    with pytest.raises(UnsafePath, match="round is a symbolic link to a directory"):
        pack_folder(folder, tmp_path / "bad.zip")
    assert not (tmp_path / "bad.zip").exists()


def test_what_is_no_file_is_refused(folder, tmp_path):
    """Pipes cannot be packed, a file is no folder, and a backslash is no name for Windows."""
    os.mkfifo(folder / "pipe")
    with pytest.raises(InvalidInput, match="pipe is not an ordinary file"):
        pack_folder(folder, tmp_path / "bad.zip")
    (folder / "pipe").unlink()
    with pytest.raises(InvalidInput, match="is not a folder to pack"):
        pack_folder(folder / "weights.bin", tmp_path / "bad.zip")
    (folder / "a\\b").write_text("")
    with pytest.raises(UnsafePath, match="backslash"):
        pack_folder(folder, tmp_path / "bad.zip")
    assert sorted(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "../up",
        "a/../../up",
        "a/./b",
        "a//b",
        "..",
        ".",
        "/",
        "",
        "C:/x",
        "c:x",
        "..\\up",
        "a\0b",
        "a\nb",
        "//host/x",
    ],
)
def test_names_that_leave_the_folder_are_refused(tmp_path, name):
    """No entry is written outside, and nothing at all is written when one would be."""
    with pytest.raises(UnsafePath, match="leaves its folder"):
        check_member(name)
    if name and "\0" not in name:
        path = _archive(tmp_path / "bad.zip", ("fine.txt", b"1"), (zipfile.ZipInfo(name), b"2"))
        with pytest.raises(UnsafePath):
            unpack_folder(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "up").exists()


def test_nul_in_an_archive_is_seen(tmp_path):
    """A name is cut at NUL by zipfile; the name as it stands in the archive is what is judged."""
    path = _archive(tmp_path / "bad.zip", ("fine.txt_x", b"1"))
    path.write_bytes(path.read_bytes().replace(b"fine.txt_x", b"fine.txt\0x"))
    with pytest.raises(UnsafePath, match="NUL"):
        unpack_folder(path, tmp_path / "out")


def test_links_and_doubles_in_an_archive_are_refused(tmp_path):
    """A symbolic link, two entries of one name, and a file where a folder must be."""
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(UnsafePath, match="symbolic link"):
        unpack_folder(_archive(tmp_path / "link.zip", (link, b"/etc")), tmp_path / "out")
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = _archive(tmp_path / "twice.zip", ("a", b"1"), ("a", b"2"))
    with pytest.raises(UnsafePath, match="twice"):
        unpack_folder(path, tmp_path / "out")
    with pytest.raises(UnsafePath, match="same place"):
        unpack_folder(_archive(tmp_path / "both.zip", ("a", b"1"), ("a/b", b"2")), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_bombs_are_refused(tmp_path):
    """An archive that unpacks to far more than it is, or than was allowed, is refused unread."""
    path = _archive(tmp_path / "bomb.zip", ("zeros", bytes(300_000_000)), compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(Corrupt, match="unpacks to 300000000"):
        unpack_folder(path, tmp_path / "out")
    path = _archive(tmp_path / "small.zip", ("a", b"12345"))
    with pytest.raises(Corrupt, match=r"more than the 4 allowed.*max_bytes="):
        unpack_folder(path, tmp_path / "out", max_bytes=4)
    assert PackedFolder(1, 5) == unpack_folder(path, tmp_path / "out", max_bytes=5)


def test_overlapping_entries_are_refused(tmp_path):
    """Entries that share their bytes are how a small archive becomes a large one."""
    path = _archive(tmp_path / "a.zip", ("a", bytes(100_000)))
    with zipfile.ZipFile(path, "a") as archive:
        for i in range(5):
            info = zipfile.ZipInfo(f"a{i}")
            first = archive.infolist()[0]
            info.header_offset, info.CRC = first.header_offset, first.CRC
            info.compress_size = info.file_size = first.file_size
            archive.filelist.append(info)
            archive.NameToInfo[info.filename] = info
        archive._didModify = True
    with pytest.raises(Corrupt, match="overlap"):
        unpack_folder(path, tmp_path / "out")


def test_damage_is_told_and_leaves_nothing(folder, tmp_path):
    """A truncated or overwritten archive is corrupt, and no directory appears."""
    pack_folder(folder, tmp_path / "model.zip")
    whole = (tmp_path / "model.zip").read_bytes()
    place = whole.index(bytes(range(256))) + 500
    for broken in (b"", b"PK", whole[:-30], whole[:place] + b"x" + whole[place + 1 :]):
        (tmp_path / "broken.zip").write_bytes(broken)
        with pytest.raises(Corrupt, match="damaged"):
            unpack_folder(tmp_path / "broken.zip", tmp_path / "out")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.zip", "model", "model.zip"]


def test_nothing_is_overwritten(folder, tmp_path):
    """A directory that holds something stays as it is; an empty one may be used."""
    pack_folder(folder, tmp_path / "model.zip")
    with pytest.raises(InvalidInput, match="holds something already"):
        unpack_folder(tmp_path / "model.zip", folder)
    (tmp_path / "out").mkdir()
    with (tmp_path / "model.zip").open("rb") as file:
        unpack_folder(file, tmp_path / "out")
    assert _tree(folder) == _tree(tmp_path / "out")
