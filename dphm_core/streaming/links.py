"""What carries the frames of one stream: datagrams to one receiver, or a WebSocket server."""

from __future__ import annotations

import errno
import socket
from typing import Protocol

from dphm_core.streaming.address import StreamAddress
from dphm_core.streaming.face import LiveFace

ADDRESS_ERRORS = {
    errno.EADDRINUSE: "another program uses port {port}; close it, or choose another port",
    errno.EADDRNOTAVAIL: "this computer has no address {host}; name one of its own, or 127.0.0.1",
    errno.EACCES: "port {port} of {host} may not be used; choose another one, above 1023, and no broadcast address",
    errno.ECONNREFUSED: "nobody listens there yet; start the receiver, and check its port",
    errno.EMSGSIZE: "a frame does not fit into one datagram; use ws://",
}

NO_ANSWER = "the network does not answer; check the address"


class Link(Protocol):
    """An open stream; lives on the stream's thread."""

    @property
    def clients(self) -> int | None:
        """How many listen; None where that cannot be known."""

    def send(self, face: LiveFace) -> bool:
        """Send a frame; False where there was nobody to send it to.

        Raises
        ------
        OSError
            It did not arrive. The next one may.
        """

    def close(self) -> None:
        """Release sockets and threads."""


class DatagramLink:
    """Sends one datagram per frame to one receiver, which may come and go.

    Raises
    ------
    OSError
        The host is not known or cannot be reached.
    """

    clients = None

    def __init__(self, address: StreamAddress) -> None:
        from dphm_core.streaming.encoders import ENCODERS

        self._encode = ENCODERS[address.kind]
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_DGRAM)
        family, kind, protocol, _, target = min(found, key=lambda each: each[0] != socket.AF_INET)
        self._socket = socket.socket(family, kind, protocol)
        try:
            self._socket.setblocking(False)
            self._socket.connect(target)
        except OSError:
            self._socket.close()
            raise

    def send(self, face: LiveFace) -> bool:
        """Send a frame."""
        datagram = self._encode(face)
        try:
            self._socket.send(datagram)
        except ConnectionRefusedError:  # of the datagram before: the system tells late, and has not sent this one
            self._socket.send(datagram)
            raise
        return True

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def open_link(address: StreamAddress) -> Link:
    """Open a stream.

    Raises
    ------
    OSError
        That is not possible (now).
    """
    if address.kind != "ws":
        return DatagramLink(address)
    from dphm_core.streaming.websocket import WebSocketLink

    return WebSocketLink(address)


def in_words(error: OSError, address: StreamAddress) -> str:
    """What is wrong with a stream and what to do, for a user."""
    if isinstance(error, socket.gaierror):
        return f"the host '{address.host}' is not known; check its name, or use its number"
    known = ADDRESS_ERRORS.get(error.errno or 0)
    return known.format(host=address.host, port=address.port) if known else (error.strerror or str(error) or NO_ANSWER)
