"""Learn a person's head from one recording, keep it in a file, and track that person from the first frame of the next.

Try it: python examples/reuse_subject.py demo demo me.safetensors --stop 20
"""

from __future__ import annotations

from math import isnan
from pathlib import Path

import tyro
from tyro.conf import Positional

import dphm_core as dphm


def main(first: Positional[str], second: Positional[str], subject: Positional[Path], stop: int | None = None) -> None:
    """Learn the head from FIRST, save it to SUBJECT, and tell how well it fits the depth of SECOND."""
    chosen = dphm.Selection(stop=stop)
    with dphm.track(first, frames=chosen) as tracking:
        frames = sum(frame.vertices_cam is not None for frame in tracking)
        tracking.save_subject(subject)
    print(f"{first}: learned from {frames} frames, saved to {subject}")

    with dphm.track(second, subject=subject, frames=chosen) as tracking:
        all_mm = {frame.index: frame.residual_mm for frame in tracking}
    residuals_mm = {index: value for index, value in all_mm.items() if not isnan(value)}  # NaN: no head
    print(f"{second}: {len(residuals_mm)} of {len(all_mm)} frames tracked")
    if residuals_mm:
        worst = max(residuals_mm, key=residuals_mm.__getitem__)
        mean_mm = sum(residuals_mm.values()) / len(residuals_mm)
        print(f"distance of depth and mesh: {mean_mm:.2f} mm on average, {residuals_mm[worst]:.2f} mm in frame {worst}")


if __name__ == "__main__":
    try:
        tyro.cli(main)
    except dphm.DphmError as error:
        raise SystemExit(str(error)) from error
    except KeyboardInterrupt:
        print("stopped")
