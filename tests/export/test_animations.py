"""Animated files read back by other libraries: the same points at the same times, told in what axes, all or nothing."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pygltflib
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from dphm_core import cli
from dphm_core.errors import Cancelled, SettingError
from dphm_core.export.animation import animation_of, sequence_convention
from dphm_core.export.convention import AXES, UNITS, Convention
from dphm_core.export.export import export_track
from dphm_core.export.options import Axes, ExportOptions, Space, Unit
from dphm_core.export.plan import plan_export
from dphm_core.meshing.formats import FORMATS, animated
from dphm_core.output.saved_track import SavedTrack
from dphm_core.sources.selection import Selection

ANIMATED = [name for name, entry in FORMATS.items() if entry.sequence is not None]
HELD = (0, 0, 2)
"""Row whose head each row of the track shows: the second has none."""


def quiet(done: int, total: int | None) -> None:
    pass


def export(saved: SavedTrack, out: Path, options: ExportOptions) -> Path:
    """The animated file of an export of one format."""
    export_track(saved, out, replace(options, codes="none"), quiet)
    return out / f"head.{options.mesh_format}"


def expected(saved: SavedTrack, row: int, convention: Convention) -> np.ndarray:
    vertices_cam = saved.vertices_cam(row)
    assert vertices_cam is not None
    return convention.points(vertices_cam, saved.pose(row))


class Glb:
    """The animation of a GLB, evaluated from its accessors as pygltflib gives them."""

    def __init__(self, path: Path) -> None:
        self.gltf = gltf = pygltflib.GLTF2().load(str(path))
        assert gltf is not None
        self.blob = gltf.binary_blob()
        self.primitive = gltf.meshes[0].primitives[0]
        self.faces = self.values(self.primitive.indices).reshape(-1, 3)
        self.base = self.values(self.primitive.attributes.POSITION)
        self.offsets = np.stack([self.values(target["POSITION"]) for target in self.primitive.targets])
        self.channels = {
            channel.target.path: gltf.animations[0].samplers[channel.sampler] for channel in gltf.animations[0].channels
        }
        self.times = self.values(self.channels["weights"].input)

    def values(self, number: int) -> np.ndarray:
        accessor = self.gltf.accessors[number]
        width = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}[accessor.type]
        if accessor.bufferView is None:
            found = np.zeros((accessor.count, width), np.float32)
        else:
            found = self._view(accessor.bufferView, accessor.componentType, width)
        if accessor.sparse is not None:
            indices = self._view(accessor.sparse.indices.bufferView, accessor.sparse.indices.componentType, 1).ravel()
            found[indices] = self._view(accessor.sparse.values.bufferView, accessor.componentType, width)
        assert len(found) == accessor.count
        if accessor.min:
            np.testing.assert_allclose(found.min(axis=0), accessor.min)
            np.testing.assert_allclose(found.max(axis=0), accessor.max)
        return found

    def at(self, sample: int) -> np.ndarray:
        weights = self.values(self.channels["weights"].output).reshape(len(self.times), -1)[sample]
        turn = Rotation.from_quat(self.values(self.channels["rotation"].output)[sample])
        points = self.base + np.tensordot(weights, self.offsets, 1)
        return turn.apply(points) + self.values(self.channels["translation"].output)[sample]

    def _view(self, number: int, component: int, width: int) -> np.ndarray:
        view = self.gltf.bufferViews[number]
        content = self.blob[view.byteOffset : view.byteOffset + view.byteLength]
        kind = {5126: np.float32, 5123: np.uint16, 5125: np.uint32}[component]
        return np.frombuffer(content, kind).reshape(-1, width).copy()


@pytest.mark.parametrize("targets", ["codes", "basis", "frames"])
@pytest.mark.parametrize("space", ["camera", "head", "canonical"])
def test_glb(saved: SavedTrack, tmp_path: Path, space: Space, targets: str) -> None:
    options = ExportOptions(mesh_format="glb", space=space, glb_targets=targets)  # type: ignore[arg-type]
    glb = Glb(export(saved, tmp_path, options))
    np.testing.assert_allclose(glb.times.ravel(), [0, 0.1, 0.2], atol=1e-6)
    assert (glb.faces == saved.faces).all()
    for sample, row in enumerate(HELD):
        np.testing.assert_allclose(glb.at(sample), expected(saved, row, Convention(space)), atol=5e-6)
    told = glb.gltf.asset.extras
    assert (told["axes"], told["unit"], told["meshes_in"]) == ("y-up", "m", space)
    assert told["untracked_frames"] == [[4, 4]] and told["samples"] == 3
    names = glb.gltf.meshes[0].extras["targetNames"]
    assert len(names) == len(glb.offsets)
    assert {"codes": "jawOpen", "basis": "component_01", "frames": "frame_00003"}[targets] == names[0]


def test_glb_targets_carry_normals(saved: SavedTrack, tmp_path: Path) -> None:
    """At weight 1 of one expression, base and offset together are that mesh's normals."""
    glb = Glb(export(saved, tmp_path, ExportOptions(mesh_format="glb")))
    base = glb.values(glb.primitive.attributes.NORMAL)
    np.testing.assert_allclose(np.linalg.norm(base, axis=1), 1, atol=1e-5)
    turned = base + glb.values(glb.primitive.targets[0]["NORMAL"])
    mesh = trimesh.Trimesh(glb.base + glb.offsets[0], glb.faces, process=False)
    outwards = (turned * mesh.vertices).sum(axis=1)
    assert (outwards > 0).all()
    np.testing.assert_allclose(np.linalg.norm(turned, axis=1), 1, atol=2e-3)


