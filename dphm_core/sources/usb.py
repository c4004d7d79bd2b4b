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


@dataclass(frozen=True)
class UsbDevice:
    """One device on a USB bus."""

    vendor: int
    product: int
    mbit_s: float
    """Speed of its connection."""
    allowed: bool
    """Whether this user may open it."""


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
            "this user may not open the Azure Kinect; copy 99-k4a.rules to /etc/udev/rules.d/ (see README, Install) "
            "and plug the camera in again"
        )
    return None


def _read(path: Path) -> str:
    return path.read_text(encoding="ascii").strip()
