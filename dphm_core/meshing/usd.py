"""USD files: one mesh with moving points under a moving head, written by Pixar's own library (extra `usd`)."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dphm_core.errors import OutputError, SettingError, first_line
from dphm_core.jobs import Tell
from dphm_core.meshing.animation import Animation

if TYPE_CHECKING:
    from pxr import Usd

INSTALL = "pip install usd-core==26.11"
BYTES_PER_VERTEX = 24
"""A point and its normal."""
TEXT_FACTOR = 3.3
"""How much longer numbers are as text."""
SAVED_EVERY = 64
"""Samples that are in memory together; what is saved is read from the file again."""
COLOUR = (0.62, 0.5, 0.44)
TIME_DECIMALS = 3
"""Of a frame; a camera's jitter is more, rounding less."""


def usd_missing() -> str:
    """Say what to do where the library is missing; "" where it is there."""
    return "" if find_spec("pxr") else f"USD files need the package usd-core; install it with: {INSTALL}"


def write_usd(animation: Animation, path: Path, tell: Tell) -> tuple[str, ...]:
    """Write binary USD (.usd, .usdc): `/Head` has the pose, `/Head/Mesh` the points, in its own space.

    Where no head was tracked the mesh is invisible, and stands still.

    Parameters
    ----------
    animation : Animation
        Its up-axis and unit are told by the file.
    path : Path
        File to write, of any name.
    tell : Tell
        Told of every sample.

    Returns
    -------
    tuple of str
        Nothing that a user should know.

    Raises
    ------
    SettingError
        usd-core is not installed.
    OutputError
        The file cannot be written.
    """
    return _write(animation, path, ".usdc", tell)


def write_usda(animation: Animation, path: Path, tell: Tell) -> tuple[str, ...]:
    """Write USD as text, otherwise as `write_usd` does; all of it is in memory once."""
    return _write(animation, path, ".usda", tell)


def usd_bytes(animation: Animation) -> int:
    """Size of a binary file, by and large."""
    return len(animation) * len(animation.rest) * BYTES_PER_VERTEX + animation.faces.nbytes


def usda_bytes(animation: Animation) -> int:
    """Size of a text file, by and large."""
    return round(TEXT_FACTOR * usd_bytes(animation))


def _write(animation: Animation, path: Path, extension: str, tell: Tell) -> tuple[str, ...]:
    if missing := usd_missing():
        raise SettingError(missing)
    from pxr import Tf

    partial = path.with_name(path.name + extension)  # the library goes by the extension
    try:
        _fill(partial, animation, tell)
        partial.replace(path)
    except Tf.ErrorException as error:
        raise OutputError(f"{path} cannot be written ({first_line(error)}); check the disk") from error
    finally:
        partial.unlink(missing_ok=True)
    return ()


def _fill(path: Path, animation: Animation, tell: Tell) -> None:
    """Write the file, and close it however that ends: Windows neither renames nor removes an open one."""
    from pxr import Usd

    stage = Usd.Stage.CreateNew(str(path))
    scene = _Scene(stage, animation)
    try:
        for sample in range(len(animation)):
            scene.put(sample)
            if path.suffix == ".usdc" and not (sample + 1) % SAVED_EVERY:
                stage.GetRootLayer().Save()
            tell(sample + 1, len(animation))
        stage.GetRootLayer().Save()
    finally:
        del scene, stage


class _Scene:
    """The stage's prims, filled sample by sample."""

    def __init__(self, stage: Usd.Stage, animation: Animation) -> None:
        from pxr import Gf, UsdGeom, Vt

        self._animation = animation
        self._times = np.round(animation.times_s * animation.fps, TIME_DECIMALS).tolist()
        self._describe(stage)
        head = UsdGeom.Xform.Define(stage, "/Head")
        stage.SetDefaultPrim(head.GetPrim())
        self._translate, self._orient = head.AddTranslateOp(), head.AddOrientOp()
        self._mesh = mesh = UsdGeom.Mesh.Define(stage, "/Head/Mesh")
        mesh.CreateFaceVertexCountsAttr(Vt.IntArray(len(animation.faces), 3))
        mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(animation.faces.ravel()))
        mesh.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
        mesh.SetNormalsInterpolation(UsdGeom.Tokens.vertex)
        mesh.CreateDisplayColorAttr([Gf.Vec3f(*COLOUR)])
        self._points, self._normals = mesh.CreatePointsAttr(), mesh.CreateNormalsAttr()
        self._extent, self._visible = mesh.CreateExtentAttr(), mesh.CreateVisibilityAttr()

    def put(self, sample: int) -> None:
        """Add one sample."""
        from pxr import Gf, UsdGeom, Vt
        from scipy.spatial.transform import Rotation

        from dphm_core.meshing.normals import vertex_normals

        animation, time = self._animation, self._times[sample]
        x, y, z, w = Rotation.from_matrix(animation.rotation[sample]).as_quat().tolist()
        self._translate.Set(Gf.Vec3d(*animation.translation[sample].tolist()), time)
        self._orient.Set(Gf.Quatf(w, x, y, z), time)
        points = np.ascontiguousarray(animation.head(sample))
        self._points.Set(Vt.Vec3fArray.FromNumpy(points), time)
        self._normals.Set(Vt.Vec3fArray.FromNumpy(vertex_normals(points, animation.faces)), time)
        self._extent.Set(Vt.Vec3fArray.FromNumpy(np.stack([points.min(axis=0), points.max(axis=0)])), time)
        seen = bool(animation.tracked[sample])
        if not sample or seen != bool(animation.tracked[sample - 1]):
            self._visible.Set(UsdGeom.Tokens.inherited if seen else UsdGeom.Tokens.invisible, time)

    def _describe(self, stage: Usd.Stage) -> None:
        from pxr import UsdGeom

        animation = self._animation
        UsdGeom.SetStageUpAxis(stage, animation.up_axis)
        UsdGeom.SetStageMetersPerUnit(stage, animation.metres_per_unit)
        stage.SetTimeCodesPerSecond(animation.fps)
        stage.SetFramesPerSecond(animation.fps)
        stage.SetStartTimeCode(0)
        stage.SetEndTimeCode(self._times[-1])
        stage.GetRootLayer().documentation = animation.words
        stage.GetRootLayer().customLayerData = {"dphm": _plain(animation.all_facts())}


def _plain(value: Any) -> Any:
    """Facts as USD's dictionaries take them: no nested lists."""
    if isinstance(value, dict):
        return {name: _plain(entry) for name, entry in value.items()}
    return str(value) if isinstance(value, list) else value
