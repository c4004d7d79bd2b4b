"""The 3-D view on a synthetic head: every look, every layer, and the view through the camera."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from PyQt5 import sip
from PyQt5.QtCore import QEvent, QPoint, QPointF, Qt
from PyQt5.QtGui import QImage, QMouseEvent, QWheelEvent
from PyQt5.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.session import Request
from app.view3d.options import Layer, MeshStyle
from app.view3d.scene import View3D
from dphm_core.camera.rays import project, unproject
from dphm_core.frames import FaceLandmarks, Observation, Similarity, TrackedFrame

ON_TOP = (Layer.LANDMARKS, Layer.AXES, Layer.FRUSTUM)


@pytest.fixture
def view(qtbot: QtBot) -> Iterator[View3D]:
    view = View3D()
    view._canvas.events.draw.ignore_callback_errors = False  # vispy would only log a failing shader
    view.widget.resize(600, 500)
    with qtbot.waitExposed(view.widget):
        view.widget.show()
    yield view
    view.widget.close()
    # Now and not by the garbage collector, which may come while another view draws and takes its GL context away.
    sip.delete(view.widget)


@pytest.fixture
def tracked(sphere_source, sphere_session) -> Callable[..., tuple[TrackedFrame, np.ndarray]]:
    """Make the first frame with a mesh of so many times the ball's radius, and its faces."""
    source = sphere_source()
    tracker = sphere_session(source, Request("sphere")).tracker

    def make(scale: float = 1.02) -> tuple[TrackedFrame, np.ndarray]:
        frame = source.frame(0)
        points = unproject(frame.depth_m, frame.intrinsics)
        near = points[(points[..., 2] > 0) & (points[..., 2] < 0.55) & (points[..., 1] < -0.03)]  # under the mesh
        marked = near[:: len(near) // 477][:478]
        marked[::7] = np.nan
        landmarks = FaceLandmarks(np.zeros((478, 2), np.float32), marked, np.zeros(52, np.float32))
        answer = tracker.track(Observation(frame, near, np.zeros_like(near), landmarks))
        centre = np.float32([-0.05, -0.04, 0.6])
        vertices = (answer.vertices_cam - centre) * np.float32(scale / 1.02) + centre
        pose = Similarity(np.diag(np.float32([1, -1, -1])), centre)
        return replace(answer, vertices_cam=vertices, head_to_cam=pose), tracker.faces

    return make


def picture(view: View3D) -> np.ndarray:
    """(H, W, 3) integers."""
    image = view.widget.grabFramebuffer().convertToFormat(QImage.Format_RGB888)
    pixels = np.frombuffer(image.constBits().asstring(image.sizeInBytes()), np.uint8)
    rows = pixels.reshape(image.height(), image.bytesPerLine())[:, : 3 * image.width()]
    return rows.reshape(image.height(), image.width(), 3).astype(int)


def share(mask: np.ndarray) -> float:
    return float(mask.mean())


def bluish(pixels: np.ndarray) -> np.ndarray:
    return pixels[..., 2] > pixels[..., 0] + 40


def orange(pixels: np.ndarray) -> np.ndarray:
    red, green, blue = np.moveaxis(pixels, -1, 0)
    return (red > blue + 60) & (green > blue + 25) & (green < red)


def yellow(pixels: np.ndarray) -> np.ndarray:
    return (pixels[..., 0] > 200) & (pixels[..., 1] > 200) & (pixels[..., 2] < 140)


def test_every_style_looks_different_and_the_shaded_one_covers(view: View3D, tracked) -> None:
    view.show(*tracked())
    pictures = {}
    for style in MeshStyle:
        view.mesh_style = style
        pictures[style] = picture(view)
    blue = {style: share(bluish(pixels)) for style, pixels in pictures.items()}
    assert blue[MeshStyle.SHADED] > 0.08
    assert 0.1 < blue[MeshStyle.WIREFRAME] / blue[MeshStyle.SHADED] < 0.9
    assert blue[MeshStyle.TRANSLUCENT] < 0.5 * blue[MeshStyle.SHADED]


def test_a_wireframe_is_hidden_behind_its_own_surface(view: View3D, tracked) -> None:
    frame, faces = tracked()
    view.set_layer(Layer.POINTS, False)
    view.mesh_style = MeshStyle.WIREFRAME
    view.show(frame, faces)
    whole = share(bluish(picture(view)))
    front = faces[frame.vertices_cam[faces][..., 2].mean(axis=1) < 0.6]
    view.show(frame, front)
    assert share(bluish(picture(view))) == pytest.approx(whole, rel=0.1)


def test_residual_colours_tell_on_which_side_the_depth_lies(view: View3D, tracked) -> None:
    view.set_layer(Layer.POINTS, False)
    view.mesh_style = MeshStyle.RESIDUAL
    assert view._scale_bar.isVisible()
    view.show(*tracked(0.98))  # the depth lies 2 mm outside of the mesh
    outside = picture(view)
    assert share(orange(outside)) > 0.05
    assert share(bluish(outside)) < 0.005
    view.show(*tracked(1.02))
    inside = picture(view)
    assert share(bluish(inside)) > 0.05
    assert share(orange(inside)) < 0.005
    view.set_layer(Layer.MESH, False)
    assert not view._scale_bar.isVisible()
    view.set_layer(Layer.MESH, True)
    view.mesh_style = MeshStyle.SHADED
    assert not view._scale_bar.isVisible()


@pytest.mark.parametrize("layer", ON_TOP)
def test_layers_can_be_switched_on_and_off(view: View3D, tracked, layer: Layer) -> None:
    view.show(*tracked())
    view._camera.scale_factor = 1.5  # the frustum's corners are within the view
    view._camera.azimuth += 30
    before = picture(view)
    view.set_layer(layer, True)
    assert (np.abs(picture(view) - before).max(axis=-1) > 60).sum() > 100
    view.set_layer(layer, False)
    assert np.abs(picture(view) - before).max() == 0


def test_landmarks_lie_over_the_mesh_but_not_through_the_head(view: View3D, tracked) -> None:
    view.show(*tracked())
    view.mesh_style = MeshStyle.SHADED
    view.set_layer(Layer.LANDMARKS, True)
    assert yellow(picture(view)).sum() > 500
    view._camera.azimuth += 180
    assert yellow(picture(view)).sum() < 50


def test_through_the_camera_the_whole_image_is_seen_with_the_mesh_where_it_belongs(view: View3D, tracked) -> None:
    frame, faces = tracked()
    camera = frame.observation.frame.intrinsics
    bent = replace(camera, k=(2.0, 0.0, 0.0, 0.0, 0.0, 0.0), p=(0.002, 0.001))
    image = replace(frame.observation.frame, intrinsics=bent)
    frame = replace(frame, observation=replace(frame.observation, frame=image))
    view.mesh_style = MeshStyle.SHADED
    view.show(frame, faces)
    view.set_through_camera(True)
    pixels = picture(view)
    height, width = pixels.shape[:2]
    scale = min(width / bent.width, height / bent.height)
    rows, columns = np.nonzero((np.abs(pixels - (0x15, 0x18, 0x1D)) > 8).any(axis=-1))
    assert columns.max() - columns.min() + 1 == pytest.approx(bent.width * scale, abs=3)
    assert rows.max() - rows.min() + 1 == pytest.approx(bent.height * scale, abs=3)
    expected = project(frame.vertices_cam[np.unique(faces)], bent) + 0.5
    places = expected * scale + (np.array([width, height]) - np.array([bent.width, bent.height]) * scale) / 2
    view.set_layer(Layer.MESH, False)
    covered = np.argwhere(np.abs(picture(view) - pixels).max(axis=-1) > 10)[:, ::-1]
    np.testing.assert_allclose(covered.min(axis=0), places.min(axis=0), atol=3)
    np.testing.assert_allclose(covered.max(axis=0), places.max(axis=0), atol=3)


def test_the_mouse_rests_through_the_camera_and_leaving_restores_the_view(view: View3D, tracked) -> None:
    view.show(*tracked())
    view._camera.azimuth += 25
    before = picture(view)
    view.set_through_camera(True)
    through = picture(view)
    assert share(np.abs(through - before).max(axis=-1) > 30) > 0.3
    middle = view.widget.rect().center()
    for kind, button, held, shift in (
        (QEvent.MouseButtonPress, Qt.LeftButton, Qt.LeftButton, 0),
        (QEvent.MouseMove, Qt.NoButton, Qt.LeftButton, 90),
        (QEvent.MouseButtonRelease, Qt.LeftButton, Qt.NoButton, 90),
    ):
        event = QMouseEvent(kind, middle + QPoint(shift, 0), button, held, Qt.NoModifier)
        QApplication.sendEvent(view.widget, event)
    turn = QPointF(middle), QPointF(middle), QPoint(), QPoint(0, 120)
    QApplication.sendEvent(view.widget, QWheelEvent(*turn, Qt.NoButton, Qt.NoModifier, Qt.NoScrollPhase, False))
    assert np.abs(picture(view) - through).max() == 0
    view.set_through_camera(False)
    assert np.abs(picture(view) - before).max() == 0


def test_without_colour_the_points_stand_for_the_image(view: View3D, tracked) -> None:
    frame, faces = tracked()
    observation = replace(frame.observation, frame=replace(frame.observation.frame, color=None))
    view.show(replace(frame, observation=observation), faces)
    view.set_layer(Layer.POINTS, False)
    view.set_layer(Layer.MESH, False)
    view.set_through_camera(True)
    pixels = picture(view)
    assert share(pixels.min(axis=-1) > 35) > 0.05


def test_reset_goes_back_to_the_first_view(view: View3D, tracked) -> None:
    view.show(*tracked())
    before = picture(view)
    view._camera.azimuth += 50
    view._camera.elevation += 20
    view._camera.center = (1.0, 1.0, 0.0)
    view._camera.scale_factor = 2.0
    assert share(np.abs(picture(view) - before).max(axis=-1) > 30) > 0.05
    view.reset()
    assert np.abs(picture(view) - before).max() <= 1


def test_background_and_clearing(view: View3D, tracked) -> None:
    view.show(*tracked())
    view.clear()
    view.set_background("#dfe3e8")
    assert (picture(view) == (0xDF, 0xE3, 0xE8)).all()
    view.show(*tracked())
    assert share(picture(view).min(axis=-1) < 200) > 0.1


def test_a_view_that_nobody_sees_computes_nothing_and_catches_up(view: View3D, tracked, qtbot: QtBot) -> None:
    view.show(*tracked(1.02))
    first = picture(view)
    view.widget.hide()
    view.show(*tracked(0.5))
    view.show(*tracked(0.8))
    QApplication.processEvents()
    vertices = tracked(1.02)[0].vertices_cam
    np.testing.assert_array_equal(view._layers.mesh._vertices, vertices)
    with qtbot.waitExposed(view.widget):
        view.widget.show()
    qtbot.waitUntil(lambda: view._layers.mesh._vertices is not None and not view._layers.mesh._moved)
    assert share(bluish(picture(view))) < share(bluish(first))


@pytest.mark.parametrize("seen", [True, False], ids=["seen", "unseen"])
def test_the_room_stays_hidden_for_a_while_once_the_head_is_lost(
    view: View3D, tracked, qtbot: QtBot, seen: bool
) -> None:
    frame, faces = tracked()
    nothing = np.zeros((0, 3), np.float32)

    def lost(after_s: float) -> TrackedFrame:
        image = replace(frame.observation.frame, timestamp_s=after_s)
        return replace(frame, vertices_cam=None, observation=Observation(image, nothing, nothing, None))

    def wall() -> float:
        return share(np.abs(picture(view) - 120).max(axis=-1) < 5)

    view.widget.setVisible(seen)  # a minimised window, too, knows where the head was last
    view.show(frame, faces)
    view.show(lost(0.9), faces)
    if not seen:
        with qtbot.waitExposed(view.widget):
            view.widget.show()
    assert wall() == 0
    view.show(lost(1.1), faces)
    assert wall() > 0.3
