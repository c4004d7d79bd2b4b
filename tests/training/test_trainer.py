"""Training on small pools: the error falls, and a resumed training is the uninterrupted one."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from dphm_core.errors import CheckpointError, SettingError, TrainingError
from dphm_core.frames import FloatArray
from dphm_core.heads.config import HeadConfig
from dphm_core.training.binding import bind
from dphm_core.training.config import TrainingConfig
from dphm_core.training.ict import HeadGenerator, load_generator
from dphm_core.training.objectives import ExpressionObjective, IdentityObjective, Pool, load_or_make_pool
from dphm_core.training.progress import Progress
from dphm_core.training.trainer import Trainer, run_steps

pytestmark = pytest.mark.usefixtures("one_thread")
MODES = 10
SIDED = ("eyeLookIn", "eyeLookOut", "eyeLookUp", "eyeLookDown", "eyeBlink", "eyeWide")
NAMES = (
    *("jawOpen", "mouthClose", "jawLeft", "jawRight", "mouthLeft", "mouthRight"),
    *(f"{name}_{side}" for name in SIDED for side in "LR"),
)
TRAINING = TrainingConfig(
    steps=60, batch=4, points=300, learning_rate=1e-2, pool=6, held_out=2, checkpoint_every=20, threads=1
)


@pytest.fixture(scope="module")
def balls() -> HeadGenerator:
    """A generator of head-sized balls that smooth random waves bend: quick, and needs no data."""
    from trimesh.creation import icosphere

    rng = np.random.default_rng(0)
    sphere = icosphere(subdivisions=3)
    skin = np.asarray(sphere.vertices, dtype=np.float32)

    def waves(count: int, height: float) -> FloatArray:
        directions, phases = rng.normal(0, 3, (count, 3)), rng.uniform(0, 6, count)
        bumps = np.sin(np.einsum("vc,kc->kv", skin, directions) + phases[:, None])
        return (height * bumps[..., None] * skin).astype(np.float32)

    return HeadGenerator(
        neutral=skin * np.array([0.3, 0.42, 0.35], np.float32),
        identity=waves(MODES, 0.015),
        expression=waves(len(NAMES), 0.03),
        expression_names=NAMES,
        faces=np.asarray(sphere.faces, dtype=np.int32),
        landmark_vertices=rng.integers(len(skin), size=68).astype(np.int32),
    )


def small_config(generator: HeadGenerator) -> HeadConfig:
    return HeadConfig(
        global_dim=6, local_dim=3, identity_width=12, identity_layers=2, expression_dim=len(generator.expression_names),
        condition_dim=4, expression_width=24, expression_layers=2, hyper_dim=0, position_octaves=1,
    )  # fmt: skip


def expression_trainer(
    generator: HeadGenerator, folder: Path, kind: type[ExpressionObjective] = ExpressionObjective
) -> Trainer:
    torch.manual_seed(0)
    config = small_config(generator)
    return Trainer(kind(config, bind(generator, config)), generator, TRAINING, folder)


def held_out(progress: Progress) -> list[float]:
    return [entry["held_out_mm"] for entry in progress.history]


def test_the_expression_fields_error_falls(balls: HeadGenerator, tmp_path: Path) -> None:
    errors = held_out(expression_trainer(balls, tmp_path).run())
    assert len(errors) == 3
    assert errors[-1] < 0.7 * errors[0]


def test_the_identity_fields_error_falls(balls: HeadGenerator, tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = small_config(balls)
    objective = IdentityObjective(config, bind(balls, config))
    objective.attach(balls)
    errors = held_out(Trainer(objective, balls, replace(TRAINING, held_out=1), tmp_path).run())
    assert errors[-1] < 0.7 * errors[0]


class Interrupted(ExpressionObjective):
    """Stops in the middle, as a person's Ctrl-C would."""

    steps_left = 33

    def loss(self, identity: Tensor, expression: Tensor, points: Tensor, target: Tensor) -> tuple[Tensor, float]:
        if torch.is_grad_enabled():
            if self.steps_left == 0:
                raise KeyboardInterrupt
            self.steps_left -= 1
        return super().loss(identity, expression, points, target)


def test_a_resumed_training_is_the_uninterrupted_one(balls: HeadGenerator, tmp_path: Path) -> None:
    whole = expression_trainer(balls, tmp_path / "whole")
    whole.run()
    with pytest.raises(KeyboardInterrupt):
        expression_trainer(balls, tmp_path / "parts", Interrupted).run()
    pool = tmp_path / "parts" / "expression-train.npz"
    made = pool.stat().st_mtime_ns
    resumed = expression_trainer(balls, tmp_path / "parts")
    resumed.run()
    assert pool.stat().st_mtime_ns == made, "the pool is made once"
    assert held_out(resumed.progress) == held_out(whole.progress)
    assert [entry["step"] for entry in resumed.progress.history] == [20, 40, 60]
    for name, parameter in whole.objective.field.state_dict().items():
        assert torch.equal(parameter, resumed.objective.field.state_dict()[name]), name
    assert list(tmp_path.rglob("*.partial*")) == []


