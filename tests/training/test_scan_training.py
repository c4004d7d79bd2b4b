"""Training on scans: losses mean what they say, a resume is the uninterrupted training, processes train as one."""

from __future__ import annotations

import logging
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from made_scans import SMALL_HEAD, made_scans
from torch import Tensor

from dphm_core.cli import main
from dphm_core.diffusion.prior_file import IDENTITY_PRIOR
from dphm_core.errors import CheckpointError, DataError, SettingError, TrainingError
from dphm_core.heads.codebook import load_codebook
from dphm_core.heads.config import HeadConfig
from dphm_core.heads.model import load_model
from dphm_core.training.prepared import open_prepared
from dphm_core.training.processes import Processes
from dphm_core.training.scan_checkpoint import CHECKPOINT
from dphm_core.training.scan_config import LOSSES, LossWeights, PointsPerScan, ScanTrainingConfig
from dphm_core.training.scan_data import ScanFeed, collect, split
from dphm_core.training.scan_losses import ScanHeads, total
from dphm_core.training.scan_trainer import ScanTrainer, train_on_scans

pytestmark = pytest.mark.usefixtures("one_thread")
POINTS = PointsPerScan(face=60, rest=30, off_surface=30, pairs=30)
CONFIG = ScanTrainingConfig(
    epochs=4, scans_per_step=2, checkpoint_every=2, points=POINTS, head=SMALL_HEAD, pictures=0, held_out=0.0,
    device="cpu",
)  # fmt: skip
ALONE = Processes(torch.device("cpu"))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_scans(tmp_path_factory.mktemp("prepared"))


def trainer(prepared: Path, folder: Path, config: ScanTrainingConfig = CONFIG) -> ScanTrainer:
    return ScanTrainer(open_prepared(prepared), config, folder, ALONE)


def weights(folder: Path) -> dict[str, Tensor]:
    return torch.load(folder / CHECKPOINT, weights_only=True)["heads"]  # type: ignore[no-any-return]


def assert_same_weights(one: Path, other: Path, tolerance: float = 0.0) -> None:
    for name, value in weights(one).items():
        torch.testing.assert_close(weights(other)[name], value, atol=tolerance, rtol=0, msg=name)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_training_brings_the_heads_onto_their_scans(prepared: Path, tmp_path: Path, precision: str) -> None:
    config = replace(
        CONFIG, epochs=60, scans_per_step=6, checkpoint_every=20, learning_rate=5e-3, code_learning_rate=5e-3,
        precision=precision,
    )  # fmt: skip
    history = train_on_scans(prepared, tmp_path, config).history
    assert [entry["step"] for entry in history] == [20, 40, 60]
    assert history[-1]["loss"] < 0.1 * history[0]["loss"]
    assert history[-1]["correspondence_mm"] < 3
    assert history[-1]["surface_mm"] < 4
    assert history[-1]["normals"] < 0.5


@pytest.fixture(scope="module")
def heads(prepared: Path) -> ScanHeads:
    data = open_prepared(prepared)
    torch.manual_seed(0)
    config = replace(CONFIG, code_norm=1.0)
    return ScanHeads(config, torch.from_numpy(data.mean_anchors), len(data.subjects), len(data.scans))


REACHED = {
    "anchors": "identity_field.anchor_mlp",
    "expression_code": "expression_codes",
    "identity_code": "identity_codes",
    "symmetry": "identity_codes",
    "hyper": "expression_field",
    "offset_random": "expression_field",
    "offset_neutral": "expression_field",
    "correspondence": "expression_field",
}


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_reaches_what_it_is_about(prepared: Path, heads: ScanHeads, name: str) -> None:
    heads.zero_grad()
    loss = heads(collect(open_prepared(prepared), np.arange(4), POINTS, (1,)))[name]
    loss.backward()
    moved = {key.split(".")[0] for key, p in heads.named_parameters() if p.grad is not None and p.grad.abs().max() > 0}
    assert float(loss.detach()) > 0
    if name in ("surface", "normals", "eikonal", "far"):
        assert moved == {"identity_field", "expression_field", "identity_codes", "expression_codes"}
    else:
        assert REACHED[name].split(".")[0] in moved
        assert ("expression_codes" in moved) == (name in ("expression_code", "hyper", "correspondence")
            or name.startswith("offset"))  # fmt: skip


