"""The output folder takes back what it wrote where the block fails."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from dphm_core.errors import OutputError
from dphm_core.files import make_folder
from dphm_core.output.folder import OutputFolder


def test_what_was_written_is_removed_with_the_folders_made_for_it(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), OutputFolder(tmp_path / "a" / "b") as folder:
        folder.write("meshes/00000.ply", b"mesh")
        assert (tmp_path / "a" / "b" / "meshes" / "00000.ply").read_bytes() == b"mesh"
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_what_others_put_there_meanwhile_stays(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), OutputFolder(tmp_path / "a") as folder:
        folder.write("track.npz", b"track")
        (tmp_path / "a" / "theirs").write_text("x")
        raise RuntimeError
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["theirs"]


def test_a_file_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="is a file"):
        OutputFolder(tmp_path / "file", overwrite=True)
    with pytest.raises(OutputError, match="cannot be"), OutputFolder(tmp_path / "file" / "below"):
        pass


def test_a_file_can_be_taken_back(tmp_path: Path) -> None:
    with OutputFolder(tmp_path / "out") as folder:
        folder.write("meshes/00000.ply", b"mesh")
        folder.write("meshes/00001.ply", b"mesh")
        folder.remove("meshes/00000.ply")
        folder.remove("meshes/00007.ply")
    assert [path.name for path in (tmp_path / "out" / "meshes").iterdir()] == ["00001.ply"]


def test_the_folder_that_cannot_be_made_is_named_not_those_in_it(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 300)
    with pytest.raises(OutputError, match=r"x{300} cannot be made: File name too long"):
        make_folder(long / "meshes")


def test_a_folder_below_one_that_may_not_be_searched_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(path: Path) -> bool:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "exists", locked)  # whoever runs this may be allowed everything
    with pytest.raises(OutputError, match=r"cannot be made: Permission denied; choose another folder"):
        make_folder(tmp_path / "locked" / "out")


def test_the_folders_that_were_not_there_are_named_outermost_first(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    assert make_folder(tmp_path / "there" / "a" / "b") == [tmp_path / "there" / "a", tmp_path / "there" / "a" / "b"]
    assert make_folder(tmp_path / "there" / "a") == []
