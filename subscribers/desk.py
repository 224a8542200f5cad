"""What subscribers adds to an edition's desk: the mail's preview, and mailing it on publication."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from briefings.clients import count_times
from briefings.contexts import EditionContext, describe_edition
from briefings.hooks import EditionTool, EntryPreview, PublishOption
from briefings.models import Edition, Theme
from subscribers.addresses import BadAddress
from subscribers.attachments import foresee_pdf
from subscribers.digests import freeze_edition
from subscribers.links import read_key
from subscribers.mail_pages import show_mail_in_frame
from subscribers.mail_steps import ALREADY_SENT, SEND_ON_PUBLICATION, describe_words
from subscribers.messages import PDFLost, build_trial, fill_digest, word_pdf
from subscribers.models import (
    AttachedPDF,
    Digest,
    MailDraft,
    Mailing,
    MailingKind,
    Member,
    NoticeLanguage,
    Script,
    Variant,
)
from subscribers.opening import (
    MailingRefused,
    choose_for_members,
    is_open_to_public,
    open_mailing,
    prepare_to_freeze,
)
from subscribers.permissions import OPEN_MAILING
from subscribers.readership import count_readership, explain_absence
from subscribers.transport import Relay, TransportError, Unreachable
from subscribers.trials import TrialForm
from subscribers.variants import DEFAULT

SEE_MEMBERS = "subscribers.view_member"

TRIALS = 30  # mails in an hour, of one editor
HOUR = 60 * 60

# A preview is nobody's mail, so its links lead nowhere.
PREVIEW_SLOTS = {
    "greeting": "會員，您好：",
    "salutation": "Hello,",
    **dict.fromkeys(("preferences", "unsubscribe", "mail", "enter"), "#"),
}


def describe_sending(edition: Edition) -> str:
    if Mailing.objects.filter(edition=edition).exists():
        return "這一期已寄過給會員，不會再寄。"
    draft = MailDraft.of(edition)
    told = "郵件另有排程，剔選即不待排程，出版後隨即寄出。" if draft.is_scheduled else ""
    told += f"{describe_words(draft)}。" if draft.subject or draft.preheader else ""
    return f"{told}{count_readership(edition)}"


def send_to_members(edition: Edition, by: AbstractBaseUser | AnonymousUser) -> str:
    if Mailing.objects.filter(edition=edition).exists():
        return ALREADY_SENT
    try:
        mailing = open_mailing(edition, by)
    except MailingRefused as refused:
        return f"未有寄給會員：{refused}"
    return f"寄給 {mailing.deliveries.count()} 位會員的郵件已開始寄送。"


def show_mail_preview(request: HttpRequest, edition: Edition) -> HttpResponse:
    """The mail as one kind of reader gets it; drafts too. A POST sends that to who is to look."""
    themes = Theme.objects.filter(themed_entries__content_object__edition=edition).distinct()
    theme = themes.filter(slug=request.GET.get("theme", "")).first()
    member = _find_member(request)
    if member:
        variant = member.variant_of(MailingKind.EDITION)
        digest = _freeze_for_member(edition, member, variant)
    else:
        variant = replace(read_variant(request.GET), with_pdf="pdf" in request.GET)
        digest = _freeze_for(edition, theme, variant)
    pdf = foresee_pdf(edition) if digest and variant.with_pdf else None
    # What one member searches for is no colleague's business.
    may_try = request.user.has_perm(OPEN_MAILING) and member is None
    form = TrialForm(request.POST or None)
    if request.method == "POST":
        if not may_try:
            raise PermissionDenied
        if digest and form.is_valid():
            _send_trial(request, digest, pdf, form.cleaned_data["to"])
            return redirect(request.get_full_path())
    context: dict[str, Any] = {
        "title": f"預覽郵件：{edition}",
        "themes": themes,
        "theme": theme,
        "member": member,
        **offer_variants(variant),
    }
    if digest:
        text, html = fill_digest(digest, PREVIEW_SLOTS | word_pdf(pdf))
        if "frame" in request.GET:
            return show_mail_in_frame(html)
        reader = {"member": member.pk} if member else _name_reader(theme, variant)
        frame = f"?frame&{urlencode(reader)}"
        context |= {"subject": digest.subject, "text": text, "frame": frame, "pdf": pdf}
        context |= {"form": form} if may_try else {}
    elif member:
        context["absence"] = explain_absence(member, timezone.now())
    return render_page(request, edition, "mail_preview", context)


def _find_member(request: HttpRequest) -> Member | None:
    """Whose mail is asked for, by somebody who may see members."""
    if not request.user.has_perm(SEE_MEMBERS):
        return None
    return Member.objects.filter(pk=read_key(request.GET.get("member", ""))).first()


def _freeze_for_member(edition: Edition, member: Member, variant: Variant) -> Digest | None:
    """What this member would get now; None if that is nothing. Costs what choosing for all does."""
    description = describe_edition(edition)
    groups = choose_for_members(edition, description, timezone.now())
    chosen = next((choice for choice, members in groups.items() if member.pk in members), None)
    return prepare_to_freeze(edition, description, [chosen])(chosen, variant) if chosen else None


def read_variant(chosen: Mapping[str, str]) -> Variant:
    """What somebody chose in a preview; whatever they made up is as if they had not."""
    script, language = chosen.get("script", ""), chosen.get("language", "")
    return Variant(
        Script(script) if script in Script.values else DEFAULT.script,
        NoticeLanguage(language) if language in NoticeLanguage.values else DEFAULT.language,
    )


def offer_variants(variant: Variant) -> dict[str, Any]:
    """For a preview's template: the variant that is shown, and those to be had."""
    return {
        "variant": variant,
        "scripts": Script.choices,
        "languages": NoticeLanguage.choices,
    }


