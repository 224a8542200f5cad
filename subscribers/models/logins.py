"""What lets a member in to read."""

from datetime import datetime, timedelta

from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models

from subscribers.models.members import Member

LOGIN_LINK_GOOD_FOR = timedelta(minutes=15)


class LoginLink(models.Model):
    """A link that was mailed to a member who asked to log in. Good once, and for a short while."""

    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="login_links")
    leads_to = models.CharField(max_length=500, blank=True)  # a path of the site
    made_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = verbose_name_plural = "登入連結"
        default_permissions = ()  # nobody looks at them

    def __str__(self) -> str:
        return f"一位會員的登入連結（{self.pk}）"

    def is_good(self, now: datetime) -> bool:
        return self.used_at is None and now - self.made_at < LOGIN_LINK_GOOD_FOR

    def use(self, now: datetime) -> bool:
        """Of all who press its button, one is told True."""
        unused = LoginLink.objects.filter(
            pk=self.pk, used_at=None, made_at__gt=now - LOGIN_LINK_GOOD_FOR
        )
        return bool(unused.update(used_at=now))


class MemberSession(AbstractBaseSession):
    """A member who is logged in, in one browser. It gives nothing but reading as a member."""

    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="sessions")

    class Meta:
        verbose_name = verbose_name_plural = "會員登入"
        default_permissions = ()

    @classmethod
    def get_session_store_class(cls) -> type[SessionBase]:
        from subscribers.logins import MemberSessions

        return MemberSessions
