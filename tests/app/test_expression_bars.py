"""The bars of the strongest expression weights."""

from __future__ import annotations

import numpy as np
import pytest
from PyQt5.QtGui import QPalette
from pytestqt.qtbot import QtBot

from app.panels.expression_bars import ROWS, ExpressionBars, keep_rows, number_text, readable

NAMES = tuple(f"mouth{letter}_L" for letter in "ABCDEFGHIJKLMNOP")


@pytest.fixture
def bars(qtbot: QtBot) -> ExpressionBars:
    widget = ExpressionBars()
    qtbot.addWidget(widget)
    widget.set_names(NAMES)
    widget.resize(300, widget.sizeHint().height())
    return widget


def code(**weights: float) -> np.ndarray:
    out = np.zeros(len(NAMES), np.float32)
    for letter, weight in weights.items():
        out["ABCDEFGHIJKLMNOP".index(letter)] = weight
    return out


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("jawOpen", "Jaw open"),
        ("mouthSmile_L", "Mouth smile left"),
        ("eyeBlinkRight", "Eye blink right"),
        ("mouthUpperUp_R", "Mouth upper up right"),
        ("code_12", "Code 12"),
        ("_", "_"),
    ],
)
def test_names_become_words(name: str, words: str) -> None:
    assert readable(name) == words


def test_numbers_have_a_real_minus_and_no_minus_zero() -> None:
    assert [number_text(weight) for weight in (0.256, -0.5, -0.001)] == ["0.26", "−0.50", "0.00"]


def test_the_strongest_are_shown_whatever_their_sign(bars: ExpressionBars) -> None:
    bars.show_code(code(P=0.9, C=-0.8, A=0.01))
    shown = dict(bars.shown())
    assert len(shown) == ROWS
    assert shown["Mouth p left"] == pytest.approx(0.9)
    assert shown["Mouth c left"] == pytest.approx(-0.8)


def test_a_row_is_given_up_only_to_a_clearly_stronger_weight() -> None:
    strength = np.linspace(1.0, 0.1, 10).astype(np.float32)
    rows = keep_rows([], strength, 4)
    assert rows == [0, 1, 2, 3]
    strength[4] = strength[3] + 0.05
    assert keep_rows(rows, strength, 4) == rows
    strength[4] = 1.5
    assert keep_rows(rows, strength, 4) == [0, 1, 2, 4]


def test_noise_does_not_move_rows(bars: ExpressionBars) -> None:
    rng = np.random.default_rng(0)
    weights = rng.uniform(0.2, 0.8, len(NAMES)).astype(np.float32)
    bars.show_code(weights)
    before = [label for label, _ in bars.shown()]
    for _ in range(100):
        bars.show_code(weights + rng.normal(0, 0.02, len(NAMES)).astype(np.float32))
    assert [label for label, _ in bars.shown()] == before


def test_a_code_that_stays_shows_its_own_strongest_in_order(qtbot: QtBot, bars: ExpressionBars) -> None:
    bars.show()
    bars.show_code(code(A=0.9, B=0.8, C=0.7, D=0.6, E=0.5, F=0.4, G=0.3, H=0.2))
    bars.show_code(code(P=0.1, A=0.3, O=0.5, N=0.7))  # a moment later, as while the slider is dragged
    qtbot.waitUntil(lambda: [weight for _, weight in bars.shown()[:4]] == pytest.approx([0.7, 0.5, 0.3, 0.1]))
    assert bars.shown()[0][0] == "Mouth n left"
    assert not bars._rest.isActive()


def test_rows_of_nothing_give_way_after_a_while(bars: ExpressionBars) -> None:
    bars.show_code(code(A=1, B=1, C=1, D=1, E=1, F=1, G=1, H=1))
    now = code(A=1, B=1, C=1, D=1, E=1, F=1, G=1, P=0.05)
    bars.show_code(now)
    assert "Mouth p left" not in dict(bars.shown())
    before = [label for label, _ in bars.shown()]
    for _ in range(60):
        bars.show_code(now)
    assert [label for label, _ in bars.shown()] == [*before[:7], "Mouth p left"]


def test_a_model_without_names_has_numbers_and_any_length(bars: ExpressionBars) -> None:
    bars.set_names(())
    bars.show_code(np.float32([0.1, -2.0, np.nan]))
    assert [label for label, _ in bars.shown()] == ["Code 2", "Code 1", "Code 3"]
    assert not bars.grab().isNull()


def test_without_a_face_there_are_no_bars(bars: ExpressionBars) -> None:
    bars.show_code(code(A=1.0))
    bars.show_code(None)
    assert bars.shown() == []
    assert not bars.grab().isNull()


def test_bars_are_as_long_as_their_weights(bars: ExpressionBars) -> None:
    bars.show_code(code(A=1.0, B=0.5))
    image, accent = bars.grab().toImage(), bars.palette().color(QPalette.Highlight)
    line = image.height() // ROWS
    lengths = [
        sum(image.pixelColor(x, row * line + line // 2) == accent for x in range(image.width())) for row in (0, 1, 2)
    ]
    assert lengths[0] > 80
    assert abs(lengths[1] - lengths[0] / 2) <= 2
    assert lengths[2] == 0


def test_it_paints_no_more_often_than_can_be_read(qtbot: QtBot, bars: ExpressionBars, monkeypatch) -> None:
    asked = []
    monkeypatch.setattr(bars._painter, "_call", lambda: asked.append(1))
    for _ in range(50):
        bars.show_code(code(A=1.0))
    assert len(asked) <= 2
    qtbot.waitUntil(lambda: len(asked) == 2)  # and the last is not left out
