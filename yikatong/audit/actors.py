"""Who acts: a person for themselves or another, a member of staff, a terminal, or the platform itself."""

from dataclasses import dataclass
from typing import Literal

ActorKind = Literal["resident", "clerk", "staff", "unit", "outreach", "operator", "terminal", "kiosk", "system"]


@dataclass(frozen=True, slots=True)
class Actor:
    """``kind`` and an identifier that means something inside that kind, such as a user name or a terminal number."""

    kind: ActorKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"

    @classmethod
    def system(cls, name: str) -> "Actor":
        """A part of the platform acting by itself, for example ``Actor.system("worker")``."""
        return cls("system", name)
