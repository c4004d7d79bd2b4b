"""A folder of head scans to train on: NPHM's data set as it comes, and anybody's own scans in the same layout.

    SCANS/neutrals.json               {"017": "001", ...}: each subject's neutral expression, mouth slightly open
    SCANS/anchor_vertices.npy         (39,) vertices of the registrations that are the anchors; optional
    SCANS/017/001/scan.ply            the scan, triangles (.ply, .obj)
    SCANS/017/001/registration.ply    a template's vertices laid onto it, the same template everywhere (.ply, .obj)
    SCANS/017/001/s.npy R.npy t.npy   similarity of scans in a space of their own: x_head = s · R · x + t; optional
    SCANS/017/001/anchors.npy         (39, 3) anchors of the neutral expression, where vertices are not known; optional

NPHM's tables, `neutrals_open.json` and `neutrals_closed.json` ({"17": 1}; -1: there is none), come with its code and
are put beside its subjects. Its meshes lie in the head frame already; s, R, t only lead back to metres. Which of the
spaces a folder's meshes lie in is told by a setting, or by where the neutral registrations come to lie.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dphm_core.errors import DataError
from dphm_core.files import bytes_in
from dphm_core.frames import HEAD_HIGH, HEAD_LOW
from dphm_core.training.prepare_config import Mouth, Space
from dphm_core.training.scan_mesh import Mesh, read_array, read_mesh

log = logging.getLogger(__name__)

UNITS_PER = {"nphm": 1.0, "m": 4.0, "mm": 0.004}
"""Head-frame units per unit of the space."""
SCAN, REGISTRATION = "scan", "registration"
MESH_SUFFIXES = (".ply", ".obj")
TABLES = {"open": ("neutrals.json", "neutrals_open.json"), "closed": ("neutrals_closed.json",)}
MAX_TABLE_BYTES = 1 << 20
HEIGHTS = (0.6, 2.5)
"""Of a registration (head-frame units): a face of 15 cm, a bust of 60."""
TOP_MARGIN = 0.3
"""How far it may stick out of the box above and in front."""
ROTATION_TOLERANCE = 1e-3


@dataclass(frozen=True)
class ScanPlace:
    """One scan of the folder: where its files are."""

    subject: str
    expression: str
    folder: Path

    def mesh(self, kind: str) -> Path:
        """Path of its scan or registration; the first suffix where there is none, for the message."""
        paths = [self.folder / f"{kind}{suffix}" for suffix in MESH_SUFFIXES]
        return next((path for path in paths if path.is_file()), paths[0])

    def read(self, kind: str, space: Space) -> Mesh:
        """Read its scan or registration into the head frame (NPHM units); raises DataError."""
        path = self.mesh(kind)
        if not path.is_file():
            raise DataError(f"{path} is missing; every scan needs {SCAN}.ply and {REGISTRATION}.ply (or .obj)")
        mesh = read_mesh(path)
        return Mesh(into_head_frame(mesh.vertices, space, self.folder), mesh.faces)


@dataclass(frozen=True)
class ScanFolder:
    """What lies in a folder of scans."""

    root: Path
    places: tuple[ScanPlace, ...]
    """All scans, sorted by subject and expression."""
    neutrals: Mapping[str, str]
    """Subject → neutral expression."""
    without_neutral: tuple[str, ...]
    """Subjects that the table says have none."""

    def neutral(self, subject: str) -> ScanPlace:
        """The scan of a subject's neutral expression; raises DataError where there is none."""
        name = self.neutrals.get(subject)
        if name is None:
            raise DataError(
                f"{self.root / subject}: its neutral expression is not known; name it in "
                f'{self.root / TABLES["open"][0]} ({{"{subject}": "000", ...}}) or for all subjects with --neutral'
            )
        own = [place for place in self.places if place.subject == subject]
        found = next((place for place in own if same_name(place.expression, name)), None)
        if found is None:
            raise DataError(f"{self.root / subject} has no scan '{name}', which is to be its neutral expression")
        return found


