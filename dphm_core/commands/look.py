"""Commands that look at something and tell: sources, results, speed, the landmark model; and the window."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional, arg

from dphm_core.commands.base import OK, Command, Say
from dphm_core.errors import DphmError

if TYPE_CHECKING:
    from dphm_core.frames import RGBDFrame
    from dphm_core.sources import Source


@dataclass(frozen=True, kw_only=True)
class Info(Command):
    """Tell what a recording or camera holds, and look at its first frame."""

    source: Annotated[Positional[str], arg(metavar="SOURCE")]
    """Recording (a folder, .mkv, .bag or .db3 file, or "demo") or camera ("kinect", "realsense", "orbbec")."""

    def run(self, say: Say) -> int:
        """Print facts, one a line."""
        from dphm_core.sources import open_source

        with open_source(self.source) as source:
            info = source.info
            camera = info.intrinsics
            say(f"{'kind':14}{info.kind}")
            say(f"{'name':14}{info.label}")
            say(f"{'frames':14}{_length(source)} at {info.fps:g} per second")
            if info.kind == "kinect":
                say(f"{'set to':14}{_kinect_settings(source)}")
            say(f"{'camera':14}{camera.width}x{camera.height}, focal lengths {camera.fx:.1f} {camera.fy:.1f}")
            say(f"{'':14}centre {camera.cx:.1f} {camera.cy:.1f}, {'with' if camera.distorted else 'no'} distortion")
            frame = next(source)
            depth = frame.depth_m[frame.depth_m > 0]
            reach = f"{depth.min():.2f} to {depth.max():.2f} m" if depth.size else "nowhere"
            say(f"{'first frame':14}{frame.index}, {'with' if frame.color is not None else 'without'} colour")
            say(f"{'depth':14}in {depth.size / frame.depth_m.size:.0%} of the pixels, {reach}")
            for line, fact in enumerate(_face(frame)):
                say(f"{'' if line else 'face':14}{fact}")
        return OK


def _kinect_settings(source: Source) -> str:
    from dphm_core.sources.kinect import KinectSource

    assert isinstance(source, KinectSource)  # there is no other source of this kind
    return f"{source.settings.words()}; first picture after {source.first_frame_s:.1f} s"


def _length(source: Source) -> str:
    length = source.info.length
    if length is None:
        return "live"
    count = source.count(range(length))
    return f"{count}, {count / source.info.fps:.1f} s" + (f" with gaps, up to number {length - 1},") * (count < length)


def _face(frame: RGBDFrame) -> list[str]:
    """Tell where the face is, and what would make its depth better."""
    from dphm_core.landmarks.advice import dark_advice, depth_advice, unseen_advice
    from dphm_core.landmarks.depth_quality import depth_quality, face_place
    from dphm_core.landmarks.detector import search_tiles
    from dphm_core.landmarks.light import band_levels
    from dphm_core.landmarks.model_file import model_is_here
    from dphm_core.landmarks.observe import Observer

    if frame.color is None:
        return ["not looked for without colour"]
    if not model_is_here():
        return ["not looked for; `dphm landmark-model` fetches what that takes"]
    with Observer() as observer:  # looks through one more window each time
        windows = 1 + len(search_tiles((frame.intrinsics.width, frame.intrinsics.height)))
        looks = (observer.observe(frame).landmarks for _ in range(windows))
        landmarks = next((found for found in looks if found is not None), None)
    if landmarks is None:
        return ["none found", *unseen_advice(frame).values()]
    place = face_place(landmarks, frame.intrinsics)
    found, levels = depth_quality(frame, place), band_levels(frame.color, place.box)
    advice = {} if levels is None else dark_advice(float(levels.mean()))
    advice |= depth_advice(frame, place, landmarks)
    return [f"{found.distance_m:.2f} m away, depth in {1 - found.holes:.0%} of it", *advice.values()]


@dataclass(frozen=True, kw_only=True)
class Evaluate(Command):
    """Compare a track with its recording's depth and, where there is one, with the ground truth."""

    sequence: Annotated[Positional[Path], arg(metavar="RECORDING")]
    """Recording: a folder, an .mkv, .bag or .db3 file, or "demo"."""
    track: Annotated[Positional[Path], arg(metavar="TRACK")]
    """Output folder of `dphm track` on it."""
    out: Path | None = None
    """Folder for evaluation.json and evaluation.png; the track's own by default."""

    def run(self, say: Say) -> int:
        """Print the figures, less those per frame."""
        from dphm_core.errors import DataError
        from dphm_core.evaluation.evaluate import evaluate
        from dphm_core.output.folder import TRACK_FILE
        from dphm_core.places import recording_path

        if (self.sequence / TRACK_FILE).is_file() and not (self.track / TRACK_FILE).is_file():
            raise DataError(f"{self.sequence} is the track; give the recording first: {self.track} {self.sequence}")
        for name, value in single_figures(evaluate(recording_path(self.sequence), self.track, self.out)):
            say(f"{name:40}{value}")
        say(f"{'details':40}{self.out or self.track}")
        return OK


