import re

import pytest

from briefings.admin.glossary import list_texts
from briefings.html import to_text
from briefings.models import Audience, Edition, Entry, GlossaryTerm, Theme
from briefings.search.tokens import split_runs
from cma_site.samples.load import load_samples
from subscribers.models import Frequency, Member, NoticeLanguage, Script, SearchSubscription

pytestmark = pytest.mark.django_db


def count_rows():
    return [model.objects.count() for model in (Edition, Entry, Theme, GlossaryTerm, Member)]


def test_the_samples_are_an_archive_of_four_years():
    load_samples()

    editions = Edition.objects.visible_to(Audience.PUBLIC)
    assert editions.count() >= 14
    assert {edition.date.year for edition in editions} == {2023, 2024, 2025, 2026}
    assert {edition.entries.count() for edition in editions} <= {2, 3}
    assert Theme.objects.visible_to(Audience.PUBLIC).count() >= 10


def test_each_sample_commentary_has_300_to_900_characters():
    load_samples()

    lengths = {
        entry.headline: len(re.sub(r"\s", "", to_text(entry.body))) for entry in Entry.objects.all()
    }

    assert {name: n for name, n in lengths.items() if not 300 <= n <= 900} == {}


def test_the_sample_members_differ_and_no_mail_to_them_could_arrive():
    load_samples()

    members = Member.objects.all()
    assert len(members) == 30
    assert {member.frequency for member in members} == set(Frequency)
    assert {member.script for member in members} == set(Script)
    assert {member.notice_language for member in members} > {NoticeLanguage.ENGLISH}
    assert [each.query for each in SearchSubscription.objects.all()] == ["新型工業化"]
    assert all(re.search(r"@(.+\.)?example\.(com|org|net)$", m.email) for m in members)


def test_no_two_wordings_of_the_sample_glossary_are_the_same_to_a_search():
    load_samples()

    texts = [text for term in GlossaryTerm.objects.all() for text in list_texts(term)]
    assert len(texts) >= 60
    assert len({tuple(split_runs(text)) for text in texts}) == len(texts)


def test_loading_twice_changes_nothing():
    load_samples()
    before = count_rows()

    report = load_samples()

    assert count_rows() == before
    assert (report.editions, report.entries, report.themes, report.members) == (0, 0, 0, 0)


def test_what_an_editor_changed_stays():
    load_samples()
    Entry.objects.filter(edition__number=1, position=1).update(headline="改過的標題")

    load_samples()

    assert Entry.objects.filter(headline="改過的標題").exists()
