"""Which city data the database holds: what is kept in memory of them is built again when this changes."""

from django.db.models import Count, Max

from yikatong.city.models import LoadedFile

LOOKED_EVERY_S = 10.0
"""How late a process may notice that another one loaded."""


def loaded_stamp() -> object:
    """Another one after every load that changed something."""
    return LoadedFile.objects.aggregate(Max("loaded_at"), Count("name"))
