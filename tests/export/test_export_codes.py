"""Codes and poses read back with the standard library: every frame, in the convention, unknown where it is unknown."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_models import NAMES

from dphm_core.export.codes import Codes, csv_bytes, jsonl_bytes, npz_bytes, quaternions
from dphm_core.export.convention import AXES, Convention
from dphm_core.export.options import Axes
from dphm_core.output.saved_track import SavedTrack
from dphm_core.output.track_file import load_track

IN_CM = Convention("camera", "y-up", "cm")


@pytest.fixture(scope="module")
def codes(saved: SavedTrack) -> Codes:
    return Codes.of(saved.track, [0, 1, 2], IN_CM)


def test_a_table_reads_back(codes: Codes, saved: SavedTrack) -> None:
    rows = list(csv.DictReader(io.StringIO(csv_bytes(codes).decode())))
    assert [row["frame"] for row in rows] == ["3", "4", "7"]
    assert rows[1]["reason"] == "no face, or two"
    assert all(rows[1][name] == "" for name in ("qw", "tx", "residual_mm", *NAMES))
    assert float(rows[0]["time_s"]) == 0.1
    # 10 cm to the right, 2 above the image's middle, 60 before the camera, which looks along -z
    assert [float(rows[0][name]) for name in ("tx", "ty", "tz")] == [10, 2, -60]
    assert [float(rows[0][name]) for name in ("qw", "qx", "qy", "qz")] == [1, 0, 0, 0]
    assert [float(rows[2][name]) for name in NAMES] == pytest.approx(saved.track.expression_codes[2].tolist(), rel=1e-6)
    assert {row["axes"] for row in rows} == {"y-up"} and {row["unit"] for row in rows} == {"cm"}


def test_a_turn_to_the_left_is_one_about_the_upright_axis(codes: Codes) -> None:
    """Frame 7 is turned by 0.5 towards the subject's left, about y."""
    np.testing.assert_allclose(codes.quaternion[2], [np.cos(0.25), 0, np.sin(0.25), 0], atol=1e-6)
    nose = codes.rotation[2] @ [0, 0, 1]
    assert nose[0] > 0.4 and nose[2] > 0.8


@pytest.mark.parametrize("axes", AXES)
def test_lines_read_back(saved: SavedTrack, axes: Axes) -> None:
    codes = Codes.of(saved.track, [1, 2], Convention("head", axes, "mm"))
    lost, tracked = (json.loads(line) for line in jsonl_bytes(codes).decode().splitlines())
    assert (
        lost["rotation"] is lost["translation"] is lost["expression"] is lost["confidence"] or lost["status"] == "lost"
    )
    assert lost["translation"] is None and lost["expression"] is None and lost["residual_mm"] is None
    rotation = np.array(tracked["rotation"])
    w, x, y, z = tracked["quaternion"]
    assert np.linalg.det(rotation) == pytest.approx(1, abs=1e-5)
    assert rotation[0, 0] == pytest.approx(1 - 2 * (y * y + z * z), abs=1e-5)
    assert rotation[1, 0] == pytest.approx(2 * (x * y + w * z), abs=1e-5)
    assert tracked["expression"]["jawOpen"] == pytest.approx(0.5)
    assert (tracked["axes"], tracked["unit"]) == (axes, "mm")
    assert np.linalg.norm(tracked["translation"]) == pytest.approx(1000 * np.linalg.norm([0.1, 0.02, 0.6]), rel=1e-5)


def test_arrays_read_back_and_are_a_track(codes: Codes, saved: SavedTrack, tmp_path: Path) -> None:
    path = tmp_path / "codes.npz"
    path.write_bytes(npz_bytes(codes))
    again = load_track(path)
    np.testing.assert_array_equal(again.rotation, saved.track.rotation)
    with np.load(path, allow_pickle=False) as arrays:
        np.testing.assert_allclose(arrays["pose_translation"][0], [10, 2, -60], rtol=1e-6)
        assert np.isnan(arrays["pose_rotation"][1]).all()
        assert json.loads(str(arrays["convention"]))["unit"] == "cm"


def test_weights_without_names_are_numbered(saved: SavedTrack) -> None:
    nameless = replace(saved.track, expression_names=np.array([], dtype=np.str_))
    assert Codes.of(nameless, [0], IN_CM).names[:2] == ["expression_000", "expression_001"]


def test_quaternions_do_not_jump() -> None:
    """A head that turns round and round, with a gap in which it was not seen."""
    angles = np.linspace(0, 4 * np.pi, 60)
    rotation = np.zeros((60, 3, 3))
    rotation[:, 0, 0] = rotation[:, 2, 2] = np.cos(angles)
    rotation[:, 0, 2], rotation[:, 2, 0], rotation[:, 1, 1] = np.sin(angles), -np.sin(angles), 1
    rotation[20:23] = np.nan
    found = quaternions(rotation)
    known = found[np.isfinite(found[:, 0])]
    assert len(known) == 57 and np.isnan(found[20:23]).all()
    assert ((known[1:] * known[:-1]).sum(axis=1) > 0).all()
    np.testing.assert_allclose(np.linalg.norm(known, axis=1), 1)
    assert np.isnan(quaternions(rotation[20:23])).all()
