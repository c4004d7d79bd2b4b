"""The export dialog: what it offers, what it asks the library for, and how it tells what came of it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.panels.export_dialog import ExportDialog
from app.panels.message_bar import Kind
from dphm_core.errors import OutputError, SettingError
from dphm_core.export.export import ExportSummary
from dphm_core.export.options import ExportOptions
from dphm_core.export.plan import ExportPlan
from dphm_core.jobs import Tell


class Library:
    """Plans and exports in the library's place: a step whenever it is let, 75 meshes, 26 MB."""

    def __init__(self) -> None:
        self.asked: list[tuple[Path, ExportOptions]] = []
        self.threads: set[str] = set()
        self.step = threading.Event()
        self.step.set()
        self.error: Exception | None = None
        self.in_use: set[Path] = set()
        self.plans = 0
        self.reason = ""

    def export(self, out: Path, options: ExportOptions, tell: Tell) -> ExportSummary:
        self.asked.append((out, options))
        self.threads.add(threading.current_thread().name)
        if self.error is not None:
            raise self.error
        tell(30, 75)
        while not self.step.wait(0.01):
            tell(30, 75)
        animated = options.sequence_formats
        notes = tuple(f"{name.upper()}: exact" for name in animated)
        return ExportSummary(out, 0 if animated else 75, 77, 26_000_000, 1.2, len(animated), notes)

    def plan(self, out: Path, options: ExportOptions) -> ExportPlan:
        self.plans += 1
        if self.reason:
            raise SettingError(self.reason)
        other = out.with_name(f"{out.name}-2") if out in self.in_use else None
        return ExportPlan(75, 77, 26_000_000, out in self.in_use, other)


@pytest.fixture
def library() -> Library:
    return Library()


@pytest.fixture
def dialog(qtbot, library: Library, tmp_path: Path) -> Iterator[ExportDialog]:
    dialog = ExportDialog(library.export, plan=library.plan)
    qtbot.addWidget(dialog)
    dialog.set_current(True)
    dialog.set_saved(True, 0, 74)
    dialog.set_folder(tmp_path / "out")
    dialog.show()
    qtbot.waitUntil(lambda: dialog.estimate.text() != "")
    yield dialog
    dialog.stop()


def choose(box, name: str) -> None:
    box.setCurrentIndex(box.findData(name))


def result_shown(dialog: ExportDialog) -> Callable[[], bool]:
    return lambda: not dialog.exporting and not dialog.message.isHidden()


def test_all_meshes_are_exported_and_the_result_is_told(qtbot, dialog, library, tmp_path, monkeypatch) -> None:
    opened = []
    monkeypatch.setattr("app.panels.export_dialog.QDesktopServices.openUrl", lambda url: opened.append(url))
    assert dialog.estimate.text() == "77 files, about 26 MB."
    choose(dialog.choices.axes, "z-up")
    choose(dialog.choices.unit, "cm")
    choose(dialog.choices.codes_format, "jsonl")
    dialog.go.click()
    assert dialog.exporting and not dialog.form.isEnabled()
    qtbot.waitUntil(result_shown(dialog))
    out, options = library.asked[0]
    assert out == tmp_path / "out"
    assert (options.meshes, options.mesh_format, options.codes) == ("all", "ply", "jsonl")
    assert (options.axes, options.unit, options.overwrite) == ("z-up", "cm", False)
    assert (options.frames.start, options.frames.stop, options.frames.every) == (0, 75, 1)
    assert library.threads == {"dphm-job-exporting"}
    assert dialog.message.text.text() == "75 meshes, 26 MB in 1.2 s"
    assert dialog.message.kind is Kind.INFO
    dialog.message.action.click()
    assert Path(opened[0].toLocalFile()) == tmp_path / "out"
    assert not dialog.go.isEnabled()  # done; another choice makes another export
    choose(dialog.choices.unit, "mm")
    assert dialog.go.isEnabled()
    qtbot.waitUntil(lambda: not dialog._run._timer.isActive())


def test_no_choice_is_cut_off(dialog) -> None:
    boxes = [*dialog.choices._combos().values(), dialog.choices.details.targets]
    assert [box.itemText(0) for box in boxes if box.width() < box.sizeHint().width()] == []
    words = dialog.choices.space_words
    assert words.width() >= words.sizeHint().width()


def test_a_choice_about_meshes_is_planned_anew(qtbot, dialog, library) -> None:
    choose(dialog.choices.mesh_format, "glb")
    qtbot.waitUntil(lambda: dialog._planner._job is None)
    planned = library.plans
    choose(dialog.choices.details.targets, "basis")
    qtbot.waitUntil(lambda: library.plans > planned)