def test_losses_are_means_over_scans(prepared: Path, heads: ScanHeads) -> None:
    data = open_prepared(prepared)
    each = [heads(collect(data, np.array([row]), POINTS, (2,))) for row in range(4)]
    together = heads(collect(data, np.arange(4), POINTS, (2,)))
    for name in LOSSES:
        mean = torch.stack([losses[name] for losses in each]).mean()
        torch.testing.assert_close(together[name], mean, atol=1e-5, rtol=1e-4, msg=name)


def test_neutral_scans_have_losses_of_their_own(prepared: Path, heads: ScanHeads) -> None:
    batch = collect(open_prepared(prepared), np.array([1]), POINTS, (3,))
    posed, neutral = heads(batch), heads(replace(batch, neutral=torch.ones(1)))
    assert not posed["offset_neutral"].any() and neutral["offset_neutral"].all()
    torch.testing.assert_close(neutral["hyper"], 10 * posed["hyper"])


def test_the_gradient_is_taken_through_both_fields(prepared: Path, heads: ScanHeads) -> None:
    """Against differences of the posed distance."""
    batch = collect(open_prepared(prepared), np.array([1, 3]), POINTS, (4,))
    codes, step = heads.codes(batch), 1e-3
    points = batch.surface.requires_grad_()

    def distance(at: Tensor) -> Tensor:
        return heads.distance(at, *heads.carry(at, codes), codes)

    (slope,) = torch.autograd.grad(distance(points).sum(), points)
    shifts = step * torch.eye(3)
    with torch.no_grad():
        numeric = torch.stack([(distance(points + s) - distance(points - s)) / (2 * step) for s in shifts], dim=-1)
    wrong = (slope - numeric).abs().amax(dim=-1)
    assert float(wrong.median()) < 0.02 * float(slope.norm(dim=-1).median())  # neighbours change here and there


def test_correspondence_counts_less_and_then_nothing() -> None:
    losses = LossWeights(correspondence=8, correspondence_falls=10, correspondence_ends=20)
    assert [losses.at(epoch)["correspondence"] for epoch in (0, 9, 10, 19, 20)] == [8, 8, 2, 2, 0]
    assert tuple(losses.at(0)) == LOSSES
    assert float(total({name: torch.tensor(1.0) for name in LOSSES}, losses.at(20))) == pytest.approx(9.042)


def test_the_first_weights_know_of_centimetres(prepared: Path, heads: ScanHeads) -> None:
    torch.manual_seed(0)
    data = open_prepared(prepared)
    plain = ScanHeads(replace(CONFIG, position_gain=1.0), torch.from_numpy(data.mean_anchors), 3, 6)
    first = SMALL_HEAD.global_dim + SMALL_HEAD.local_dim
    ours, theirs = heads.identity_field.weights[0], plain.identity_field.weights[0]
    torch.testing.assert_close(ours[..., first : first + 3], 50 * theirs[..., first : first + 3])
    torch.testing.assert_close(ours[..., :first], theirs[..., :first])


def test_codes_are_at_most_one_long(heads: ScanHeads) -> None:
    with torch.no_grad():
        heads.identity_codes.weight[0] *= 5 / heads.identity_codes.weight[0].norm()
        short = heads.identity_codes.weight[1] * 0.5 / heads.identity_codes.weight[1].norm()
        heads.identity_codes.weight[1] = short
    heads.shorten_codes()
    assert float(heads.identity_codes.weight[0].detach().norm()) == pytest.approx(1, abs=1e-4)
    assert torch.equal(heads.identity_codes.weight[1], short)


