"""Exports read back by other libraries: the same surface, outside out, where the convention says; all or nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh

from dphm_core import cli
from dphm_core.errors import Cancelled, OutputError, SettingError
from dphm_core.export.convention import AXES, UNITS, Convention
from dphm_core.export.export import export_mesh, export_track
from dphm_core.export.folder import free_name
from dphm_core.export.options import Axes, ExportOptions, Space, Unit
from dphm_core.export.plan import CurrentMesh, plan_export
from dphm_core.files import file_size
from dphm_core.output.saved_track import SavedTrack
from dphm_core.sources.selection import Selection

MESHES_ONLY = ExportOptions(codes="none")


def quiet(done: int, total: int | None) -> None:
    pass


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def read(path: Path) -> trimesh.Trimesh:
    return trimesh.load_mesh(path, process=False, maintain_order=True)


@pytest.mark.parametrize("mesh_format", ["ply", "obj"])
@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize("space", ["camera", "head", "canonical"])
def test_meshes_read_back_outside_out(
    saved: SavedTrack, tmp_path: Path, mesh_format: str, axes: Axes, space: Space
) -> None:
    """A mirrored mesh would have its inside out, as faces keep their order."""
    options = ExportOptions(mesh_format=mesh_format, codes="none", space=space, axes=axes, unit="cm")
    export_track(saved, tmp_path / "out", options, quiet)
    mesh = read(tmp_path / "out" / "meshes" / f"00007.{mesh_format}")
    vertices_cam, pose = saved.vertices_cam(2), saved.pose(2)
    assert vertices_cam is not None and pose is not None
    expected = Convention(space, axes, "cm").points(vertices_cam, pose)
    np.testing.assert_allclose(mesh.vertices, expected, atol=1e-5)
    assert (mesh.faces == saved.faces).all()
    original = trimesh.Trimesh(vertices_cam, saved.faces, process=False)
    assert original.volume > 0
    size = 1 / pose.scale if space == "canonical" else 1.0
    assert mesh.volume == pytest.approx(original.volume * (100 * size) ** 3, rel=1e-4)


@pytest.mark.parametrize("axes", AXES)
def test_the_left_of_the_head_is_on_the_right_of_the_image(saved: SavedTrack, tmp_path: Path, axes: Axes) -> None:
    """Frame 3 looks into the camera: what is leftmost of the subject has the largest x, in both spaces."""
    vertices_head = saved.vertices_head(0)
    assert vertices_head is not None
    leftmost = int(vertices_head[:, 0].argmax())
    for space in ("camera", "head"):
        export_track(saved, tmp_path / space, replace(MESHES_ONLY, space=space, axes=axes), quiet)
        assert read(tmp_path / space / "meshes" / "00003.ply").vertices[:, 0].argmax() == leftmost


def test_the_head_space_is_metric_and_still(saved: SavedTrack, tmp_path: Path) -> None:
    export_track(saved, tmp_path / "out", replace(MESHES_ONLY, space="head", unit="mm"), quiet)
    for row, name in ((0, "00003.ply"), (2, "00007.ply")):
        vertices_head = saved.vertices_head(row)
        assert vertices_head is not None
        np.testing.assert_allclose(
            read(tmp_path / "out" / "meshes" / name).vertices, vertices_head * 250 * 1.05, atol=1e-3
        )


def test_files_and_summary(saved: SavedTrack, tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    summary = export_track(saved, tmp_path / "new" / "out", ExportOptions(), lambda *step: told.append(step))
    assert names(tmp_path / "new" / "out") == ["codes.csv", "conventions.json", "meshes/00003.ply", "meshes/00007.ply"]
    assert (summary.files, summary.meshes) == (4, 2)
    assert summary.bytes == sum(path.stat().st_size for path in (tmp_path / "new").rglob("*") if path.is_file())
    assert told[-1] == (4, 4)
    assert "2 meshes, " in summary.words
    facts = json.loads((tmp_path / "new" / "out" / "conventions.json").read_text())
    assert facts["axes"] == "y-up" and facts["unit"] == "m" and facts["meshes_in"] == "camera"
    assert [path.name for path in (tmp_path / "new" / "out").iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("mesh_format", ["ply", "obj"])
def test_mesh_files_say_what_they_are_in(saved: SavedTrack, tmp_path: Path, mesh_format: str) -> None:
    options = ExportOptions(mesh_format=mesh_format, codes="none", axes="z-up", unit="mm")
    export_track(saved, tmp_path, options, quiet)
    head = (tmp_path / "meshes" / f"00003.{mesh_format}").read_bytes()[:400]
    assert b"camera space, x right, y forward" in head and b"unit mm" in head


def test_only_chosen_frames(saved: SavedTrack, tmp_path: Path) -> None:
    options = ExportOptions(frames=Selection(4, 8), codes="jsonl")
    export_track(saved, tmp_path / "out", options, quiet)
    assert names(tmp_path / "out") == ["codes.jsonl", "conventions.json", "meshes/00007.ply"]
    lines = (tmp_path / "out" / "codes.jsonl").read_text().splitlines()
    assert [json.loads(line)["frame"] for line in lines] == [4, 7]


def test_what_is_not_there_is_told(saved: SavedTrack, tmp_path: Path) -> None:
    for track, options, told in (
        (saved, ExportOptions(frames=Selection(8)), "the track has frames 3 to 7"),
        (saved, replace(MESHES_ONLY, frames=Selection(4, 5)), "no head was tracked"),
        (saved, ExportOptions(meshes="current"), "no mesh on screen"),
        (None, ExportOptions(), "track all frames first"),
    ):
        with pytest.raises(SettingError, match=told):
            export_track(track, tmp_path / "out", options, quiet)
    assert not (tmp_path / "out").exists()


def test_the_mesh_on_screen_needs_no_track(saved: SavedTrack, tmp_path: Path) -> None:
    vertices_cam, pose = saved.vertices_cam(2), saved.pose(2)
    assert vertices_cam is not None and pose is not None
    current = CurrentMesh(12, vertices_cam, saved.faces, pose)
    options = ExportOptions(meshes="current", codes="none", space="head", axes="opencv")
    assert plan_export(None, tmp_path / "out", options, current).files == 2
    summary = export_track(None, tmp_path / "out", options, quiet, current)
    assert names(tmp_path / "out") == ["conventions.json", "meshes/00012.ply"]
    assert summary.words.startswith("1 mesh, ")
    export_mesh(vertices_cam, saved.faces, pose, tmp_path / "one.ply", options)
    assert (tmp_path / "one.ply").read_bytes() == (tmp_path / "out" / "meshes" / "00012.ply").read_bytes()


def cancelled_after(files: int):
    def tell(done: int, total: int | None) -> None:
        if done >= files:
            raise Cancelled("Exporting was cancelled")

    return tell


@pytest.mark.parametrize("files", [0, 1, 3, 4])
def test_a_cancelled_export_leaves_nothing(saved: SavedTrack, tmp_path: Path, files: int) -> None:
    with pytest.raises(Cancelled):
        export_track(saved, tmp_path / "new" / "out", ExportOptions(), cancelled_after(files))
    assert list(tmp_path.iterdir()) == []


def test_a_cancelled_export_leaves_the_earlier_one(saved: SavedTrack, tmp_path: Path) -> None:
    export_track(saved, tmp_path, ExportOptions(), quiet)
    before = {name: (tmp_path / name).read_bytes() for name in names(tmp_path)}
    with pytest.raises(Cancelled):
        export_track(saved, tmp_path, ExportOptions(overwrite=True, unit="mm"), cancelled_after(2))
    assert {name: (tmp_path / name).read_bytes() for name in names(tmp_path)} == before


def test_an_export_replaces_an_earlier_one_and_nothing_else(saved: SavedTrack, tmp_path: Path) -> None:
    export_track(saved, tmp_path, ExportOptions(), quiet)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="is not empty"):
        export_track(saved, tmp_path, ExportOptions(), quiet)
    options = ExportOptions(mesh_format="obj", codes="npz", frames=Selection(7), overwrite=True)
    export_track(saved, tmp_path, options, quiet)
    assert names(tmp_path) == ["codes.npz", "conventions.json", "meshes/00007.obj", "notes.txt"]


def test_what_others_put_there_stays(saved: SavedTrack, tmp_path: Path) -> None:
    """Meshes in a folder that no export made are not an earlier export's."""
    (tmp_path / "meshes").mkdir()
    (tmp_path / "meshes" / "00099.ply").write_text("theirs")
    export_track(saved, tmp_path, replace(MESHES_ONLY, overwrite=True), quiet)
    assert "meshes/00099.ply" in names(tmp_path)


