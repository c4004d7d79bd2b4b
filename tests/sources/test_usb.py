from __future__ import annotations

from pathlib import Path

import pytest

from dphm_core.sources.usb import FEMTO, REALSENSE, UsbDevice, UsbKind, driver_trouble, kinect_trouble, usb_devices


def kinect(product: int, mbit_s: float = 5000, allowed: bool = True) -> UsbDevice:
    return UsbDevice(0x045E, product, mbit_s, allowed)


def test_what_is_plugged_in_is_read_without_opening_it(tmp_path: Path) -> None:
    told = {"idVendor": "045e", "idProduct": "097c", "busnum": "4", "devnum": "12", "speed": "5000"}
    (tmp_path / "4-1.1").mkdir()
    for name, value in told.items():
        (tmp_path / "4-1.1" / name).write_text(value + "\n")
    (tmp_path / "4-1.1:1.0").mkdir()  # an interface
    assert usb_devices(tmp_path, tmp_path / "nodes") == [kinect(0x097C, allowed=False)]
    (tmp_path / "nodes/004").mkdir(parents=True)
    (tmp_path / "nodes/004/012").touch()
    assert usb_devices(tmp_path, tmp_path / "nodes") == [kinect(0x097C)]
    assert usb_devices(tmp_path / "elsewhere") == []


@pytest.mark.parametrize(
    ("devices", "told"),
    [
        ([], None),
        ([UsbDevice(0x1234, 0x097C, 480, False)], None),
        ([kinect(0x097A), kinect(0x097B, 480), kinect(0x097E, 480), kinect(0x097C), kinect(0x097D)], None),
        ([kinect(0x097B, 480), kinect(0x097E, 480)], "no power; connect its power supply"),
        ([kinect(0x097C, 480), kinect(0x097D, 480)], "USB 2 connection; plug it into a USB 3 port"),
        ([kinect(0x097C, allowed=False)], "may not open the Azure Kinect; copy 99-k4a.rules"),
    ],
)
def test_trouble_is_told_with_the_next_step(devices: list[UsbDevice], told: str | None) -> None:
    trouble = kinect_trouble(devices)
    assert (trouble is None) if told is None else told in trouble


@pytest.mark.parametrize(("kind", "product"), [(REALSENSE, 0x0B07), (FEMTO, 0x066B)])
def test_a_camera_without_its_driver_or_its_rules_is_told_of(kind: UsbKind, product: int) -> None:
    plugged = [UsbDevice(kind.vendor, product, 5000, True), kinect(0x097C)]
    assert driver_trouble(kind, "pip install it", plugged) == (
        f"an {kind.name} is plugged in, but its driver is missing; install it with: pip install it"
    )
    assert driver_trouble(kind, None, plugged) is None
    assert driver_trouble(kind, "pip install it", plugged[1:]) is None
    forbidden = [UsbDevice(kind.vendor, product, 5000, False)]
    assert f"may not open the {kind.name}; install its udev rules" in (driver_trouble(kind, None, forbidden) or "")
