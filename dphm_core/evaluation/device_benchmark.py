"""How long a frame's fit with its mesh takes on a torch device, beside the plain solver on the CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dphm_core.evaluation.timing import check_repeats, time_call

if TYPE_CHECKING:
    from dphm_core.frames import Observation
    from dphm_core.heads.config import HeadConfig
    from dphm_core.tracking.fit_state import FitState
    from dphm_core.tracking.solver import Solver

Times = dict[str, dict[str, float]]


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
    from dphm_core.errors import SettingError
    from dphm_core.evaluation.made_up_frame import made_up_frame, random_prior, random_subject
    from dphm_core.heads.config import HeadConfig
    from dphm_core.heads.latent_prior import has_prior, load_model_prior
    from dphm_core.heads.model import load_model
    from dphm_core.heads.numerics import prepare_thread, usable_device
    from dphm_core.heads.subject import build_subject
    from dphm_core.tracking.config import TrackerConfig
    from dphm_core.tracking.fit_state import FitState
    from dphm_core.tracking.frame_solver import FrameSolver
    from dphm_core.tracking.on_device.solver import DeviceSolver

    check_repeats(repeats)
    place, head, config = usable_device(device), load_model(model), TrackerConfig()
    if head.template is None:
        raise SettingError(f"the model '{model}' has no template to make a frame from; give --model default.")
    prepare_thread(1)
    subject = build_subject(head, np.zeros(head.identity_basis.shape[1], np.float32), 1.0)
    prior = load_model_prior(model, "expression", head) if has_prior(model, "expression") else None
    frame, start = made_up_frame(head)
    large, large_prior = random_subject(subject, sizes or HeadConfig()), random_prior(sizes or HeadConfig())
    large_start = FitState.at_rest(start.head_to_cam, large.model.config.expression_dim)
    times = _time(f"{head.name}, plain", FrameSolver(subject, config, prior), frame, start, repeats)
    times |= _time(f"{head.name}, {place}", DeviceSolver(subject, config, prior, place), frame, start, repeats)
    solver = DeviceSolver(large, config, large_prior, place)
    return times | _time(f"official widths, {place}", solver, frame, large_start, repeats)


def _time(name: str, solver: Solver, frame: Observation, start: FitState, repeats: int) -> Times:
    from dphm_core.tracking.on_device.solver import DeviceSolver

    on_device: list[float] = []

    def fit() -> None:
        fitted = solver.solve(frame, start)
        solver.posed_vertices(fitted.state.expression)
        if isinstance(solver, DeviceSolver):
            on_device.append(solver.device_s)

    times = {f"frame, {name}": time_call(fit, repeats)}
    if on_device:
        median, p95 = np.percentile(on_device[-repeats:], [50, 95]) * 1e3
        times["  upload to result"] = {"median_ms": float(median), "p95_ms": float(p95)}
    return {key if key.startswith("frame") else f"{key}, {name}": value for key, value in times.items()}
