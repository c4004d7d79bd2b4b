"""How long a frame's fit with its mesh takes on a torch device, beside the plain solver on the CPU."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dphm_core.errors import SettingError
from dphm_core.evaluation.random_model import random_prior, random_subject
from dphm_core.evaluation.timing import check_repeats, time_call
from dphm_core.frames import Observation
from dphm_core.heads.config import HeadConfig
from dphm_core.heads.latent_prior import has_prior, load_model_prior
from dphm_core.heads.model import load_model
from dphm_core.heads.numerics import prepare_thread, usable_device
from dphm_core.heads.subject import build_subject
from dphm_core.made_up_frame import made_up_frame
from dphm_core.tracking.config import TrackerConfig
from dphm_core.tracking.fit_state import FitState
from dphm_core.tracking.frame_solver import FrameSolver
from dphm_core.tracking.on_device.config import DeviceConfig
from dphm_core.tracking.on_device.solver import DeviceSolver
from dphm_core.tracking.solver import Solver

Times = dict[str, dict[str, float]]
ON_CUDA = {"": DeviceConfig(), ", float32 products": DeviceConfig(tf32=False), ", no graph": DeviceConfig(graph=False)}
"""What is compared there."""


def device_benchmark(
    repeats: int = 20, model: str = "default", device: str = "cuda", sizes: HeadConfig | None = None
) -> Times:
    """Time fits of a made-up frame: of a model, and of one with random weights at the official widths.

    The calling thread is set to one core and to flush denormals, as the tracker's is.

    Parameters
    ----------
    repeats : int
        Timed fits of each, after some that are not timed.
    model : str
        Head model with a template: a name under models/, or a folder.
    device : str
        Torch device.
    sizes : HeadConfig, optional
        Widths of the random model; the official ones by default.

    Returns
    -------
    dict
        Per solver ``{"median_ms": …, "p95_ms": …}``, wall-clock milliseconds of choosing the points, the fit, its
        judgement and the mesh; and of these the part from the upload until the result is there.

    Raises
    ------
    SettingError
        `repeats` is less than 1, there is no such device, or the model has no template to make a frame from.
    CheckpointError
        The model cannot be read.
    """
    check_repeats(repeats)
    usable_device(device)
    times: Times = {}
    for name, solver, observation, start in _solvers(model, device, sizes or HeadConfig()):
        times |= _time(name, solver, observation, start, repeats)
    return times


def _solvers(model: str, device: str, sizes: HeadConfig) -> Iterator[tuple[str, Solver, Observation, FitState]]:
    """Solvers one after the other, each with its name, frame and start."""
    place, head, config = usable_device(device), load_model(model), TrackerConfig()
    if head.template is None:
        raise SettingError(f"the model '{model}' has no template to make a frame from; give --model default.")
    prepare_thread(1)
    observation, start = made_up_frame(head)
    subject = build_subject(head, np.zeros(head.identity_basis.shape[1], np.float32), 1.0)
    prior = load_model_prior(model, "expression", head) if has_prior(model, "expression") else None
    yield f"{head.name}, plain", FrameSolver(subject, config, prior), observation, start
    large, large_prior = random_subject(subject, sizes), random_prior(sizes)
    large_start = FitState.at_rest(start.head_to_cam, sizes.expression_dim)
    for way, how in ON_CUDA.items() if place.type == "cuda" else [("", DeviceConfig())]:
        yield f"{head.name}, {place}{way}", DeviceSolver(subject, config, prior, place, how), observation, start
        solver = DeviceSolver(large, config, large_prior, place, how)
        yield f"official widths, {place}{way}", solver, observation, large_start


def _time(name: str, solver: Solver, observation: Observation, start: FitState, repeats: int) -> Times:
    on_device: list[float] = []

    def fit() -> None:
        fitted = solver.solve(observation, start)
        solver.posed_vertices(fitted.state.expression)
        if isinstance(solver, DeviceSolver):
            on_device.append(solver.device_s)

    times = {f"frame, {name}": time_call(fit, repeats)}
    if on_device:
        median, p95 = np.percentile(on_device[-repeats:], [50, 95]) * 1e3
        times[f"  upload to result, {name}"] = {"median_ms": float(median), "p95_ms": float(p95)}
    return times
