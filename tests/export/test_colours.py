"""Colours of vertices: those that a recording shows where it sees them, grey elsewhere, read back from the files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import trimesh

from dphm_core import cli
from dphm_core.errors import SourceError
from dphm_core.export.colours import UNSEEN, RecordedColours
from dphm_core.export.export import export_track
from dphm_core.export.options import ExportOptions
from dphm_core.export.plan import plan_export
from dphm_core.meshing.writers import mesh_encoder
from dphm_core.output.saved_track import SavedTrack
from dphm_core.sources.selection import Selection

WIDTH, HEIGHT, FOCAL, DEPTH_M = 160, 120, 150.0, 0.5
RED, BLUE = (200, 30, 20), (10, 40, 220)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Three frames of a wall half a metre away, red on the left and blue on the right; something is before its top.

    Frame 1 has no colour file.
    """
    folder = tmp_path / "wall"
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[:, : WIDTH // 2], image[:, WIDTH // 2 :] = RED[::-1], BLUE[::-1]
    depth = np.full((HEIGHT, WIDTH), 1000 * DEPTH_M, np.uint16)
    depth[: HEIGHT // 4] = 300
    for name, picture in (("color", image), ("depth", depth)):
        (folder / name).mkdir(parents=True)
        for frame in range(3):
            if (name, frame) != ("color", 1):
                cv2.imwrite(str(folder / name / f"{frame:05d}.png"), picture)
    camera = {"fx": FOCAL, "fy": FOCAL, "cx": WIDTH / 2 - 0.5, "cy": HEIGHT / 2 - 0.5}
    (folder / "calibration.json").write_text(json.dumps({"color": camera}))
    return folder


@pytest.fixture
def recorded(recording: Path) -> Iterator[RecordedColours]:
    with RecordedColours(str(recording), Selection()) as colours:
        yield colours


def wall() -> tuple[np.ndarray, np.ndarray]:
    """A sheet of 21 x 21 vertices at the wall, larger than what is seen of it; faces the camera."""
    across = np.linspace(-0.4, 0.4, 21, dtype=np.float32)
    x, y = np.meshgrid(across, across)
    vertices = np.column_stack([x.ravel(), y.ravel(), np.full(x.size, DEPTH_M, np.float32)])
    corner = np.arange(441).reshape(21, 21)
    a, b, c, d = (part.ravel() for part in (corner[:-1, :-1], corner[:-1, 1:], corner[1:, 1:], corner[1:, :-1]))
    return vertices, np.concatenate([np.stack([a, c, b], 1), np.stack([a, d, c], 1)]).astype(np.int32)


def test_each_vertex_has_the_colour_of_its_pixel(recorded: RecordedColours) -> None:
    vertices, faces = wall()
    colours = recorded.of(0, vertices, faces)
    pixels = vertices[:, :2] * FOCAL / DEPTH_M
    inside = (np.abs(pixels) < (WIDTH / 2 - 6, HEIGHT / 2 - 6)).all(axis=1)
    behind = pixels[:, 1] < -HEIGHT / 4 + 6
    outside = (np.abs(pixels) > (WIDTH / 2 + 6, HEIGHT / 2 + 6)).any(axis=1)
    for side, colour in ((pixels[:, 0] < -2, RED), (pixels[:, 0] > 2, BLUE)):
        chosen = inside & ~behind & side
        assert chosen.sum() > 20
        assert (colours[chosen] == colour).all()
    assert (colours[outside] == UNSEEN).all()
    assert (colours[behind & (pixels[:, 1] < -HEIGHT / 4 - 6)] == UNSEEN).all()
    middle = inside & ~behind & (np.abs(pixels[:, 0]) < 0.1)
    np.testing.assert_allclose(colours[middle], [np.mean([RED, BLUE], axis=0)] * middle.sum(), atol=2)  # between both
    assert recorded.note == ""


def test_a_mesh_that_shows_its_back_has_no_colours(recorded: RecordedColours) -> None:
    vertices, faces = wall()
    assert (recorded.of(0, vertices, faces[:, ::-1].copy()) == UNSEEN).all()
    assert "is it the one that was tracked" in recorded.note


def test_frames_that_are_not_there_are_grey(recorded: RecordedColours) -> None:
    vertices, faces = wall()
    assert (recorded.of(1, vertices, faces) == UNSEEN).all()
    assert (recorded.of(2, vertices, faces) != UNSEEN).any()
    assert (recorded.of(9, vertices, faces) == UNSEEN).all()


@pytest.mark.parametrize("extension", [".ply", ".obj"])
@pytest.mark.parametrize("normals", [True, False])
def test_colours_read_back(tmp_path: Path, extension: str, normals: bool) -> None:
    vertices, faces = wall()
    colours = np.random.default_rng(0).integers(0, 256, vertices.shape, dtype=np.uint8)
    path = tmp_path / f"wall{extension}"
    path.write_bytes(mesh_encoder(extension, faces, "a wall", normals)(vertices, colours))
    mesh = trimesh.load_mesh(path, process=False, maintain_order=True)
    np.testing.assert_allclose(mesh.vertices, vertices, atol=1e-6)
    assert (mesh.faces == faces).all()
    assert np.abs(mesh.visual.vertex_colors[:, :3].astype(int) - colours).max() <= (0 if extension == ".ply" else 1)


def test_an_export_with_colours(saved: SavedTrack, recording: Path, tmp_path: Path) -> None:
    """Its heads are nowhere near that wall, which is told."""
    options = ExportOptions(mesh_format="ply,glb", codes="none", colours=str(recording))
    plan = plan_export(saved, tmp_path / "out", options)
    summary = export_track(saved, tmp_path / "out", options, lambda done, total: None)
    assert "colours: the head is hardly seen in that recording" in summary.notes[0]
    assert summary.notes[-1] == "GLB: without colours, which PLY and OBJ hold"
    assert plan.files == summary.files == 4
    mesh = trimesh.load_mesh(tmp_path / "out" / "meshes" / "00003.ply", process=False)
    assert (mesh.visual.vertex_colors[:, :3] == UNSEEN).all()
    with pytest.raises(SourceError, match="does not exist"):
        export_track(saved, tmp_path / "two", replace(options, colours="nowhere"), lambda done, total: None)
    assert not (tmp_path / "two").exists()


def test_the_command_line_takes_a_recording(results: Path, recording: Path, tmp_path: Path) -> None:
    assert cli.main(["export", str(results), "--out", str(tmp_path / "out"), "--colours", str(recording)]) == 0
    assert b"property uchar red" in (tmp_path / "out" / "meshes" / "00003.ply").read_bytes()[:600]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ["--mesh-format", "glb,pc2", "--colours", "R"],
            "GLB, PC2: without colours, which PLY and OBJ hold; choose one of them",
        ),
        (["--meshes", "none", "--colours", "R"], "colours: none are written"),
        (["--mesh-format", "ply,glb,mdd", "--no-normals"], "GLB: with normals all the same; only PLY and OBJ"),
        (["--mesh-format", "ply,obj", "--colours", "R", "--no-normals"], ""),
        (["--mesh-format", "glb,pc2"], ""),
    ],
)
def test_what_no_file_holds_is_told(
    results: Path, recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    wanted = [str(recording) if word == "R" else word for word in words]
    assert cli.main(["export", str(results), "--out", str(tmp_path / "out"), *wanted]) == 0
    shown = capsys.readouterr().out
    assert told in shown
    assert told or not re.search("without colours|none are written|all the same", shown)
