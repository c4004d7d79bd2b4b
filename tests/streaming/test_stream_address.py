"""Addresses as users write them: this computer unless another one is named; what makes no sense is told."""

from __future__ import annotations

import pytest

from dphm_core.errors import SettingError
from dphm_core.streaming.address import StreamAddress


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("osc://127.0.0.1:9000", "osc://127.0.0.1:9000"),
        ("osc://", "osc://127.0.0.1:9000"),
        ("vmc://", "vmc://127.0.0.1:39539"),
        ("udp://:7000", "udp://127.0.0.1:7000"),
        (" WS://localhost/ ", "ws://localhost:8765"),
        ("ws://[::1]:8000", "ws://[::1]:8000"),
        ("ws://0.0.0.0?vertices=1", "ws://0.0.0.0:8765?vertices=1"),
        ("vmc://studio.local", "vmc://studio.local:39539"),
    ],
)
def test_addresses(text: str, whole: str) -> None:
    address = StreamAddress.parse(text)
    assert str(address) == whole
    assert StreamAddress.parse(whole) == address


@pytest.mark.parametrize(
    "text",
    [
        "", "9000", "127.0.0.1:9000", "http://127.0.0.1:80", "osc:/127.0.0.1", "osc://h:70000", "osc://h:no", "ws://h:0",
        "osc://h/path", "osc://me@h", "osc://[::1", "osc://a..b", "osc://a b", "osc://*", f"osc://{'a' * 80}", "ws://h?vertices=2",
        "ws://h?x", "udp://h?vertices=1", "osc://h#part",
    ],
)  # fmt: skip
def test_what_is_no_address_is_told_in_one_line(text: str) -> None:
    with pytest.raises(SettingError) as told:
        StreamAddress.parse(text)
    assert "\n" not in str(told.value)
    assert any(cure in str(told.value) for cure in ("such as osc://", "may, in '?vertices=1'", "choose one from 1 to"))


@pytest.mark.parametrize(
    ("host", "alone"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("localhost", True), ("[::1]", True), ("0.0.0.0", False),
     ("192.168.1.7", False), ("example.org", False), ("[::]", False)],
)  # fmt: skip
def test_who_can_reach_it(host: str, alone: bool) -> None:
    assert StreamAddress.parse(f"ws://{host}").is_loopback is alone
