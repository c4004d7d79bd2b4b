"""Preparing scans: the same surface and the same skin comes out, whatever space they lie in, and faults are named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import trimesh
from scan_heads import NEUTRAL, SUBJECTS, posed, sphere, write, write_heads
from scipy.spatial import cKDTree

from dphm_core.cli import main
from dphm_core.errors import DataError, OutputError
from dphm_core.files import write_atomically
from dphm_core.training.ict import HeadGenerator, load_generator
from dphm_core.training.prepare_config import PrepareConfig, SampleCounts, SyntheticScansConfig
from dphm_core.training.prepare_scans import prepare_scans
from dphm_core.training.prepared import ScanSamples, open_prepared, write_samples
from dphm_core.training.sampling import random_identity
from dphm_core.training.synthetic_scans import skin_faces, subject_expressions, write_synthetic_scans

POINTS = SampleCounts(surface=600, off_surface=300, pairs=300)
CONFIG = PrepareConfig()


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_heads(tmp_path_factory.mktemp("heads") / "scans")


@pytest.fixture
def scans(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / "scans"))


@pytest.fixture(scope="module")
def prepared(pristine: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("prepared")
    prepare_scans(pristine, out, CONFIG, POINTS)
    return out


def contents(folder: Path) -> dict[str, list[np.ndarray]]:
    opened = open_prepared(folder)
    return {scan.path.name: list(vars(opened.read(i)).values()) for i, scan in enumerate(opened.scans)}


def assert_same(a: Path, b: Path, tolerance: float = 0) -> None:
    first, second = contents(a), contents(b)
    assert first.keys() == second.keys()
    for name, arrays in first.items():
        for mine, other in zip(arrays, second[name], strict=True):
            assert np.abs(mine.astype(float) - other).max() <= tolerance


def surface_distance(points: np.ndarray, vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance to the nearest of the triangles whose middles are nearest, and that triangle."""
    near = cKDTree(vertices[faces].mean(axis=1)).query(points, k=60)[1]
    triangles = vertices[faces[near.ravel()]].astype(np.float64)
    closest = trimesh.triangles.closest_point(triangles, np.repeat(points, 60, axis=0))
    distance = np.linalg.norm(closest.reshape(*near.shape, 3) - points[:, None], axis=2)
    best = distance.argmin(axis=1)
    rows = np.arange(len(points))
    return distance[rows, best], near[rows, best]


def test_surface_points_lie_on_the_scan_with_normals_outwards(prepared: Path) -> None:
    opened, ball = open_prepared(prepared), sphere(4)
    assert opened.subjects == SUBJECTS
    assert [scan.neutral for scan in opened.scans] == [False, True, False] * 2
    for index, scan in enumerate(opened.scans):
        samples, skin = opened.read(index), posed(ball.vertices, scan.subject, int(scan.expression))
        distance, triangle = surface_distance(samples.surface, skin, ball.faces)
        assert distance.max() < 1e-5
        truth = trimesh.Trimesh(skin, ball.faces, process=False).face_normals[triangle]
        assert np.einsum("nc,nc->n", truth, samples.normals).min() > 0.98
        assert surface_distance(samples.off_surface, skin, ball.faces)[0].min() > 0.01


def test_faces_are_in_front_and_the_torso_is_left_out(prepared: Path) -> None:
    samples = open_prepared(prepared).read(1)
    assert samples.face.mean() == 0.6
    assert samples.surface[samples.face][:, 2].min() > -0.15
    nose, head, throat = samples.anchors[33], samples.surface, samples.anchors[32]
    assert samples.face[np.linalg.norm(head - nose, axis=1) < 0.15].all()
    assert not samples.face[head[:, 1] > 0.4].any()
    assert (head[~samples.face][:, 1] > throat[1] - 0.06).all()


