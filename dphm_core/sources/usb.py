"""What Linux knows of the USB devices without opening any: why a camera that is plugged in cannot be used."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

USB_DEVICES = Path("/sys/bus/usb/devices")
DEVICE_NODES = Path("/dev/bus/usb")
MICROSOFT = 0x045E
KINECT_HUBS_AND_MICROPHONES = (0x097A, 0x097B, 0x097E)
KINECT_CAMERAS = (0x097C, 0x097D)
"""The depth and the colour camera."""
USB_3_MBIT_S = 5000
INTEL, ORBBEC = 0x8086, 0x2BC5
REALSENSES = (
    *(0x0AD1, 0x0AD2, 0x0AD3, 0x0AD4, 0x0AD5, 0x0AF6, 0x0AFE, 0x0AFF),
    *(0x0B00, 0x0B01, 0x0B03, 0x0B07, 0x0B3A, 0x0B5B, 0x0B5C),
)
"""The D400 series."""
FEMTOS = (0x0669, 0x066B)
"""The Mega and the Bolt."""


@dataclass(frozen=True)
class UsbDevice:
    """One device on a USB bus."""

    vendor: int
    """Its maker's number."""
    product: int
    """Its own number, among its maker's."""
    mbit_s: float
    """Speed of its connection."""
    allowed: bool
    """Whether this user may open it."""


@dataclass(frozen=True)
class UsbKind:
    """One maker's cameras."""

    name: str
    """In messages, behind "an"."""
    vendor: int
    """Its number."""
    products: tuple[int, ...]
    """Numbers of the cameras."""


REALSENSE = UsbKind("Intel RealSense", INTEL, REALSENSES)
FEMTO = UsbKind("Orbbec Femto", ORBBEC, FEMTOS)


def usb_devices(devices: Path = USB_DEVICES, nodes: Path = DEVICE_NODES) -> list[UsbDevice]:
    """List what is plugged in; nothing where the system does not tell (Windows, macOS, containers)."""
    found = []
    for folder in sorted(devices.glob("*")):
        try:
            vendor, product = (int(_read(folder / name), 16) for name in ("idVendor", "idProduct"))
            bus, number = (int(_read(folder / name)) for name in ("busnum", "devnum"))
            speed = float(_read(folder / "speed"))
        except (OSError, ValueError):  # an interface of a device, or one that has just gone
            continue
        node = nodes / f"{bus:03d}" / f"{number:03d}"
        found.append(UsbDevice(vendor, product, speed, os.access(node, os.R_OK | os.W_OK)))
    return found


def kinect_trouble(devices: list[UsbDevice] | None = None) -> str | None:
    """Say what stands in the way of an Azure Kinect, with the next step; None where nothing is known to.

    Parameters
    ----------
    devices : list of UsbDevice, optional
        What is plugged in; asked of the system by default.
    """
    parts = [device for device in (usb_devices() if devices is None else devices) if device.vendor == MICROSOFT]
    cameras = [device for device in parts if device.product in KINECT_CAMERAS]
    if not cameras and any(device.product in KINECT_HUBS_AND_MICROPHONES for device in parts):
        return "an Azure Kinect is plugged in, but its cameras have no power; connect its power supply, too"
    if any(device.mbit_s < USB_3_MBIT_S for device in cameras):
        return "the Azure Kinect is on a USB 2 connection; plug it into a USB 3 port (often blue), with its own cable"
    if any(not device.allowed for device in cameras):
        return (
            "this user may not open the Azure Kinect; copy 99-k4a.rules to /etc/udev/rules.d/ (see docs/install.md) "
            "and plug the camera in again"
        )
    return None


def driver_trouble(kind: UsbKind, install: str | None, devices: list[UsbDevice] | None = None) -> str | None:
    """Say what stands in the way of a camera whose driver is optional; None where none is plugged in, or nothing does.

    Parameters
    ----------
    kind : UsbKind
        The camera.
    install : str or None
        How to install its driver; None where it is there.
    devices : list of UsbDevice, optional
        What is plugged in; asked of the system by default.
    """
    there = usb_devices() if devices is None else devices
    cameras = [device for device in there if device.vendor == kind.vendor and device.product in kind.products]
    if cameras and install is not None:
        return f"an {kind.name} is plugged in, but its driver is missing; install it with: {install}"
    if any(not device.allowed for device in cameras):
        return f"this user may not open the {kind.name}; install its udev rules (see docs/cameras.md), plug it in again"
    return None


def _read(path: Path) -> str:
    return path.read_text(encoding="ascii").strip()
