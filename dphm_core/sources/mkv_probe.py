"""Tries an Azure Kinect recording out in a process of its own, as some damaged files kill the SDK's reader.

`probe` starts ``python -m dphm_core.sources.mkv_probe FILE``, which makes the calls that `MkvSource` makes to open
a file and tells in one line of JSON how they went; the SDK's own log comes before it. Nothing heavy is imported here.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from dphm_core.sources.k4a_driver import SDK_LOG, load_pyk4a

TIMEOUT_S = 30
"""It takes 0.2 s on a local disk."""
ANSWER = '{"problem": '
"""How the probe's answer begins."""
MAX_REASON = 200
"""Letters of what the SDK says: it may quote the file."""


def probe(path: Path, with_calibration: bool = True, timeout_s: float = TIMEOUT_S) -> str | None:
    """Try to open a recording: None where that works, or else the reason, a clause for people.

    Parameters
    ----------
    path : Path
        The file.
    with_calibration : bool
        Whether the SDK must understand its calibration, too.
    timeout_s : float
        After which a reader that hangs is ended.

    Raises
    ------
    SourceError
        The driver cannot be loaded.
    """
    load_pyk4a()  # says what is wrong where it cannot be imported at all
    try:
        tried = subprocess.run(
            [sys.executable, "-m", __name__, str(path.absolute()), *(["calibration"] if with_calibration else [])],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,  # the SDK complains on one, the C++ runtime on the other
            env=os.environ | {SDK_LOG: "1"},
            text=True,
            errors="replace",
            timeout=timeout_s,
        )
    except subprocess.TimeoutExpired:
        return f"the SDK's reader did not get through it within {timeout_s:g} s"
    if tried.returncode:
        told = _complaint(tried.stdout) or "no reason given"
        return f"it kills the SDK's reader ({_cause(tried.returncode)}): {told}"
    problem = _answer(tried.stdout)
    return None if problem is None else _complaint(tried.stdout) or problem


def playback_of(k4a: Any, path: Path, with_calibration: bool = True) -> Any:
    """Make pyk4a's playback of a file; without its calibration, one that opens where this is damaged.

    Only the SDK's own transformations need that, which are not used.
    """
    kind = k4a.PyK4APlayback
    if not with_calibration:
        kind = type("UncalibratedPlayback", (kind,), {"calibration": None})
    return kind(path, thread_safe=False)  # which only means that pyk4a lets other threads run meanwhile


def _answer(output: str) -> str | None:
    line = output[output.rfind(ANSWER) :].partition("\n")[0]
    try:
        problem = json.loads(line)["problem"]
    except (ValueError, LookupError):
        return "the reader ended without an answer"
    return None if problem is None else str(problem)


def _complaint(output: str) -> str | None:
    """Pick the first error that the SDK told of, without its own file names."""
    found = re.search(r"\[error\].*\(\)\. (.+)", output) or re.search(r"what\(\):\s*(.+)", output)
    return found[1].strip()[:MAX_REASON] if found else None


def _cause(returncode: int) -> str:
    try:
        return signal.Signals(-returncode).name
    except ValueError:
        return f"exit code {returncode}"


def _problem(path: str, with_calibration: bool = True) -> str | None:
    """Make the calls that open a recording; what is wrong with it, or None."""
    pyk4a = load_pyk4a()
    playback = playback_of(pyk4a, Path(path), with_calibration)
    try:
        playback.open()
        try:
            _ = playback.configuration, playback.calibration_raw, with_calibration and playback.calibration
        except pyk4a.K4AException:
            return "its calibration is damaged"
        playback.get_next_capture()
        playback.seek(0, pyk4a.SeekOrigin.END)
        playback.get_previous_capture()
    except EOFError:
        return "it has no capture"
    except (pyk4a.K4AException, ValueError) as error:  # the latter: a number that pyk4a's enums do not have
        return str(error) or "the SDK's reader refuses it"
    return None


if __name__ == "__main__":
    sys.stdout.write(json.dumps({"problem": _problem(sys.argv[1], len(sys.argv) > 2)}) + "\n")
