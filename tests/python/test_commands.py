"""The commands of plmr as functions of Python, alone and on several ranks."""
import inspect
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

import plmr

EXPERIMENT = {"title": "t", "question": "q", "columns": ["alg", "cycles"], "plots": [
    {"title": "t", "x": "alg", "y": "cycles", "x_label": "x", "y_label": "y"}], "runs": {"small": {
        "command": "gemm", "options": {"m": 64, "k": 64, "n": 64, "cores": "8x8"}, "vary": {"alg": ["meshgemm", "cannon"]}}}}


def test_records_are_those_of_the_command_line():
    runs = plmr.gemm(m=64, k=64, n=64, cores=(8, 8), algorithms=["meshgemm", "cannon"], dtype="f32", verify=True)
    assert [run["algorithm"] for run in runs] == ["meshgemm", "cannon"]
    assert runs[0]["cycles"] == 14056 and runs[0]["checksum"] == "d5de8872c7c5581a" == runs[1]["checksum"]
    assert runs[0]["ranks"] == plmr.rank_count() and runs[0]["verified"] == "yes"
    assert "meshgemm" in runs.text and "14,056" in runs.text
    assert "14056" in runs._repr_html_() and runs.page is None


def test_records_of_other_commands():
    assert plmr.gemv(k=64, n=64, cores=(8, 8), alg="meshgemv")[0]["cycles"] > 0
    assert plmr.allreduce(length=64, cores=16, alg="ktree", mode="timing")[0]["cycles"] > 0
    assert plmr.llm("tinyllama-1.1b", phase="decode", context=64, layers=range(0, 2))[0]["layers"] == "0..1"
    assert "for_" in inspect.signature(plmr.llm).parameters  # a word of Python's own
    with pytest.raises(plmr.Error, match="nosuch"):
        plmr.llm("tinyllama-1.1b", for_="nosuch")
    run = plmr.generate("Once upon", n_tokens=4)
    assert run.text.startswith("Once upon") and run[0]["output_tokens"] == 4
    assert "wse2" in plmr.list().text


def test_a_sweep_of_ones_own():
    run = plmr.sweep(EXPERIMENT)
    assert [record["point"]["alg"] for record in run] == ["meshgemm", "cannon"]
    assert run[0]["cycles"] == run[1]["cycles"] == 7112


def test_records_come_back_from_wherever_they_go(tmp_path, monkeypatch):
    monkeypatch.chdir(plmr._library.from_rank_0(str(tmp_path).encode()).decode())

    def run(region):
        region.compute(10)

    for json_ in None, False, True, "-", "mine.jsonl":
        assert plmr.gemm(m=64, k=64, n=64, cores=(8, 8), alg="meshgemm", dtype="f32", json=json_)[0]["cycles"] == 14056
        assert plmr.program("mine", 8, 8, run, json=json_)[0]["cycles"] == 10
    assert len(plmr.sweep(EXPERIMENT, out="mine")) == len(plmr.sweep(EXPERIMENT, out=True)) == 2


def test_scale_starts_the_program(monkeypatch):
    """This process is Python: plmr is what PATH has."""
    def run():
        words = "strong -- gemm --alg cannon --m 64 --k 64 --n 64 --cores 8x8".split()
        return plmr.scale(*words, ranks=1, repeat=1)

    if plmr.rank_count() > 1:
        with pytest.raises(plmr.Error, match="start it without them"):
            run()
        return
    path = os.environ["PATH"]
    monkeypatch.setenv("PATH", "/nothing")
    with pytest.raises(plmr.Error, match="it starts the program plmr, which no folder of PATH has"):
        run()
    monkeypatch.setenv("PATH", os.path.join(os.path.dirname(plmr.__file__), "..", "..", "src", "cli") + os.pathsep + path)
    assert [(point["workload"], point["ranks"]) for point in run()] == [("gemm", 1)]


