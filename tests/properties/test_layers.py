"""Two blind spots of the import contracts: what a process really loads, and where foreign keys point."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from django.apps import apps

ROOT = Path(__file__).resolve().parent.parent.parent


def layers_lowest_first() -> list[set[str]]:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layered = next(contract for contract in contracts if contract["type"] == "layers")
    floors = [{name.strip() for name in floor.replace(":", "|").split("|")} for floor in layered["layers"]]
    return floors[::-1]


@pytest.mark.parametrize(
    "module",
    ["yikatong.gateway.main", "yikatong.terminal.cli", "yikatong.terminal", "yikatong.wire.codes", "yikatong.gm.sm2"],
)
def test_terminals_and_gateway_load_no_django(module: str) -> None:
    """An import hidden in a function or a plug-in would pass the contracts; a fresh interpreter does not lie."""
    code = f"import sys, {module}; sys.exit('django' in sys.modules)"
    finished = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr or f"{module} loads Django"


def test_foreign_keys_point_downward() -> None:
    """A string such as "registry.Person" in a foreign key is invisible to import-linter."""
    floor_of = {name: floor for floor, names in enumerate(layers_lowest_first()) for name in names}
    upward = []
    for model in apps.get_models(include_auto_created=True):
        if not model.__module__.startswith("yikatong."):
            continue
        here = model.__module__.split(".")[1]
        for field in model._meta.get_fields():
            target = getattr(field, "related_model", None)
            is_foreign_key = field.concrete and target is not None
            if is_foreign_key and target.__module__.startswith("yikatong."):
                there = target.__module__.split(".")[1]
                if floor_of[there] > floor_of[here]:
                    upward.append(f"{model.__name__}.{field.name} -> {target.__name__}")
    assert not upward
