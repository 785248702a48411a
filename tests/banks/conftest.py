"""The city's data folder that a test may spoil; made as in the city's own tests."""

from tests.city.conftest import folder, spoil

__all__ = ["folder", "spoil"]
