"""Tracks recordings on the machines of a Ray cluster, or on this one through a cluster of its own."""

from __future__ import annotations

import logging
import socket
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dphm_core.errors import SettingError, first_line
from dphm_core.many.tasks import Outcome, Task, TrackOne, attempt

LOCAL = "local"
"""Address of a cluster that is made on this machine for the run."""
LOOK_S = 0.5
"""How often it is looked whether to stop."""
CONNECT_S = 5.0
"""Patience with an address: Ray itself waits for minutes."""
CLIENT = "ray://"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
INSTALL = "pip install ray==2.60.0"
LONGEST_FOLDER = 24
"""Characters of a folder for the cluster's sockets: up to 80 are added, of 107 that there may be (on Windows, any)."""


class OnRay:
    """Does tasks wherever a Ray cluster has `cores` free.

    Sources, results, models and subject files are looked for on the machine that does the task: they have to lie at the
    same paths everywhere, and this program in the same version. After `stop` those under way are killed.

    Parameters
    ----------
    track_one : TrackOne
        Picklable.
    address : str
        Of the cluster ("HOST:6379", "ray://HOST:10001", "auto"), or "local".
    cores : float
        Of a machine for each task.

    Raises
    ------
    SettingError
        Ray is not installed, there is no cluster at the address, or no machine of it has so many cores.
    """

    def __init__(self, track_one: TrackOne, address: str, cores: float) -> None:
        try:
            import ray
        except ImportError as error:
            raise SettingError(f"a Ray cluster needs Ray ({error}); install it with: {INSTALL}") from error
        self._ray: Any = ray  # its functions are partly untyped
        self._track_one = track_one
        self._stopped = False
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        try:
            self._join(address)
        except (OSError, OverflowError, ValueError, RuntimeError) as error:  # overflow: of a port's number
            reason = first_line(error)
            if address == LOCAL:
                raise SettingError(f"no Ray cluster starts on this machine ({reason}); take --workers") from error
            cure = "start one with `ray start`, or take --ray local"
            raise SettingError(f"there is no Ray cluster at {address} ({reason}); {cure}") from error
        most = max((node["Resources"].get("CPU", 0.0) for node in self._ray.nodes() if node["Alive"]), default=0.0)
        if cores > most:  # Ray would wait for such a machine for ever
            self._leave()
            raise SettingError(f"no machine of the cluster has {cores:g} cores, but {most:g}; give fewer --ray-cores")
        self._attempt = ray.remote(num_cpus=cores, max_retries=0)(attempt)

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Outcome]]:
        """Do them, as the cluster has room."""
        ray = self._ray
        try:
            pending: dict[Any, Task] = {self._attempt.remote(self._track_one, task, None): task for task in tasks}
            while pending and not self._stopped:
                for done in ray.wait(list(pending), timeout=LOOK_S)[0]:
                    yield pending.pop(done), self._outcome(done)
            for reference, task in pending.items():
                ray.cancel(reference, force=True)
                yield task, Outcome(interrupted=True)
        finally:
            self._leave()

    def stop(self) -> None:
        """Begin no more, and give up those under way."""
        self._stopped = True

    def _join(self, address: str) -> None:
        """Become part of the cluster, or make one whose sockets and logs are gone with it."""
        own: dict[str, Any] = {}
        if address == LOCAL:
            self._folder = tempfile.TemporaryDirectory(prefix="dphm-", dir=_short_folder(), ignore_cleanup_errors=True)
            own = {"include_dashboard": False, "_temp_dir": f"{self._folder.name}/r"}  # Ray lets everybody write there
        self._knock(address)
        self._ray.init(address, logging_level=logging.ERROR, log_to_driver=False, **own)

    def _knock(self, address: str) -> None:
        """See whether anybody listens, where the address says where; OSError where nobody does."""
        host, _, port = address.removeprefix(CLIENT).rpartition(":")
        if not host or not port.isdecimal():
            return
        if host in LOOPBACK and not address.startswith(CLIENT):
            host = self._ray.util.get_node_ip_address()  # as Ray does
        socket.create_connection((host, int(port)), timeout=CONNECT_S).close()

    def _leave(self) -> None:
        self._ray.shutdown()
        if self._folder is not None:
            self._folder.cleanup()

    def _outcome(self, reference: Any) -> Outcome:
        try:
            outcome: Outcome = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:  # its process or machine is gone
            return Outcome(error=f"its process or machine was lost ({' '.join(str(error).split())[:200]})")
        return outcome


def _short_folder() -> str | None:
    """Where a cluster of this run has its sockets and logs; None for the usual folder of temporary files."""
    return None if len(tempfile.gettempdir()) <= LONGEST_FOLDER or not Path("/tmp").is_dir() else "/tmp"
