"""What an editor is told before publishing; each test is one thing an edition may lack."""

from datetime import date

import pytest

from briefings.models import Edition, Source, State, Theme, WebLink
from briefings.readiness import (
    Remark,
    Severity,
    check_edition,
    check_entry,
    count_by_severity,
)
from briefings.tests.makers import make_draft, make_entry, make_published
from briefings.web_links import UNSURE

pytestmark = pytest.mark.django_db


@pytest.fixture
def theme():
    """One with a description, that another entry has too: nothing to say of it."""
    theme = Theme.objects.create(name="北部都會區", description="新發展區。")
    make_entry(headline="另一篇", themes=[theme])
    return theme


@pytest.fixture
def ready(theme) -> Edition:
    return make_draft({"headline": "甲", "themes": [theme], "state": State.APPROVED}, number=1)


def change(edition: Edition, **fields) -> list[Remark]:
    """The remarks once its only entry has these fields."""
    entry = edition.entries.get()
    for name, value in fields.items():
        setattr(entry, name, value)
    entry.save()
    return check_edition(edition)


def told(remarks: list[Remark]) -> list[tuple[Severity, str]]:
    return [(remark.severity, remark.text) for remark in remarks]


def path_of(edition: Edition, field: str) -> str:
    return f"/admin/briefings/entry/{edition.entries.get().pk}/change/#id_{field}"


def test_of_an_edition_that_is_ready_nothing_is_said(ready):
    assert check_edition(ready) == []


def test_what_publishing_refuses_is_an_obstacle(ready):
    ready.date = None
    remarks = change(ready, lead="", body="")

    assert told(remarks) == [
        (Severity.OBSTACLE, "這一期未填日期。"),
        (Severity.OBSTACLE, "「甲」未有導言。"),
        (Severity.OBSTACLE, "「甲」未有正文。"),
    ]


def test_each_obstacle_leads_to_its_field(ready):
    ready.date = None
    remarks = change(ready, lead="", body="")

    assert [remark.path for remark in remarks] == [
        f"/admin/briefings/edition/{ready.pk}/change/#id_date",
        path_of(ready, "lead"),
        path_of(ready, "body"),
    ]


def test_two_of_one_headline_each_lead_to_themselves(theme):
    lacking = {"headline": "同名", "lead": "", "themes": [theme], "state": State.APPROVED}
    edition = make_draft(lacking, lacking, number=1)

    obstacles = [r for r in check_edition(edition) if r.severity == Severity.OBSTACLE]

    assert [remark.entry for remark in obstacles] == list(edition.entries.all())


def test_an_entry_that_nobody_approved_is_an_obstacle(theme):
    edition = make_draft({"headline": "甲", "themes": [theme], "state": State.DRAFT}, number=1)

    assert told(check_edition(edition)) == [(Severity.OBSTACLE, "「甲」未經審批（草稿）。")]


def test_an_edition_without_entries_has_an_obstacle():
    edition = Edition.objects.create(date=date(2026, 11, 20), number=1)

    assert told(check_edition(edition)) == [(Severity.OBSTACLE, "這一期未有短評。")]


def test_an_entry_without_theme_is_pointed_out(ready):
    ready.entries.get().themes.clear()

    (remark,) = check_edition(ready)

    assert (remark.severity, remark.path) == (Severity.WARNING, path_of(ready, "themes"))
    assert "「甲」未有政策主題" in remark.text


@pytest.mark.parametrize("words", ["按此", "https://a.hk/report", ""])
def test_a_link_whose_words_say_nothing_is_pointed_out(ready, words):
    (remark,) = change(ready, body=f'<p>詳見報告<a href="https://a.hk/">{words}</a>，另議。</p>')

    assert (remark.severity, remark.path) == (Severity.WARNING, path_of(ready, "body"))
    assert "連結" in remark.text


def test_a_picture_without_words_is_pointed_out(ready):
    name = f"{'a' * 64}.png"

    (remark,) = change(
        ready, body=f'<p>正文。</p><figure><img src="/pictures/{name}" alt=""></figure>'
    )

    assert (remark.severity, remark.path) == (Severity.WARNING, path_of(ready, "body"))
    assert "替代文字" in remark.text


def test_house_style_is_counted(ready):
    (remark,) = change(ready, lead="政府说,要做。")

    assert remark.severity == Severity.ADVICE
    assert remark.text == "「甲」有2處文風可以再看。"


