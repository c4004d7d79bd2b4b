"""Videos, read back by a decoder: what is on them, when, and what is left where one fails."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from dphm_core.camera.rays import project
from dphm_core.cli import main
from dphm_core.errors import Cancelled, OutputError, SettingError, SourceError
from dphm_core.output.saved_track import SavedTrack
from dphm_core.sources import open_source
from dphm_core.sources.selection import Selection
from dphm_core.video.options import VideoOptions
from dphm_core.video.render import write_video

BACKGROUND = 33
"""Mean value of the turntable's empty picture, and a bit."""


def quiet(_done: int, _total: int | None) -> None:
    """Tell nobody."""


def film(path: Path) -> tuple[list[np.ndarray], list[float]]:
    """Pictures (H, W, 3) and their times, seconds."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    return [frame.to_ndarray(format="rgb24").astype(int) for frame in frames], [float(frame.time) for frame in frames]


def test_an_overlay_has_the_recordings_pictures_and_times_and_the_mesh_where_it_was(
    saved: SavedTrack, recording: Path, tmp_path: Path
) -> None:
    path = tmp_path / "film ö.mp4"
    made = write_video(saved, recording, path, VideoOptions(height=240, quality=5), quiet)
    pictures, times_s = film(path)
    assert made.size == (320, 240) and pictures[0].shape == (240, 320, 3)
    assert made.pictures == len(pictures) == 3
    np.testing.assert_allclose(times_s, [0.0, 0.1, 0.2], atol=2e-5)
    assert made.bytes == path.stat().st_size
    for picture, index in zip(pictures, (3, 4, 7), strict=True):
        np.testing.assert_allclose(picture[4, 4], (0, 20 + 20 * index, 0), atol=6)
    camera = open_source(recording).info.intrinsics
    head = project(saved.vertices_cam(0), camera)
    column, row = (2 * head.mean(axis=0) + 0.5).round().astype(int)
    assert pictures[0][row, column, 0] > 60  # the mesh, which is not green
    drawn = np.argwhere(pictures[0][..., 0] > 60)[:, ::-1]
    np.testing.assert_allclose(drawn.min(axis=0), 2 * head.min(axis=0) + 0.5, atol=4)
    np.testing.assert_allclose(drawn.max(axis=0), 2 * head.max(axis=0) + 0.5, atol=4)
    assert (pictures[1][..., 0] < 30).all()  # no head in frame 4


def test_cropped_the_head_fills_the_picture(saved: SavedTrack, recording: Path, tmp_path: Path) -> None:
    shares = []
    for crop in (False, True):
        path = tmp_path / f"{crop}.mp4"
        write_video(saved, recording, path, VideoOptions(height=128, crop=crop), quiet)
        picture = film(path)[0][0]
        shares.append(float((picture[..., 0] > 60).mean()))
    assert picture.shape == (128, 128, 3)
    assert shares[1] > 2 * shares[0]


def test_a_turntable_needs_no_recording_turns_and_holds_the_last_head(saved: SavedTrack, tmp_path: Path) -> None:
    path = tmp_path / "turn.mp4"
    made = write_video(saved, None, path, VideoOptions(view="turntable", height=96, turn_s=0.5, quality=5), quiet)
    pictures, _ = film(path)
    assert made.size == (96, 96)
    seen = [picture.mean(axis=2) > BACKGROUND + 15 for picture in pictures]
    assert all(0.1 < mask.mean() < 0.9 for mask in seen)
    assert np.abs(pictures[1] - pictures[0]).mean() > 1  # a fifth of a turn on, though there was no head


def test_both_stand_side_by_side(saved: SavedTrack, recording: Path, tmp_path: Path) -> None:
    path = tmp_path / "both.mp4"
    made = write_video(saved, recording, path, VideoOptions(view="both", height=90, frames=Selection(3, 5)), quiet)
    pictures, _ = film(path)
    assert made.size == (120 + 90, 90) and len(pictures) == 2
    np.testing.assert_allclose(pictures[0][2, 2], (0, 80, 0), atol=8)
    assert pictures[0][2, -2].max() < 60


def test_the_times_of_one_picture_make_a_video_too(saved: SavedTrack, tmp_path: Path) -> None:
    options = VideoOptions(view="turntable", height=64, frames=Selection(7))
    made = write_video(saved, None, tmp_path / "one.mp4", options, quiet)
    assert made.pictures == len(film(tmp_path / "one.mp4")[0]) == 1
    assert made.seconds == pytest.approx(1 / 30)


def test_cancelled_or_broken_off_nothing_is_left(saved: SavedTrack, recording: Path, tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(b"before")

    def stop(done: int, _total: int | None) -> None:
        if done == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        write_video(saved, recording, tmp_path / "film.mp4", VideoOptions(height=64), stop)
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]
    assert (tmp_path / "film.mp4").read_bytes() == b"before"


def test_refusals_are_told(saved: SavedTrack, recording: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"give --source, or take --view turntable"):
        write_video(saved, None, tmp_path / "film.mp4", VideoOptions(), quiet)
    with pytest.raises(SettingError, match=r"film\.avi does not end in \.mp4"):
        write_video(saved, recording, tmp_path / "film.avi", VideoOptions(), quiet)
    with pytest.raises(SettingError, match=r"no such frames; it has frames 3 to 7"):
        write_video(saved, recording, tmp_path / "film.mp4", VideoOptions(frames=Selection(8)), quiet)
    (recording / "depth/00007.png").rename(tmp_path / "gone.png")
    try:
        with pytest.raises(SourceError, match=r"has no frame 7, which the track has"):
            write_video(saved, recording, tmp_path / "film.mp4", VideoOptions(height=64), quiet)
    finally:
        (tmp_path / "gone.png").rename(recording / "depth/00007.png")
    assert not list(tmp_path.iterdir())


def test_its_folder_is_made_and_one_that_cannot_be_is_refused_before_anything_is_drawn(
    saved: SavedTrack, tmp_path: Path
) -> None:
    drawn: list[int] = []
    options = VideoOptions("turntable", height=64)
    write_video(saved, None, tmp_path / "new/er/film.mp4", options, quiet)
    assert (tmp_path / "new/er/film.mp4").stat().st_size
    with pytest.raises(OutputError, match=r"cannot be made"):
        write_video(saved, None, tmp_path / "new/er/film.mp4/in.mp4", options, lambda done, _total: drawn.append(done))
    with pytest.raises(OutputError, match=r"cannot be written"):
        write_video(saved, None, tmp_path / f"{'n' * 250}.mp4", options, lambda done, _total: drawn.append(done))
    assert set(drawn) == {0}


@pytest.mark.parametrize(
    ("setting", "value"), [("height", 10), ("quality", 90), ("turn_s", 0.0), ("opacity", 0.0), ("view", "film")]
)
def test_settings_out_of_range_are_refused(setting: str, value: object) -> None:
    with pytest.raises(SettingError):
        VideoOptions(**{setting: value})


def test_the_command_writes_and_does_not_overwrite_unasked(
    saved: SavedTrack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["video", str(saved.folder), "--view", "turntable", "--height", "64", "--out", str(tmp_path / "turn.mp4")]
    assert main(words) == 0
    assert "3 pictures of 64x64" in capsys.readouterr().out
    assert main(words) == 2
    assert "is there; give another file, or --overwrite" in capsys.readouterr().err
    assert main([*words, "--overwrite"]) == 0
