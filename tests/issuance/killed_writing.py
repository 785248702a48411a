"""A job's writing that kills itself with SIGKILL at a chosen point: ``python -m tests.issuance.killed_writing JOB FOLDER POINT``.

Parts have two cards each.
"""

import sys
from pathlib import Path
from uuid import UUID

from tests.registry.killed_import import dying


def main(job_id: str, folder: str, point: str, nth: str) -> None:
    """Write the job's parts, to the point."""
    import django

    django.setup()
    from yikatong.audit.actors import Actor
    from yikatong.foundation.clock import utc_now
    from yikatong.issuance import personalisation

    points = {
        "part planned": ("_plan_part", True),
        "cards prepared": ("_prepare", True),
        "file written, nothing committed": ("_write", True),
        "all but the last word": ("record", False),
        "part written": ("write_part", True),
    }
    name, after = points[point]
    setattr(personalisation, name, dying(getattr(personalisation, name), int(nth), after=after))
    while personalisation.write_part(UUID(job_id), Path(folder), by=Actor.system("test"), at=utc_now(), cards=2):
        pass


if __name__ == "__main__":
    main(*sys.argv[1:])
