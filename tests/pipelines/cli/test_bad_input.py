"""Bad input: one message that names file, place and remedy; the right exit code; nothing half-written."""

from __future__ import annotations

import errno
import gzip
import json
import struct
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from ganforge_pipelines.workspace import Workspace

ROWS = pd.DataFrame(
    {
        "amount": np.round(np.random.RandomState(0).gamma(2, 30, 120), 2),
        "merchant": np.where(np.arange(120) % 3 == 0, "fuel", "food"),
        "is_fraud": (np.arange(120) % 12 == 0).astype(int),
    }
)


def table(path: Path, frame: pd.DataFrame) -> Path:
    frame.to_csv(path, index=False)
    return path


def text(path: Path, content: str) -> Path:
    path.write_text(content)
    return path


def no_such_file(folder):
    table(folder / "payments.csv", ROWS)
    return ["fit", folder / "payment.csv"], 2, ["payment.csv", "payments.csv"]


def empty_file(folder):
    return ["fit", text(folder / "empty.csv", "")], 2, ["empty.csv", "empty"]


def header_only(folder):
    return ["fit", text(folder / "head.csv", "a,b\n")], 2, ["head.csv", "no rows"]


def not_a_table(folder):
    (folder / "noise.csv").write_bytes(bytes(range(256)) * 40)
    return ["fit", folder / "noise.csv"], 2, ["noise.csv"]


def spreadsheet(folder):
    with zipfile.ZipFile(folder / "book.xlsx", "w") as book:  # what a spreadsheet is
        book.writestr("xl/workbook.xml", "<workbook/>")
    return ["fit", folder / "book.xlsx"], 2, ["book.xlsx", "CSV"]


def missing_label_column(folder):
    return ["detect", table(folder / "t.csv", ROWS), "--label", "is_froud"], 2, ["is_froud", "is_fraud", "t.csv"]


def label_of_one_class(folder):
    return (
        ["detect", table(folder / "t.csv", ROWS.assign(is_fraud=0)), "--label", "is_fraud"],
        1,
        ["is_fraud", "one value"],
    )


def too_few_rows(folder):
    return ["fit", table(folder / "t.csv", ROWS.head(3))], 1, ["3 rows"]


def all_columns_constant(folder):
    frame = pd.DataFrame({"a": [1] * 50, "b": ["x"] * 50})
    return ["fit", table(folder / "t.csv", frame)], 1, ["t.csv", "constant", "give at least one column that varies"]


def duplicate_column_names(folder):
    return ["fit", text(folder / "t.csv", "a,b,a\n1,2,3\n4,5,6\n")], 2, ["t.csv", "'a'", "1 and 3"]


def mixed_types(folder):
    lines = [f"{k},{k % 7}" for k in range(80)]
    lines[40] = "forty,3"
    return ["fit", text(folder / "t.csv", "a,b\n" + "\n".join(lines) + "\n")], 2, ["t.csv", "'a'", "row 4", "forty"]


def infinities(folder):
    frame = ROWS.copy()
    frame.loc[5, "amount"] = np.inf
    return ["fit", table(folder / "t.csv", frame)], 2, ["amount", "row 6", "not a finite number"]


def ragged_rows(folder):
    return ["fit", text(folder / "t.csv", "a,b\n1,2\n3,4,5\n6,7\n")], 2, ["t.csv", "3"]


def unknown_kind(folder):
    return ["fit", table(folder / "t.csv", ROWS), "--kind", "ctgann"], 2, ["ctgann", "ctgan"]


def kind_of_another_family(folder):
    return ["fit", table(folder / "t.csv", ROWS), "--kind", "dcgan"], 2, ["dcgan", "tables"]


def unknown_parameter(folder):  # of the kind that is taken where none is named
    words = ["'batch_sise' in kind 'ctgan-tuned'", "batch_size"]
    return ["fit", table(folder / "t.csv", ROWS), "--set", "batch_sise=50"], 2, words


def unknown_parameter_of_pictures(folder):
    images = folder / "x-images-idx3-ubyte"
    images.write_bytes(struct.pack(">IIII", 0x803, 4, 28, 28) + bytes(4 * 784))
    return ["fit", images, "--set", "widht=8"], 2, ["'widht' in kind 'dcgan'", "did you mean 'width'"]


def pac_that_does_not_divide(folder):
    return (
        ["fit", table(folder / "t.csv", ROWS), "--set", "batch_size=55", "--set", "pac=10"],
        2,
        ["55", "10", "pac"],
    )


def labels_of_another_number(folder):
    images, labels = folder / "x-images-idx3-ubyte", folder / "x-labels-idx1-ubyte"
    images.write_bytes(struct.pack(">IIII", 0x803, 4, 28, 28) + bytes(4 * 784))
    labels.write_bytes(struct.pack(">II", 0x801, 3) + bytes([0, 1, 0]))
    return ["fit", images, "--labels", labels], 2, ["4", "3", "labels"]