def open_scan_folder(root: Path, mouth: Mouth = "open", neutral: str | None = None) -> ScanFolder:
    """Look for scans and the table of neutral expressions.

    Parameters
    ----------
    root : Path
        Holds a folder per subject with a folder per expression.
    mouth : "open" or "closed"
        Which table of neutral expressions is taken.
    neutral : str, optional
        Neutral expression of subjects that the table does not name.

    Raises
    ------
    DataError
        There are no scans, or the table cannot be read.
    """
    try:
        folders = sorted(path for path in root.glob("*/*") if path.is_dir())
    except OSError as error:
        raise DataError(f"{root} cannot be read: {error.strerror}") from error
    kinds = [f"{kind}{suffix}" for kind in (SCAN, REGISTRATION) for suffix in MESH_SUFFIXES]
    places = tuple(
        ScanPlace(path.parent.name, path.name, path)
        for path in folders
        if not path.parent.name.startswith(".") and any((path / kind).is_file() for kind in kinds)
    )
    if not places:
        raise DataError(f"{root} holds no scans; they belong at SUBJECT/EXPRESSION/{SCAN}.ply and {REGISTRATION}.ply")
    table = _read_tables([root / name for name in TABLES[mouth]])
    named = {s: _look_up(table, s, neutral) for s in dict.fromkeys(place.subject for place in places)}
    without = tuple(subject for subject, name in named.items() if name == "-1")
    places = tuple(place for place in places if place.subject not in without)
    return ScanFolder(root, places, {s: name for s, name in named.items() if name is not None}, without)


def find_space(place: ScanPlace) -> Space:
    """Tell in which space meshes lie: the first that puts a scan's registration where a head belongs.

    Raises
    ------
    DataError
        None does.
    """
    own: tuple[Space, ...] = ("own",) if (place.folder / "s.npy").is_file() else ()
    for space in ("nphm", *own, "m", "mm"):
        if is_head(place.read(REGISTRATION, space).vertices):
            log.info("%s: meshes taken to lie in space '%s'", place.folder, space)
            return space
    raise DataError(
        f"{place.mesh(REGISTRATION)} does not lie where a head does in any space; write s.npy, R.npy and t.npy beside "
        "it that lead into the head frame (x to the viewer's right, y up, z out of the face, FLAME's origin, 0.25 m)"
    )


def is_head(vertices: NDArray[np.float32]) -> bool:
    """Whether vertices (V, 3) of a registration, with shoulders or without, lie where a head does."""
    low, high, middle = vertices.min(axis=0), vertices.max(axis=0), np.median(vertices, axis=0)
    inside = (middle > HEAD_LOW).all() and (middle < HEAD_HIGH).all() and (high[1:] < HEAD_HIGH[1:] + TOP_MARGIN).all()
    return bool(inside and HEIGHTS[0] < high[1] - low[1] < HEIGHTS[1])


def into_head_frame(vertices: NDArray[np.float64], space: Space, folder: Path) -> NDArray[np.float32]:
    """Bring vertices (V, 3) of a mesh in `folder` into the head frame, NPHM units; raises DataError."""
    if space != "own":
        return (vertices * UNITS_PER[space]).astype(np.float32)
    scale = float(read_array(folder / "s.npy", lambda shape: np.prod(shape) == 1).reshape(()))
    rotation = read_array(folder / "R.npy", lambda shape: shape == (3, 3))
    shift = read_array(folder / "t.npy", lambda shape: np.prod(shape) == 3).reshape(3)
    if not scale > 0:
        raise DataError(f"{folder / 's.npy'} is no scale: {scale}; it must be positive")
    if np.abs(rotation @ rotation.T - np.eye(3)).max() > ROTATION_TOLERANCE or np.linalg.det(rotation) < 0:
        raise DataError(f"{folder / 'R.npy'} is no rotation matrix; it must be orthonormal with determinant 1")
    return (scale * vertices @ rotation.T + shift).astype(np.float32)


def same_name(a: str, b: str) -> bool:
    """Whether names of subjects or expressions mean the same: "017" and "17" do."""
    return a == b or (a.isdecimal() and b.isdecimal() and int(a) == int(b))


def _look_up(table: Mapping[str, str], subject: str, default: str | None) -> str | None:
    return next((name for key, name in table.items() if same_name(key, subject)), default)


def _read_tables(paths: list[Path]) -> dict[str, str]:
    """The first table that is there; an empty one without any."""
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        return {}
    try:
        if bytes_in(path) > MAX_TABLE_BYTES:
            raise ValueError(f"larger than {MAX_TABLE_BYTES >> 10} KiB")
        table = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(table, dict) or not all(type(name) in (str, int) for name in table.values()):
            raise ValueError("it maps no subjects to expressions")
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(
            f'{path} is no table of neutral expressions ({error}); it should be like {{"017": "001"}}'
        ) from error
    return {key: str(name) for key, name in table.items()}