def single_figures(figures: dict[str, Any], group: str = "") -> Iterator[tuple[str, str]]:
    """Names and values of the plain entries of nested dictionaries; lists and arrays are left out."""
    for key, value in figures.items():
        name = f"{group} {key}".strip()
        if isinstance(value, dict):
            yield from single_figures(value, name)
        elif isinstance(value, bool | int | str):
            yield name, str(value)
        elif isinstance(value, float):
            yield name, f"{value:.3f}"


@dataclass(frozen=True, kw_only=True)
class Bench(Command):
    """Time the camera stages (registration, filtering, points and normals) and the head model's networks, here."""

    repeats: int = 50
    """Timed calls per stage; a fifth as many for the fields, which take longer."""
    model: str = "default"
    """Head model whose fields and priors are timed: a name under models/, or a folder."""
    device: str = "cpu"
    """Torch device of the fields, such as cuda; on such a one a frame's fit is timed, too."""

    def run(self, say: Say) -> int:
        """Print tables of milliseconds."""
        from dphm_core.evaluation.camera_benchmark import camera_benchmark
        from dphm_core.evaluation.field_benchmark import field_benchmark

        _say_times(camera_benchmark(self.repeats), say)
        say("")
        _say_times(field_benchmark(max(1, self.repeats // 5), self.model, self.device), say)
        if self.device != "cpu":
            from dphm_core.evaluation.device_benchmark import device_benchmark

            say("")
            _say_times(device_benchmark(self.repeats, self.model, self.device), say)
        return OK


def _say_times(rows: dict[str, dict[str, float]], say: Say) -> None:
    width = max(len(name) for name in rows) + 2
    rates = any("points_per_s" in times for times in rows.values())
    say(f"{'':{width}}{'median':>11}{'95 %':>11}" + f"{'points/s':>12}" * rates)
    for name, times in rows.items():
        rate = f"{times['points_per_s']:>12,.0f}" if rates else ""
        say(f"{name:{width}}{times['median_ms']:>8.2f} ms{times['p95_ms']:>8.2f} ms{rate}")


@dataclass(frozen=True, kw_only=True)
class LandmarkModel(Command):
    """Print where the face landmark model is, after fetching it if need be."""

    def run(self, say: Say) -> int:
        """Print the path."""
        from dphm_core.landmarks.model_file import landmarker_model

        say(str(landmarker_model()))
        return OK


@dataclass(frozen=True, kw_only=True)
class App(Command):
    """Open the window (the same as `dphm-app`)."""

    source: Annotated[Positional[str | None], arg(metavar="SOURCE")] = None
    """Recording (a folder, .mkv, .bag or .db3 file, or "demo") or camera ("kinect", "realsense", "orbbec",
    "simulated"); the first connected camera by default."""
    model: str = "default"
    """Head model: a name under models/, or a folder."""
    device: str = "cpu"
    """Where the model is evaluated: "cpu", or a CUDA device such as "cuda" or "cuda:1"."""
    subject: Path | None = None
    """File of `dphm track --save-subject` of the person who is there, who then needs no calibration."""

    def run(self, say: Say) -> int:  # noqa: ARG002 (the window says what it has to say)
        """Hand over to the window's own program."""
        arguments = [] if self.source is None else [self.source]
        window = _installed_window()
        arguments += [] if self.device == "cpu" else ["--device", self.device]
        arguments += [] if self.subject is None else ["--subject", str(self.subject)]
        sys.argv = ["dphm-app", *arguments, "--model", self.model]
        return int(window() or OK)


def _installed_window() -> Any:
    """Entry point of the application, which the library knows by name only."""
    for point in entry_points(group="gui_scripts", name="dphm-app"):
        return point.load()
    raise DphmError("the window is not installed; install the project with `pip install -e .`")
