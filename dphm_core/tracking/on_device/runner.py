"""Runs a fit on its device: one copy there, the program, one copy back, one wait."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from dphm_core.frames import FloatArray
from dphm_core.tracking.descent import Descent
from dphm_core.tracking.on_device.config import DeviceConfig, memory_told, products_of
from dphm_core.tracking.on_device.program import FitProgram, Memory

log = logging.getLogger(__name__)


class Runner:
    """Owns the buffers, the stream and the recorded graphs of one program; lives on the tracking thread."""

    def __init__(
        self, program: FitProgram, device: torch.device, config: DeviceConfig, memory: Memory | None = None
    ) -> None:
        """`memory` is of the frame before, where the program went on from another shape."""
        self._program, self._device, self._config = program, device, config
        cuda = device.type == "cuda"
        self._stream = torch.cuda.Stream(device) if cuda else None
        self._sent = torch.zeros(program.inputs.size, pin_memory=cuda)
        self._received = torch.zeros(program.results.size, pin_memory=cuda)
        self._inputs = torch.zeros(program.inputs.size, device=device)
        self._results = torch.zeros(program.results.size, device=device)
        self.memory = program.at_rest() if memory is None else memory
        self._record = cuda and config.graph
        self._graphs: dict[Descent, torch.cuda.CUDAGraph] = {}
        self.inputs = program.inputs.arrays(self._sent)
        """What the next `fit` sends, to be filled in."""
        self.results = program.results.arrays(self._received)
        """What the last `fit` brought back."""
        if self._stream is not None:
            self._stream.wait_stream(torch.cuda.current_stream(device))  # which has laid the fields out

    @property
    def recorded(self) -> bool:
        """Whether there are graphs, which fits are replayed from."""
        return bool(self._graphs)

    def fit(self, descent: Descent) -> None:
        """Fit what is in `inputs`; `results` then holds the outcome."""
        with self._at_work():
            self._inputs.copy_(self._sent, non_blocking=True)
            self._compute(descent)
            self._received.copy_(self._results, non_blocking=True)
            self._wait()

    def start_prior(self) -> None:
        """Let the prior look at the code in `inputs` with all its looks, before the first frame."""
        prior = self._program.prior
        if prior is None:
            return
        with self._at_work():
            self._inputs.copy_(self._sent, non_blocking=True)
            expression = self._program.inputs.views(self._inputs)["expression"]
            self.memory.changes.copy_(prior.all_changes(expression))
            self._wait()

    def posed(self, expression: FloatArray) -> FloatArray:
        """Vertices (V, 3) of an expression (E,), posed head frame."""
        with self._at_work():
            posed = self._program.posed(torch.from_numpy(expression).to(self._device))
            self.memory.posed.copy_(posed)
            return posed.cpu().numpy()

    def _compute(self, descent: Descent) -> None:
        """By the recorded graph; the first time by itself, which warms the device up for the recording."""
        graph = self._graphs.get(descent)
        if graph is not None:
            graph.replay()
            return
        self._launch(descent)
        if self._record:
            self._graphs |= self._recorded(descent)

    def _launch(self, descent: Descent) -> None:
        results, memory = self._program.run(self._inputs, self.memory, descent)
        self._results.copy_(results)
        for kept, new in zip(self.memory, memory, strict=True):
            kept.copy_(new)

    def _recorded(self, descent: Descent) -> dict[Descent, torch.cuda.CUDAGraph]:
        """The graph of a fit; none, from now on, where the device refuses."""
        graph = torch.cuda.CUDAGraph()
        pool = next(iter(self._graphs.values())).pool() if self._graphs else None
        try:
            with torch.cuda.graph(graph, pool, self._stream, capture_error_mode="thread_local"):
                self._launch(descent)
        except RuntimeError as error:
            reason = str(error).partition("\n")[0]
            log.warning("the fit cannot be recorded as a CUDA graph (%s); it runs without, slower", reason)
            self._record = False
            return {}
        return {descent: graph}

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        on_stream: Callable[[torch.cuda.Stream | None], torch.cuda.StreamContext] = torch.cuda.stream
        exact = products_of(self._config, self._device)
        with torch.no_grad(), memory_told(self._device), exact, on_stream(self._stream):
            yield

    def _wait(self) -> None:
        if self._stream is not None:
            self._stream.synchronize()
