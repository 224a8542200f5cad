"""What subscribers adds to an edition's desk: the mail's preview, and the mailing."""

from collections import Counter
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from django.contrib import admin, messages
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from briefings.contexts import EditionContext, describe_edition
from briefings.hooks import EditionTool, EntryPreview, PublishOption
from briefings.models import Edition, Theme
from subscribers.delivery import MailingRefused, group_members, is_open_to_public, open_mailing
from subscribers.digests import freeze_edition
from subscribers.mail_pages import show_mail_in_frame
from subscribers.messages import fill_digest
from subscribers.models import DeliveryState, Frequency, Mailing, Member
from subscribers.models.suppressions import is_suppressed

OPEN_MAILING = "subscribers.add_mailing"

# A preview is nobody's mail, so its links lead nowhere.
PREVIEW_SLOTS = {
    "greeting": "會員，您好：",
    "salutation": "Hello,",
    **dict.fromkeys(("preferences", "unsubscribe", "mail", "enter"), "#"),
}


@dataclass(frozen=True)
class Readership:
    """How many get an edition, and how many do not, by reason."""

    gets_it: int
    other_themes: int
    other_frequency: dict[str, int]  # by the frequency's Chinese name
    suppressed: int

    def __str__(self) -> str:
        parts = [f"將寄給 {self.gets_it} 位會員"]
        if self.other_themes:
            parts.append(f"{self.other_themes} 位因未選相關主題不寄")
        parts += [f"{count} 位選了「{name}」不寄" for name, count in self.other_frequency.items()]
        if self.suppressed:
            parts.append(f"{self.suppressed} 位因退信或投訴已停止寄送")
        return "，".join(parts) + "。"


def count_readership(edition: Edition) -> Readership:
    groups = group_members(describe_edition(edition))
    others = Member.objects.active().exclude(frequency=Frequency.EVERY_EDITION)
    frequencies = Counter(others.order_by().values_list("frequency", flat=True))
    return Readership(
        gets_it=sum(len(members) for chosen, members in groups.items() if chosen),
        other_themes=len(groups.get((), [])),
        other_frequency={Frequency(key).label: count for key, count in frequencies.items()},
        suppressed=Member.objects.active()
        .filter(is_suppressed(), frequency=Frequency.EVERY_EDITION)
        .count(),
    )


def describe_sending(edition: Edition) -> str:
    if Mailing.objects.filter(edition=edition).exists():
        return "這一期已寄過給會員，不會再寄。"
    return str(count_readership(edition))


def send_to_members(edition: Edition, by: AbstractBaseUser | AnonymousUser) -> str:
    if Mailing.objects.filter(edition=edition).exists():
        return "這一期已寄過給會員，沒有再寄。"
    try:
        mailing = open_mailing(edition, by)
    except MailingRefused as refused:
        return f"未有寄給會員：{refused}"
    return f"寄給 {mailing.deliveries.count()} 位會員的郵件已開始寄送。"


def show_mail_preview(request: HttpRequest, edition: Edition) -> HttpResponse:
    """The mail as one kind of reader gets it; drafts too."""
    description = describe_edition(edition)
    themes = Theme.objects.filter(themed_entries__content_object__edition=edition).distinct()
    theme = themes.filter(slug=request.GET.get("theme", "")).first()
    if theme:
        chosen = edition.entries.filter(themes=theme).values_list("pk", flat=True)
        description = description.only(list(chosen))
    context: dict[str, Any] = {"title": f"預覽郵件：{edition}", "themes": themes, "theme": theme}
    if description.entries:
        digest = freeze_edition(description, is_public=is_open_to_public(edition))
        text, html = fill_digest(digest, PREVIEW_SLOTS)
        if "frame" in request.GET:
            return show_mail_in_frame(html)
        frame = f"?frame&theme={quote(theme.slug if theme else '')}"
        context |= {"subject": digest.subject, "text": text, "frame": frame}
    return _render(request, edition, "mail_preview", context)


def show_as_mail(edition: Edition, description: EditionContext) -> HttpResponse:
    digest = freeze_edition(description, is_public=is_open_to_public(edition))
    _, html = fill_digest(digest, PREVIEW_SLOTS)
    return show_mail_in_frame(html)


def show_mailing(request: HttpRequest, edition: Edition) -> HttpResponse:
    """Before it is opened, who would get it; afterwards, how far it is. A POST opens it."""
    may_open = request.user.has_perm(OPEN_MAILING)
    if request.method == "POST":
        if not may_open:
            raise PermissionDenied
        try:
            open_mailing(edition, request.user)
        except MailingRefused as refused:
            messages.error(request, str(refused))
        return redirect(request.path)
    mailing = Mailing.objects.filter(edition=edition).select_related("opened_by").first()
    context: dict[str, Any] = {"title": f"寄給會員：{edition}", "mailing": mailing}
    if mailing:
        context["counts"] = [
            (DeliveryState(state).label, count)
            for state, count in mailing.count_deliveries().items()
        ]
    else:
        readership = count_readership(edition)
        context |= {
            "readership": readership,
            "may_open": may_open and edition.is_published and readership.gets_it,
        }
    return _render(request, edition, "mailing", context)


def _render(
    request: HttpRequest, edition: Edition, page: str, context: dict[str, Any]
) -> HttpResponse:
    shared = {**admin.site.each_context(request), "opts": Edition._meta, "edition": edition}
    return render(request, f"subscribers/desk/{page}.html", shared | context)


MAIL_PREVIEW = EditionTool("mail", "預覽郵件", show_mail_preview, "briefings.view_edition")
ENTRY_AS_MAIL = EntryPreview("mail", "郵件", show_as_mail, "briefings.view_entry")
MAILING = EditionTool("mailing", "寄給會員", show_mailing, "subscribers.view_mailing")
SEND_TO_MEMBERS = PublishOption(
    "send_to_members", "寄給會員", describe_sending, send_to_members, OPEN_MAILING
)