def test_pairs_are_the_same_skin(prepared: Path) -> None:
    opened, ball = open_prepared(prepared), sphere(3)
    for index, scan in enumerate(opened.scans):
        samples = opened.read(index)
        skin, neutral = (posed(ball.vertices, scan.subject, jaw) for jaw in (int(scan.expression), int(NEUTRAL)))
        if scan.neutral:
            assert np.array_equal(samples.posed, samples.canonical)
        height, triangle = surface_distance(samples.posed, skin, ball.faces)
        foot = trimesh.triangles.closest_point(skin[ball.faces[triangle]], samples.posed)
        weights = trimesh.triangles.points_to_barycentric(skin[ball.faces[triangle]], foot)
        there = np.einsum("nk,nkc->nc", weights, neutral[ball.faces[triangle]])
        off = np.linalg.norm(samples.canonical - there, axis=1)
        assert np.abs(off - height).max() < 3e-3  # skin bends between triangles, so heights do a little
        assert 0.2 < np.mean(height > 0.006) < 0.35  # three sigmas of the nearer half
        assert height.max() < 0.05


@pytest.mark.parametrize(("space", "unit"), [("m", 0.25), ("mm", 250.0)])
def test_units_are_recognised(prepared: Path, tmp_path: Path, space: str, unit: float) -> None:
    scans = write_heads(tmp_path / "scans", scale=unit)
    prepare_scans(scans, tmp_path / "out", CONFIG, POINTS)
    assert_same(prepared, tmp_path / "out", 1e-5)
    with pytest.raises(DataError, match=r"registration\.ply does not lie where a head does .*--space"):
        prepare_scans(scans, tmp_path / "out", PrepareConfig(space="nphm"), POINTS)


def test_nphm_meshes_stay_where_they_are_though_a_similarity_lies_beside_them(scans: Path, prepared: Path) -> None:
    for folder in scans.glob("*/*"):
        np.save(folder / "s.npy", 3.9)
        np.save(folder / "R.npy", np.eye(3))
        np.save(folder / "t.npy", [0.1, 0.2, 0.3])
    prepare_scans(scans, scans.parent / "out", CONFIG, POINTS)
    assert_same(prepared, scans.parent / "out")


def test_obj_files_give_the_same(prepared: Path, tmp_path: Path) -> None:
    prepare_scans(write_heads(tmp_path / "scans", ".obj"), tmp_path / "out", CONFIG, POINTS)
    assert_same(prepared, tmp_path / "out", 1e-4)


def test_scans_wound_the_other_way_round_are_turned(scans: Path, prepared: Path) -> None:
    for path in scans.glob("*/*/scan.ply"):
        mesh = trimesh.load(path, process=False)
        write(path, mesh.vertices, mesh.faces[:, [0, 2, 1]])
    prepare_scans(scans, scans.parent / "out", CONFIG, POINTS)
    samples = open_prepared(scans.parent / "out").read(0)
    assert np.einsum("nc,nc->n", samples.normals, samples.surface - [0, 0, -0.15]).min() > 0


def test_processes_and_order_make_no_difference(pristine: Path, prepared: Path, tmp_path: Path) -> None:
    prepare_scans(pristine, tmp_path, PrepareConfig(workers=2), POINTS)
    assert_same(prepared, tmp_path)
    for path in prepared.glob("*.npz"):
        assert path.read_bytes() == (tmp_path / path.name).read_bytes()