def test_ranges_that_leave_some_out_are_refused():
    with pytest.raises(ValueError, match=r"--layers: range\(0, 4, 2\) is not all from one number to another"):
        plmr.llm("tinyllama-1.1b", phase="decode", context=64, layers=range(0, 4, 2))


@pytest.mark.parametrize("options, line", [
    ({"coers": (8, 8)}, "unknown option '--coers': did you mean '--cores'? (see plmr gemm --help)"),
    ({"cores": (2000, 2)}, "--cores: 2000x2 do not fit on wse2, which has 994x750: choose fewer, or another --device"),
    ({"cores": 8}, "--cores: '8' is not HxW, e.g. 360x360"),
    ({"dtype": "f33"}, "--dtype: unknown 'f33': did you mean 'f32'? (available: f32, f16, bf16)"),
    ({"m": -1}, "--m: '-1' is not a positive whole number"),
])
def test_errors_are_the_command_lines_line(options, line):
    with pytest.raises(plmr.Error) as error:
        plmr.gemm(**options)
    assert str(error.value) == line and error.value.kind == "input"


def test_what_the_device_cannot_hold_is_a_limit():
    with pytest.raises(plmr.Error) as error:
        plmr.gemm(cores=(8, 8), alg="meshgemm", mode="timing")
    assert error.value.kind == "limit" and "SRAM" in str(error.value)


def test_arrays_go_in_and_come_out():
    a, b = (np.arange(24 * 24, dtype=np.float32).reshape(24, 24) % 7 - d for d in (3, 2))
    run = plmr.gemm(a=a, b=b, cores=(6, 6), alg="meshgemm", dtype="f32", out=True)
    assert np.array_equal(run.array, a @ b)


def test_arrays_of_any_real_type_and_order_go_in():
    a, b = (np.arange(24 * 24).reshape(24, 24) % 7 - d for d in (3, 2))
    options = {"b": b.astype("f4"), "cores": (6, 6), "alg": "meshgemm", "dtype": "f32", "out": True}
    for given in (a, a.astype("f8"), a.astype(">f4"), a.astype(">f2"), a.astype("f2"), a.astype("i1"), np.asfortranarray(a),
                  a.T.copy().T, np.repeat(a, 2, axis=1)[:, ::2], np.ma.array(a), a.astype("f2").astype("g")):
        assert np.array_equal(plmr.gemm(a=given, **options).array, a @ b)
    for beyond, line in ((a * 1j, "--a: elements are complex128, and no real numbers"),
                         (a.astype(object), "--a: elements are object, and no real numbers"),
                         (np.ma.array(a, mask=a > 0), "--a: elements are masked: fill them"),
                         (a * 1e300, "--a: elements are beyond what float32 holds"),
                         (a[:0], "--a: the array is empty"), (a[:, 1:], "k is 23 by --a, but 24 by --b")):
        with pytest.raises(plmr.Error) as error:
            plmr.gemm(a=beyond, **options)
        assert str(error.value).startswith(line) and "/" not in str(error.value) and "\n" not in str(error.value)
    assert plmr.gemm(m=64, k=64, n=64, cores=np.array([8, 8]), alg="meshgemm", dtype="f32")[0]["cycles"] == 14056
    assert plmr.gemm(a=np.full((24, 24), np.inf), **options).array is not None


def test_what_rank_0_alone_finds_is_raised_by_all(tmp_path, monkeypatch):
    circle = []
    circle.append(circle)
    for wrong, line in ((lambda: plmr.sweep({"title": object()}), "experiment: TypeError: Object of type object is not JSON"),
                        (lambda: plmr.sweep({"title": circle}), "experiment: ValueError: Circular reference"),
                        (lambda: plmr.sweep({"title": "t"}), "experiment:1: question: is missing"),
                        (lambda: plmr.gemm(a=np.ma.array([[1.0]], mask=True), b=np.ones((1, 1))), "--a: elements are masked")):
        with pytest.raises(plmr.Error) as error:
            wrong()
        assert str(error.value).startswith(line) and error.value.kind == "input"
        assert plmr.gemm(m=8, k=8, n=8, cores=(4, 4), alg="cannon")[0]["ranks"] == plmr.rank_count()
    monkeypatch.setattr("tempfile.mkdtemp", lambda prefix: open(tmp_path / "no" / "such"))
    with pytest.raises(plmr.Error, match="a folder for files: FileNotFoundError: .*No such file") as error:
        plmr.list()
    monkeypatch.undo()
    assert error.value.kind == "system" and plmr.list().text