def test_glb_says_what_it_cannot_have(saved: SavedTrack, tmp_path: Path) -> None:
    options = ExportOptions(mesh_format="glb,pc2", axes="z-up", unit="mm", codes="none")
    summary = export_track(saved, tmp_path, options, quiet)
    assert summary.notes[0] == "GLB: y-up, unit m, as it cannot have what was asked for"
    assert "6 expressions of the model, within 0.00" in summary.notes[1]
    np.testing.assert_allclose(Glb(tmp_path / "head.glb").at(0), expected(saved, 0, Convention()), atol=5e-6)
    facts = json.loads((tmp_path / "conventions.json").read_text())
    assert facts["animations"]["head.glb"] == {"axes": "y-up", "unit": "m"}
    assert facts["animations"]["head.pc2"] == {"axes": "z-up", "unit": "mm"}


@pytest.mark.parametrize("mesh_format", ["usd", "usda", "usdc"])
@pytest.mark.parametrize(
    ("axes", "up", "space"),
    [("y-up", "Y", "camera"), ("z-up", "Z", "head"), ("z-up", "Z", "canonical"), ("opencv", "Y", "camera")],
)
def test_usd(saved: SavedTrack, tmp_path: Path, mesh_format: str, axes: Axes, up: str, space: Space) -> None:
    pxr = pytest.importorskip("pxr.UsdGeom")
    from pxr import Usd

    options = ExportOptions(mesh_format=mesh_format, axes=axes, unit="cm", space=space)
    stage = Usd.Stage.Open(str(export(saved, tmp_path, options)))
    assert pxr.GetStageUpAxis(stage) == up
    assert pxr.GetStageMetersPerUnit(stage) == pytest.approx(0.01)
    assert stage.GetDefaultPrim().GetPath() == "/Head"
    assert (stage.GetTimeCodesPerSecond(), stage.GetStartTimeCode(), stage.GetEndTimeCode()) == (10, 0, 2)
    mesh = pxr.Mesh(stage.GetPrimAtPath("/Head/Mesh"))
    assert (np.array(mesh.GetFaceVertexIndicesAttr().Get()).reshape(-1, 3) == saved.faces).all()
    assert set(mesh.GetFaceVertexCountsAttr().Get()) == {3}
    convention = Convention(space, "z-up" if up == "Z" else "y-up", "cm")
    for sample, row in enumerate(HELD):
        points = np.array(mesh.GetPointsAttr().Get(sample))
        low, high = np.array(mesh.GetExtentAttr().Get(sample))
        np.testing.assert_array_equal((low, high), (points.min(axis=0), points.max(axis=0)))
        moved = np.array(pxr.XformCache(sample).GetLocalToWorldTransform(mesh.GetPrim()))
        world = points @ moved[:3, :3] + moved[3, :3]  # USD's vectors are rows
        np.testing.assert_allclose(world, expected(saved, row, convention), atol=5e-4 if axes == "opencv" else 5e-5)
        normals = np.array(mesh.GetNormalsAttr().Get(sample))
        assert ((normals * points).sum(axis=1) > 0).all()
    visible = [mesh.ComputeVisibility(sample) for sample in range(3)]
    assert visible == ["inherited", "invisible", "inherited"]
    told = stage.GetRootLayer().customLayerData["dphm"]
    assert told["unit"] == "cm" and told["untracked_frames"] == "[[4, 4]]"
    assert "unit cm" in stage.GetRootLayer().documentation


