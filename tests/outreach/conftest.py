"""The street, in the database of one test."""

import pytest

from tests.outreach.makers import World, make_world


@pytest.fixture
def world(db: None) -> World:
    """A helper with a tablet."""
    return make_world()
