"""Every table says how it would be spread over machines, and nothing stands in the way."""

import psycopg
import pytest
from django.db import connection

from yikatong.database.distribution import violations


@pytest.mark.django_db
def test_every_table_is_declared_and_every_key_contains_its_distribution_column() -> None:
    settings = connection.get_connection_params()
    settings = {name: settings[name] for name in ("host", "port", "user", "password", "dbname") if settings.get(name)}
    with psycopg.connect(**settings) as own:
        assert violations(own) == []
