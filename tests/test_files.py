"""What is named as a file and is none is refused at once, whoever reads it."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dphm_core.commands.generate import Decode
from dphm_core.dataset.flame.landmark_file import read_embedding
from dphm_core.dataset.flame.model_file import read_flame
from dphm_core.errors import DphmError, OutputError
from dphm_core.evaluation import track_folder
from dphm_core.files import bytes_in, check_new_folder, read_npy, read_npz
from dphm_core.heads.official_head import read_anchors
from dphm_core.heads.settings_file import read_settings
from dphm_core.heads.torch_file import read_torch_file
from dphm_core.sources import open_source
from dphm_core.sources.base import UnreadableFrame
from dphm_core.sources.fields import first_bytes, read_json
from dphm_core.sources.record3d import read_depth_m
from dphm_core.tracking.subject_file import load_subject
from dphm_core.training import scan_mesh
from dphm_core.training.prepare import read_obj

READERS: dict[str, Callable[[Path], object]] = {
    "subject": load_subject,
    "JSON": read_json,
    "beginning": lambda path: first_bytes(path, 4),
    "FLAME": read_flame,
    "FLAME's landmarks": lambda path: read_embedding(path, np.zeros((1, 3), np.int32)),
    "settings": read_settings,
    "checkpoint": read_torch_file,
    "anchors": read_anchors,
    "EXR": read_depth_m,
    "OBJ": read_obj,
    "track's mesh": track_folder.read_mesh,
    "scan": scan_mesh.read_mesh,
    "scan's array": lambda path: scan_mesh.read_array(path, bool),
    "npz": lambda path: read_npz(path, 1000),
    "npy": lambda path: read_npy(path, (None, 3)),
}
pytestmark = [
    pytest.mark.timeout(20),  # who opens a pipe waits for ever
    pytest.mark.skipif(sys.platform == "win32", reason="has no named pipes among its files"),
]


@pytest.mark.parametrize("name", READERS)
def test_a_named_pipe_is_not_waited_for(name: str, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises((DphmError, UnreadableFrame, OSError), match="named pipe"):
        READERS[name](pipe)


def test_a_code_in_a_named_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(pipe := tmp_path / "code.npy")
    with pytest.raises(DphmError, match=r"holds no identity code of this model: it is a named pipe, not a file\.$"):
        Decode(out=tmp_path / "head.ply", identity=str(pipe)).run(print)


def test_no_source_is_a_pipe_nor_a_device(tmp_path: Path) -> None:
    os.mkfifo(pipe := tmp_path / "take.bag")
    for path in (pipe, Path(os.devnull)):
        with pytest.raises(DphmError, match="is a pipe or a device, not a file; give a recording folder"):
            open_source(path)


def test_only_a_file_has_a_size(tmp_path: Path) -> None:
    (tmp_path / "three").write_bytes(b"abc")
    assert bytes_in(tmp_path / "three") == 3
    with pytest.raises(IsADirectoryError, match="Is a directory"):
        bytes_in(tmp_path)
    with pytest.raises(OSError, match="it is a device"):
        bytes_in(Path(os.devnull))
    with pytest.raises(FileNotFoundError):
        bytes_in(tmp_path / "missing")


def test_a_socket_is_called_one() -> None:
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as server:  # a short path
        server.bind(str(place := Path(folder, "socket")))
        with pytest.raises(OSError, match="it is a socket, not a file"):
            bytes_in(place)


def test_a_new_folder_is_none_that_holds_something_nor_a_file(tmp_path: Path) -> None:
    check_new_folder(tmp_path)
    check_new_folder(tmp_path / "new")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file is a file; choose a new folder"):
        check_new_folder(tmp_path / "file")
    with pytest.raises(OutputError, match="is not empty; choose a new folder"):
        check_new_folder(tmp_path)