def test_results_of_tracking_are_never_replaced(saved: SavedTrack, results: Path) -> None:
    before = names(results)
    with pytest.raises(OutputError, match="holds the results of tracking"):
        export_track(saved, results, ExportOptions(overwrite=True), quiet)
    assert names(results) == before


def test_a_full_disk_is_told_before(saved: SavedTrack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dphm_core.export.plan.SPARE_BYTES", 10**18)
    with pytest.raises(OutputError, match=r"MB left and the export takes \d+ MB, with 1000000000000 MB to spare"):
        export_track(saved, tmp_path / "out", ExportOptions(), quiet)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("codes", ["csv", "jsonl", "npz", "none"])
def test_the_plan_comes_near(saved: SavedTrack, tmp_path: Path, unit: Unit, codes: str) -> None:
    options = ExportOptions(codes=codes, unit=unit, mesh_format="obj")  # type: ignore[arg-type]
    plan = plan_export(saved, tmp_path / "out", options)
    summary = export_track(saved, tmp_path / "out", options, quiet)
    assert (plan.meshes, plan.files) == (summary.meshes, summary.files)
    assert 0.7 < plan.bytes / summary.bytes < 1.4
    assert not plan.folder_in_use
    again = plan_export(saved, tmp_path / "out", options)
    assert again.folder_in_use and again.other_folder == tmp_path / "out-2"


def test_another_name_is_free(tmp_path: Path) -> None:
    (tmp_path / "out-2").mkdir()
    assert free_name(tmp_path / "out") == tmp_path / "out-3"
    assert free_name(Path("/")).parent == Path("/")


def test_sizes_for_readers() -> None:
    assert [file_size(count) for count in (12, 4_200, 26_400_000, 1_250_000_000)] == [
        "12 bytes", "4.2 kB", "26 MB", "1.2 GB",
    ]  # fmt: skip


def test_the_command_line_exports(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["export", str(results), "--out", str(tmp_path / "out"), "--mesh-format", "obj", "--axes", "z-up"]
    assert cli.main([*words, "--unit", "cm", "--codes", "npz", "--stop", "5"]) == 0
    assert "1 mesh, " in capsys.readouterr().out
    assert names(tmp_path / "out") == ["codes.npz", "conventions.json", "meshes/00003.obj"]
    assert cli.main(words) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert cli.main([*words, "--overwrite"]) == 0
    assert cli.main(["export", str(tmp_path), "--out", str(tmp_path / "x")]) == 2
    assert "holds no track" in capsys.readouterr().err


def test_it_is_not_imported_with_anything_heavy() -> None:
    """The dialog takes the options on the GUI thread."""
    import subprocess
    import sys

    code = "import sys, dphm_core.export.options; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "cv2", "numba", "scipy"} & set(loaded)
