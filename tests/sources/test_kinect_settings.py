"""The Azure Kinect's settings: as text, and what goes together."""

from __future__ import annotations

from itertools import product

import pyk4a
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dphm_core.errors import SettingError
from dphm_core.sources.kinect_settings import (
    COLORS,
    DEPTHS,
    RATES,
    KinectSettings,
    kinect_uri,
    parse_settings,
    split_kinect_uri,
)

CONTROLS = st.sampled_from(["auto", "lock"])


def refused(text: str) -> str:
    with pytest.raises(SettingError) as caught:
        parse_settings(text)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@given(
    st.builds(
        KinectSettings,
        color=st.sampled_from(["720p", "1080p", "2160p"]),
        depth=st.sampled_from(["nfov", "nfov-binned", "wfov-binned"]),
        fps=st.sampled_from(RATES),
        exposure=st.one_of(CONTROLS, st.integers(500, 33_000)),
        whitebalance=st.one_of(CONTROLS, st.integers(2500, 12_500)),
        powerline=st.sampled_from([None, 50, 60]),
    ),
    st.sampled_from([None, "000123"]),
)
def test_a_cameras_name_keeps_its_settings(settings: KinectSettings, serial: str | None) -> None:
    told_serial, text = split_kinect_uri(kinect_uri(serial, settings))
    assert told_serial == serial
    assert parse_settings(text or "") == settings


def test_what_is_usual_is_not_told() -> None:
    assert kinect_uri("000123", KinectSettings()) == "kinect:000123"
    assert kinect_uri(None, KinectSettings(color="1080p", fps=15)) == "kinect?color=1080p&fps=15"
    assert split_kinect_uri("kinect:1?") == ("1", "") and split_kinect_uri("kinect") == (None, None)
    assert parse_settings("") == KinectSettings()


@pytest.mark.parametrize(("color", "depth", "fps"), list(product(COLORS, DEPTHS, RATES)))
def test_only_what_the_camera_can_do_goes_together(color: str, depth: str, fps: int) -> None:
    assert hasattr(pyk4a.ColorResolution, COLORS[color])
    assert hasattr(pyk4a.DepthMode, DEPTHS[depth])
    text = f"color={color}&depth={depth}&fps={fps}"
    if fps == 30 and (color == "3072p" or depth == "wfov"):
        assert "comes at 15 frames per second at most; set fps=15 or" in refused(text)
    else:
        assert parse_settings(text).fps == fps


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("colour=1080p", "'colour=1080p' is no setting of the Azure Kinect; settings are color=720p|1080p|"),
        ("fps", "'fps' is no setting"),
        ("fps=", "'fps=' is no setting"),
        ("fps=15&", "'' is no setting"),
        ("fps=15&fps=30", "fps is set twice; set it once"),
        ("fps=25", "fps=25 is unknown; set 5, 15 or 30"),
        ("fps=fast", "fps=fast is unknown; set 5, 15 or 30"),
        ("color=4k", "color=4k is unknown; set 720p, 1080p, 1440p, 1536p, 2160p or 3072p"),
        ("depth=off", "depth=off is unknown; set nfov, nfov-binned, wfov or wfov-binned"),
        ("exposure=bright", "exposure=bright is unknown; set auto, lock, or 500 to 133330 microseconds"),
        ("exposure=-1", "exposure=-1 is unknown"),
        ("exposure=99999999999999", "exposure=99999999999999 is unknown"),
        (
            "exposure=40000",
            "exposure=40000 is longer than a frame at fps=30; set 33333 or less, or fewer frames per second",
        ),
        ("whitebalance=100", "whitebalance=100 is unknown; set auto, lock, or 2500 to 12500 kelvin"),
        ("powerline=55", "powerline=55 is unknown; set 50 or 60"),
    ],
)
def test_every_refusal_names_the_cure(text: str, told: str) -> None:
    assert told in refused(text)


@given(st.text(alphabet="colrdeptfsxuwhibanwk=&?0123456789-", max_size=30))
def test_any_text_is_settings_or_one_line(text: str) -> None:
    try:
        settings = parse_settings(text)
    except SettingError as error:
        assert "\n" not in str(error)
    else:
        assert parse_settings(settings.text()) == settings