def broken_jpeg(folder):
    for name in ("cat", "dog"):
        (folder / "pictures" / name).mkdir(parents=True)
        for k in range(3):
            Image.new("L", (32, 32), k * 40).save(folder / "pictures" / name / f"{k}.jpg")
    broken = folder / "pictures" / "dog" / "1.jpg"
    broken.write_bytes(broken.read_bytes()[:100])
    return ["fit", folder / "pictures"], 2, ["1.jpg"]


def truncated_gzip(folder):
    path = folder / "t.csv.gz"
    path.write_bytes(gzip.compress(ROWS.to_csv(index=False).encode())[:200])
    return ["fit", path], 2, ["t.csv.gz"]


def pickled_npz(folder):
    np.savez(folder / "t.npz", X=np.array([{"a": 1}], dtype=object))
    return ["fit", folder / "t.npz"], 2, ["t.npz"]


def bad_set(folder):
    return ["fit", table(folder / "t.csv", ROWS), "--set", "steps"], 2, ["steps", "key=value"]


CASES = [
    no_such_file, empty_file, header_only, not_a_table, spreadsheet, missing_label_column, label_of_one_class,
    too_few_rows, all_columns_constant, duplicate_column_names, mixed_types, infinities, ragged_rows, unknown_kind,
    kind_of_another_family, unknown_parameter, unknown_parameter_of_pictures, pac_that_does_not_divide,
    labels_of_another_number, broken_jpeg, truncated_gzip, pickled_npz, bad_set,
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_bad_input_is_told_plainly(case, tmp_path, cli):
    arguments, code, words = case(tmp_path)
    out = tmp_path / "model"
    done = cli(*arguments, "--out", out)
    assert done.code == code, done.err
    assert "Traceback" not in done.err
    assert done.out.strip() == ""
    for word in words:
        assert word in done.err
    assert not out.exists()
    assert not list(tmp_path.glob(".model*")), "something half-written was left"


def test_out_never_takes_the_place_of_what_is_no_model(tmp_path, cli):
    (tmp_path / "thesis").mkdir()
    text(tmp_path / "thesis" / "chapter1.tex", "years of work")
    done = cli("fit", table(tmp_path / "t.csv", ROWS), "--out", tmp_path / "thesis", "--steps", 1)
    assert done.code == 2
    assert (tmp_path / "thesis" / "chapter1.tex").read_text() == "years of work"


@pytest.fixture(scope="module")
def ctgan(tmp_path_factory):
    from ganforge import CTGAN

    folder = tmp_path_factory.mktemp("models") / "ctgan"
    CTGAN(steps=3, batch_size=20, pac=2, random_state=0).fit(ROWS).save(folder)
    return folder


def copy(model: Path, folder: Path) -> Path:
    import shutil

    return Path(shutil.copytree(model, folder / "copy"))


def test_an_altered_model_is_refused(ctgan, tmp_path, cli):
    model = copy(ctgan, tmp_path)
    content = bytearray((model / "tensors.safetensors").read_bytes())
    content[-1] ^= 1
    (model / "tensors.safetensors").write_bytes(content)
    done = cli("sample", model, "--rows", 5, "--out", tmp_path / "s.csv")
    assert done.code == 2
    assert "altered" in done.err
    assert not (tmp_path / "s.csv").exists()


def test_a_model_cut_short_is_refused(ctgan, tmp_path, cli):
    model = copy(ctgan, tmp_path)
    content = (model / "tensors.safetensors").read_bytes()
    (model / "tensors.safetensors").write_bytes(content[: len(content) // 2])
    done = cli("sample", model, "--rows", 5, "--out", tmp_path / "s.csv")
    assert done.code == 2
    assert "cut short" in done.err


def test_a_model_of_a_newer_format_is_refused(ctgan, tmp_path, cli):
    model = copy(ctgan, tmp_path)
    document = json.loads((model / "model.json").read_text())
    document["format"] = 99
    (model / "model.json").write_text(json.dumps(document))
    done = cli("sample", model, "--rows", 5, "--out", tmp_path / "s.csv")
    assert done.code == 2
    assert "newer" in done.err


def test_a_folder_that_is_no_model(tmp_path, cli):
    done = cli("sample", tmp_path, "--rows", 5, "--out", tmp_path / "s.csv")
    assert done.code == 2
    assert "model" in done.err


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("merchantt=fuel", ["merchantt", "merchant"]),
        ("merchant=fule", ["fule", "fuel"]),
        ("merchant", ["column=value"]),
    ],
)
def test_a_condition_that_cannot_hold_says_what_can(ctgan, tmp_path, cli, where, words):
    done = cli("sample", ctgan, "--rows", 5, "--where", where, "--out", tmp_path / "s.csv")
    assert done.code == 2
    for word in words:
        assert word in done.err
    assert not (tmp_path / "s.csv").exists()


def test_sample_obeys_and_repeats(ctgan, tmp_path, cli):
    for name in ("a.csv", "b.csv"):
        done = cli("sample", ctgan, "--rows", 30, "--where", "is_fraud=1", "--seed", 7, "--out", tmp_path / name)
        assert done.code == 0, done.err
    a = pd.read_csv(tmp_path / "a.csv")
    assert list(a.columns) == list(ROWS.columns)
    assert len(a) == 30
    assert (a["is_fraud"] == 1).all()
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_json_answer_on_the_terminal_is_only_json(ctgan, tmp_path, cli):
    done = cli("sample", ctgan, "--rows", 5, "--out", tmp_path / "s.parquet", "--json", "-")
    answer = json.loads(done.out)
    assert answer["rows"] == 5
    assert len(pd.read_parquet(tmp_path / "s.parquet")) == 5


def test_a_defect_of_ours_is_not_taken_for_not_worth_doing(tmp_path, cli, monkeypatch):
    from ganforge.data import readers

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(readers, "read", broken)
    done = cli("data", "show", table(tmp_path / "t.csv", ROWS))
    assert done.code == 70
    assert "ZeroDivisionError" in done.err
    assert "Traceback" not in done.err
    log = Path(done.err.split()[-1])
    assert "Traceback" in log.read_text()
    log.unlink()


@pytest.mark.parametrize(
    "arguments",
    [["--target", "is_froud"], ["--time", "amont"], ["--set", "train.stps=5"], ["--preset", "quick", "--dry-run"]],
    ids=["target", "time", "set", "dry-run"],
)
def test_a_wrong_call_or_a_dry_run_makes_no_workspace(tmp_path, cli, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    data = table(tmp_path / "t.csv", ROWS)
    target = [] if "--target" in arguments else ["--target", "is_fraud"]
    done = cli("run", "fraud", "--data", data, *target, *arguments)
    assert done.code == (0 if "--dry-run" in arguments else 2), done.err
    assert [each.name for each in tmp_path.iterdir()] == ["t.csv"]


def test_a_schema_settles_what_cannot_be_guessed(tmp_path, cli):
    lines = [f"{k},{k % 7}" for k in range(80)]
    lines[40] = "forty,3"
    data = text(tmp_path / "t.csv", "a,b\n" + "\n".join(lines) + "\n")
    schema = text(tmp_path / "schema.json", '{"a": "categorical"}')
    assert cli("data", "check", data, "--schema", schema).code == 0
    assert cli("detect", data, "--kind", "knn", "--schema", schema, "--out", tmp_path / "m").code == 0


def test_a_column_left_out_is_not_learned(tmp_path, cli):
    data = table(tmp_path / "t.csv", ROWS.assign(clock=range(120)))
    done = cli("detect", data, "--kind", "knn", "--leave-out", "clock", "--label", "is_fraud", "--out", tmp_path / "m")
    assert done.code == 0, done.err
    table(tmp_path / "tonight.csv", ROWS)
    assert cli("score", tmp_path / "m", tmp_path / "tonight.csv", "--out", tmp_path / "s.csv").code == 0


def test_a_wrong_call_inside_a_workspace_names_the_nearest(tmp_path, cli, monkeypatch):
    made = cli("init", tmp_path / "team", "--json", "-")
    assert made.code == 0, made.err
    assert json.loads(made.out) == {"workspace": str((tmp_path / "team").resolve())}
    monkeypatch.chdir(tmp_path / "team")
    done = cli("run", "images", "--set", "judge.stps=60")
    assert done.code == 2, done.err
    assert "judge.steps" in done.err


def test_what_follows_from_sigterm_is_no_defect(monkeypatch, capsys):
    """The scheduler's signal reaches Prefect's server too; the last that is seen is that the server is away."""
    from ganforge_pipelines import cli

    class TerminationSignal(BaseException):  # as Prefect names it
        pass

    def flow(**_):
        try:
            raise TerminationSignal
        except TerminationSignal:
            raise ConnectionError("no server") from None

    def alone(**_):
        raise TerminationSignal

    for app in (flow, alone):
        monkeypatch.setattr(cli, "app", app)
        assert cli.run([]) == 143
        said = capsys.readouterr().err
        assert "stopped by SIGTERM" in said
        assert "the same command goes on" in " ".join(said.split())
        assert "defect" not in said


def test_a_full_disk_is_no_defect_whoever_meets_it(monkeypatch, capsys):
    from ganforge_pipelines import cli

    def app(**_):
        try:
            raise OSError(errno.ENOSPC, "No space left on device", "/data/results/1f")
        except OSError as error:
            raise RuntimeError("the result was not stored") from error

    monkeypatch.setattr(cli, "app", app)
    assert cli.run([]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "the disk is full (writing /data/results/1f); make room" in said
    assert "defect" not in said


def test_doctor_names_the_server_that_does_not_answer(cli, monkeypatch, tmp_path):
    Workspace.create(tmp_path / "team")
    monkeypatch.chdir(tmp_path / "team")
    monkeypatch.setenv("PREFECT_API_URL", "http://me:secret@127.0.0.1:9/api")
    done = cli("doctor")
    assert done.code == 2  # as every other command that meets it
    assert "· Prefect is at http://127.0.0.1:9/api" in done.out
    assert "✗ Prefect at http://127.0.0.1:9/api: " in done.out
    assert "secret" not in done.out + done.err
