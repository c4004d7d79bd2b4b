"""Write docs/bad-input.md: what is told of every malformed recording that the tests make.

python scripts/bad_input_table.py
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

REPO = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPO / "tests"), str(REPO / "tests/sources")]

from damage import Malformed  # noqa: E402
from malformed import ALL  # noqa: E402
from malformed_bags import BAGS  # noqa: E402
from malformed_images import IMAGES  # noqa: E402
from malformed_kinects import KINECTS  # noqa: E402
from malformed_stacks import STACKS  # noqa: E402
from malformed_texts import CALIBRATIONS, CLOCKS  # noqa: E402

READER = REPO / "tests/sources/read_everything.py"
TIME_LIMIT_S = 60
SECTIONS = {
    "Images and folders": IMAGES,
    "Calibration": CALIBRATIONS,
    "Timestamps": CLOCKS,
    "Recordings of the window (`frames.stack`)": STACKS,
    "RealSense and Orbbec recordings (`.bag`, `.db3`)": BAGS,
    "Kinect files and names": KINECTS,
}
HEAD = """# Malformed recordings

What is told of recordings that are damaged, absurd or something else: one line with cause and cure, or the frames that
can be read, with a count of the rest. `tests/sources/test_bad_input.py` makes every one of them, reads it to its end,
converts it, and looks that nothing crashes, hangs or leaves half an output behind; other tests there change bytes and
fields at random. {count} kinds here. Written by `python scripts/bad_input_table.py`.

Damage at random places shows in what is told: another place may cost more or fewer frames.
"""


def outcome(case: Malformed, place: Path) -> tuple[str, str]:
    """How many frames were read, and what was told; each in a process of its own, which a reader could end."""
    if case.name == "depth/ without permission" and os.geteuid() == 0:
        return "not tried", "root may read everything; the test runs as any other user"
    recording = case.make(place)
    try:
        done = subprocess.run(
            [sys.executable, str(READER), str(recording)], capture_output=True, text=True, timeout=TIME_LIMIT_S
        )
    except subprocess.TimeoutExpired:
        return "**hangs**", ""
    if done.returncode != 0:
        return "**crashes**", done.stderr.strip().splitlines()[-1]
    told = json.loads(done.stdout.splitlines()[-1])
    damaged = f", {told['damaged']} left out" if told["damaged"] and not told["error"] else ""
    words = " · ".join([*told["warnings"][:2], *([told["error"]] if told["error"] else [])])
    return ("refused" if told["error"] else f"{told['frames']} read{damaged}"), words.replace(f"{place}/", "")


def main() -> None:
    """Make, read and list all of them."""
    lines = [HEAD.format(count=len(ALL))]
    for title, cases in SECTIONS.items():
        lines += [f"## {title}\n", "| recording | frames | told |", "|---|---|---|"]
        for case in cases:
            with tempfile.TemporaryDirectory() as folder:
                frames, told = outcome(case, Path(folder))
            lines.append(f"| {case.name} | {frames} | {told.replace(folder, 'take').replace('|', '/')} |")
        lines.append("")
    (REPO / "docs/bad-input.md").write_text("\n".join(lines))


if __name__ == "__main__":
    main()