def test_goes_on_after_an_interruption(scans: Path, tmp_path: Path, prepared: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        assert total == 6
        if done == 2:
            raise KeyboardInterrupt

    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        prepare_scans(scans, out, CONFIG, POINTS, interrupt)
    with pytest.raises(DataError, match=r"no finished prepared scans .*dphm train prepare"):
        open_prepared(out)
    made: list[int] = []
    result = prepare_scans(scans, out, CONFIG, POINTS, lambda done, total: made.append(done))
    assert (result.scans, result.kept, made) == (6, 2, [1, 2, 3, 4])
    assert_same(prepared, out)
    assert prepare_scans(scans, out, CONFIG, POINTS).kept == 6
    (out / "017-000.npz").write_bytes(b"PK")
    (scans / "018" / "002" / "scan.ply").touch()
    assert prepare_scans(scans, out, CONFIG, POINTS).kept == 4
    assert_same(prepared, out)
    assert prepare_scans(scans, out, PrepareConfig(seed=1), POINTS).kept == 0


def test_a_full_disk_loses_nothing(scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = 0

    def until_full(path: Path, content: bytes) -> None:
        nonlocal written
        written += 1
        if written == 4:
            raise OutputError(f"{path} cannot be written: No space left on device; check the disk")
        write_atomically(path, content)

    out = tmp_path / "out"
    monkeypatch.setattr("dphm_core.training.prepared.write_atomically", until_full)
    with pytest.raises(OutputError, match=r"018-000\.npz cannot be written: No space"):
        prepare_scans(scans, out, CONFIG, POINTS)
    assert sorted(path.name for path in out.iterdir()) == ["017-000.npz", "017-001.npz", "017-002.npz"]
    assert prepare_scans(scans, out, CONFIG, POINTS).kept == 3


def broken_scan(change: Callable[[trimesh.Trimesh], None], kind: str = "scan") -> Callable[[Path], None]:
    def breaks(scans: Path) -> None:
        path = scans / "017" / "002" / f"{kind}.ply"
        mesh = trimesh.load(path, process=False)
        vertices, faces = np.array(mesh.vertices), np.array(mesh.faces)
        vertices, faces = change(vertices, faces)
        write(path, vertices, faces)

    return breaks


def with_nan(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    vertices[5] = np.nan
    return vertices, faces


def faces_beyond(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return vertices[:-1], faces


BAD_SCANS = {
    r"017/002/scan\.ply has 1 vertices that are not finite": broken_scan(with_nan),
    r"017/002/scan\.ply is damaged: faces name vertices 0 to 2561": broken_scan(faces_beyond),
    r"017/002/scan\.ply holds no triangles": broken_scan(lambda v, f: (v, f[:0])),
    r"017/002/scan\.ply is no mesh": lambda scans: (scans / "017/002/scan.ply").write_bytes(b"ply\nnonsense"),
    r"017/002/scan\.ply is missing": lambda scans: (scans / "017/002/scan.ply").unlink(),
    r"017/002/scan\.ply: there is no surface": broken_scan(lambda v, f: (v * 0, f)),
    r"017/002/scan\.ply: there is no surface around": broken_scan(lambda v, f: (v + 9, f)),
    r"017/002/scan\.ply: no surface .* registration's face": broken_scan(lambda v, f: (v * 0.2 - [0, 0, 0.5], f)),
    r"017/002/registration\.ply is missing": lambda scans: (scans / "017/002/registration.ply").unlink(),
    r"017/002/registration\.ply has 163 vertices.*one template": lambda scans: write(
        scans / "017/002/registration.ply", np.vstack([posed(sphere(2).vertices, 0, 2), [[0, 0, 0]]]), sphere(2).faces
    ),
    r"017/002/registration\.ply does not lie where a head does": broken_scan(lambda v, f: (v / 9, f), "registration"),
}


@pytest.mark.parametrize("message", BAD_SCANS)
def test_a_bad_scan_is_named_and_can_be_left_out(message: str, scans: Path, tmp_path: Path) -> None:
    BAD_SCANS[message](scans)
    with pytest.raises(DataError, match=message):
        prepare_scans(scans, tmp_path / "out", CONFIG, POINTS)
    result = prepare_scans(scans, tmp_path / "out", PrepareConfig(skip_bad=True), POINTS)
    assert (result.scans, result.kept, len(result.left_out)) == (5, 2, 1)
    assert not (tmp_path / "out" / "017-002.npz").exists()


def remove_subject(scans: Path) -> None:
    shutil.rmtree(scans / "018")


def shuffle_anchors(scans: Path) -> None:
    path = scans / "anchor_vertices.npy"
    np.save(path, np.random.default_rng(0).permutation(np.load(path)))


BAD_FOLDERS: dict[str, Callable[[Path], object]] = {
    r"has 1 subjects that can be used": remove_subject,
    r"scans holds no scans": lambda scans: [shutil.rmtree(scans / name) for name in SUBJECTS],
    r"018: its neutral expression is not known; .*neutrals\.json .*--neutral": lambda scans: (
        scans / "neutrals.json"
    ).write_text('{"017": "001"}'),
    r"018 has no scan '007'": lambda scans: (scans / "neutrals.json").write_text('{"017": "001", "018": "007"}'),
    r"1 left out: .*018: has no neutral": lambda scans: (scans / "neutrals.json").write_text('{"17": 1, "18": -1}'),
    r"neutrals\.json is no table": lambda scans: (scans / "neutrals.json").write_text("[1, 2]"),
    r"anchor_vertices\.npy cannot be used: its shape is \(3,\)": lambda scans: np.save(
        scans / "anchor_vertices.npy", np.arange(3)
    ),
    r"anchor_vertices\.npy should name 39": lambda scans: np.save(scans / "anchor_vertices.npy", np.arange(39) + 99999),
    r"anchor_vertices\.npy: the anchors of subject 017 lie \d+ mm from": shuffle_anchors,
    r"s\.npy is missing|registration\.ply does not lie": lambda scans: [
        write(path, trimesh.load(path, process=False).vertices + 7, sphere(3).faces)
        for path in scans.glob("*/*/registration.ply")
    ],
}


@pytest.mark.parametrize("message", BAD_FOLDERS)
def test_a_bad_folder_is_told(message: str, scans: Path, tmp_path: Path) -> None:
    BAD_FOLDERS[message](scans)
    with pytest.raises(DataError, match=message):
        prepare_scans(scans, tmp_path / "out", CONFIG, POINTS)


def test_bad_similarities_are_told(scans: Path, tmp_path: Path) -> None:
    own = PrepareConfig(space="own")
    with pytest.raises(DataError, match=r"017/001/s\.npy is missing"):
        prepare_scans(scans, tmp_path / "out", own, POINTS)
    for folder in scans.glob("*/*"):
        for name, value in (("s", np.ones(1)), ("R", 2 * np.eye(3)), ("t", np.zeros((1, 3)))):
            np.save(folder / f"{name}.npy", value)
    with pytest.raises(DataError, match=r"017/001/R\.npy is no rotation"):
        prepare_scans(scans, tmp_path / "out", own, POINTS)


def test_anchors_by_place_and_by_nearness(scans: Path, prepared: Path, tmp_path: Path) -> None:
    vertices = np.load(scans / "anchor_vertices.npy")
    (scans / "anchor_vertices.npy").unlink()
    prepare_scans(scans, tmp_path / "nearest", CONFIG, POINTS)
    assert_same(prepared, tmp_path / "nearest")
    for number, subject in enumerate(SUBJECTS):
        np.save(scans / subject / NEUTRAL / "anchors.npy", posed(sphere(3).vertices[vertices], number, 1) * 1.01)
    prepare_scans(scans, tmp_path / "own", CONFIG, POINTS)
    own, other = open_prepared(tmp_path / "own"), open_prepared(prepared)
    assert np.allclose(own.read(0).anchors, other.read(0).anchors * 1.01, atol=1e-6)
    assert np.allclose(own.mean_anchors, np.mean([own.read(0).anchors, own.read(3).anchors], axis=0), atol=1e-5)


def test_neutral_expressions_by_option_and_closed_mouths(scans: Path, tmp_path: Path) -> None:
    (scans / "neutrals.json").rename(scans / "neutrals_open.json")
    (scans / "neutrals_closed.json").write_text('{"017": "000"}')
    prepare_scans(scans, tmp_path / "a", CONFIG, POINTS)
    prepare_scans(scans, tmp_path / "b", PrepareConfig(mouth="closed", neutral="002"), POINTS)
    assert [scan.expression for scan in open_prepared(tmp_path / "a").scans if scan.neutral] == ["001", "001"]
    assert [scan.expression for scan in open_prepared(tmp_path / "b").scans if scan.neutral] == ["000", "002"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.pop("face"), "has no array 'face'"),
        (lambda a: a.update(surface=a["surface"][:, :2]), "'surface' is"),
        (lambda a: a.update(normals=a["normals"] * 2), "unit length"),
        (lambda a: a.update(posed=a["posed"] * np.float32(np.nan)), "not finite"),
        (lambda a: a.update(canonical=a["canonical"][1:]), "differ in length"),
        (lambda a: a.update(anchors=a["anchors"][1:]), "38 anchors"),
        (lambda a: a.update(off_surface=a["off_surface"].astype(float)), "float64"),
    ],
)
def test_damaged_samples_are_told(
    change: Callable[[dict[str, np.ndarray]], object], message: str, prepared: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(prepared, tmp_path / "out"))
    with np.load(folder / "017-000.npz") as file:
        arrays = {field.name: file[field.name] for field in fields(ScanSamples)}
    change(arrays)
    np.savez(folder / "017-000.npz", **arrays)
    with pytest.raises(DataError, match=rf"017-000\.npz .*{message}"):
        open_prepared(folder).read(0)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", "other"),
        ("scans", []),
        ("mean_anchors", [[0, 0, 0]]),
        ("subjects", ["../017", "018"]),
        ("scans", [{"subject": 2, "expression": "000", "neutral": True, "file": "017-000.npz"}]),
        ("scans", [{"subject": 0, "expression": "000", "neutral": True, "file": "../017-000.npz"}]),
        ("scans", [{"subject": 0}]),
    ],
)
def test_damaged_indices_are_told(key: str, value: object, prepared: Path, tmp_path: Path) -> None:
    index = json.loads((prepared / "index.json").read_text())
    (tmp_path / "index.json").write_text(json.dumps({**index, key: value}))
    with pytest.raises(DataError, match=r"index\.json is no index"):
        open_prepared(tmp_path)


