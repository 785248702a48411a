"""A job's writing that kills itself with SIGKILL at a chosen point. Parts have two cards each."""

from pathlib import Path
from uuid import UUID

from tests.dying import dying
from yikatong.audit.actors import Actor
from yikatong.foundation.clock import utc_now
from yikatong.issuance import personalisation

POINTS = {
    "part planned": ("_plan_part", True),
    "cards prepared": ("_prepare", True),
    "file written, nothing committed": ("_write", True),
    "all but the last word": ("record", False),
    "part written": ("write_part", True),
}


def write_to(job_id: UUID, folder: Path, point: str, nth: int) -> None:
    """Write the job's parts, to the point; in a process of its own."""
    name, after = POINTS[point]
    setattr(personalisation, name, dying(getattr(personalisation, name), nth, after=after))
    while personalisation.write_part(job_id, folder, by=Actor.system("test"), at=utc_now(), cards=2):
        pass
