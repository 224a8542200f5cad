"""An archive of generated entries: sentences of the samples, shuffled by a fixed seed."""

import random
from datetime import date, timedelta

from django.db import transaction

from briefings.contexts import EditionContext, describe_edition
from briefings.html import split_blocks
from briefings.models import Audience, Edition, Entry
from briefings.publishing import approve_entries, publish_edition
from cma_site.samples.load import read_editions
from subscribers.models import Frequency, Mailing, Member
from subscribers.opening import open_mailing

PER_EDITION = 20
SENTENCES = 14  # of an entry, about 500 characters; with fewer, an archive is sooner made
AS_PRINTED = 50  # about 1,800, as in the department's editions


def list_sentences() -> list[str]:
    bodies = [entry["body"] for edition in read_editions() for entry in edition["entries"]]
    blocks = [block for body in bodies for block in split_blocks(body)]
    return [f"{s}。" for block in blocks for s in block.split("。") if s]


def make_entry(
    edition: Edition,
    position: int,
    sentences: list[str],
    chance: random.Random,
    length: int = SENTENCES,
) -> None:
    chosen = chance.sample(sentences, length)
    Entry.objects.create(
        edition=edition,
        position=position,
        headline=chosen[0][:20],
        lead=chosen[1],
        body="".join(f"<p>{''.join(chosen[i : i + 4])}</p>" for i in range(2, length, 4)),
    )


@transaction.atomic
def make_archive(entries: int) -> None:
    """Published editions with so many entries in all.

    On a database that has some, nothing is added.
    """
    if Edition.objects.exists():
        return
    chance, sentences = random.Random(2026), list_sentences()
    for number in range(1, entries // PER_EDITION + 1):
        edition = Edition.objects.create(number=number, date=date(2020, 1, 1) + timedelta(number))
        for position in range(PER_EDITION):
            make_entry(edition, position, sentences, chance)
        approve_entries(edition)
        publish_edition(edition, audience=Audience.PUBLIC)


def make_context(entries: int, day: date, *, text: int = 0) -> EditionContext:
    """An edition of so many entries of real length, described and then forgotten by the database.

    Another number for `text` gives another one of the same size.
    """
    chance, sentences = random.Random(f"{entries} {text}"), list_sentences()
    with transaction.atomic():
        edition = Edition.objects.create(date=day)
        for position in range(entries):
            make_entry(edition, position, sentences, chance, AS_PRINTED)
        context = describe_edition(edition)
        transaction.set_rollback(True)
    return context


def make_mailing(members: int) -> Mailing:
    for number in range(members):
        member = Member.objects.create(
            email=f"member{number}@example.com",
            name=f"會員{number}",
            frequency=Frequency.EVERY_EDITION,
        )
        member.confirm()
    return open_mailing(Edition.objects.visible_to(Audience.PUBLIC).newest_first()[0], by=None)
