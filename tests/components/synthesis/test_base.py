import contextlib
import warnings

import numpy as np
import pytest

from ganforge.artifacts import write_artifact
from ganforge.data.table import Table
from ganforge.data.toy import toy_payments
from ganforge.errors import ArtifactError, GanforgeWarning, InputError
from ganforge.synthesis.base import as_table, collected_notices, fingerprint
from ganforge.synthesis.ctgan import CTGAN


def test_the_fingerprint_hangs_on_data_and_on_what_changes_the_course_of_training():
    base = fingerprint(CTGAN(steps=5), "data")
    assert base == fingerprint(CTGAN(steps=5, log_every=7, checkpoint_every=2, trainer={"devices": 2}), "data")
    others = [fingerprint(CTGAN(steps=5), "other"), fingerprint(CTGAN(steps=6), "data")]
    others.append(fingerprint(CTGAN(steps=5, tau=0.3), "data"))
    assert len({base, *others}) == 4
    assert base == fingerprint(CTGAN(steps=5, generator_widths=[256, 256]), "data")  # as a folder gives them back


def speak(error: type[Exception] | None = None) -> list[str]:
    with contextlib.suppress(ZeroDivisionError), collected_notices() as notices:
        warnings.warn("column 'a' was left out", GanforgeWarning, stacklevel=1)
        warnings.warn("a library speaks", UserWarning, stacklevel=1)
        if error:
            raise error
    return notices


def test_notices_are_kept_and_told_and_other_warnings_only_told():
    with pytest.warns() as told:
        notices = speak()
    assert notices == ["column 'a' was left out"]
    assert [str(each.message) for each in told] == ["column 'a' was left out", "a library speaks"]


def test_what_fails_inside_is_raised_and_the_notices_are_kept():
    assert speak(ZeroDivisionError) == ["column 'a' was left out"]
    with pytest.raises(KeyError):
        speak(KeyError)


def test_a_table_is_taken_as_it_is():
    frame = toy_payments(20)
    table = Table.of(frame)
    assert as_table(table) is table
    assert as_table(frame, {"items": "categorical"}).schema["items"].kind == "categorical"
    with pytest.raises(InputError, match="own schema"):
        as_table(table, {"items": "categorical"})


def test_a_folder_that_is_no_model_is_refused(tmp_path):
    with pytest.raises(ArtifactError):
        CTGAN.load(tmp_path)


@pytest.mark.parametrize("lacking", ["a document", "a parameter"])
def test_a_folder_of_another_version_is_told_from_a_defect(tmp_path, lacking):
    model = CTGAN(steps=2, batch_size=20, random_state=0).fit(toy_payments(60, seed=0))
    contents, parameters = model._contents(), model._parameters()
    documents = {"training": model.training_.to_json(), **contents.pop("documents")}
    if lacking == "a document":
        del documents["conditions"]
    else:
        parameters["of_a_later_day"] = 1
    write_artifact(
        tmp_path / "model",
        kind=model.kind,
        parameters=parameters,
        documents=documents,
        data_fingerprint=model.data_fingerprint_,
        **contents,
    )
    with pytest.raises(ArtifactError, match=r"another version of ganforge.*train it again"):
        CTGAN.load(tmp_path / "model")


def test_an_array_of_numbers_is_a_table():
    table = as_table(np.arange(60).reshape(30, 2) / 4)
    assert (table.schema.names, len(table), table.source) == (("x0", "x1"), 30, "array")
    with pytest.raises(InputError, match=r"shape \(2, 3, 4\) is pictures, not rows of a table"):
        as_table(np.zeros((2, 3, 4)))
    with pytest.raises(InputError, match="give numbers"):
        as_table(np.array([["a", "b"]]))
