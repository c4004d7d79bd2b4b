"""Follow a camera and print the strongest expression weights of its newest frame, until Ctrl-C or so many frames.

Try it without a camera: python examples/live_expressions.py simulated --count 50
"""

from __future__ import annotations

from itertools import islice

import numpy as np
import tyro
from tyro.conf import Positional

import dphm_core as dphm


def main(source: Positional[str] = "kinect", count: int | None = None) -> None:
    """Follow the camera SOURCE; frames that come too fast for this computer are left out."""
    with dphm.track(source) as tracking:
        names = tracking.expression_names
        for frame in islice(tracking, count):
            if frame.expression_code is None:
                print(f"{frame.index:6d}  {frame.status.value}: {frame.reason}")
                continue
            strongest = np.argsort(frame.expression_code)[:-4:-1]
            weights = "  ".join(f"{names[entry]} {frame.expression_code[entry]:.2f}" for entry in strongest)
            print(f"{frame.index:6d}  {frame.status.value:12}{weights}")


if __name__ == "__main__":
    try:
        tyro.cli(main)
    except dphm.DphmError as error:
        raise SystemExit(str(error)) from error
    except KeyboardInterrupt:
        print("stopped")
