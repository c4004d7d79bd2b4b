"""Synthetic recordings: a made-up person before a depth camera, as a recording folder with its ground truth."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.raster import NO_FACE, rasterize
from dphm_core.frames import FloatArray
from dphm_core.sources.writer import FolderWriter
from dphm_core.training.ict import FACE_VERTICES, HeadGenerator
from dphm_core.training.noise import DepthFaults, SurfaceImages, spoil_depth
from dphm_core.training.recording_config import RecordingConfig
from dphm_core.training.recording_scene import Scene
from dphm_core.training.recording_subject import LENS_DROPOUT
from dphm_core.training.recording_truth import save_truth
from dphm_core.training.shading import SurfacePixels, pinhole, see, shade, wall

log = logging.getLogger(__name__)

LENS_BIAS_M = 0.003
"""Glass delays the light: what is behind a lens seems farther away."""
LENS_TINT = 0.94
"""Share of the light that a lens lets through."""
LENS_GLARE = 10.0
WINDOW_MARGIN_PX = 12
"""Around what is rendered: the blurs must not see the window's border."""

Progress = Callable[[int, int], None]


def write_recording(
    generator: HeadGenerator, config: RecordingConfig, folder: Path, progress: Progress | None = None
) -> None:
    """Render a recording.

    Parameters
    ----------
    generator : HeadGenerator
        Makes the heads.
    config : RecordingConfig
        What to show.
    folder : Path
        Gets color/, depth/, calibration.json, timestamps.json and ground_truth.npz; must not hold a recording yet.
    progress : callable, optional
        Called with the number of frames done and of all frames.

    Raises
    ------
    OutputError
        The folder cannot be written or holds a recording already.
    """
    scene = Scene(generator, config)
    visible = np.zeros((config.frames, FACE_VERTICES.stop), dtype=bool)
    with FolderWriter(folder, config.intrinsics, config.fps) as writer:
        for frame in range(config.frames):
            color, depth_m, visible[frame] = render_frame(scene, config, frame)
            writer.write(color, depth_m, frame / config.fps)
            if progress is not None:
                progress(frame + 1, config.frames)
        save_truth(folder, scene.actor, visible)
    log.info("%s: %d frames of subject %d", folder, config.frames, config.seed)


def render_frame(
    scene: Scene, config: RecordingConfig, frame: int
) -> tuple[NDArray[np.uint8], FloatArray, NDArray[np.bool_]]:
    """Render one frame.

    Returns
    -------
    color : (H, W, 3) uint8
        sRGB.
    depth_m : (H, W) float32
        Metres, 0 where invalid.
    visible : (9409,) bool
        Face vertices of the subject that have a triangle in sight.
    """
    mesh, lenses = scene.mesh(frame), scene.lenses(frame)
    (left, top), window = _window(mesh.vertices, config.intrinsics)
    inside = slice(top, top + window.height), slice(left, left + window.width)
    color, depth_m = wall(config.width, config.height), np.zeros((config.height, config.width), dtype=np.float32)
    seen = see(mesh, window)
    color[inside] = shade(seen, color[inside])
    ideal, surface = seen.depth_m, _surface(seen)
    if lenses is not None:
        behind = _behind(lenses, ideal, window)
        color[inside][behind] = (color[inside][behind] * LENS_TINT + LENS_GLARE).astype(np.uint8)
        ideal = np.where(behind, ideal + np.float32(LENS_BIAS_M), ideal)
        surface.dropout[behind] = np.maximum(surface.dropout[behind], LENS_DROPOUT)
    faults = DepthFaults(config.noise_scale, config.correlated_noise, config.flying_pixels, config.infrared_holes)
    depth_m[inside] = spoil_depth(ideal, surface, faults, np.random.default_rng([config.seed, 3, frame]))
    return color, depth_m, _visible_vertices(mesh.faces, seen.face)


def _window(vertices_cam: FloatArray, camera: Intrinsics) -> tuple[tuple[int, int], Intrinsics]:
    """Left upper pixel and camera of the part of the image that has anything in it."""
    pixels = pinhole(vertices_cam, camera)[:, :2]
    low = np.clip(np.floor(pixels.min(axis=0)) - WINDOW_MARGIN_PX, 0, (camera.width - 1, camera.height - 1))
    high = np.clip(np.ceil(pixels.max(axis=0)) + WINDOW_MARGIN_PX + 1, low + 1, (camera.width, camera.height))
    (left, top), (width, height) = low.astype(int).tolist(), (high - low).astype(int).tolist()
    part = replace(camera, width=width, height=height, cx=camera.cx - left, cy=camera.cy - top)
    return (left, top), part


def _surface(seen: SurfacePixels) -> SurfaceImages:
    cosine = (seen.normal * seen.towards).sum(axis=1)
    return SurfaceImages(seen.image(cosine, 1.0), seen.image(seen.look[:, 1]), seen.image(seen.look[:, 2]))


def _behind(
    lenses: tuple[FloatArray, NDArray[np.int32]], depth_m: FloatArray, intrinsics: Intrinsics
) -> NDArray[np.bool_]:
    """(H, W) where a surface is seen through a lens."""
    vertices, faces = lenses
    lens_m, face = rasterize(pinhole(vertices, intrinsics), faces, intrinsics.width, intrinsics.height)
    return (face != NO_FACE) & (lens_m < depth_m)


def _visible_vertices(faces: NDArray[np.int32], face_image: NDArray[np.int32]) -> NDArray[np.bool_]:
    seen = np.unique(face_image[face_image != NO_FACE])
    corners = faces[seen]
    visible = np.zeros(FACE_VERTICES.stop, dtype=bool)
    visible[corners[corners < FACE_VERTICES.stop]] = True
    return visible
