"""A draft as its readers will see it: to its writer as it stands in the form, and to a colleague
without an account, as it was saved, by a link that expires.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.db.models import Max
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.views.decorators.http import require_safe

from briefings import hooks
from briefings.catalogue import Archive, open_archive
from briefings.contexts import EditionContext, absolute_url, describe_edition
from briefings.further import find_related, name_entries
from briefings.models import CAME_OUT, Audience, Edition, Entry, SharedDraft
from briefings.views.entries import place_entry

GOOD_FOR = (1, 7, 30)  # days that a link can be asked for

# What a search engine, a proxy or the next site must not learn of.
_SECRET = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
}


@contextmanager
def undone() -> Iterator[None]:
    """What is written inside is there to be described, and in the end was never written.

    So a preview comes of the very code that will save and show the text, whatever that grows to
    be. Holds what it writes for the few milliseconds of describing it: print and send afterwards.
    """
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def preview_entry(entry: Entry, edition: EditionContext, archive: Archive) -> dict[str, Any]:
    """What its page will show, with related entries of an archive that was opened before: one
    opened inside `undone` would be everybody's next, and made anew after it.
    """
    theme_ids = entry.themed_entries.values_list("tag_id", flat=True)
    related = name_entries(find_related(entry, theme_ids, archive), archive)
    return place_entry(entry, edition) | {"related": list(related.values())}


def describe_placed(entry: Entry) -> tuple[Edition, EditionContext]:
    """The entry in its edition or, without one that shows it, in the next; only inside `undone`."""
    if entry.edition:
        description = describe_edition(entry.edition)
        if any(other.id == entry.pk for other in description.entries):
            return entry.edition, description
    last = Edition.objects.aggregate(last=Max("number"))["last"]
    edition = Edition.objects.create(number=(last or 0) + 1, date=timezone.localdate())
    Entry.objects.filter(pk=entry.pk).update(edition=edition, position=1, withdrawn_at=None)
    entry.edition = edition
    return edition, describe_edition(edition)


# ----------------------------------------------------------------------------------------- links
def share_draft(thing: Entry | Edition, *, by: User, days: int) -> SharedDraft:
    """Takes the occasion to forget the links that have expired."""
    thing.shared_drafts.exclude(pk__in=SharedDraft.objects.open()).delete()
    return thing.shared_drafts.create(made_by=by, expires_at=timezone.now() + timedelta(days=days))


def make_shared_url(shared: SharedDraft) -> str:
    token = _signer().sign(str(shared.pk))
    return absolute_url(reverse("briefings:shared_draft", args=[token]))


def _signer() -> Signer:
    return Signer(salt="briefings.shared_draft", sep=".")


@require_safe
def shared_draft(request: HttpRequest, token: str) -> HttpResponse:
    """Without an account: the link is the permission, and its row says until when."""
    try:
        number = _signer().unsign(token)
    except BadSignature as error:
        raise Http404 from error
    shared = SharedDraft.objects.open().filter(pk=number).first()
    answer = show_shared(request, shared) if shared else show_expired(request)
    for name, value in _SECRET.items():
        answer[name] = value
    return answer


def show_expired(request: HttpRequest) -> HttpResponse:
    return render(request, "briefings/link_expired.html", status=410)


def show_shared(request: HttpRequest, shared: SharedDraft) -> HttpResponse:
    """What has been published is read where everybody reads it, and by those who may."""
    thing = shared.entry or shared.edition
    if thing is None:
        return show_expired(request)
    same = type(thing)._default_manager.filter(pk=thing.pk)
    if same.visible_to(hooks.audience_of(request)).exists():
        return redirect(thing)
    if thing.state in CAME_OUT:
        return show_expired(request)
    end = date_format(timezone.localtime(shared.expires_at), "DATETIME_FORMAT")
    notice = f"草稿，未經定稿，請勿轉發；連結有效至{end}。"
    context: dict[str, Any] = {"preview_notice": notice}
    if isinstance(thing, Edition):
        page = {"edition": describe_edition(thing)}
        return render(request, "briefings/edition_detail.html", context | page)
    archive = open_archive(Audience.PUBLIC)
    with undone():
        _, description = describe_placed(thing)
        # This entry was shared, and not what stands beside it.
        page = preview_entry(thing, description.only([thing.pk]), archive)
        return render(request, "briefings/entry_preview.html", context | page)
