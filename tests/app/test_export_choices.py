"""The export form: what it offers, and the library's options that come of it."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from app.panels.export_choices import ExportChoices
from dphm_core.export.options import ExportOptions, mesh_formats


@pytest.fixture
def choices(qtbot) -> ExportChoices:
    form = ExportChoices()
    qtbot.addWidget(form)
    form.set_current(True)
    form.set_saved(True, 0, 74)
    return form


def choose(box, name: str) -> None:
    box.setCurrentIndex(box.findData(name))


def test_a_selection_is_taken_over_as_far_as_the_track_goes(choices) -> None:
    choices.set_saved(True, 10, 74)
    choices.select(20, 30)
    assert (choices.options().frames.start, choices.options().frames.stop) == (20, 31)
    choices.select(0, 200)
    assert (choices.options().frames.start, choices.options().frames.stop) == (10, 75)


def test_every_format_of_the_library_is_offered(choices) -> None:
    box = choices.mesh_format
    assert tuple(box.itemData(row) for row in range(box.count())) == mesh_formats()


def test_every_option_of_the_library_can_be_chosen(choices) -> None:
    """Each has other values than the usual one; whether an earlier export is replaced is asked where there is one."""
    usual = ExportOptions()
    choices.set_recording("recordings/talk")
    for box, name in (
        (choices.mesh_format, "all"), (choices.details.targets, "frames"), (choices.codes_format, "npz"),
        (choices.space, "head"), (choices.axes, "z-up"), (choices.unit, "mm"),
    ):  # fmt: skip
        choose(box, name)
    choices.details.normals.setChecked(False)
    choices.details.colours.setChecked(True)
    choices.every.setValue(2)
    chosen = choices.options(overwrite=True)
    assert (chosen.normals, chosen.colours, chosen.glb_targets) == (False, "recordings/talk", "frames")
    choose(choices.which, "current")
    chosen = replace(chosen, meshes=choices.options().meshes)
    assert [item.name for item in fields(usual) if getattr(chosen, item.name) == getattr(usual, item.name)] == []


def test_several_formats_are_written_in_one_go(choices) -> None:
    more = choices.more_formats
    more.ticks["glb"].trigger()
    more.ticks["pc2"].trigger()
    assert (choices.options().mesh_format, more.text()) == ("ply,glb,pc2", "+ 2")
    assert choices.details.normals.isEnabled() and choices.details.targets.isEnabled()
    assert not more.ticks["ply"].isEnabled()  # it is chosen already
    choose(choices.mesh_format, "glb")
    assert (choices.options().mesh_format, more.text()) == ("glb,pc2", "+ 1")
    choose(choices.mesh_format, "all")
    assert not more.isEnabled() and choices.options().mesh_format == "all"
    choose(choices.mesh_format, "obj")
    assert choices.options().sequence_formats == ["glb", "pc2"]
    choices.meshes.setChecked(False)
    assert not more.isEnabled()


def test_what_is_written_with_meshes_can_be_chosen_where_the_files_have_it(choices) -> None:
    details = choices.details

    def possible() -> tuple[bool, bool, bool]:
        return details.normals.isEnabled(), details.colours.isEnabled(), details.targets.isEnabled()

    assert possible() == (True, False, False)  # nobody said which recording it is
    choices.set_recording("recordings/talk")
    details.colours.setChecked(True)
    for name, expected in (
        ("ply", (True, True, False)), ("glb", (False, False, True)), ("usd", (False, False, False)),
        ("all", (True, True, True)), ("obj", (True, True, False)),
    ):  # fmt: skip
        choose(choices.mesh_format, name)
        assert possible() == expected, name
        assert (choices.options().colours is None) == (not expected[1])
    choose(choices.which, "current")
    assert possible() == (True, False, False)
    assert "track all frames" in details.colours.toolTip()
    choose(choices.which, "all")
    choices.meshes.setChecked(False)
    assert possible() == (False, False, False)


def test_formats_that_one_frame_leaves_out_are_told(choices) -> None:
    told = choices.details.one_frame
    choices.more_formats.ticks["glb"].trigger()
    choose(choices.mesh_format, "all")
    assert told.isHidden()
    choose(choices.which, "current")
    assert not told.isHidden()
    assert told.text() == "Written as PLY and OBJ only: the others chosen hold a whole sequence."
    choose(choices.mesh_format, "obj")
    assert choices.options().mesh_format == "obj,glb" and choices.options().sequence_formats == []
    assert not told.isHidden() and "Written as OBJ only" in told.text()
    assert not choices.details.targets.isEnabled()
    choices.more_formats.ticks["glb"].trigger()
    assert told.isHidden()
    choose(choices.mesh_format, "glb")
    assert told.isHidden()  # that is refused, and said in another place
    choose(choices.mesh_format, "all")
    choices.meshes.setChecked(False)
    assert told.isHidden()


def test_explanations_change_with_the_choice(choices) -> None:
    told = set()
    for space in ("camera", "head"):
        for axes in ("opencv", "y-up", "z-up"):
            choose(choices.space, space)
            choose(choices.axes, axes)
            told.add((choices.space_words.text(), choices.axes_words.text()))
    assert len(told) == 6
    assert "Blender" in choices.axes_words.text()
    assert "subject's left" in choices.axes_words.text()


def test_a_range_of_frames(choices) -> None:
    assert (choices.first.value(), choices.last.value()) == (1, 75)  # as the playback bar counts
    choices.first.setValue(11)
    choices.last.setValue(21)
    choices.every.setValue(2)
    frames = choices.options().frames
    assert (frames.start, frames.stop, frames.every) == (10, 21, 2)
    choices.first.setValue(22)
    assert choices.first.value() == 21  # there is always one frame at least
    choices.set_saved(True, 100, 109)
    assert (choices.first.value(), choices.last.value(), choices.last.maximum()) == (101, 110, 110)
    assert (choices.options().frames.start, choices.options().frames.stop) == (100, 110)
    choices.set_saved(True, 0, 9)
    assert (choices.first.value(), choices.last.value()) == (1, 10)