def test_a_broken_link_is_pointed_out(ready):
    WebLink.objects.create(url="https://a.hk/", fault="找不到（404）")

    remarks = change(ready, body='<p>見<a href="https://a.hk/">施政報告</a>。</p>')

    assert told(remarks) == [(Severity.WARNING, "「甲」的連結 https://a.hk/：找不到（404）。")]


def test_a_broken_link_of_a_source_leads_to_the_sources(ready):
    WebLink.objects.create(url="https://a.hk/", fault="連不上")
    Source.objects.create(entry=ready.entries.get(), title="施政報告", url="https://a.hk/")

    (remark,) = check_edition(ready)

    assert remark.path.endswith("/change/#sources-group")


def test_a_link_that_could_not_be_asked_is_advice(ready):
    WebLink.objects.create(url="https://a.hk/", fault=f"{UNSURE}：對方不接受自動查詢（403）")

    (remark,) = change(ready, body='<p>見<a href="https://a.hk/">施政報告</a>。</p>')

    assert remark.severity == Severity.ADVICE


def test_a_theme_of_this_edition_alone_is_advice(ready):
    ready.entries.get().themes.add(Theme.objects.create(name="新主題", description="有說明。"))

    assert told(check_edition(ready)) == [
        (Severity.ADVICE, "主題「新主題」只有本期用到。如果另有意思相同的主題，可以合併。")
    ]


def test_a_theme_without_description_is_advice(ready, theme):
    Theme.objects.update(description="")

    (remark,) = check_edition(ready)

    assert told([remark]) == [(Severity.ADVICE, "主題「北部都會區」未有說明。")]
    assert remark.path == f"/admin/briefings/theme/{theme.pk}/change/#id_description"


def test_themes_without_entries_are_advice(ready):
    for name in ("乙", "丙"):
        Theme.objects.create(name=name)

    (remark,) = check_edition(ready)

    assert remark.text == "有2個主題未有任何短評：丙、乙。"
    assert remark.path == "/admin/briefings/theme/?used=no"


def test_a_gap_in_the_numbers_is_pointed_out(ready):
    Edition.objects.filter(pk=ready.pk).update(number=9)
    Edition.objects.create(number=5)
    ready.refresh_from_db()

    assert told(check_edition(ready)) == [
        (Severity.WARNING, "本期是第9期，但之前最後一期是第5期，期號不連貫。")
    ]


def test_an_edition_without_number_is_pointed_out(ready):
    ready.number = None

    assert told(check_edition(ready)) == [(Severity.WARNING, "這一期未有期號。")]


def test_a_date_before_the_last_edition_is_pointed_out(ready, theme):
    make_published({"themes": [theme]}, date=date(2026, 11, 27))

    assert told(check_edition(ready)) == [
        (Severity.WARNING, "日期（2026-11-20）早於已出版的一期（2026-11-27）。")
    ]


def test_a_headline_used_before_is_pointed_out(ready):
    make_entry(headline="甲")

    (remark,) = check_edition(ready)

    assert told([remark]) == [(Severity.WARNING, "另有一篇短評的標題也是「甲」。")]
    assert remark.path == path_of(ready, "headline")


def test_the_gravest_stand_first(ready):
    Theme.objects.create(name="空的")
    ready.entries.get().themes.clear()

    remarks = change(ready, lead="")

    assert list(count_by_severity(remarks).items()) == [
        (Severity.OBSTACLE, 1),
        (Severity.WARNING, 1),
        (Severity.ADVICE, 1),
    ]
    assert [remark.severity for remark in remarks][:2] == [Severity.OBSTACLE, Severity.WARNING]


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("headline", {"headline": "獨角獸🦄企業"}),
        ("lead", {"lead": "扶植獨角獸🦄企業。"}),
        ("body", {"body": "<p>扶植<b>獨角獸🦄</b>企業。</p>"}),
    ],
)
def test_a_character_that_no_font_has_is_told_by_name_and_place(field, fields):
    entry = make_entry(**fields)

    [remark] = [remark for remark in check_entry(entry) if "字型" in remark.text]

    assert "「🦄」（U+1F984）" in remark.text
    assert "獨角獸🦄企業" in remark.text
    assert remark.path.endswith(f"#id_{field}")
