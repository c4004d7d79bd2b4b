"""Recordings are tracked in processes of their own, and on a Ray cluster: the same table, and nothing else is lost."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from fake_runs import LOADING_S, Red

from dphm_core.cli import main
from dphm_core.errors import SettingError
from dphm_core.many.processes import Processes
from dphm_core.many.recordings import find_recordings
from dphm_core.many.run import Runner, track_many
from dphm_core.many.table import SequenceResult

TESTS = Path(__file__).resolve().parents[1]


def results_of(data: Path, out: Path, runner: Runner) -> list[tuple[str, str, str]]:
    results = track_many(find_recordings([str(data)]), out, runner)
    return [(result.sequence, result.status, result.error) for result in results]


def test_a_process_that_is_killed_takes_only_its_recording_with_it(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    told = results_of(data, out, Processes(Red(killed="anna_smile", faulty="ben_fastalk"), 1))
    assert [row[:2] for row in told] == [
        ("anna_smile", "failed"),
        ("ben_fastalk", "failed"),
        ("carl_eyeblink", "tracked"),
    ]
    assert "was killed (SIGKILL" in told[0][2] and "fewer --workers" in told[0][2]
    assert told[1][2] == "ZeroDivisionError: in ben_fastalk"
    assert (out / "carl_eyeblink/track.npz").is_file()
    again = results_of(data, out, Processes(Red(), 3))
    assert [row[1] for row in again] == ["tracked", "failed", "earlier"]
    assert "no face in any of 5 frames" in again[1][2]


def test_ctrl_c_ends_what_is_under_way_and_it_goes_on_later(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    results: list[SequenceResult] = []

    def press() -> None:
        while not results:  # until one is done, while another one is busy without end
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    presser = threading.Thread(target=press)
    presser.start()
    runner = Processes(Red(endless="anna_smile"), 2)
    told = track_many(find_recordings([str(data)]), out, runner, on_result=results.append)
    presser.join()
    assert [result.status for result in told if result.sequence == "anna_smile"] == ["interrupted"]
    assert not (out / "anna_smile").exists()
    assert [row[1] for row in results_of(data, out, Processes(Red(), 1))] in (
        ["tracked", "failed", "earlier"],
        ["tracked", "failed", "tracked"],  # the third was not begun
    )


def test_ctrl_c_ends_what_is_still_loading(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    pressed: list[float] = []

    def press(_: SequenceResult) -> None:  # one is done: another one has been loading for a while
        if not pressed:
            pressed.append(time.monotonic())
            os.kill(os.getpid(), signal.SIGINT)

    told = track_many(find_recordings([str(data)]), out, Processes(Red(loading="anna_smile"), 2), on_result=press)
    assert time.monotonic() - pressed[0] < LOADING_S / 2
    assert [result.status for result in told if result.sequence == "anna_smile"] == ["interrupted"]
    assert not (out / "anna_smile").exists()
    assert multiprocessing.active_children() == []


@pytest.mark.skipif(sys.platform == "win32", reason="a process that loads its modules hears Ctrl-C there")
def test_ctrl_c_ends_no_process_that_is_still_loading(data: Path, tmp_path: Path) -> None:
    def press() -> None:  # in a terminal, all its processes hear it
        while not (children := multiprocessing.active_children()):
            time.sleep(0.001)
        os.kill(children[0].pid, signal.SIGINT)

    presser = threading.Thread(target=press)
    presser.start()
    told = results_of(data, tmp_path / "out", Processes(Red(), 1))
    presser.join()
    assert [row[1] for row in told] == ["tracked", "failed", "tracked"]


def test_a_cluster_of_two_workers_on_this_machine(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="needs Ray: pip install -e '.[ray]'")
    from dphm_core.many.on_ray import OnRay

    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (TESTS.parent, TESTS, TESTS / "many"))))
    long = tmp_path / ("temporary" * 9)  # beyond what a socket's path may have
    long.mkdir()
    monkeypatch.setenv("TMPDIR", str(long))
    monkeypatch.setattr(tempfile, "tempdir", None)
    told = results_of(data, tmp_path / "out", OnRay(Red(killed="ben_fastalk"), "local", 1.0))
    assert [row[:2] for row in told] == [
        ("anna_smile", "tracked"),
        ("ben_fastalk", "failed"),
        ("carl_eyeblink", "tracked"),
    ]
    assert "process or machine was lost" in told[1][2]
    assert (tmp_path / "out/anna_smile/track.npz").is_file()
    assert [*long.iterdir()] == []


def test_a_cluster_that_is_not_there_is_told() -> None:
    pytest.importorskip("ray", reason="needs Ray: pip install -e '.[ray]'")
    from dphm_core.many.on_ray import OnRay

    with pytest.raises(SettingError, match=r"there is no Ray cluster at auto .*--ray local"):
        OnRay(Red(), "auto", 1.0)
    for address in ("localhost:1", "ray://localhost:1", "localhost:99999"):
        with pytest.raises(SettingError, match=rf"there is no Ray cluster at {address} .*--ray local"):
            OnRay(Red(), address, 1.0)


def test_a_cluster_that_does_not_say_why_it_does_not_start_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="needs Ray: pip install -e '.[ray]'")
    from dphm_core.many.on_ray import OnRay

    def silent(_self: OnRay, _address: str) -> None:
        raise RuntimeError

    monkeypatch.setattr(OnRay, "_join", silent)
    with pytest.raises(SettingError, match=r"no Ray cluster starts on this machine \(RuntimeError\); take --workers"):
        OnRay(Red(), "local", 1.0)


def test_more_cores_than_any_machine_has_are_refused_rather_than_waited_for() -> None:
    pytest.importorskip("ray", reason="needs Ray: pip install -e '.[ray]'")
    from dphm_core.many.on_ray import OnRay

    with pytest.raises(
        SettingError, match=r"no machine of the cluster has 5000 cores, but \d+; give fewer --ray-cores"
    ):
        OnRay(Red(), "local", 5000.0)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--workers", "0"), "--workers is 1 or more"),
        (("--workers", "2", "--ray", "local"), "leave it out with --ray"),
        (("--ray-cores", "0"), "--ray-cores is more than 0"),
        (("--save-subject", "me.safetensors"), "is for one recording"),
    ],
)
def test_settings_that_make_no_sense(
    data: Path, tmp_path: Path, words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["batch", str(data), "--out", str(tmp_path / "out"), *words]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_no_recordings_named_are_no_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["batch", "--out", str(tmp_path / "out")]) == 2
    assert "no recording is named" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_command_tells_of_each_and_of_all(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("anna_smile", "carl_eyeblink"):  # grey pictures, too: nobody's face
        (data / name).rename(tmp_path / name)
    assert main(["batch", str(data), "--out", str(tmp_path / "out"), "--workers", "1"]) == 1
    shown = capsys.readouterr().out
    assert "0 of 1" in shown and "ben_fastalk: " in shown and "no face in any of 5 frames" in shown
