"""The house stands: imports point down, files and functions stay small, optional packages load late.

Each law is a function of a folder, so that the last tests can show it a planted violation.
"""

from __future__ import annotations

import ast
import io
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "wengert"
MOST_LINES_OF_A_FILE = 400
MOST_LINES_OF_A_FUNCTION = 40

# A file imports from floors below or from its own. Modules at the top (names for users, nothing else) are above all.
FLOORS: dict[str, float] = {
    "base": 0,
    "core": 1,
    "ops": 2,
    "transforms": 3,
    "compiler": 4,
    "viz": 4,
    "testing": 4.5,  # speaks of everything up to the compiler; layers and the floors above it may use it
    "nn": 5,
    "optim": 5,
    "data": 6,
    "train": 6,
    "plot": 6.5,  # draws what all of them made
    "interop": 6,
    "distributed": 6,
    "cli": 7,
}
TOP = 8

# Loaded where they are used: `import wengert` must stay fast and work without those that are extras.
LATE = ("igraph", "llvmlite", "matplotlib", "rich", "safetensors", "scipy", "typer")


NO_CODE_TOKENS = (
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER,
)  # fmt: skip


# ----- the laws ---------------------------------------------------------------------------------
def sources(package: Path) -> list[Path]:
    return sorted(package.rglob("*.py"))


def module_name(file: Path, package: Path) -> str:
    parts = file.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def floor(module: str, package: Path) -> float:
    """The floor of a module by its dotted name; a folder that is not in the table is an error."""
    part = module.split(".")[1] if "." in module else ""
    if part in FLOORS:
        return FLOORS[part]
    if (package / part).is_dir() and part:
        raise AssertionError(f"{package.name}/{part} has no floor; give it one in FLOORS")
    return TOP


def imports(file: Path, package: Path) -> Iterator[tuple[int, str]]:
    """Lines and names of the package's own modules that a file imports, inside functions too."""
    own = module_name(file, package).split(".")
    folder = own if file.name == "__init__.py" else own[:-1]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            near = folder[: len(folder) - node.level + 1] if node.level else []
            source = ".".join([*near, *([node.module] if node.module else [])])
            # `from wengert import ops` names the folder ops, `from wengert import grad` a name of the top.
            names = [f"{source}.{a.name}" if is_module(f"{source}.{a.name}", package) else source for a in node.names]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            names = [a.value for a in node.args[:1] if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        for name in names:
            if name.split(".")[0] == package.name:
                yield node.lineno, name


def is_module(name: str, package: Path) -> bool:
    path = package.parent.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def imports_that_point_up(package: Path) -> list[str]:
    return [
        f"{module_name(file, package)}:{line} (floor {floor(module_name(file, package), package)}) "
        f"imports {name} (floor {floor(name, package)})"
        for file in sources(package)
        for line, name in imports(file, package)
        if floor(name, package) > floor(module_name(file, package), package)
    ]


def code_lines(text: str, tree: ast.AST) -> set[int]:
    """The lines that hold code: no blanks, no comments, no docstrings."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in NO_CODE_TOKENS:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines.difference_update(range(node.lineno, node.value.end_lineno + 1))  # type: ignore[operator]
    return lines


def oversized(package: Path) -> tuple[list[str], list[str]]:
    """Files and functions with too many lines of code; a function's head and decorators count."""
    files, functions = [], []
    for file in sources(package):
        text, name = file.read_text(encoding="utf-8"), module_name(file, package)
        tree = ast.parse(text)
        lines = code_lines(text, tree)
        if len(lines) > MOST_LINES_OF_A_FILE:
            files.append(f"{name} has {len(lines)} code lines")
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                start = min([node.lineno, *(d.lineno for d in node.decorator_list)])
                size = len(lines & set(range(start, node.end_lineno + 1)))  # type: ignore[operator]
                if size > MOST_LINES_OF_A_FUNCTION:
                    functions.append(f"{name}.{node.name} has {size} code lines")
    return files, functions


# ----- the house --------------------------------------------------------------------------------
@pytest.mark.quick
def test_imports_point_down() -> None:
    assert sources(PACKAGE), "no sources found"
    found = imports_that_point_up(PACKAGE)
    assert not found, "\n" + "\n".join(found)


@pytest.mark.quick
def test_files_are_small() -> None:
    found = oversized(PACKAGE)[0]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.quick
def test_functions_are_small() -> None:
    found = oversized(PACKAGE)[1]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.quick
def test_optional_packages_load_late() -> None:
    code = f"import sys, wengert; print(*sorted(set(sys.modules) & set({LATE!r})))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=PACKAGE.parent, capture_output=True, text=True, check=True
    ).stdout.split()
    assert loaded == [], "import wengert loads packages that are only needed later"


