"""Print what each step of the depth's way does to real captures, and draw docs/depth-quality.jpg.

python scripts/depth_figures.py CAPTURES

CAPTURES holds azure_kinect_desk/recording.mkv and truedepth_mannequin/.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from matplotlib import colormaps

from dphm_core.camera.normals import filter_depth, oriented_points
from dphm_core.frames import FloatArray, RGBDFrame
from dphm_core.landmarks.depth_quality import FLYING_M, depth_quality, face_place
from dphm_core.landmarks.observe import Observer
from dphm_core.sources import open_source

PICTURE = Path(__file__).resolve().parents[1] / "docs/depth-quality.jpg"
Region = tuple[int, int, int, int]


def roughness_mm(depth_m: FloatArray) -> float:
    """Median distance, millimetres, of a pixel from the middle between its neighbours three columns away."""
    left, middle, right = depth_m[:, :-6], depth_m[:, 3:-3], depth_m[:, 6:]
    seen = (left > 0) & (middle > 0) & (right > 0) & (np.abs(right - left) < 2 * FLYING_M)
    return float(np.median(np.abs(middle - 0.5 * (left + right))[seen])) * 1e3


def figures(name: str, frame: RGBDFrame, region: Region, depth_range_m: tuple[float, float]) -> None:
    """Print a row: pixels, those with depth, those that become points, roughness before and after."""
    x0, y0, x1, y1 = region
    depth_m = frame.depth_m[y0:y1, x0:x1]
    near, far = depth_range_m
    inside = (depth_m > near) & (depth_m < far)
    points, _, _ = oriented_points(frame.depth_m, frame.intrinsics, region, depth_range_m)
    smooth = filter_depth(frame.depth_m, region)
    lost = 1 - len(points) / max(int(inside.sum()), 1)
    print(  # noqa: T201 - what the script is for
        f"{name}: {depth_m.size} pixels, {np.mean(depth_m > 0):.1%} valid, {inside.mean():.1%} in range, "
        f"{lost:.1%} of these without a normal, roughness {roughness_mm(depth_m):.2f} -> {roughness_mm(smooth):.2f} mm"
    )


def picture(frame: RGBDFrame, region: Region, depth_range_m: tuple[float, float]) -> np.ndarray:
    """(H, 4 W, 3) uint8, BGR: colour, raw depth, filtered depth, normals of what is left."""
    assert frame.color is not None
    x0, y0, x1, y1 = region
    _, normals, pixels = oriented_points(frame.depth_m, frame.intrinsics, region, depth_range_m)
    left = np.full((y1 - y0, x1 - x0, 3), 255, np.uint8)
    columns, rows = (pixels - (x0, y0)).astype(int).T
    left[rows, columns] = 127.5 * (1 - normals)
    raw = frame.depth_m[y0:y1, x0:x1]
    shown = [frame.color[y0:y1, x0:x1], *(_shaded(depth) for depth in (raw, filter_depth(frame.depth_m, region))), left]
    return np.hstack(shown)[..., ::-1]


def _shaded(depth_m: FloatArray) -> np.ndarray:
    """(H, W, 3) uint8: bands of 4 cm, so that noise of a millimetre shows; white where there is no depth."""
    colours = (255 * colormaps["twilight"](depth_m / 0.04 % 1)[..., :3]).astype(np.uint8)
    colours[depth_m <= 0] = 255
    return colours


def main(captures: Path) -> None:
    """Print the figures and write the picture."""
    head = list(open_source(captures / "truedepth_mannequin"))[48]
    with Observer() as observer:
        landmarks = observer.observe(head).landmarks
    assert landmarks is not None
    place = face_place(landmarks, head.intrinsics)
    print(depth_quality(head, place))  # noqa: T201
    region = place.region((head.intrinsics.width, head.intrinsics.height))
    figures("mannequin (TrueDepth)", head, region, place.depth_range_m)
    with open_source(captures / "azure_kinect_desk/recording.mkv") as source:
        desk = next(source)
    whole = (0, 0, desk.intrinsics.width, desk.intrinsics.height)
    figures("desk (Azure Kinect)", desk, whole, (0.3, 1.5))
    rows, columns = np.nonzero((desk.depth_m > 0.3) & (desk.depth_m < 1.2))
    x, y = int(np.median(columns)), int(np.median(rows))
    part = (max(x - 120, 0), max(y - 160, 0), max(x - 120, 0) + 240, max(y - 160, 0) + 320)
    whole_head = (0, 0, 240, 320)
    cv2.imwrite(
        str(PICTURE), np.vstack([picture(head, whole_head, place.depth_range_m), picture(desk, part, (0.3, 1.5))])
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