def test_a_stop_ends_the_step_and_writes_a_checkpoint() -> None:
    progress, saved = Progress(), []

    def step() -> float:
        if progress.step == 4:
            signal.raise_signal(signal.SIGTERM)
        return 1.0

    with pytest.raises(KeyboardInterrupt):
        run_steps(progress, 100, 3, step, lambda _figure: None, lambda: saved.append(progress.step))
    assert saved == [3, 5]


def test_a_figure_that_is_no_number_stops_and_leaves_the_checkpoint() -> None:
    progress, saved = Progress(), []
    with pytest.raises(TrainingError, match=r"step 4: not a number any more"):
        run_steps(
            progress, 100, 3,
            step=lambda: float("nan") if progress.step == 4 else 1.0,
            report=lambda _figure: None, save=lambda: saved.append(progress.step),
        )  # fmt: skip
    assert saved == [3]


def test_a_finished_training_does_not_step_again(balls: HeadGenerator, tmp_path: Path) -> None:
    first = expression_trainer(balls, tmp_path).run()
    again = expression_trainer(balls, tmp_path).run()
    assert again == first


def test_a_checkpoint_of_another_training_is_refused(balls: HeadGenerator, tmp_path: Path) -> None:
    expression_trainer(balls, tmp_path).save()
    config = replace(small_config(balls), expression_width=32)
    other = Trainer(ExpressionObjective(config, bind(balls, config)), balls, TRAINING, tmp_path)
    with pytest.raises(CheckpointError, match=r"expression\.pt is not of .*\(layers\.0\.weight: .*another --width"):
        other.resume()


@pytest.mark.parametrize("changed", [{"batch": 5}, {"points": 200}, {"seed": 1}, {"pool": 7}, {"weight_decay": 0.1}])
def test_a_resume_with_another_setting_is_refused_by_its_name(
    balls: HeadGenerator, tmp_path: Path, changed: dict[str, float]
) -> None:
    trainer = expression_trainer(balls, tmp_path)
    trainer.save()
    before = trainer.checkpoint.read_bytes()
    (name,) = changed
    trainer.config = replace(TRAINING, **changed)  # type: ignore[arg-type]
    with pytest.raises(CheckpointError, match=f"{name}: {getattr(TRAINING, name)} then, {changed[name]} now"):
        trainer.resume()
    assert trainer.checkpoint.read_bytes() == before
    trainer.config = replace(TRAINING, steps=90, learning_rate=1e-3, checkpoint_every=10)
    trainer.resume()


def test_the_generator_itself_trains(shared_data: Path, tmp_path: Path) -> None:
    """A few steps on real heads: pool, binding and field fit together."""
    generator = load_generator(shared_data / "ict_facekit")
    trainer = expression_trainer(generator, tmp_path)
    trainer.config = replace(TRAINING, pool=4, held_out=1, steps=60)
    errors = held_out(trainer.run())
    assert errors[-1] < errors[0]


def test_damaged_checkpoints_are_refused(balls: HeadGenerator, tmp_path: Path) -> None:
    trainer = expression_trainer(balls, tmp_path)
    trainer.save()
    whole = trainer.checkpoint.read_bytes()
    for content in (b"", b"garbage", whole[: len(whole) // 2]):
        trainer.checkpoint.write_bytes(content)
        with pytest.raises(CheckpointError, match=r"expression\.pt"):
            trainer.resume()
    for state in ({"field": 3, "progress": {"speed": 1}}, {"settings": 3}, {"settings": "3"}, {"settings": "{"}):
        torch.save(state, trainer.checkpoint)
        with pytest.raises(CheckpointError, match=r"expression\.pt is not of this training"):
            trainer.resume()


def test_a_pool_is_made_anew_where_it_is_another_or_damaged(
    balls: HeadGenerator, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = small_config(balls)
    objective, path = ExpressionObjective(config, bind(balls, config)), tmp_path / "pool.npz"

    def pool(generator: HeadGenerator, seed: int) -> Pool:
        return load_or_make_pool(objective, generator, 2, seed, path, lambda *_: None)

    first = pool(balls, 0)
    assert np.array_equal(pool(balls, 0).points, first.points) and not caplog.messages
    assert not np.array_equal(pool(balls, 1).identity, first.identity)
    assert not np.array_equal(pool(replace(balls, neutral=2 * balls.neutral), 1).points, pool(balls, 1).points)
    path.write_bytes(path.read_bytes()[:5000])
    assert np.array_equal(pool(balls, 0).points, first.points)
    assert "damaged" in caplog.messages[-1]


@pytest.mark.parametrize("wrong", [{"points": 7000}, {"steps": 0}, {"batch": 0}, {"learning_rate": float("nan")}])
def test_impossible_trainings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(SettingError, match=next(iter(wrong))):
        replace(TRAINING, **wrong)  # type: ignore[arg-type]