# ----- the laws notice --------------------------------------------------------------------------
def plant(folder: Path, **files: str) -> Path:
    """A small package in `folder`: names with double underscores for slashes, texts for contents."""
    package = folder / "wengert"
    for name in ("base", "core", "ops", "nn"):
        (package / name).mkdir(parents=True)
        (package / name / "__init__.py").touch()
    (package / "__init__.py").touch()
    (package / "core" / "tape.py").touch()
    for name, text in files.items():
        package.joinpath(*name.split("__")).with_suffix(".py").write_text(text, encoding="utf-8")
    return package


@pytest.mark.parametrize(
    ("text", "line", "target"),
    [
        ("from wengert.nn import layers", 1, "wengert.nn"),
        ("import wengert.core.tape", 1, "wengert.core.tape"),
        ("import wengert", 1, "wengert"),
        ("from wengert import nn", 1, "wengert.nn"),
        ("from ..core.tape import Tape", 1, "wengert.core.tape"),
        ("from ..core import tape", 1, "wengert.core.tape"),
        ("from .. import grad", 1, "wengert"),
        ("def f():\n    from wengert.core import tape", 2, "wengert.core.tape"),
        ("if TYPE_CHECKING:\n    from wengert.ops import FUNCTIONS", 2, "wengert.ops"),
        ("importlib.import_module('wengert.nn')", 1, "wengert.nn"),
    ],
)
def test_an_import_that_points_up_is_named(tmp_path: Path, text: str, line: int, target: str) -> None:
    (found,) = imports_that_point_up(plant(tmp_path, base__bad=text))
    height = {"wengert": 8, "wengert.nn": 5, "wengert.ops": 2}.get(target, 1)
    assert found == f"wengert.base.bad:{line} (floor 0) imports {target} (floor {height})"


@pytest.mark.parametrize(
    "text",
    [
        "import numpy",
        "from wengert.base import errors",
        "from wengert.core.tape import Tape",
        "from . import functions",
        "from .functions import sin",
        "def f():\n    import matplotlib",
        "import wengertian",
    ],
)
def test_an_import_that_points_down_is_fine(tmp_path: Path, text: str) -> None:
    assert imports_that_point_up(plant(tmp_path, ops__good=text)) == []


def test_the_top_may_import_everything(tmp_path: Path) -> None:
    package = plant(tmp_path, linalg="from wengert.nn import x", __init__="from wengert import nn, linalg")
    assert imports_that_point_up(package) == []


def test_a_folder_without_a_floor_is_named(tmp_path: Path) -> None:
    package = plant(tmp_path)
    (package / "attic").mkdir()
    (package / "attic" / "box.py").write_text("import wengert.base")
    with pytest.raises(AssertionError, match="wengert/attic has no floor"):
        imports_that_point_up(package)


NO_CODE = '"""A docstring\nof two lines."""\n\n# a comment\n'


def test_a_file_too_long_is_named(tmp_path: Path) -> None:
    package = plant(tmp_path, ops__long=NO_CODE + "x = 1\n\n" * 401, ops__full=NO_CODE + "x = 1\n# why\n" * 400)
    assert oversized(package)[0] == ["wengert.ops.long has 401 code lines"]


def function(name: str, lines: int) -> str:
    """A function of so many code lines, its head among them, and some that are none."""
    return f'@staticmethod\ndef {name}(\n    a,\n):\n    """One.\n    Two."""\n\n    # three\n' + "    a = 1\n\n" * (
        lines - 4
    )


def test_a_function_too_long_is_named(tmp_path: Path) -> None:
    package = plant(tmp_path, core__bad=f"class C:\n    pass\n{function('long', 41)}{function('full', 40)}")
    assert oversized(package)[1] == ["wengert.core.bad.long has 41 code lines"]
