"""The house rules that no linter knows: sizes, leftovers, and money without floats."""

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70
LEFTOVER = re.compile(r"\b(" + "|".join(("TODO", "FIXME", "XXX", "HACK")) + r")\b")
MONEY = re.compile(r"(^|_)(fen|fare|amount|balance|fee)(_|$)")
SOURCES = [
    path
    for folder in ("yikatong", "tests", "bench", "tools")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "migrations" not in path.parts and "vendor" not in path.parts
]
PRODUCT = [path for path in SOURCES if "yikatong" in path.relative_to(ROOT).parts[:1]]


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(text_of(path))


def faults(paths: list[Path], check: Callable[[Path], object]) -> list[str]:
    """What the check says of each file, where it says anything."""
    said = ((path, check(path)) for path in paths)
    return [f"{path.relative_to(ROOT)}: {what}" for path, what in said if what]


def functions_of(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def names_in(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} | {
        n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)
    }


def float_near_money(tree: ast.AST) -> list[str]:
    """Places where a float and money meet: annotations, float(), float literals and true division."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.arg | ast.AnnAssign):
            target = node.arg if isinstance(node, ast.arg) else ast.unparse(node.target)
            if MONEY.search(target) and node.annotation is not None and "float" in names_in(node.annotation):
                found.append(f"line {node.lineno}: {target} is annotated as float")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float":
            if any(MONEY.search(name) for name in names_in(node)):
                found.append(f"line {node.lineno}: float() of money")
        elif isinstance(node, ast.BinOp):
            literals = [
                n for n in (node.left, node.right) if isinstance(n, ast.Constant) and isinstance(n.value, float)
            ]
            sides = names_in(node.left) | names_in(node.right)
            if any(name.endswith("_fen") for name in sides) and (literals or isinstance(node.op, ast.Div)):
                found.append(f"line {node.lineno}: float arithmetic with money")
    return found


def test_modules_are_short() -> None:
    def check(path: Path) -> object:
        lines = text_of(path).count("\n")
        return lines > MODULE_LINES_MAX and f"{lines} lines; split it by noun"

    assert not faults(SOURCES, check)


def test_functions_are_short() -> None:
    def check(path: Path) -> object:
        lengths = {f.name: (f.end_lineno or f.lineno) - f.lineno + 1 for f in functions_of(tree_of(path))}
        return {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES_MAX}

    assert not faults(SOURCES, check)


def test_no_star_imports() -> None:
    def check(path: Path) -> object:
        imports = (node for node in ast.walk(tree_of(path)) if isinstance(node, ast.ImportFrom))
        return [node.module for node in imports if any(alias.name == "*" for alias in node.names)]

    assert not faults(SOURCES, check)


def test_no_leftover_notes() -> None:
    """Finish it, or write down as a limit what it does not do."""

    def check(path: Path) -> object:
        if not LEFTOVER.search(text_of(path)):
            return []
        tokens = tokenize.generate_tokens(io.StringIO(text_of(path)).readline)
        return [(t.start[0], t.string) for t in tokens if t.type == tokenize.COMMENT and LEFTOVER.search(t.string)]

    assert not faults(SOURCES, check)


def test_money_never_meets_a_float() -> None:
    assert not faults(PRODUCT, lambda path: float_near_money(tree_of(path)))


def test_what_msgspec_reads_is_ready_before_there_are_threads() -> None:
    """Why: docs/decisions/0010. A module that converts stands here once it makes its types ready first."""
    converting = {"yikatong/campaign/changes.py", "yikatong/city/fields.py", "yikatong/city/folder.py"}

    def check(path: Path) -> object:
        text = text_of(path)
        is_known = str(path.relative_to(ROOT)) in converting
        return "msgspec.json.decode(" in text or ("msgspec.convert(" in text and not is_known)

    assert not faults(PRODUCT, check)


def test_modules_say_what_they_are_for() -> None:
    def check(path: Path) -> object:
        is_empty = path.name == "__init__.py" and not text_of(path).strip()
        return not is_empty and not ast.get_docstring(tree_of(path)) and "says not what, why, and what it does not do"

    assert not faults(PRODUCT, check)


@pytest.mark.parametrize(
    "source",
    [
        "def pay(amount_fen: float) -> None: ...",
        "fare: float = 3",
        "x = float(balance_fen)",
        "x = fare_fen * 0.8",
        "x = fare_fen / 2",
    ],
)
def test_the_money_check_itself_finds_floats(source: str) -> None:
    assert float_near_money(ast.parse(source))


def test_the_money_check_itself_lets_whole_fen_pass() -> None:
    assert not float_near_money(ast.parse("def pay(amount_fen: int) -> int:\n    return amount_fen * 80 // 100"))


PICTURE = re.compile(r'!\[[^\]]*\]\(([^)]+)\)|<img src="([^"]+)"')


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_every_picture_a_readme_shows_is_there(name: str) -> None:
    shown = ["".join(found) for found in PICTURE.findall((ROOT / name).read_text(encoding="utf-8"))]
    assert shown
    assert [path for path in shown if not (ROOT / path).is_file()] == []
