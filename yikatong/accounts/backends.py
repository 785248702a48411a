"""Who is signed in: allauth's own backend, its user read by a prepared query, since every page asks."""

from allauth.account.auth_backends import AuthenticationBackend as AllauthBackend
from django.db.models import QuerySet

from yikatong.accounts.models import User
from yikatong.queries.prepared import prepared


class AuthenticationBackend(AllauthBackend):  # type: ignore[misc]  # allauth has no types
    """allauth's but for one read."""

    def get_user(self, user_id: int) -> User | None:
        """The account with a number, unless it may not sign in any more."""
        user = next(iter(_accounts(user_id)), None)
        return user if user is not None and self.user_can_authenticate(user) else None


@prepared
def _accounts(user_id: int) -> QuerySet[User]:
    return User.objects.filter(pk=user_id)
