"""Torch checkpoints are written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from dphm_core.errors import OutputError
from dphm_core.heads.torch_file import read_torch_file, write_torch_file


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_torch_file(tmp_path / "new" / "a.pt", {"field": {"weight": torch.arange(3)}, "step": 4})
    content = read_torch_file(tmp_path / "new" / "a.pt")
    assert content["step"] == 4 and content["field"]["weight"].tolist() == [0, 1, 2]


def test_a_write_that_fails_is_told_and_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    write_torch_file(path, {"step": 1})
    path.with_name(f".{path.name}.{os.getpid()}.part").mkdir()  # where it would be written first
    with pytest.raises(OutputError, match=r"a\.pt cannot be written"):
        write_torch_file(path, {"step": 2})
    assert read_torch_file(path)["step"] == 1
    with pytest.raises(OutputError, match=r"a\.pt cannot be made"):
        write_torch_file(path / "b.pt", {"step": 2})
