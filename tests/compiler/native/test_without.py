"""Without native code everything gives the same, up to rounding: asked for NumPy, or where llvmlite is missing."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np

PROGRAM = """
import json, sys, warnings
HIDDEN = {hidden}
if HIDDEN:
    class Hide:
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] == "llvmlite":
                raise ModuleNotFoundError("No module named 'llvmlite'", name="llvmlite")
            return None
    sys.meta_path.insert(0, Hide())
import numpy as np, wengert as wg
from wengert.nn import functional as F
wg.manual_seed(0)
model = wg.nn.Sequential(
    wg.nn.Conv2d(1, 4, 3), wg.nn.BatchNorm2d(4), wg.nn.ReLU(), wg.nn.MaxPool2d(2), wg.nn.Flatten(),
    wg.nn.Dropout(0.2), wg.nn.Linear(36, 3),
)
optimizer = wg.optim.Adam(model.parameters(), lr=0.01)
def step(x, y):
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    return loss
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    step = wg.compile(step)
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((6, 1, 8, 8)).astype(np.float32), np.arange(6) % 3
    losses = [float(step(x, y)) for _ in range(6)]
    f = wg.compile(lambda a: (np.tanh(a) @ a).sum() + wg.sort(a)[-1].sum())
    a = rng.standard_normal((7, 7))
    value = float(f(a))
    scanned = wg.compile(lambda a: wg.scan(lambda c, x: (c * 0.5 + x, c), a[0], a)[0])(a).tolist()
    threads = wg.get_num_threads()
    wg.set_num_threads(1)
    f(a)
    assert "sort" in f.explain()
try:
    f.profile(a, show=False)
    profiled = True
except wg.errors.ArgumentError:
    profiled = False
print(json.dumps({
    "losses": losses, "value": value, "scanned": scanned, "native": bool(f.native_source),
    "warnings": [str(w.message) for w in caught], "llvmlite": "llvmlite" in sys.modules, "profiled": profiled,
}))
"""


def answer(hidden: bool, **environment: str) -> dict:
    command = [sys.executable, "-c", PROGRAM.replace("{hidden}", str(hidden))]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_numpy_and_a_hidden_llvmlite_give_the_same() -> None:
    native, asked, hidden = answer(False), answer(False, WENGERT_BACKEND="numpy"), answer(True)
    assert native["native"]
    assert native["profiled"]
    assert native["warnings"] == []
    for other in (asked, hidden):
        assert not other["native"]
        assert not other["llvmlite"]
        assert not other["profiled"]
        np.testing.assert_allclose(other["losses"], native["losses"], rtol=2e-5)
        np.testing.assert_allclose(other["value"], native["value"], rtol=1e-12)
        np.testing.assert_allclose(other["scanned"], native["scanned"], rtol=1e-12, atol=1e-14)
    assert asked["warnings"] == []
    assert len(hidden["warnings"]) == 1
    assert "llvmlite is not installed" in hidden["warnings"][0]


def test_the_command_line_without_llvmlite() -> None:
    hide = PROGRAM.partition("import numpy")[0].replace("{hidden}", "True")
    code = hide + "sys.argv = ['wengert', 'info']\nfrom wengert.cli.main import main\nmain()\n"
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, env=os.environ | {"COLUMNS": "150"}, capture_output=True, text=True, check=False)
    assert "nothing (WENGERT_BACKEND=numpy, or llvmlite is not installed)" in done.stdout, done.stderr