def test_unsound_samples_are_not_written(prepared: Path, tmp_path: Path) -> None:
    samples = open_prepared(prepared).read(0)
    broken = ScanSamples(**{**vars(samples), "face": samples.face[1:]})
    with pytest.raises(ValueError, match="differ in length"):
        write_samples(tmp_path / "a.npz", broken)
    assert not list(tmp_path.iterdir())


def test_command_names_what_was_left_out(scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (scans / "017" / "002" / "scan.ply").unlink()
    # Told what goes on, the bar is drawn before the error, which must not stand on its line.
    words = ["train", "prepare", str(scans), "-v", "--out", str(tmp_path / "out"), "--points.surface", "300"]
    assert main(words) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("dphm train prepare: ") and "017/002/scan.ply is missing" in error
    assert main([*words, "--skip-bad"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("5 scans of 2 subjects") and "017/002/scan.ply is missing" in told[1]


@pytest.fixture(scope="module")
def generator(shared_data: Path) -> HeadGenerator:
    return load_generator(shared_data / "ict_facekit")


def test_made_up_scans_come_back_where_the_generator_has_them(generator: HeadGenerator, tmp_path: Path) -> None:
    config = SyntheticScansConfig(subjects=2, expressions=3, seed=5)
    write_synthetic_scans(generator, tmp_path / "scans", config)
    raw = trimesh.load(tmp_path / "scans" / "001" / "002" / "scan.ply", process=False)
    assert np.ptp(raw.vertices, axis=0).max() < 0.6  # metres
    prepare_scans(tmp_path / "scans", tmp_path / "out", CONFIG, POINTS)
    opened = open_prepared(tmp_path / "out")
    anchors = np.load(tmp_path / "scans" / "anchor_vertices.npy")
    for subject in range(2):
        rng = np.random.default_rng((5, subject))
        identity = random_identity(generator, rng)
        rng.normal()  # the scale
        weights = subject_expressions(generator, 3, rng)
        for number in range(3):
            samples, skin = opened.read(subject * 3 + number), generator.vertices(identity, weights[number])
            assert surface_distance(samples.surface, skin, generator.faces)[0].max() < 1e-4
            faces, neutral = skin_faces(generator), generator.vertices(identity, generator.canonical_weights)
            assert np.abs(samples.anchors - neutral[anchors]).max() < 1e-4
            height, triangle = surface_distance(samples.posed, skin, faces)
            foot = trimesh.triangles.closest_point(skin[faces[triangle]], samples.posed)
            there = np.einsum(
                "nk,nkc->nc",
                trimesh.triangles.points_to_barycentric(skin[faces[triangle]], foot),
                neutral[faces[triangle]],
            )
            off = np.linalg.norm(samples.canonical - there, axis=1)
            close = height < 0.004  # farther off, another fold of lids and lips may be nearer
            assert np.percentile(np.abs(off - height)[close], 90) < 2e-3
    assert [scan.neutral for scan in opened.scans] == [False, True, False] * 2
