"""How long a head model's fields and priors take, beside what they could at best and at worst take."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from dphm_core.evaluation.timing import check_repeats, time_call

if TYPE_CHECKING:
    import torch

    from dphm_core.heads.expression import ExpressionField
    from dphm_core.heads.identity import IdentityField
    from dphm_core.heads.model import HeadModel

POINTS = 10_000
"""Scan points of the official fitting's step."""
STEP_POINTS = 1500
"""Points of a tracker's step, roughly."""
HALF_EXTENT = 0.5
"""Points are uniform in a cube of the head's size, head-frame units."""
CODE_SCALE = 0.1

Calls = dict[str, tuple[int, Callable[[], object]]]
"""Points and call of each timed thing."""


def field_benchmark(repeats: int = 10, model: str = "default", device: str = "cpu") -> dict[str, dict[str, float]]:
    """Time both fields at the official widths (random weights), and the fields and priors of a model.

    On the CPU the calling thread is set to one core and to flush denormals, as the tracker's is.

    Parameters
    ----------
    repeats : int
        Timed calls of each, after some that are not timed.
    model : str
        Head model: a name under models/, or a folder.
    device : str
        Torch device of the fields; what is the tracker's own, and runs on the CPU alone, is left out elsewhere.

    Returns
    -------
    dict
        Per call ``{"median_ms": …, "p95_ms": …, "points_per_s": …}``: wall-clock milliseconds, points per second in
        the median.

    Raises
    ------
    SettingError
        `repeats` is less than 1, or there is no such device.
    CheckpointError
        The model cannot be read.
    """
    import torch

    from dphm_core.heads.model import load_model
    from dphm_core.heads.numerics import prepare_thread, usable_device

    check_repeats(repeats)
    place = usable_device(device)
    head = load_model(model)
    prepare_thread(1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        calls = _official_calls(place) | _model_calls(head, place)
        if place.type == "cpu":
            calls |= _step_calls(head) | _prior_calls(model, head)
    with torch.no_grad():
        return {name: _time(call, points, repeats, place) for name, (points, call) in calls.items()}


def _official_calls(device: torch.device) -> Calls:
    from dphm_core.heads.config import HeadConfig
    from dphm_core.heads.expression import ExpressionField
    from dphm_core.heads.identity import IdentityField

    config = HeadConfig()
    field = IdentityField(config, _points(config.anchors)).requires_grad_(False).to(device)
    code = _code(config.identity_dim, device)
    queries = _points(POINTS, 3 + config.hyper_dim).to(device)
    calls = _identity_calls("official widths", field, code, queries)
    calls["  all experts at all points"] = POINTS, lambda: field.reference(queries, code)
    calls["  bare matrix products"] = POINTS, _bare_products(field, code, queries)
    expression = ExpressionField(config).requires_grad_(False).to(device)
    return calls | _offset_calls("official widths", expression, device)


def _model_calls(model: HeadModel, device: torch.device) -> Calls:
    import torch

    field = model.identity_field.to(device)
    code = torch.from_numpy(model.identity_mean).to(device)
    queries = _points(POINTS, 3 + model.config.hyper_dim).to(device)
    calls = _identity_calls("model", field, code, queries)
    return calls | _offset_calls("model", model.expression_field.to(device), device)


def _step_calls(model: HeadModel) -> Calls:
    """The offset as the real-time tracker takes it: fewer points, derivatives by hand."""
    import torch

    from dphm_core.heads.deformation import Deformation

    code = torch.from_numpy(model.identity_mean)
    anchors = torch.from_numpy(model.anchors(model.identity_mean))
    deformation = Deformation(model.expression_field, code, anchors)
    points, expression = _points(STEP_POINTS), torch.rand(model.config.expression_dim)
    cotangent = _points(STEP_POINTS, 3 + model.config.hyper_dim)

    def with_derivatives() -> object:
        return deformation.pull_back(deformation.evaluate(points, expression), cotangent)

    name = f"offset, model, {STEP_POINTS:,} points"
    return {
        f"{name}: value": (STEP_POINTS, lambda: deformation.evaluate(points, expression)),
        f"{name}: value and derivatives": (STEP_POINTS, with_derivatives),
    }


def _prior_calls(name: str, model: HeadModel) -> Calls:
    """One look of each prior that the model has."""
    import torch

    from dphm_core.diffusion.prior_file import PRIOR_FILES
    from dphm_core.heads.latent_prior import has_prior, load_model_prior

    calls: Calls = {}
    for part in PRIOR_FILES:
        if has_prior(name, part):
            prior = load_model_prior(name, part, model)
            code, probe = torch.zeros(1, prior.unet.config.length), prior.probe(1, seed=0)
            calls[f"{part} prior, one look"] = 1, partial(prior.denoised, code, probe)
    return calls


def _identity_calls(name: str, field: IdentityField, code: torch.Tensor, queries: torch.Tensor) -> Calls:
    import torch

    def with_gradient() -> object:
        with torch.enable_grad():
            points = queries.clone().requires_grad_()
            return torch.autograd.grad(field(points[None], code[None]).sum(), points)

    return {
        f"distance, {name}: value": (len(queries), lambda: field(queries[None], code[None])),
        f"distance, {name}: value and gradient": (len(queries), with_gradient),
    }


def _offset_calls(name: str, field: ExpressionField, device: torch.device) -> Calls:
    config = field.config
    points, expression = _points(POINTS).to(device), _code(config.expression_dim, device)[None]
    condition = _code(config.condition_dim, device)[None]
    return {f"offset, {name}: value": (POINTS, lambda: field(points[None], condition, expression))}


def _bare_products(field: IdentityField, code: torch.Tensor, queries: torch.Tensor) -> Callable[[], None]:
    """Each expert's matrix products on as many rows as it has at these queries, and nothing else."""
    import torch

    rows = field.expert_sizes(queries[None], code[None])
    first = field.weights[0][..., -queries.shape[1] :]
    inputs = [torch.randn(count, queries.shape[1], device=queries.device) for count in rows]

    def multiply() -> None:
        for expert, x in enumerate(inputs):
            hidden = x @ first[expert].T
            for weight in field.weights[1:]:
                hidden = hidden @ weight[expert].T

    return multiply


def _points(count: int, dimensions: int = 3) -> torch.Tensor:
    import torch

    return (2 * torch.rand(count, dimensions) - 1) * HALF_EXTENT


def _code(length: int, device: torch.device) -> torch.Tensor:
    import torch

    return CODE_SCALE * torch.randn(length).to(device)


def _time(call: Callable[[], object], points: int, repeats: int, device: torch.device) -> dict[str, float]:
    import torch

    def finished() -> None:
        call()
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    times = time_call(finished, repeats)
    return {**times, "points_per_s": points / times["median_ms"] * 1e3}