def test_an_answer_to_what_was_asked_before_is_not_shown(qtbot, dialog, library) -> None:
    asked = library.plans
    dialog.choices.unit.setCurrentIndex(1)
    qtbot.waitUntil(lambda: library.plans > asked)
    dialog.choices.meshes.setChecked(False)
    dialog.choices.codes.setChecked(False)
    qtbot.wait(200)
    assert dialog.estimate.text() == "Choose meshes, or codes and poses."


def test_an_animated_file_tells_how_good_it_is_and_is_of_all_frames(qtbot, dialog, library) -> None:
    choose(dialog.choices.mesh_format, "glb")
    dialog.go.click()
    qtbot.waitUntil(result_shown(dialog))
    assert library.asked[0][1].sequence_formats == ["glb"]
    assert dialog.message.text.text() == "1 animation, 26 MB in 1.2 s\nGLB: exact"
    choose(dialog.choices.which, "current")
    qtbot.waitUntil(lambda: "choose ply or obj for the frame on screen" in dialog.estimate.text())
    assert not dialog.go.isEnabled()
    choose(dialog.choices.mesh_format, "all")
    qtbot.waitUntil(lambda: dialog.go.isEnabled())
    assert dialog.choices.options().frame_formats == ["ply", "obj"]


def test_without_a_track_only_the_frame_on_screen_can_be_had(qtbot, dialog, library) -> None:
    dialog.set_saved(False)
    assert dialog.choices.which.currentData() == "current"
    assert not dialog.choices.codes.isEnabled()
    assert dialog.choices.missing.text().startswith("Track all frames first")
    assert dialog.choices.missing.isVisible()
    dialog.go.click()
    qtbot.waitUntil(result_shown(dialog))
    assert (library.asked[0][1].meshes, library.asked[0][1].codes) == ("current", "none")
    dialog.set_current(False)
    assert not dialog.go.isEnabled()
    assert dialog.choices.missing.text().startswith("There is nothing to export")
    assert dialog.estimate.text() == ""  # nothing can be chosen, either
    dialog.set_saved(True, 0, 74)
    assert dialog.choices.which.currentData() == "all" and dialog.go.isEnabled()


def test_nothing_ticked_is_nothing_to_export(dialog) -> None:
    dialog.choices.meshes.setChecked(False)
    assert dialog.go.isEnabled()
    dialog.choices.codes.setChecked(False)
    assert not dialog.go.isEnabled()
    assert dialog.estimate.text() == "Choose meshes, or codes and poses."


@pytest.mark.parametrize("replaces", [False, True])
def test_a_folder_in_use_is_asked_about(qtbot, dialog, library, tmp_path, replaces: bool) -> None:
    assert not dialog.folder.question.isVisible()
    library.in_use.add(tmp_path / "used")
    dialog.set_folder(tmp_path / "used")
    qtbot.waitUntil(dialog.folder.question.isVisible)
    assert "“used-2”" in dialog.folder.keep.text()
    (dialog.folder.replace if replaces else dialog.folder.keep).setChecked(True)
    dialog.go.click()
    qtbot.waitUntil(result_shown(dialog))
    out, options = library.asked[0]
    assert (out.name, options.overwrite) == (("used", True) if replaces else ("used-2", False))
    assert dialog.folder.line.text() == str(out)


def test_who_does_not_wait_for_the_question_overwrites_nothing(qtbot, dialog, library, tmp_path) -> None:
    library.in_use.add(tmp_path / "used")
    dialog.set_folder(tmp_path / "used")
    dialog.go.click()
    qtbot.waitUntil(result_shown(dialog))
    out, options = library.asked[0]
    assert (out.name, options.overwrite, dialog.message.kind) == ("used-2", False, Kind.INFO)
    assert dialog.folder.line.text() == str(out)


def test_replacing_holds_though_another_choice_is_being_planned(qtbot, dialog, library, tmp_path) -> None:
    library.in_use.add(tmp_path / "used")
    dialog.set_folder(tmp_path / "used")
    qtbot.waitUntil(dialog.folder.question.isVisible)
    dialog.folder.replace.setChecked(True)
    choose(dialog.choices.unit, "mm")
    dialog.go.click()
    qtbot.waitUntil(result_shown(dialog))
    out, options = library.asked[0]
    assert (out.name, options.overwrite) == ("used", True)


def test_what_an_export_wrote_itself_is_not_asked_about(qtbot, dialog, library, tmp_path) -> None:
    choose(dialog.choices.unit, "cm")
    choose(dialog.choices.unit, "mm")  # is planned once the answer to the other is there
    dialog.go.click()
    library.in_use.add(tmp_path / "out")
    qtbot.waitUntil(result_shown(dialog))
    qtbot.wait(300)  # several times as long as an answer takes
    assert not dialog.folder.question.isVisible()
    assert dialog.estimate.text() == ""


