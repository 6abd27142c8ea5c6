import pytest

from ganforge.errors import InputError
from ganforge.parameters import seed_of, spawned, whole


@pytest.mark.parametrize("value", [0, -1, 1.5, "3", None, True])
def test_a_count_that_is_none_is_named(value):
    with pytest.raises(InputError, match=r"^rows=.*at least 1"):
        whole("rows", value)


def test_a_count_may_start_elsewhere():
    assert whole("snapshots", 0, least=0) == 0
    with pytest.raises(InputError, match="at least 2"):
        whole("batch_size", 1, least=2)


def test_no_random_state_draws_a_fresh_seed_and_cannot_be_resumed():
    assert seed_of(None) != seed_of(None)
    assert seed_of(5) == seed_of(5, resume=True) == 5
    with pytest.raises(InputError, match="random_state of the run that stopped"):
        seed_of(None, resume=True)


@pytest.mark.parametrize("value", [-1, 0.5, "1", False])
def test_a_seed_is_a_whole_number(value):
    with pytest.raises(InputError, match="random_state="):
        seed_of(value)


def test_the_parts_of_one_seed_are_not_those_of_the_next():
    made = [spawned(seed, k) for seed in range(5) for k in range(5)]
    assert len({*made, *range(10)}) == 35
    assert spawned(3, 1) == spawned(3, 1) != spawned(3, 1, 0)
    assert all(0 <= each < 2**31 for each in made)