def test_usd_files_are_closed_however_it_ends(saved: SavedTrack, tmp_path: Path) -> None:
    sdf = pytest.importorskip("pxr.Sdf")
    options = ExportOptions(mesh_format="usd,usda", codes="none")

    def cancel_late(done: int, total: int | None) -> None:
        if done >= 5:
            raise Cancelled("Exporting was cancelled")

    for tell in (quiet, cancel_late):
        try:
            export_track(saved, tmp_path / tell.__name__, options, tell)
        except Cancelled as error:
            assert tell is cancel_late and error.__traceback__ is not None
            assert not [layer for layer in sdf.Layer.GetLoadedLayers() if "head" in layer.identifier]
    assert not [layer for layer in sdf.Layer.GetLoadedLayers() if "head" in layer.identifier]
    assert (tmp_path / "quiet" / "head.usd").exists() and not (tmp_path / "cancel_late").exists()


def test_a_model_without_named_expressions_gets_a_basis(saved: SavedTrack, tmp_path: Path) -> None:
    unnamed = replace(saved, track=replace(saved.track, expression_names=np.array([], dtype=str)))
    glb = Glb(export(unnamed, tmp_path, ExportOptions(mesh_format="glb")))
    assert glb.gltf.asset.extras["targets"] == "principal shapes"
    for sample, row in enumerate(HELD):
        np.testing.assert_allclose(glb.at(sample), expected(saved, row, Convention()), atol=5e-6)


def read_pc2(path: Path) -> tuple[np.ndarray, list[float]]:
    content = path.read_bytes()
    magic, version, points, start, rate, samples = struct.unpack("<12siiffi", content[:32])
    assert (magic, version, start, rate) == (b"POINTCACHE2\0", 1, 0.0, 1.0)
    return np.frombuffer(content[32:], "<f4").reshape(samples, points, 3), [k * rate for k in range(samples)]


def read_mdd(path: Path) -> tuple[np.ndarray, list[float]]:
    content = path.read_bytes()
    samples, points = struct.unpack(">ii", content[:8])
    times = np.frombuffer(content[8 : 8 + 4 * samples], ">f4")
    return np.frombuffer(content[8 + 4 * samples :], ">f4").reshape(samples, points, 3), times.tolist()


