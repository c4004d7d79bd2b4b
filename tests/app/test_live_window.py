"""A user's way through the window with the real tracker: open, track, adjust, save a subject, track all, export."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import trimesh

from app.session import open_session
from app.view3d.options import MeshStyle
from dphm_core.frames import TrackStatus
from dphm_core.output.saved_track import SavedTracker
from dphm_core.pipeline import PipelineState
from dphm_core.places import DEMO_RECORDING
from dphm_core.tracking.live_settings import LiveSettings

FRAMES = 36
"""Enough for a calibration."""
PATIENCE_MS = 300_000


@pytest.fixture
def short_recording(tmp_path: Path) -> str:
    """The demo's first frames, under a name with a space and a letter beyond ASCII."""
    folder = tmp_path / "Köpfe 1"
    for part in ("color", "depth"):
        (folder / part).mkdir(parents=True)
        for index in range(FRAMES):
            shutil.copy(DEMO_RECORDING / part / f"{index:05d}.png", folder / part)
    shutil.copy(DEMO_RECORDING / "calibration.json", folder)
    return str(folder)


@pytest.mark.timeout(1200)  # it took 130 s on two cores under a load of ten
def test_from_opening_a_recording_to_its_export(qtbot, make_window, short_recording: str, tmp_path: Path) -> None:
    window = make_window(open_session)
    window.resize(760, 480)  # drawn by the processor, which has enough to do
    window.open(short_recording)
    qtbot.waitUntil(lambda: window.frames_shown > 0, timeout=PATIENCE_MS)
    desk = window.desk
    qtbot.waitUntil(
        lambda: desk.shown.status is TrackStatus.TRACKING and window.tracking.save.isEnabled(), timeout=PATIENCE_MS
    )
    assert desk.shown.residual_mm < 1.5
    assert window.bars.shown()

    window.tracking.sliders.changed.emit(LiveSettings(points=600, smoothness=0.0, prior_spread=0.0))
    subject = tmp_path / "person.safetensors"
    window.tracker.save_subject(subject)
    qtbot.waitUntil(subject.is_file, timeout=PATIENCE_MS)
    window.options.set_style(MeshStyle.RESIDUAL)

    window.playback.track_all_requested.emit()
    assert desk.session.pipeline.status().state is PipelineState.PAUSED
    qtbot.waitUntil(
        lambda: desk.session is not None and isinstance(desk.session.tracker, SavedTracker) and bool(desk.shown),
        timeout=PATIENCE_MS,
    )
    window.player.jump(FRAMES - 1)
    qtbot.waitUntil(lambda: desk.shown.index == FRAMES - 1)
    assert desk.shown.vertices_cam is not None
    panel = window.tracking
    assert not any(box.isEnabled() for box in (panel.calibrate, panel.model, panel.device, *panel.sliders.all))
    assert (panel.model.currentText(), panel.toggle.text()) == ("default", "A saved track is shown")

    dialog = window.exporter.ask(desk.session.tracker.saved)
    dialog.choices.restore({"meshes": "all"})
    dialog.set_folder(tmp_path / "export")
    dialog.start()
    qtbot.waitUntil(lambda: not dialog.exporting, timeout=PATIENCE_MS)
    meshes = sorted((tmp_path / "export" / "meshes").iterdir())
    assert len(meshes) == FRAMES
    assert len(trimesh.load(meshes[0], process=False).vertices) == len(desk.shown.vertices_cam)
    dialog.reject()

    window.playback.saved_track_toggled.emit(False)
    qtbot.waitUntil(lambda: desk.session is not None and desk.session.tracks, timeout=PATIENCE_MS)