def _name_reader(theme: Theme | None, variant: Variant) -> dict[str, str]:
    slug = theme.slug if theme else ""
    reader = {"theme": slug, "script": variant.script.value, "language": variant.language.value}
    return reader | ({"pdf": "on"} if variant.with_pdf else {})


def _freeze_for(edition: Edition, theme: Theme | None, variant: Variant) -> Digest | None:
    """What a reader of one theme, or of all, would get; None if that is nothing."""
    description = describe_edition(edition)
    if theme:
        chosen = edition.entries.filter(themes=theme).values_list("pk", flat=True)
        description = description.only(list(chosen))
    if not description.entries:
        return None
    return freeze_edition(
        description,
        is_public=is_open_to_public(edition),
        variant=variant,
        draft=MailDraft.of(edition),
    )


def _send_trial(
    request: HttpRequest, digest: Digest, pdf: AttachedPDF | None, addresses: list[str]
) -> None:
    """At once, while the editor waits: they want to know whether it went out."""
    if pdf and pdf.is_waiting:
        messages.error(request, "PDF正在製作，還未試寄；請過一會再試。")
        return
    with Relay() as relay:
        for address in addresses:
            if count_times(f"trial:{request.user.pk}", HOUR) > TRIALS:
                messages.error(request, "這一小時內試寄的次數太多，請稍後再試。")
                break
            try:
                relay.send(build_trial(digest, address, PREVIEW_SLOTS, pdf))
            except Unreachable as error:
                messages.error(request, f"郵件伺服器現時連不上，請稍後再試：{error}")
                break
            except (TransportError, BadAddress, PDFLost) as error:
                messages.error(request, f"未能寄到 {address}：{error}")
            else:
                messages.success(request, f"測試郵件已寄往 {address}。")


def show_as_mail(edition: Edition, description: EditionContext) -> HttpResponse:
    digest = freeze_edition(description, is_public=is_open_to_public(edition))
    _, html = fill_digest(digest, PREVIEW_SLOTS)
    return show_mail_in_frame(html)


def render_page(
    request: HttpRequest, edition: Edition, page: str, context: dict[str, Any]
) -> HttpResponse:
    shared = {**admin.site.each_context(request), "opts": Edition._meta, "edition": edition}
    return render(request, f"subscribers/desk/{page}.html", shared | context)


MAIL_PREVIEW = EditionTool("mail", "預覽郵件", show_mail_preview, "briefings.view_edition")
ENTRY_AS_MAIL = EntryPreview("mail", "郵件", show_as_mail, "briefings.view_entry")
SEND_TO_MEMBERS = PublishOption(
    SEND_ON_PUBLICATION, "寄給會員", describe_sending, send_to_members, OPEN_MAILING
)
