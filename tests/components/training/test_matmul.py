"""Which way of multiplying is chosen, and that the caller's is given back."""

from __future__ import annotations

import contextlib
import itertools
import threading

import pytest
import torch
from torch import nn
from toy_games import RingGame, ring_points

from ganforge.errors import InputError
from ganforge.training import Monitor, TensorBatches, TrainerOptions, fit
from ganforge.training.matmul import (
    EXACT,
    SETTINGS,
    Setting,
    Tried,
    exact_products,
    fastest,
    matmul_precision,
    try_settings,
)

CPU = torch.device("cpu")


def test_a_faster_setting_is_taken_only_if_it_is_as_exact_and_worth_it() -> None:
    plain = Tried(seconds=1.0, error=3e-7)
    assert fastest({"highest": plain, "medium": Tried(0.5, 4e-7)}) == "medium"
    assert fastest({"highest": plain, "medium": Tried(0.1, 2e-3)}) == "highest"  # bfloat16
    assert fastest({"highest": plain, "medium": Tried(0.95, 3e-7)}) == "highest"  # noise
    assert fastest({"highest": plain, "high": Tried(0.6, 3e-7), "medium": Tried(0.4, 3e-7)}) == "medium"
    assert fastest({"highest": plain, "high": Tried(0.6, 3e-7), "medium": Tried(0.4, 2e-3)}) == "high"


def test_what_is_tried_is_timed_and_held_to_double_precision() -> None:
    ticks = itertools.count()
    tried = try_settings(40, 30, 20, rounds=2, clock=lambda: float(next(ticks)))
    assert set(tried) == set(SETTINGS)
    assert all(each.seconds == 1.0 for each in tried.values())  # one tick lies between the two readings
    assert 1e-8 < tried["highest"].error < 1e-6
    assert all(each.error < 1e-2 for each in tried.values())


def fails_under(setting: Setting, game: nn.Module) -> None:
    with matmul_precision(setting, game, rows=10, device=CPU) as chosen:
        assert chosen == torch.get_float32_matmul_precision() == setting
        raise RuntimeError("in the middle")


@pytest.mark.parametrize("before", SETTINGS)
def test_the_callers_setting_and_random_state_are_given_back(before: str) -> None:
    game, state = nn.Linear(80, 80), torch.get_rng_state()
    outside = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(before)
    try:
        try_settings(20, 20, 20, rounds=1)
        assert torch.get_float32_matmul_precision() == before
        with pytest.raises(RuntimeError, match="in the middle"):
            fails_under("medium", game)
        assert torch.get_float32_matmul_precision() == before
    finally:
        torch.set_float32_matmul_precision(outside)
    assert torch.equal(state, torch.get_rng_state())


def test_what_is_chosen_by_itself_is_float32() -> None:
    game = nn.Sequential(nn.Linear(300, 200), nn.Linear(200, 3))
    x, weight = torch.randn(50, 300), game[0].weight.detach().t()
    exact = x.double() @ weight.double()
    with matmul_precision("auto", game, rows=50, device=CPU) as chosen:
        assert chosen in SETTINGS
        assert ((x @ weight - exact).norm() / exact.norm()).item() < 5e-6
    with matmul_precision("auto", game, rows=50, device=CPU) as again:
        assert again == chosen  # two runs of a process multiply alike


def test_rows_of_one_seed_are_multiplied_alike_and_in_float32() -> None:
    tried = try_settings(512, 256, 256)
    exact = tried["medium"].error <= EXACT * tried["highest"].error
    with exact_products():
        assert torch.get_float32_matmul_precision() == ("medium" if exact else "highest")
    assert torch.get_float32_matmul_precision() == "highest"
    torch.set_float32_matmul_precision("high")
    try:
        with exact_products():  # a caller who has chosen is left alone
            assert torch.get_float32_matmul_precision() == "high"
    finally:
        torch.set_float32_matmul_precision("highest")


def test_threads_that_draw_at_once_share_a_setting_until_the_last_has_left() -> None:
    with exact_products():
        inside = torch.get_float32_matmul_precision()
    first_is_in, second_is_in, first_is_out = (threading.Event() for _ in range(3))
    seen = {}

    def first() -> None:
        with exact_products():
            first_is_in.set()
            assert second_is_in.wait(60)
        first_is_out.set()

    def second() -> None:
        assert first_is_in.wait(60)
        with exact_products():
            second_is_in.set()
            assert first_is_out.wait(60)
            seen["after the first has left"] = torch.get_float32_matmul_precision()

    threads = [threading.Thread(target=each) for each in (first, second)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(120)
    after = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    assert seen == {"after the first has left": inside}
    assert after == "highest"


@pytest.mark.parametrize("setting", ["auto", "high", "medium"])
def test_a_training_that_outlives_a_drawing_gives_back_what_was_there_before_both(setting: Setting) -> None:
    drawing, training = contextlib.ExitStack(), contextlib.ExitStack()
    drawing.enter_context(exact_products())
    training.enter_context(matmul_precision(setting, nn.Linear(300, 200), rows=500, device=torch.device("cpu")))
    drawing.close()
    while_training = torch.get_float32_matmul_precision()
    training.close()
    after = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    assert after == "highest"
    assert setting in ("auto", while_training)


def test_a_run_goes_on_as_it_began_where_that_is_exact() -> None:
    game = nn.Linear(300, 200)
    with matmul_precision("auto", game, rows=50, device=CPU, earlier="highest") as chosen:
        assert chosen == "highest"
    exact = try_settings(50, 300, 200)["medium"].error < 5e-6
    with matmul_precision("auto", game, rows=50, device=CPU, earlier="medium") as chosen:
        assert (chosen == "medium") == exact


@pytest.mark.parametrize(
    ("game", "device"),
    [
        (nn.Linear(3, 4), CPU),  # too small to gain
        (nn.Linear(300, 200).double(), CPU),
        (nn.Conv2d(3, 64, 5), CPU),
        (nn.Linear(300, 200), torch.device("cuda")),
    ],
)
def test_where_nothing_is_to_be_gained_nothing_is_changed(game: nn.Module, device: torch.device) -> None:
    with matmul_precision("auto", game, rows=100, device=device) as chosen:
        assert chosen == torch.get_float32_matmul_precision() == "highest"


def test_the_callers_own_choice_stands() -> None:
    torch.set_float32_matmul_precision("medium")
    try:
        with matmul_precision("auto", nn.Linear(300, 200), rows=100, device=CPU) as chosen:
            assert chosen == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")


def test_fit_multiplies_as_it_is_told_and_gives_the_setting_back() -> None:
    seen = []

    class Watching(RingGame):
        def phases(self):
            seen.append(torch.get_float32_matmul_precision())
            return super().phases()

        def monitor(self):
            return Monitor(
                name="setting", metric=lambda _: seen.append(torch.get_float32_matmul_precision()) or 0.0, every=2
            )

    fit(Watching(8), TensorBatches(ring_points(50), batch_size=10), steps=2, trainer=TrainerOptions(matmul="medium"))
    assert seen[-1] == "medium"
    assert set(seen[:-1]) == {"highest"}
    assert torch.get_float32_matmul_precision() == "highest"


def test_a_setting_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InputError, match=r"matmul='low'.*auto, highest, high, medium"):
        TrainerOptions(matmul="low")  # type: ignore[arg-type]
