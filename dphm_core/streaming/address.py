"""Where a stream goes, as users write it: "osc://127.0.0.1:9000", "vmc://", "udp://:9100", "ws://127.0.0.1:8765"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal, get_args
from urllib.parse import parse_qsl, urlsplit

from dphm_core.errors import SettingError

StreamKind = Literal["osc", "vmc", "udp", "ws"]
DEFAULT_PORTS: dict[StreamKind, int] = {"osc": 9000, "vmc": 39539, "udp": 9100, "ws": 8765}
LOOPBACK = "127.0.0.1"
"""This computer, which nobody else can reach: the host unless another one is named."""
HOST = re.compile(r"[\w.:%-]+")
HIGHEST_PORT = 65535
EXAMPLES = "such as osc://127.0.0.1:9000, vmc://127.0.0.1:39539, udp://127.0.0.1:9100 or ws://127.0.0.1:8765"
VERTICES = [("vertices", "1")]
"""What may stand behind the question mark of a WebSocket's address."""


@dataclass(frozen=True)
class StreamAddress:
    """Protocol, host and port of one stream."""

    kind: StreamKind
    host: str
    """Where datagrams are sent to, or what a WebSocket server listens at."""
    port: int
    vertices: bool = False
    """Whether a WebSocket sends the mesh's vertices, too."""

    @classmethod
    def parse(cls, text: str) -> StreamAddress:
        """Read what a user wrote; the host is this computer and the port the usual one where they are left out.

        Raises
        ------
        SettingError
            It is no such address.
        """
        try:
            parts = urlsplit(text.strip())
            port = parts.port
            extras = parse_qsl(parts.query, strict_parsing=bool(parts.query))
            (parts.hostname or "").encode("idna")
        except ValueError as error:
            raise SettingError(f"'{text:.100}' is no stream address ({error}); write one {EXAMPLES}") from error
        kind: StreamKind | None = next((kind for kind in get_args(StreamKind) if kind == parts.scheme), None)
        host = parts.hostname or LOOPBACK
        strange = parts.path not in ("", "/") or parts.username is not None or parts.fragment
        if kind is None or strange or not HOST.fullmatch(host):
            raise SettingError(f"'{text:.100}' is no stream address; write one {EXAMPLES}")
        if port == 0:
            raise SettingError(f"'{text:.100}' has port 0; choose one from 1 to {HIGHEST_PORT}")
        if extras and (kind != "ws" or extras != VERTICES):
            raise SettingError(f"'{text:.100}' ends in '?{parts.query}'; only a WebSocket's may, in '?vertices=1'")
        return cls(kind, host, port or DEFAULT_PORTS[kind], bool(extras))

    @property
    def is_loopback(self) -> bool:
        """Whether it can be reached from this computer alone."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.kind}://{host}:{self.port}{'?vertices=1' if self.vertices else ''}"