def test_an_answer_holds_for_the_folder_that_it_was_given_for(qtbot, dialog, library, tmp_path) -> None:
    library.in_use |= {tmp_path / "used", tmp_path / "theirs"}
    dialog.set_folder(tmp_path / "used")
    qtbot.waitUntil(dialog.folder.question.isVisible)
    dialog.folder.replace.setChecked(True)
    dialog.set_folder(tmp_path / "theirs")
    dialog.start()
    assert library.asked == [] or not library.asked[0][1].overwrite
    qtbot.waitUntil(result_shown(dialog))
    assert not library.asked[0][1].overwrite


@pytest.mark.parametrize("text", ["~no-such-user/x", "relative", "~/x", "/", "a\0b"])
def test_odd_folders_do_no_harm(dialog, text: str) -> None:
    dialog.folder.line.setText(text)
    assert dialog.folder.path is not None and dialog.folder.path.is_absolute()
    assert dialog.go.isEnabled()
    dialog.folder.line.setText("  ")
    assert not dialog.go.isEnabled()


def test_progress_and_cancelling(qtbot, dialog, library) -> None:
    library.step.clear()
    dialog.go.click()
    qtbot.waitUntil(lambda: dialog.job_bar.bar.value() == 400)
    assert dialog.job_bar.isVisible()
    dialog.job_bar.cancel.click()
    qtbot.waitUntil(result_shown(dialog))
    assert dialog.message.text.text().startswith("Cancelled")
    assert not dialog.job_bar.isVisible() and dialog.form.isEnabled() and dialog.go.isEnabled()
    qtbot.waitUntil(lambda: not dialog._run._timer.isActive())


def test_closing_cancels_first(qtbot, dialog, library) -> None:
    library.step.clear()
    dialog.go.click()
    dialog.close()
    assert dialog.isVisible()
    qtbot.waitUntil(lambda: not dialog.isVisible())
    assert not dialog.exporting and not dialog._run._timer.isActive()


def test_a_window_that_closes_stops_it(dialog, library) -> None:
    library.step.clear()
    dialog.go.click()
    dialog.stop()
    assert not dialog.exporting and not dialog._run._timer.isActive()


def test_long_reasons_squeeze_no_choice(qtbot, dialog, library) -> None:
    dialog.show()
    qtbot.waitUntil(lambda: dialog.estimate.text() != "")
    tall = dialog.choices.space.height()
    library.reason = "this cannot be exported, " * 20
    dialog.choices.unit.setCurrentIndex(1)
    qtbot.waitUntil(lambda: dialog.estimate.text().startswith("✕"))
    qtbot.waitUntil(lambda: dialog.estimate.height() >= dialog.estimate.heightForWidth(dialog.estimate.width()))
    assert dialog.choices.space.height() == tall


def test_errors_are_told_in_words(qtbot, dialog, library) -> None:
    library.error = OutputError("/out is not empty; choose another folder")
    dialog.go.click()
    qtbot.waitUntil(result_shown(dialog))
    assert dialog.message.kind is Kind.ERROR
    assert dialog.message.text.text() == "/out is not empty; choose another folder."
    dialog.set_folder(Path("/elsewhere"))
    assert dialog.message.isHidden()  # it was of another folder
    library.error = ZeroDivisionError("in a writer")
    dialog.go.click()
    qtbot.waitUntil(lambda: "nobody expected" in dialog.message.text.text())
    assert not dialog.message.copy.isHidden()


def test_choices_are_remembered(qtbot, dialog, library, tmp_path) -> None:
    choose(dialog.choices.axes, "opencv")
    choose(dialog.choices.mesh_format, "obj")
    dialog.choices.codes.setChecked(False)
    dialog.choices.details.normals.setChecked(False)
    dialog.choices.details.colours.setChecked(True)
    choose(dialog.choices.details.targets, "basis")
    dialog.choices.more_formats.ticks["usd"].trigger()
    state = json.loads(json.dumps(dialog.state()))
    again = ExportDialog(library.export)
    qtbot.addWidget(again)
    again.restore(state)
    again.set_saved(True, 0, 9)
    assert again.state() == state
    options = again.choices.options()
    assert (options.axes, options.mesh_format, options.codes) == ("opencv", "obj,usd", "none")
    assert (options.normals, options.glb_targets) == (False, "basis")
    assert again.choices.details.colours.isChecked()
    again.restore({"axes": "x-up", "unit": 3, "meshes": "yes", "folder": 7, "which": []})
    again.restore(
        {"normals": 1, "colours": "recordings/talk", "glb_targets": ["codes"], "more_formats": ["obj", "usd", 7]}
    )
    assert again.choices.more_formats.chosen == ["obj", "usd"]
    again.restore({"more_formats": ["usd"]})
    again.restore("nonsense")  # type: ignore[arg-type]
    assert again.state() == state


def test_nothing_heavy_is_imported_with_it() -> None:
    code = "import sys, app.panels.export_dialog; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "cv2", "numba", "scipy", "vispy"} & set(loaded)
