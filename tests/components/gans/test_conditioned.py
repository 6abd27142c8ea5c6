import pytest
import torch
from torch.nn import functional

from ganforge.gans._conditioned import ConditionedLinear


def test_what_is_added_up_is_the_product_with_all_of_it_side_by_side():
    layer = ConditionedLinear([5, 2], 4, 3)
    x, y, places = torch.randn(6, 5), torch.randn(6, 2), torch.tensor([0, 3, 1, 1, 2, 0])
    weight = torch.cat([*layer.weights, layer.lookup.T], 1)  # (3, 5 + 2 + 4): the paper's one matrix
    one_hot = functional.one_hot(places, 4).float()
    expected = functional.linear(torch.cat([x, y, one_hot], 1), weight, layer.bias)
    torch.testing.assert_close(layer([x, y], places), expected)
    another = (places + 1) % 4
    two_bits = torch.cat([x, y, one_hot + functional.one_hot(another, 4)], 1)
    both = torch.stack([places, another], 1)
    torch.testing.assert_close(layer([x, y], both), functional.linear(two_bits, weight, layer.bias))


@pytest.mark.parametrize("bits", [0, 1, 3])
@pytest.mark.parametrize("free", [True, False])
def test_every_gradient_is_that_of_finite_differences(bits, free):
    """With and without a condition, whether or not the first vector is a constant, as noise is."""
    torch.manual_seed(0)
    layer = ConditionedLinear([3, 2], 5 if bits else 0, 4).double()
    places = {0: None, 1: torch.tensor([0, 4, 4]), 3: torch.tensor([[0, 1, 2], [4, 4, 3], [1, 0, 1]])}[bits]
    x, y = torch.randn(3, 3).double().requires_grad_(free), torch.randn(3, 2).double().requires_grad_()
    names = [name for name, _ in layer.named_parameters()]

    def called(x, y, *parameters):
        return torch.func.functional_call(layer, dict(zip(names, parameters, strict=True)), ([x, y], places))

    assert torch.autograd.gradcheck(called, (x, y, *layer.parameters()))
    if layer.lookup is not None:
        layer.lookup.requires_grad_(False)  # a bag of rows is differentiated once; no penalty asks it for more
    assert torch.autograd.gradgradcheck(called, (x, y, *layer.parameters()))


def test_frozen_weights_get_no_gradient_but_pass_it_on():
    layer = ConditionedLinear([3, 2], 4, 4).requires_grad_(False)
    x = torch.randn(6, 2, requires_grad=True)
    layer([torch.randn(6, 3), x], torch.zeros(6, dtype=torch.int64)).sum().backward()
    torch.testing.assert_close(x.grad, layer.weights[1].sum(0).expand(6, -1))
    assert all(each.grad is None for each in layer.parameters())


def test_under_autocast_products_are_bfloat16_and_gradients_the_parameters_own_type():
    layer = ConditionedLinear([30, 20], 4, 8)
    x, y, places = torch.randn(6, 30), torch.randn(6, 20), torch.tensor([0, 3, 1, 1, 2, 0])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = layer([x, y], places)
    assert out.dtype == torch.bfloat16
    torch.testing.assert_close(out.float(), layer([x, y], places), rtol=0.02, atol=0.02)
    out.float().sum().backward()
    assert all(each.grad.dtype == torch.float32 for each in layer.parameters())