def test_a_device_is_taken_by_its_name(tmp_path):
    size = {"m": 8, "k": 8, "n": 8, "cores": (4, 4), "alg": "cannon"}
    for name in "wse3", "wse2:hop=4":
        assert plmr.gemm(device=plmr.Device(name), **size)[0]["cycles"] == plmr.gemm(device=name, **size)[0]["cycles"]
    assert plmr.program("mine", 4, 4, lambda region: None, device=plmr.Device("wse3"))[0]["device"] == "wse3"
    changed = plmr.Device("wse2")
    changed.first[0] = 1
    with pytest.raises(plmr.Error, match="wse2: this device is not the one of that name any more: make another"):
        plmr.gemm(device=changed, **size)


def test_what_is_given_twice_is_refused():
    for name, wrong in (("prompt", lambda: plmr.generate("Once", "upon")), ("prompt", lambda: plmr.generate("Once", prompt="upon")),
                        ("alg", lambda: plmr.gemm(alg="cannon", algorithms=["summa"])), ("model", lambda: plmr.llm("a", model="b")),
                        ("n-tokens", lambda: plmr.generate("Once", n_tokens=1, **{"n-tokens": 2}))):
        with pytest.raises(plmr.Error, match=f"^--{name} is given twice: give it once$"):
            wrong()
    assert len(plmr.gemm(m=8, k=8, n=8, cores=(4, 4), alg=None, algorithms=["cannon"])) == 1


def test_strings_are_not_cut():
    for wrong in (lambda: plmr.generate("a\0b", n_tokens=1), lambda: plmr.gemm(device="wse2\0"), lambda: plmr.device("show\0"),
                  lambda: plmr.program("mi\0ne", 4, 4, lambda region: None), lambda: plmr.Device("wse2\0")):
        with pytest.raises(ValueError, match="has a NUL"):
            wrong()


def test_a_report_is_shown_inline(tmp_path):
    run = plmr.gemm(m=64, k=64, n=64, cores=(8, 8), alg="meshgemm", report=True)
    assert run.page.startswith("<!") and '"format"' in run.page and "<iframe srcdoc=" in run._repr_html_()
    path = tmp_path / "mine.jsonl"
    plmr.gemm(m=64, k=64, n=64, cores=(8, 8), alg="meshgemm", json=path)
    if plmr.rank() == 0:
        assert json.loads(path.read_text())["cycles"] > 0


def test_tables_make_the_functions():
    assert {"gemm", "gemv", "llm", "generate", "tune", "sweep"} <= set(plmr.commands()) <= set(dir(plmr))
    assert "transpose_b" in plmr.gemm.__doc__ and "tree_k" in plmr.gemv.__doc__
    with pytest.raises(AttributeError, match="no attribute 'gmm'"):
        plmr.gmm


def test_a_library_of_another_version_is_refused(tmp_path):
    package = os.path.dirname(plmr.__file__)
    shutil.copytree(package, tmp_path / "plmr")
    abi = tmp_path / "plmr" / "_abi.py"
    abi.write_text(abi.read_text().replace(f"HEADERS = '{plmr.__version__}'", "HEADERS = '0.0.9'"))
    library = plmr._library.lib._name
    done = subprocess.run([sys.executable, "-c", "import plmr"], env={**os.environ, "PYTHONPATH": str(tmp_path), "PLMR_LIBRARY": library},
                          capture_output=True, text=True, check=False)
    line = f"ImportError: this package is of plmr 0.0.9, and {library} of {plmr.__version__}: install both of one version"
    assert done.returncode == 1 and done.stderr.splitlines()[-1] == line