def test_every_process_has_its_share_and_the_order_follows_from_the_seed(prepared: Path) -> None:
    data = open_prepared(prepared)
    config = replace(CONFIG, scans_per_step=2)
    pair = [ScanFeed(data, config, rank, 2) for rank in range(2)]
    alone = ScanFeed(data, replace(config, scans_per_step=4), 0, 1)
    assert pair[0].steps_per_epoch == alone.steps_per_epoch == 2
    for step in range(6):
        assert [*pair[0].rows(step), *pair[1].rows(step)] == [*alone.rows(step)]
    epochs = [[*alone.rows(2 * epoch), *alone.rows(2 * epoch + 1)] for epoch in range(3)]
    assert all(set(rows) == set(range(6)) for rows in epochs)
    assert epochs[0] != epochs[1]
    assert epochs[0] != [*ScanFeed(data, replace(config, seed=1, scans_per_step=4), 0, 1).rows(0)]


def test_a_step_moves_no_other_scans_codes(prepared: Path, tmp_path: Path) -> None:
    training = trainer(prepared, tmp_path)
    training.resume()
    before = training.heads.expression_codes.weight.detach().clone()
    for step in range(2):
        training._step(training.heads, training.feed.batch(step))
    moved = (training.heads.expression_codes.weight != before).any(dim=1).nonzero()[:, 0].tolist()
    assert moved == sorted({*training.feed.rows(0), *training.feed.rows(1)}) != list(range(6))


def test_held_out_scans_are_other_expressions_of_known_subjects(tmp_path: Path) -> None:
    prepared = made_scans(tmp_path / "data", subjects=2, expressions=4, points=500)
    config = replace(CONFIG, held_out=0.3, epochs=1)
    data = open_prepared(prepared)
    trained, held_out = split(data, config)
    assert len(held_out) == 2 and not set(trained) & set(held_out) and len(trained) == 6
    assert not any(data.scans[row].neutral for row in held_out)
    entry = train_on_scans(prepared, tmp_path / "run", config).history[-1]
    assert entry["held_out_correspondence_mm"] > 0 and entry["held_out_surface_mm"] > 0
    train_export(tmp_path / "run", tmp_path / "model")
    assert len(load_codebook(tmp_path / "model").expressions) == 6


class Interrupted(ScanTrainer):
    """A person's Ctrl-C comes in the middle of the fifth step, the second of its epoch."""

    def _step(self, module: torch.nn.Module, batch: object) -> None:
        if self.progress.step == 4:
            signal.raise_signal(signal.SIGINT)
        super()._step(module, batch)  # type: ignore[arg-type]


def test_a_resumed_training_is_the_uninterrupted_one(prepared: Path, tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    trainer(prepared, whole).run()
    with pytest.raises(KeyboardInterrupt):
        Interrupted(open_prepared(prepared), CONFIG, parts, ALONE).run()
    middle = trainer(prepared, parts, replace(CONFIG, checkpoint_every=1))
    middle.resume()
    assert middle.progress.step == 5
    resumed = trainer(prepared, parts)
    assert resumed.run().step == 12
    assert_same_weights(whole, parts)
    assert list(tmp_path.rglob("*.part")) == []
    assert trainer(prepared, parts, replace(CONFIG, epochs=1)).run().step == 12, "it is done"


def test_more_epochs_go_on(prepared: Path, tmp_path: Path) -> None:
    trainer(prepared, tmp_path / "whole").run()
    trainer(prepared, tmp_path / "parts", replace(CONFIG, epochs=2)).run()
    trainer(prepared, tmp_path / "parts", replace(CONFIG, checkpoint_every=1)).run()
    assert_same_weights(tmp_path / "whole", tmp_path / "parts")


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"seed": 1}, "seed: 0 then, 1 now"),
        ({"losses": LossWeights(normals=0.4)}, r"losses\.normals: 0\.3 then, 0\.4 now"),
        ({"points": replace(POINTS, face=61)}, r"points\.face: 60 then, 61 now"),
        ({"head": replace(SMALL_HEAD, identity_width=20)}, r"head\.identity_width: 16 then, 20 now"),
        ({"scans_per_step": 1}, "scans_per_step: 2 then, 1 now"),
    ],
)
def test_a_checkpoint_of_another_training_is_refused(
    prepared: Path, tmp_path: Path, changed: dict[str, object], told: str
) -> None:
    trainer(prepared, tmp_path).save()
    with pytest.raises(CheckpointError, match=told):
        trainer(prepared, tmp_path, replace(CONFIG, **changed)).resume()  # type: ignore[arg-type]


