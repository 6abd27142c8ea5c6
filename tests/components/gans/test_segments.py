import torch

from ganforge.gans._segments import segment_softmax


def test_segment_softmax_is_softmax_column_by_column():
    widths = [3, 1, 5, 2]
    segment = torch.repeat_interleave(torch.arange(4), torch.tensor(widths))
    y = (torch.randn(11, 7, dtype=torch.float64) * 200).requires_grad_()  # far beyond what exp can take
    soft, log_sums = segment_softmax(y, segment, 4)
    parts = y.split(widths)
    torch.testing.assert_close(soft, torch.cat([part.softmax(0) for part in parts]))
    torch.testing.assert_close(log_sums, torch.stack([part.logsumexp(0) for part in parts]))


def test_segment_softmax_has_the_right_gradient():
    segment = torch.tensor([0, 0, 1, 2, 2, 2])
    y = torch.randn(6, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda each: segment_softmax(each, segment, 3), (y,))
    assert torch.autograd.gradcheck(lambda each: segment_softmax(each, segment, 3)[0], (y,))
    assert torch.autograd.gradcheck(lambda each: segment_softmax(each, segment, 3)[1], (y,))
