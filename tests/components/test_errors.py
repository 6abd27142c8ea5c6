"""Messages and exit codes."""

from __future__ import annotations

import inspect
import pickle

import pytest

from ganforge import errors


def test_everything_raised_on_purpose_has_one_root_and_an_exit_code() -> None:
    found = [each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, Exception)]
    raised = [each for each in found if not issubclass(each, Warning)]
    assert all(issubclass(each, errors.GanforgeError) for each in raised)
    codes = {each.__name__: each.exit_code for each in raised}
    assert codes["UnsuitableDataError"] == codes["TrainingDivergedError"] == 1
    assert codes["InterruptedRunError"] == 130
    assert codes["DefectError"] == 70
    assert {code for name, code in codes.items() if code not in (1, 130) and name != "DefectError"} == {2}


@pytest.mark.parametrize(
    ("name", "known", "message", "nearest"),
    [
        ("is_frod", ["amount", "is_fraud"], "no column 'is_frod' in x.csv; did you mean 'is_fraud'?", "is_fraud"),
        ("AMOUNT", ["amount", "b"], "no column 'AMOUNT' in x.csv; did you mean 'amount'?", "amount"),
        ("zzz", ["a", "b"], "no column 'zzz' in x.csv; there are: a, b", None),
        ("zzz", [], "no column 'zzz' in x.csv; there are: none", None),
        (3, [1, 2], "no column '3' in x.csv; there are: 1, 2", None),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(name, known, message, nearest) -> None:
    error = errors.UnknownNameError("column", name, known, where="x.csv")
    assert str(error) == message
    assert error.nearest == nearest
    with pytest.raises(LookupError):
        raise error


def test_a_long_list_is_cut_and_counted() -> None:
    error = errors.UnknownNameError("column", "?", [f"c{k}" for k in range(40)])
    assert str(error).endswith("c11, … (40 in all)")


def test_a_diverged_run_names_its_place() -> None:
    error = errors.TrainingDivergedError("m", step=3, term="critic/r1", checkpoint="c")
    assert (error.step, error.term, error.checkpoint) == (3, "critic/r1", "c")


def test_plain_errors_travel_between_processes() -> None:
    """joblib's workers send what they raise back to the caller."""
    for each in (errors.InputError, errors.UnsuitableDataError, errors.ArtifactError, errors.ServiceError):
        again = pickle.loads(pickle.dumps(each("what, where, what to do")))  # noqa: S301 - our own bytes
        assert type(again) is each
        assert str(again) == "what, where, what to do"
