"""Making a video from the window: what it needs, where it goes, and that it can be cancelled."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
from saved_tracks import write_results

from app.session import Request, Session
from dphm_core.output.saved_track import load_saved_track


@pytest.fixture
def window(qtbot, make_window, sphere_source, sphere_session):
    def open_session(request: Request) -> Session:
        return sphere_session(sphere_source(length=20), request)

    window = make_window(open_session)
    window.open("sphere")
    qtbot.waitUntil(lambda: window.frames_shown > 0)
    return window


def pictures(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _frame in container.decode(video=0))


def test_without_a_complete_track_it_says_what_to_do(qtbot, window) -> None:
    with qtbot.waitSignal(window.failed) as told:
        window.films.show("overlay")
    assert "Track all frames first" in told.args[0]


def test_a_video_is_made_where_the_user_wants_it(
    qtbot, window, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window.desk.session.tracker.saved = load_saved_track(write_results(tmp_path))  # as a tracker of a kept track has
    chosen = tmp_path / "films ä" / "head.mp4"
    suggested: list[Path] = []

    def choose(_parent: object, _title: str, path: Path, _kind: str) -> Path:
        suggested.append(path)
        return chosen

    monkeypatch.setattr("app.controls.video_control.ask_where_to_save", choose)
    for _ in range(2):
        with qtbot.waitSignal(window.desk.told) as told:
            window.films.show("turntable")
    assert pictures(chosen) == 3
    assert "3 pictures of 720x720" in told.args[0] and "head.mp4" in told.args[0]
    assert suggested[1].parent == chosen.parent  # remembered


def test_closing_the_window_gives_a_video_up(qtbot, window, tmp_path: Path) -> None:
    saved = load_saved_track(write_results(tmp_path))
    window.films.make(saved, "sphere", tmp_path / "film.mp4", "turntable")
    window.close()
    assert not [path for path in tmp_path.iterdir() if "film" in path.name] or pictures(tmp_path / "film.mp4") == 3
