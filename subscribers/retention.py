"""What mailings and logins leave behind, for as long as somebody might need it; of members
`personal_data` has the rules.

What a digest said stays: members may open a mail of long ago in their browser, and it names nobody.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef

from briefings.files import list_old_files
from briefings.retention import Rule, drop_files, make_row_rule
from subscribers import personal_data
from subscribers.models import AttachedPDF, Delivery, LoginLink, MemberSession

FOLDER = "attached"
# Longer than they are good for, and than it is counted how many a member asked for.
LINKS_KEPT = timedelta(days=1)


def find_old_attachments(limit: datetime) -> Iterator[str]:
    """Files that no copy needs any more: those of mailings before `limit`, of which none is left
    to be sent, and those that no mailing names.
    """
    unfinished = Delivery.objects.unfinished().filter(mailing=OuterRef("mailing"))
    recent = AttachedPDF.objects.filter(mailing__opened_at__gt=limit)
    needed = recent | AttachedPDF.objects.filter(Exists(unfinished))
    kept = set(needed.values_list("name", flat=True))
    return (name for name in list_old_files(FOLDER, limit) if name not in kept)


RULES = (
    *personal_data.RULES,
    make_row_rule(
        "已結束的會員登入",
        timedelta(0),
        lambda limit: MemberSession.objects.filter(expire_date__lte=limit),
    ),
    make_row_rule(
        "會員的登入連結", LINKS_KEPT, lambda limit: LoginLink.objects.filter(made_at__lte=limit)
    ),
    # As long as whose the copies were.
    Rule(
        "郵件附上的 PDF",
        personal_data.COPIES_KEPT,
        find_old_attachments,
        lambda names, _: drop_files(names),
    ),
)