@pytest.mark.parametrize(("mesh_format", "read"), [("pc2", read_pc2), ("mdd", read_mdd)])
@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize("unit", UNITS)
def test_point_caches(
    saved: SavedTrack, tmp_path: Path, mesh_format: str, axes: Axes, unit: Unit,
    read: Callable[[Path], tuple[np.ndarray, list[float]]],
) -> None:  # fmt: skip
    options = ExportOptions(mesh_format=mesh_format, axes=axes, unit=unit)
    samples, times = read(export(saved, tmp_path, options))
    convention = Convention("camera", axes, unit)
    for sample, row in zip(samples, HELD, strict=True):
        np.testing.assert_allclose(sample, expected(saved, row, convention), atol=5e-6 * UNITS[unit])
    assert np.diff(times) == pytest.approx([1, 1] if mesh_format == "pc2" else [0.1, 0.1])
    rest = trimesh.load_mesh(tmp_path / "head_rest.obj", process=False, maintain_order=True)
    assert (rest.faces == saved.faces).all()
    np.testing.assert_allclose(rest.vertices, samples[0], atol=2e-6 * UNITS[unit])


def with_times(saved: SavedTrack, timestamps_s: list[float], frames: list[int]) -> SavedTrack:
    track = replace(saved.track, timestamp_s=np.array(timestamps_s), frame_index=np.array(frames))
    return replace(saved, track=track)


def test_point_caches_fill_gaps_with_the_nearest_frame(saved: SavedTrack, tmp_path: Path) -> None:
    """Their clock is even: a frame that the camera lost is one that stands still."""
    gappy = with_times(saved, [5.0, 5.1, 5.4], [3, 4, 7])
    samples, _ = read_pc2(export(gappy, tmp_path, ExportOptions(mesh_format="pc2")))
    assert animation_of(gappy, [0, 1, 2], ExportOptions(), animated("pc2")).fps == 5.0
    assert len(samples) == 3  # 0, 0.2 and 0.4 s at the median rate
    np.testing.assert_array_equal(samples[0], samples[1])
    assert np.abs(samples[2] - samples[1]).max() > 0.01


@pytest.mark.parametrize("timestamps_s", [[0.2, 0.1, 0.3], [0.0, 0.0, 0.0], [float("nan"), 1.0, 2.0]])
def test_clocks_that_do_not_rise_are_replaced(saved: SavedTrack, tmp_path: Path, timestamps_s: list[float]) -> None:
    broken = with_times(saved, timestamps_s, [3, 4, 7])
    times = Glb(export(broken, tmp_path, ExportOptions(mesh_format="glb"))).times.ravel()
    np.testing.assert_allclose(times, [0, 1 / 30, 4 / 30], atol=1e-6)


def test_a_cameras_clock_is_taken_for_the_rate_that_it_is_said_to_have(saved: SavedTrack) -> None:
    nearly = with_times(saved, [0.0, 0.033322, 0.066644], [3, 4, 5])
    assert animation_of(nearly, [0, 1, 2], ExportOptions(), animated("usd")).fps == 30.0


def test_the_first_head_is_there_before_it_was_seen(saved: SavedTrack, tmp_path: Path) -> None:
    options = ExportOptions(mesh_format="glb", frames=Selection(4))
    glb = Glb(export(saved, tmp_path, options))
    np.testing.assert_allclose(glb.at(0), expected(saved, 2, Convention()), atol=5e-6)
    assert glb.gltf.asset.extras["untracked_frames"] == [[4, 4]]


@pytest.mark.parametrize("name", ANIMATED)
def test_formats_only_claim_conventions_that_there_are(name: str) -> None:
    sequence = animated(name)
    assert set(sequence.axes) <= set(AXES) and set(sequence.units) <= set(UNITS)
    for axes in AXES:
        assert sequence_convention(sequence, ExportOptions(axes=axes)).axes in sequence.axes


