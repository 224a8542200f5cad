"""All that is kept for a time only, whichever part of the house has it."""

from datetime import datetime, timedelta

from axes.models import AccessAttempt, AccessLog
from django.contrib.sessions.models import Session

from briefings import retention as of_the_archive
from briefings.retention import Rule, make_row_rule
from subscribers import retention as of_members

# Long enough to look into something; addresses of people are kept no longer than that.
LOGINS_KEPT = timedelta(days=90)

RULES: tuple[Rule, ...] = (
    *of_members.RULES,
    *of_the_archive.RULES,
    make_row_rule(
        "已結束的編輯登入",
        timedelta(0),
        lambda limit: Session.objects.filter(expire_date__lt=limit),
    ),
    make_row_rule(
        "登入紀錄", LOGINS_KEPT, lambda limit: AccessLog.objects.filter(attempt_time__lt=limit)
    ),
    make_row_rule(
        "登入失敗", LOGINS_KEPT, lambda limit: AccessAttempt.objects.filter(attempt_time__lt=limit)
    ),
)


def purge(now: datetime) -> dict[str, int]:
    """How many of each went."""
    return {rule.what: rule.purge(now) for rule in RULES}


def count(now: datetime) -> dict[str, int]:
    """How many of each would go."""
    return {rule.what: rule.count(now) for rule in RULES}