def test_a_checkpoint_of_other_scans_or_processes_is_refused(prepared: Path, tmp_path: Path) -> None:
    trainer(prepared, tmp_path).save()
    others = made_scans(tmp_path / "others", seed=1)
    with pytest.raises(CheckpointError, match="its scans are others"):
        trainer(others, tmp_path).resume()
    two = ScanTrainer(open_prepared(prepared), CONFIG, tmp_path, Processes(torch.device("cpu"), 0, 2))
    with pytest.raises(CheckpointError, match="processes: 1 then, 2 now"):
        two.resume()


def test_damaged_checkpoints_are_refused(prepared: Path, tmp_path: Path) -> None:
    training = trainer(prepared, tmp_path)
    training.save()
    content = training.checkpoint.read_bytes()
    for damaged in (b"", b"garbage", content[: len(content) // 2]):
        training.checkpoint.write_bytes(damaged)
        with pytest.raises(CheckpointError, match=CHECKPOINT):
            training.resume()
    torch.save({"format": "dphm-scan-training/1", "settings": "[]"}, training.checkpoint)
    with pytest.raises(CheckpointError, match="no checkpoint of a training on scans"):
        training.resume()


def test_a_loss_that_is_no_number_stops_and_keeps_the_checkpoint(prepared: Path, tmp_path: Path) -> None:
    training = trainer(prepared, tmp_path, replace(CONFIG, epochs=2))
    training.run()
    kept = training.checkpoint.read_bytes()
    broken = trainer(prepared, tmp_path)
    broken.resume()
    with torch.no_grad():
        broken.heads.identity_field.weights[0][:] = torch.nan
    broken.resume = lambda: None  # type: ignore[method-assign]
    with pytest.raises(TrainingError, match=r"epoch 2: not a number any more \(surface, .*checkpoint is kept"):
        broken.run()
    assert training.checkpoint.read_bytes() == kept


def words(prepared: Path, out: Path, config: ScanTrainingConfig) -> list[str]:
    """The command for a training."""
    options = {"epochs": config.epochs, "scans-per-step": config.scans_per_step, "checkpoint-every": 2, "pictures": 0}
    options |= {"held-out": 0, "device": "cpu"}
    options |= {f"points.{name}": value for name, value in vars(config.points).items()}
    options |= {f"head.{name}": value for name, value in vars(config.head).items()}
    told = [word for name, value in options.items() for word in (f"--{name}".replace("_", "-"), str(value))]
    return ["train", "heads", "scans", str(prepared), "--out", str(out), *told]


def by_two_processes(command: list[str]) -> str:
    start = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "dphm_core.cli", *command]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(start, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_two_processes_train_as_one_does_with_twice_the_scans(prepared: Path, tmp_path: Path) -> None:
    half, config = replace(CONFIG, epochs=2), replace(CONFIG, epochs=4)
    by_two_processes(words(prepared, tmp_path / "two", half))
    told = by_two_processes(words(prepared, tmp_path / "two", config))
    assert told.count("heads on scans: step 8") == 1, "one process tells"
    assert main(words(prepared, tmp_path / "one", replace(config, scans_per_step=4))) == 0
    assert_same_weights(tmp_path / "one", tmp_path / "two", tolerance=1e-5)


def train_export(run: Path, out: Path) -> None:
    assert main(["train", "export", "--training", str(run), "--out", str(out)]) == 0


def test_the_exported_model_is_the_trained_one(prepared: Path, tmp_path: Path) -> None:
    training = trainer(prepared, tmp_path / "run")
    training.run()
    train_export(tmp_path / "run", tmp_path / "model")
    model, codebook = load_model(tmp_path / "model"), load_codebook(tmp_path / "model")
    assert model.config == SMALL_HEAD and model.template is None and model.expression_names == ()
    assert np.array_equal(codebook.identities, training.heads.identity_codes.weight.detach().numpy())
    assert codebook.expressions.shape == (6, SMALL_HEAD.expression_dim)
    assert model.identity_basis.shape == (SMALL_HEAD.identity_dim, 2)
    queries, code = torch.rand(1, 50, 5) - 0.5, torch.from_numpy(codebook.identities[:1])
    assert torch.equal(model.identity_field(queries, code), training.heads.identity_field(queries, code))


def test_priors_of_codes_that_are_no_more_are_told(
    prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trainer(prepared, tmp_path / "run").save()
    train_export(tmp_path / "run", tmp_path / "model")
    assert capsys.readouterr().err == ""
    (tmp_path / "model" / IDENTITY_PRIOR).touch()
    train_export(tmp_path / "run", tmp_path / "model")
    assert re.search(f"{IDENTITY_PRIOR} was trained .* again", capsys.readouterr().err)


def test_one_subject_makes_no_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prepared = made_scans(tmp_path / "data", subjects=1, points=300)
    training = trainer(prepared, tmp_path)
    training.save()
    assert main(["train", "export", "--training", str(tmp_path), "--out", str(tmp_path / "model")]) == 2
    assert "is of one subject" in capsys.readouterr().err
    assert main(["train", "export", "--training", str(tmp_path / "data"), "--out", str(tmp_path / "model")]) == 2
    assert "give --generator" in capsys.readouterr().err


def test_the_log_has_every_loss_and_pictures(prepared: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with caplog.at_level(logging.INFO, "dphm_core.training"):
        train_on_scans(prepared, tmp_path, replace(CONFIG, epochs=2, checkpoint_every=1, pictures=1))
    told = EventAccumulator(str(tmp_path / "events"), {"images": 0}).Reload()
    names = told.Tags()["scalars"]
    assert {f"loss/{name}" for name in LOSSES} < set(names)
    assert {"loss/loss", "correspondence_mm", "surface_mm", "learning_rate/networks"} < set(names)
    assert [event.step for event in told.Scalars("loss/surface")] == [3, 6]
    assert [event.step for event in told.Images("subject/000")] == [3, 6]
    assert "epoch 2/2: loss" in caplog.messages[-1] and "min left" in caplog.messages[-1]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"epochs": 0}, "epochs"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"held_out": 0.9}, "held_out"),
        ({"precision": "float16"}, "precision"),
        ({"device": "tpu"}, "device"),
    ],
)
def test_impossible_trainings_are_refused(wrong: dict[str, object], told: str) -> None:
    with pytest.raises(SettingError, match=told):
        replace(CONFIG, **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [{"anchors": 40}, {"identity_layers": 0}, {"symmetric_pairs": 20}, {"neighbours": 0}])
def test_impossible_heads_points_and_losses_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(SettingError, match=next(iter(wrong))):
        replace(CONFIG, head=replace(HeadConfig(), **wrong))
    with pytest.raises(SettingError, match="pairs"):
        PointsPerScan(pairs=0)
    with pytest.raises(SettingError, match="correspondence_ends"):
        LossWeights(correspondence_falls=10, correspondence_ends=5)
    with pytest.raises(SettingError, match="far"):
        LossWeights(far=-1)


def test_scans_that_are_gone_are_told(tmp_path: Path) -> None:
    prepared = made_scans(tmp_path / "data", subjects=1, points=100)
    (prepared / "000-001.npz").unlink()
    with pytest.raises(DataError, match=r"000-001\.npz"):
        trainer(prepared, tmp_path)
