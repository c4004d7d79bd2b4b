"""Track a recording, print how each frame went, and write a mesh per frame.

Try it: python examples/track_recording.py demo out/example --stop 30
"""

from __future__ import annotations

from pathlib import Path

import tyro
from tyro.conf import Positional

import dphm_core as dphm
from dphm_core.files import make_folder


def main(source: Positional[str], out: Positional[Path], subject: Path | None = None, stop: int | None = None) -> None:
    """Track SOURCE, up to frame `stop` where that is given, into the folder OUT."""
    with dphm.track(source, subject=subject, frames=dphm.Selection(stop=stop)) as tracking:
        make_folder(out)
        print(f"{tracking.info.label}: {tracking.info.length} frames, {tracking.info.fps:g} per second")
        for frame in tracking:
            if frame.vertices_cam is None or frame.head_to_cam is None:
                print(f"{frame.index:5d}  {frame.status.value}: {frame.reason}")
                continue
            x, y, z = frame.head_to_cam.translation_m
            fit = f"{frame.residual_mm:.2f} mm, {frame.confidence:.0%} sure"
            print(f"{frame.index:5d}  head at {x:+.3f} {y:+.3f} {z:+.3f} m, {fit}")
            dphm.write_mesh(out / f"{frame.index:05d}.ply", frame.vertices_cam, tracking.faces)


if __name__ == "__main__":
    try:
        tyro.cli(main)
    except dphm.DphmError as error:
        raise SystemExit(str(error)) from error
    except KeyboardInterrupt:
        print("stopped")
