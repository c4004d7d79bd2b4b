"""Print what faults of the depth cost: the demo with each of them, tracked, against its ground truth.

python scripts/depth_faults.py WORK_FOLDER
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dphm_core import cli
from dphm_core.evaluation.evaluate import evaluate
from dphm_core.frames import MM_PER_M, FaceLandmarks, FloatArray
from dphm_core.landmarks.landmark_sets import EYELIDS, OUTER_LIPS
from dphm_core.landmarks.observe import Observer
from dphm_core.places import DEMO_RECORDING
from dphm_core.sources import open_source

NOSTRILS = (129, 358)
"""MediaPipe's landmarks where the nose's wings meet the cheeks."""
EYES = EYELIDS[: len(EYELIDS) // 2], EYELIDS[len(EYELIDS) // 2 :]
MARGIN_PX = 6
"""Around lids and lips."""
BUMP_M, BUMP_WIDTH = 0.006, 0.06
"""Light that goes by the cheek makes a corner look farther: by so much, within this part of a face's width."""
FLYING_SHARE, FLYING_M = 0.05, (0.02, 0.05)
"""Part of the face's pixels that hang before it, and how far."""
Fault = Callable[[FloatArray, FaceLandmarks, np.random.Generator], None]
"""Spoils (H, W) metres in place."""


def main(work: Path) -> None:
    """Make, track and compare; a row for each fault."""
    rows = ["| fault | tracked | face | lips | eyelids |", "|---|---|---|---|---|"]
    for name, fault in FAULTS.items():
        recording, out = work / name.replace(" ", "_"), work / f"{name.replace(' ', '_')}_out"
        spoil(recording, fault)
        if cli.main(["track", str(recording), "--out", str(out), "--overwrite"]) != 0:
            raise SystemExit(f"{recording} was not tracked")
        truth = evaluate(recording, out)["ground_truth"]
        errors = " | ".join(f"{truth[part]['mean']:.2f} mm" for part in ("face_mm", "lips_mm", "eyelids_mm"))
        rows.append(f"| {name} | {truth['tracked_share']:.0%} | {errors} |")
    print("\n".join(rows))  # noqa: T201 - what it is for


def spoil(recording: Path, fault: Fault) -> None:
    """Copy the demo with a fault in each depth image."""
    shutil.copytree(DEMO_RECORDING, recording, dirs_exist_ok=True)
    rng = np.random.default_rng(0)
    with Observer() as observer, open_source(DEMO_RECORDING) as source:
        for frame in source:
            landmarks, depth_m = observer.observe(frame).landmarks, frame.depth_m.copy()
            if landmarks is not None:
                fault(depth_m, landmarks, rng)
            image = np.rint(depth_m * MM_PER_M).astype(np.uint16)
            cv2.imwrite(str(recording / "depth" / f"{frame.index:05d}.png"), image)


def inside(depth_m: FloatArray, pixels: FloatArray, margin_px: int = 0) -> NDArray[np.bool_]:
    """(H, W): within the outline of some landmarks, and so many pixels around it."""
    mask = np.zeros(depth_m.shape, dtype=np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.rint(pixels).astype(np.int32)), 1)
    return cv2.dilate(mask, np.ones((2 * margin_px + 1, 2 * margin_px + 1), dtype=np.uint8)) > 0


def no_eyes(depth_m: FloatArray, landmarks: FaceLandmarks, _rng: np.random.Generator) -> None:
    """Holes at both eyes."""
    for eye in EYES:
        depth_m[inside(depth_m, landmarks.pixels[list(eye)], MARGIN_PX)] = 0


def no_mouth(depth_m: FloatArray, landmarks: FaceLandmarks, _rng: np.random.Generator) -> None:
    """A hole at the mouth."""
    depth_m[inside(depth_m, landmarks.pixels[list(OUTER_LIPS)], MARGIN_PX)] = 0


def no_hair(depth_m: FloatArray, landmarks: FaceLandmarks, _rng: np.random.Generator) -> None:
    """No depth above the forehead."""
    depth_m[: int(landmarks.pixels[:, 1].min())] = 0


def multi_path(depth_m: FloatArray, landmarks: FaceLandmarks, _rng: np.random.Generator) -> None:
    """The corners beside the nose lie too far away."""
    width = float(np.ptp(landmarks.pixels[:, 0]))
    rows, columns = np.indices(depth_m.shape, dtype=np.float32)
    for x, y in landmarks.pixels[list(NOSTRILS)]:
        squared = ((columns - x) ** 2 + (rows - y) ** 2) / (BUMP_WIDTH * width) ** 2
        depth_m += np.where(depth_m > 0, BUMP_M * np.exp(-0.5 * squared), 0).astype(np.float32)


def flying(depth_m: FloatArray, landmarks: FaceLandmarks, rng: np.random.Generator) -> None:
    """Pixels hang before the face."""
    hit = inside(depth_m, landmarks.pixels) & (rng.random(depth_m.shape) < FLYING_SHARE) & (depth_m > 0)
    depth_m[hit] -= rng.uniform(*FLYING_M, int(hit.sum())).astype(np.float32)


FAULTS: dict[str, Fault] = {
    "as it is": lambda _depth_m, _landmarks, _rng: None,
    "no depth at the eyes": no_eyes,
    "no depth at the mouth": no_mouth,
    "no depth at the hair": no_hair,
    "multi-path beside the nose": multi_path,
    "flying pixels": flying,
}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
