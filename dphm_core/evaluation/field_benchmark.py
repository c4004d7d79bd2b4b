"""How long the head model's two fields take on one core, beside what they could at best and at worst take."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dphm_core.evaluation.timing import check_repeats, time_call

if TYPE_CHECKING:
    import torch

    from dphm_core.heads.config import HeadConfig
    from dphm_core.heads.identity import IdentityField
    from dphm_core.heads.model import HeadModel

IDENTITY_POINTS = 10_000
"""Scan points of the official fitting's step."""
OFFSET_POINTS = 1500
"""Points of a frame's step, roughly."""
HALF_EXTENT = 0.5
"""Points are uniform in a cube of the head's size, head-frame units."""
CODE_SCALE = 0.1

Calls = dict[str, tuple[int, Callable[[], object]]]
"""Points and call of each timed thing."""


def field_benchmark(repeats: int = 10) -> dict[str, dict[str, float]]:
    """Time the identity field at the official widths (random weights), and both fields of the default model.

    The calling thread is set to one core and to flush denormals, as the tracker's is.

    Parameters
    ----------
    repeats : int
        Timed calls of each, after some that are not timed.

    Returns
    -------
    dict
        Per call ``{"median_ms": …, "p95_ms": …, "points_per_s": …}``: wall-clock milliseconds, points per second in
        the median.

    Raises
    ------
    SettingError
        `repeats` is less than 1.
    """
    import torch

    from dphm_core.heads.config import HeadConfig
    from dphm_core.heads.model import load_model
    from dphm_core.heads.numerics import prepare_thread

    check_repeats(repeats)
    prepare_thread(1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        calls = _official_calls(HeadConfig()) | _default_calls(load_model("default"))
    with torch.no_grad():
        return {name: _time(call, points, repeats) for name, (points, call) in calls.items()}


def _official_calls(config: HeadConfig) -> Calls:
    import torch

    from dphm_core.heads.identity import IdentityField

    field = IdentityField(config, _points(config.anchors)).requires_grad_(False)
    code = CODE_SCALE * torch.randn(config.identity_dim)
    queries = _points(IDENTITY_POINTS, 3 + config.hyper_dim)
    calls = _identity_calls("identity, official widths", field, code, queries)
    calls["  all experts at all points"] = IDENTITY_POINTS, lambda: field.reference(queries, code)
    calls["  bare matrix products"] = IDENTITY_POINTS, _bare_products(field, code, queries)
    return calls


def _default_calls(model: HeadModel) -> Calls:
    import torch

    from dphm_core.heads.deformation import Deformation

    config, code = model.config, torch.from_numpy(model.identity_mean)
    calls = _identity_calls(
        "identity, default model", model.identity_field, code, _points(IDENTITY_POINTS, 3 + config.hyper_dim)
    )
    anchors = torch.from_numpy(model.anchors(model.identity_mean))
    deformation = Deformation(model.expression_field, code, anchors)
    points, expression = _points(OFFSET_POINTS), torch.rand(config.expression_dim)
    cotangent = _points(OFFSET_POINTS, 3 + config.hyper_dim)

    def with_derivatives() -> object:
        return deformation.pull_back(deformation.evaluate(points, expression), cotangent)

    calls["offset, default model: value"] = OFFSET_POINTS, lambda: deformation.evaluate(points, expression)
    calls["  value and derivatives"] = OFFSET_POINTS, with_derivatives
    return calls


def _identity_calls(name: str, field: IdentityField, code: torch.Tensor, queries: torch.Tensor) -> Calls:
    from dphm_core.heads.distance import FieldDistance

    both = FieldDistance(field, code)
    return {
        f"{name}: value": (len(queries), lambda: field(queries[None], code[None])),
        f"{name}: value and gradient": (len(queries), lambda: both(queries.numpy())),
    }


def _bare_products(field: IdentityField, code: torch.Tensor, queries: torch.Tensor) -> Callable[[], None]:
    """Each expert's matrix products on as many rows as it has at these queries, and nothing else."""
    import torch

    rows = field.expert_sizes(queries[None], code[None])
    first = field.weights[0][..., -queries.shape[1] :]
    inputs = [torch.randn(count, queries.shape[1]) for count in rows]

    def multiply() -> None:
        for expert, x in enumerate(inputs):
            hidden = x @ first[expert].T
            for weight in field.weights[1:]:
                hidden = hidden @ weight[expert].T

    return multiply


def _points(count: int, dimensions: int = 3) -> torch.Tensor:
    import torch

    return (2 * torch.rand(count, dimensions) - 1) * HALF_EXTENT


def _time(call: Callable[[], object], points: int, repeats: int) -> dict[str, float]:
    times = time_call(call, repeats)
    return {**times, "points_per_s": points / times["median_ms"] * 1e3}