def test_one_command_writes_every_format(results: Path, tmp_path: Path) -> None:
    pytest.importorskip("pxr")
    words = ["export", str(results), "--out", str(tmp_path), "--mesh-format", "all", "--codes", "all"]
    assert cli.main(words) == 0
    written = {path.name for path in tmp_path.rglob("*.*") if path.is_file() and path.parent == tmp_path}
    codes = {"codes.csv", "codes.jsonl", "codes.npz", "codes.livelink.csv"}  # the model has names: no official codes
    assert written == codes | {"conventions.json", "head.glb", "head.usd", "head.pc2", "head.mdd", "head_rest.obj"}


def test_all_is_every_format_once(saved: SavedTrack, tmp_path: Path) -> None:
    pytest.importorskip("pxr")
    options = ExportOptions(mesh_format="all", frames=Selection(7))
    told: list[tuple[int, int | None]] = []
    plan = plan_export(saved, tmp_path / "out", options)
    summary = export_track(saved, tmp_path / "out", options, lambda *step: told.append(step))
    written = {path.name for path in (tmp_path / "out").rglob("*.*") if path.is_file()}
    animations = {"head.glb", "head.mdd", "head.pc2", "head.usd", "head_rest.obj"}
    assert written == {"00007.obj", "00007.ply", "codes.csv", "conventions.json", *animations}
    assert (summary.files, summary.meshes, summary.animations) == (plan.files, 2, 4) == (9, 2, 4)
    assert told[-1][0] == told[-1][1] and [step for step, _ in told] == sorted(step for step, _ in told)
    assert summary.words.startswith("2 meshes and 4 animations, ")


@pytest.mark.parametrize("name", ANIMATED)
@pytest.mark.parametrize("step", [1, 3, 4])
def test_a_cancelled_export_leaves_nothing(saved: SavedTrack, tmp_path: Path, name: str, step: int) -> None:
    def tell(done: int, total: int | None) -> None:
        if done >= step:
            raise Cancelled("Exporting was cancelled")

    with pytest.raises(Cancelled):
        export_track(saved, tmp_path / "new" / "out", ExportOptions(mesh_format=name, codes="none"), tell)
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_export_with_animations_is_replaced(saved: SavedTrack, tmp_path: Path) -> None:
    export_track(saved, tmp_path, ExportOptions(mesh_format="glb,pc2"), quiet)
    export_track(saved, tmp_path, ExportOptions(mesh_format="mdd", codes="none", overwrite=True), quiet)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["conventions.json", "head.mdd", "head_rest.obj"]


def test_what_cannot_be_is_told(saved: SavedTrack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingError, match="cannot be 'glb,fbx'"):
        ExportOptions(mesh_format="glb,fbx")
    assert ExportOptions(mesh_format="PLY, Glb").sequence_formats == ["glb"]
    with pytest.raises(SettingError, match="choose ply or obj for the frame on screen"):
        ExportOptions(meshes="current", mesh_format="glb")
    monkeypatch.setattr("dphm_core.meshing.morphs.MOST_FRAME_TARGETS", 2)
    with pytest.raises(SettingError, match="choose 2 frames or fewer"):
        export(saved, tmp_path / "out", ExportOptions(mesh_format="glb", glb_targets="frames"))
    monkeypatch.setattr("dphm_core.meshing.usd.find_spec", lambda name: None)
    with pytest.raises(SettingError, match="need the package usd-core"):
        export(saved, tmp_path / "out", ExportOptions(mesh_format="usd"))
    summary = export_track(saved, tmp_path / "out", ExportOptions(mesh_format="all"), quiet)
    assert summary.animations == 3 and "usd-core" in summary.notes[0]


def test_the_command_line_writes_several(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["export", str(results), "--out", str(tmp_path / "out"), "--mesh-format", "ply,glb"]
    assert cli.main([*words, "--glb-targets", "basis"]) == 0
    printed = capsys.readouterr().out
    assert "2 meshes and 1 animation, " in printed and "principal shapes, within 0.0" in printed
    assert cli.main([*words[:-1], "glb,fbx"]) == 2
    assert "cannot be 'glb,fbx'" in capsys.readouterr().err
