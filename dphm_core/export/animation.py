"""A saved track as an animation, in the axes and unit that a format for whole sequences understands."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dphm_core.export.convention import UNITS, Convention
from dphm_core.export.options import ExportOptions
from dphm_core.frames import UNITS_PER_METRE
from dphm_core.meshing.animation import Animation, FloatArray, Shapes
from dphm_core.meshing.formats import SequenceFormat

if TYPE_CHECKING:
    from dphm_core.output.saved_track import SavedTrack

USUAL_FPS = 30.0
"""Taken where the times of the frames do not rise."""
NEARLY_WHOLE = 0.005
"""Share by which a camera's clock is off the frame rate that it is said to have."""


def sequence_convention(sequence: SequenceFormat, options: ExportOptions) -> Convention:
    """The options' convention, as far as the format can have it."""
    asked = Convention.of(options)
    axes = asked.axes if asked.axes in sequence.axes else sequence.axes[0]
    unit = asked.unit if asked.unit in sequence.units else sequence.units[0]
    return replace(asked, axes=axes, unit=unit)  # type: ignore[arg-type]  # names of a table that a test checks


def animation_of(saved: SavedTrack, rows: list[int], options: ExportOptions, sequence: SequenceFormat) -> Animation:
    """Make an animation of rows of a track.

    Parameters
    ----------
    saved : SavedTrack
        The track.
    rows : list of int
        Rising, with a head in one at least; where there is none the head before is held, or the first one to come.
    options : ExportOptions
        Space, axes, unit and targets.
    sequence : SequenceFormat
        What it is for.

    Returns
    -------
    Animation
        In the head's own frame its pose is the identity.
    """
    convention = sequence_convention(sequence, options)
    known = np.array([saved.tracked(row) for row in rows])
    held = np.array(rows)[_held(known)]
    size = 1.0 if convention.space == "canonical" else float(saved.track.scale)
    to_unit = (convention.from_head * (size / UNITS_PER_METRE)).T
    subject, codes = saved.subject, saved.track.expression_codes

    def posed(code: FloatArray) -> FloatArray:
        return (subject.posed_vertices(code) @ to_unit).astype(np.float32)

    rest = posed(np.zeros_like(codes[0]))
    rotation, translation = _poses(saved, held, convention)
    frames = saved.track.frame_index[rows]
    times_s, fps = _clock(saved.track.timestamp_s[rows], frames)
    return Animation(
        faces=saved.faces,
        rest=rest,
        head=lambda sample: posed(codes[held[sample]]),
        rotation=rotation,
        translation=translation,
        times_s=times_s,
        fps=fps,
        frames=frames,
        tracked=known,
        shapes=_shapes(saved, held, rest, to_unit),
        morph_targets=options.glb_targets,
        metres_per_unit=1 / UNITS[convention.unit],
        up_axis="Z" if convention.axes == "z-up" else "Y",
        facts=convention.facts(),
        words=convention.words,
    )


def _poses(
    saved: SavedTrack, held: NDArray[np.intp], convention: Convention
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rotations (T, 3, 3) and translations (T, 3) of the heads of some rows; none in the head's own frame."""
    if convention.space != "camera":
        return np.tile(np.eye(3), (len(held), 1, 1)), np.zeros((len(held), 3))
    return convention.poses(saved.track.rotation[held], saved.track.translation_m[held])


def _held(known: NDArray[np.bool_]) -> NDArray[np.intp]:
    """For each row the last one that is known, or the first to come."""
    last = np.maximum.accumulate(np.where(known, np.arange(len(known)), -1))
    return np.where(last < 0, int(np.argmax(known)), last)


def _clock(timestamps_s: NDArray[np.float64], frames: NDArray[np.int64]) -> tuple[NDArray[np.float64], float]:
    """Seconds (T,) from the first frame, and the frame rate; by the frames' numbers where their times do not rise."""
    if len(frames) == 1:
        return np.zeros(1), USUAL_FPS
    steps = np.diff(timestamps_s)
    if not (np.isfinite(steps).all() and (steps > 0).all()):
        return (frames - frames[0]) / USUAL_FPS, USUAL_FPS / float(np.median(np.diff(frames)))
    fps = 1 / float(np.median(steps))
    whole = max(1, round(fps))
    nearly = abs(fps - whole) < NEARLY_WHOLE * whole
    return timestamps_s - timestamps_s[0], float(whole) if nearly else round(fps, 3)


def _shapes(saved: SavedTrack, held: NDArray[np.intp], rest: FloatArray, to_unit: NDArray[np.float64]) -> Shapes | None:
    """The model's expressions by name, where its mesh follows them linearly."""
    template, track = saved.subject.model.template, saved.track
    if template is None or len(track.expression_names) != track.expression_codes.shape[1]:
        return None
    offsets = (template.expression_basis @ to_unit).astype(np.float32)
    return Shapes(track.expression_names.tolist(), rest, offsets, track.expression_codes[held])
