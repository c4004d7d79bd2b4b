from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from folder_recordings import HEIGHT, WIDTH, make_recording, write_image
from refusal import refused

from dphm_core.errors import SourceError
from dphm_core.sources import Source, open_source


def test_a_string_or_a_path_opens_a_folder(tmp_path: Path) -> None:
    folder = make_recording(tmp_path)
    for uri in (folder, str(folder)):
        with open_source(uri) as source:
            assert isinstance(source, Source)
            assert len(list(source)) == 4


def test_closed_source_has_ended(tmp_path: Path) -> None:
    source = open_source(make_recording(tmp_path))
    next(source)
    source.close()
    source.close()
    assert next(source, None) is None


def test_paths_that_are_no_recording(tmp_path: Path) -> None:
    assert "does not exist" in refused(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    assert "empty folder" in refused(tmp_path / "empty")
    (tmp_path / "notes.txt").write_text("no frames")
    assert "no known kind" in refused(tmp_path / "notes.txt")
    assert "'color/'" in refused(tmp_path)


def test_folder_without_one_kind_of_image(tmp_path: Path) -> None:
    for missing in ("color", "depth"):
        folder = make_recording(tmp_path / missing)
        shutil.rmtree(folder / missing)
        assert f"no images in '{missing}/'" in refused(folder)


def test_folder_whose_numbers_do_not_meet(tmp_path: Path) -> None:
    folder = make_recording(tmp_path, indices=[0])
    (folder / "color/00000.png").rename(folder / "color/00001.png")
    assert "same number" in refused(folder)


def test_folder_without_calibration(tmp_path: Path) -> None:
    folder = make_recording(tmp_path)
    (folder / "calibration.json").unlink()
    assert "no calibration" in refused(folder)


def test_depth_of_the_wrong_kind(tmp_path: Path) -> None:
    folder = make_recording(tmp_path, indices=[0])
    write_image(folder / "depth/00000.png", np.full((HEIGHT, WIDTH), 9, np.uint8))
    assert "8-bit" in refused(folder)
    write_image(folder / "depth/00000.png", np.full((HEIGHT, WIDTH, 3), 9, np.uint16))
    assert "3 channels" in refused(folder)


def test_colour_of_another_size_than_depth(tmp_path: Path) -> None:
    folder = make_recording(tmp_path, indices=[0])
    write_image(folder / "color/00000.png", np.zeros((2 * HEIGHT, 2 * WIDTH, 3), np.uint8))
    assert "not registered" in refused(folder)


def test_folder_without_a_readable_frame(tmp_path: Path) -> None:
    folder = make_recording(tmp_path)
    for path in (folder / "depth").iterdir():
        path.write_bytes(b"\x00" * 100)
    assert "no readable frame" in refused(folder)


def test_frames_that_vanish_after_opening_are_an_error_not_an_end(tmp_path: Path) -> None:
    folder = make_recording(tmp_path)
    source = open_source(folder)
    shutil.rmtree(folder / "depth")
    with pytest.raises(SourceError, match="no readable frame"):
        next(source)


def test_importing_sources_is_light() -> None:
    code = "import sys, dphm_core.sources; print(*{'cv2', 'pyk4a', 'numba', 'torch'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"
