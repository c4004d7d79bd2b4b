"""A WebSocket server that tells every client each frame as JSON, and nothing else: it takes no messages.

A page in a browser can read it only where it comes from this computer itself (`http://localhost…`): any other site that
the user happens to have open is refused, and so is the origin "null", which every site can make its frames have.
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from websockets.asyncio.server import Server, ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode

from dphm_core.streaming.address import StreamAddress
from dphm_core.streaming.encoders import json_object, vertices_message
from dphm_core.streaming.face import LiveFace

log = logging.getLogger(__name__)

MOST_CLIENTS = 8
LONGEST_MESSAGE = 1024
"""Bytes that a client may send before it is cut off; whatever it says, it is sent away."""
HANDSHAKE_S, FAREWELL_S = 5.0, 1.0
"""Patience with a client that connects, and with one that is told goodbye."""
STOP_S = 4.0
SEND_BUFFER = 1 << 16
"""Bytes of the system's own buffer for each client: what waits there is late."""
ORIGINS = (None, re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?"))
"""No origin: programs other than browsers."""
WIRE_LOG = logging.getLogger(f"{__name__}.wire")
"""What strangers do wrong at the door is no concern of the user's."""
WIRE_LOG.setLevel(logging.CRITICAL)

T = TypeVar("T")


class WebSocketLink:
    """Runs the server on a thread of its own; used on the stream's thread.

    A client that reads too slowly gets fewer frames, never old ones, and slows nobody down.

    Raises
    ------
    OSError
        The port is taken, or the host is none of this computer's.
    """

    def __init__(self, address: StreamAddress) -> None:
        self._address = address
        self._clients: set[ServerConnection] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="dphm-websocket", daemon=True)
        self._thread.start()
        try:
            self._server = self._on_loop(self._open())
        except BaseException:
            self._end_loop()
            raise
        self.port: int = next(iter(self._server.sockets)).getsockname()[1]
        """The port that it listens at."""
        if not address.is_loopback:
            log.warning(
                "%s can be read by everybody who can reach this computer: it is neither encrypted nor protected by a "
                "password", address,
            )  # fmt: skip

    @property
    def clients(self) -> int:
        """How many listen."""
        return len(self._clients)

    def send(self, face: LiveFace) -> bool:
        """Hand a frame to everyone who is ready for it; never waits."""
        if not self._clients:
            return False
        text, vertices = json_object(face), vertices_message(face)
        self._loop.call_soon_threadsafe(self._tell, text, vertices)
        return True

    def close(self) -> None:
        """Say goodbye to the clients and end the thread."""
        try:
            self._on_loop(self._close())
        finally:
            self._end_loop()

    async def _open(self) -> Server:
        return await serve(
            self._attend, self._address.host, self._address.port, origins=ORIGINS, compression=None,
            max_size=LONGEST_MESSAGE, max_queue=1, open_timeout=HANDSHAKE_S, close_timeout=FAREWELL_S, logger=WIRE_LOG,
        )  # fmt: skip

    async def _close(self) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _attend(self, client: ServerConnection) -> None:
        """Keep one client until it goes, or speaks."""
        if len(self._clients) >= MOST_CLIENTS:
            await client.close(CloseCode.TRY_AGAIN_LATER, f"no more than {MOST_CLIENTS} clients")
            return
        client.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        self._clients.add(client)
        try:
            await client.recv()
            await client.close(CloseCode.POLICY_VIOLATION, "this stream takes no messages")
        except ConnectionClosed:
            pass
        finally:
            self._clients.discard(client)

    def _tell(self, text: bytes, vertices: bytes | None) -> None:
        """Server's thread: pass a frame on, but not to those who have not got the one before."""
        ready = [client for client in self._clients if not client.transport.get_write_buffer_size()]
        broadcast(ready, text, text=True)
        if vertices is not None:
            broadcast(ready, vertices)

    def _on_loop(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(STOP_S)

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_S)
        if not self._thread.is_alive():
            self._loop.close()
