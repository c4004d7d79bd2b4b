"""The processes that train together: started by torchrun, on one machine or several; one alone otherwise."""

from __future__ import annotations

import gc
import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Self

import torch
from torch import Tensor, distributed, nn

from dphm_core.errors import SettingError

if TYPE_CHECKING:
    from dphm_core.training.config import Device

log = logging.getLogger(__name__)

SAME_REQUEST_SECONDS = 3.0
"""torchrun passes a Ctrl-C on that the terminal has sent to every process already: so soon, it is the same one."""


@dataclass(frozen=True)
class Processes:
    """The calling process among those that train together."""

    device: torch.device
    """Where this one computes."""
    rank: int = 0
    world: int = 1
    """How many there are."""

    @property
    def leads(self) -> bool:
        """Whether this one logs and writes for all."""
        return self.rank == 0

    def wrap(self, module: nn.Module) -> nn.Module:
        """Let a module's gradients be the mean over all processes."""
        if self.world == 1:
            return module
        return nn.parallel.DistributedDataParallel(module, forward_sync_buffers=False)

    def any(self, flag: bool) -> bool:
        """Whether any process says so: all of them get the same answer."""
        if self.world == 1:
            return flag
        told = torch.tensor(float(flag), device=self.device)
        distributed.all_reduce(told, distributed.ReduceOp.MAX)
        return bool(told)

    def mean(self, values: Tensor) -> Tensor:
        """Mean over the processes."""
        if self.world > 1:
            distributed.all_reduce(values)
        return values / self.world

    def wait(self) -> None:
        """Wait for all others."""
        if self.world > 1:
            distributed.barrier()


def leads() -> bool:
    """Whether the calling process is the one that tells of the training, by the environment that torchrun sets."""
    return int(os.environ.get("RANK", "0")) == 0


@contextmanager
def joined_processes(device: Device) -> Iterator[Processes]:
    """Join the processes that torchrun has started, by the environment it sets; leave them at the end.

    Raises
    ------
    SettingError
        There is no such device, or not one for each process.
    """
    device_of_this = chosen_device(device, int(os.environ.get("LOCAL_RANK", "0")))
    rank, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield Processes(device_of_this)
        return
    distributed.init_process_group("nccl" if device_of_this.type == "cuda" else "gloo", rank=rank, world_size=world)
    try:
        yield Processes(device_of_this, rank, world)
    finally:
        # What still holds the group, as a wrapped module in a cycle does, would take its threads into the exit.
        gc.collect()
        distributed.destroy_process_group()


def chosen_device(device: Device, local_rank: int = 0) -> torch.device:
    """Device of a process of this machine: "auto" is a CUDA device where there is one.

    Raises
    ------
    SettingError
        There is none for it.
    """
    if device == "cpu" or (device == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    count = torch.cuda.device_count()
    if not count:
        raise SettingError("this machine has no CUDA device; use --device cpu.")
    if local_rank >= count:
        raise SettingError(
            f"this machine has {count} CUDA devices, none for its process {local_rank + 1}; start fewer processes."
        )
    torch.cuda.set_device(local_rank)
    return torch.device("cuda", local_rank)


class StopRequest:
    """While the block runs, Ctrl-C or a request to terminate sets `asked`; a later Ctrl-C interrupts as usual.

    Only the main thread can take the signals over; elsewhere this changes nothing.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self, tell: bool = True) -> None:
        self.asked = False
        self._tell, self._since = tell, 0.0

    def __enter__(self) -> Self:
        self._previous = {}
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._request) for number in self.SIGNALS}
        return self

    def __exit__(self, *_exception: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _request(self, number: int, frame: FrameType | None) -> None:
        if not self.asked:
            self.asked, self._since = True, time.monotonic()
            if self._tell:
                log.warning("stopping after this step with a checkpoint; Ctrl-C again gives it up")
        elif number == signal.SIGINT and time.monotonic() - self._since > SAME_REQUEST_SECONDS:
            signal.default_int_handler(number, frame)
