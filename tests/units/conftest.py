"""Two employers, a school and four banks."""

import pytest

from tests.units.makers import make_units


@pytest.fixture
def units(db: None) -> None:
    """In the database of one test."""
    make_units()


@pytest.fixture
def committed_units(transactional_db: None) -> None:
    """The same, committed, for tests with several connections."""
    make_units()
