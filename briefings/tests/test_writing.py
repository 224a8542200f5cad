"""What the entry's form offers while one writes, and what becomes of it for readers."""

from html import unescape
from pathlib import Path
from xml.etree import ElementTree

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.urls import reverse

from briefings.admin.suggestions import rank_names
from briefings.contexts import AuthorContext, SourceContext, describe_edition
from briefings.models import Author, Byline, Entry, Source, Theme, ThemeAlias
from briefings.pdf import render_edition_pdf
from briefings.tests.makers import (
    make_draft,
    make_entry,
    make_figure,
    make_picture,
    make_published,
    make_staff,
)
from briefings.tests.test_pdf import read_text

pytestmark = pytest.mark.django_db

ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture(autouse=True)
def media(settings, tmp_path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    return settings.MEDIA_ROOT


@pytest.fixture
def admin_user(db):
    return User.objects.create_superuser("admin")


def suggest(client, term: str, model: str = "entry", field: str = "themes") -> list[dict]:
    ask = {"app_label": "briefings", "model_name": model, "field_name": field, "term": term}
    return client.get("/admin/briefings/entry/suggestions/", ask).json()["results"]


def names(results: list[dict]) -> list[str]:
    return [result["text"] for result in results]


def sign(entry: Entry, *authors: str) -> None:
    for position, name in enumerate(authors):
        author, _ = Author.objects.get_or_create(name=name, defaults={"post": "研究主任"})
        Byline.objects.create(entry=entry, author=author, position=position)


def cite(entry: Entry, title: str = "施政報告", **fields) -> Source:
    return Source.objects.create(entry=entry, title=title, **fields)


# ---------------------------------------------------------------------------------- suggestions
def test_the_nearest_name_comes_first():
    known = [(1, "論北部"), (2, "北部都會區"), (3, "北部"), (4, "別的")]

    assert rank_names(known, "北部") == ([3, 2, 1], True)


@pytest.mark.parametrize("term", ["臺商", "台商", "台 商"])
def test_a_theme_is_found_in_any_way_of_writing(term, admin_client):
    Theme.objects.create(name="台商服務")

    assert names(suggest(admin_client, term))[0] == "台商服務"


@pytest.mark.parametrize("term", ["北部都会", "ＮＭ", "nm"])
def test_a_theme_is_found_by_simplified_and_by_its_other_names(term, admin_client):
    theme = Theme.objects.create(name="北部都會區")
    ThemeAlias.objects.create(theme=theme, name="NM")

    found = suggest(admin_client, term)[0]

    assert found["id"] == str(theme.pk)


def test_what_a_theme_was_found_by_is_said(admin_client):
    ThemeAlias.objects.create(theme=Theme.objects.create(name="強積金"), name="MPF")

    assert suggest(admin_client, "mpf")[0]["alias"] == "MPF"


def test_a_new_theme_is_offered_last(admin_client):
    Theme.objects.create(name="北部都會區")

    assert names(suggest(admin_client, "北部")) == ["北部都會區", "新增政策主題「北部」"]


@pytest.mark.parametrize("term", ["北部都會區", "北部都会区", "MPF", " "])
def test_no_new_theme_is_offered_for_a_name_there_is(term, admin_client):
    ThemeAlias.objects.create(theme=Theme.objects.create(name="北部都會區"), name="mpf")

    assert not any("address" in result for result in suggest(admin_client, term))


def test_a_new_theme_is_offered_to_those_only_who_may_add_one(client):
    client.force_login(make_staff("view_theme", "view_entry"))

    assert suggest(client, "新題") == []


def test_themes_are_suggested_to_those_only_who_may_see_them(client):
    client.force_login(make_staff("view_entry"))
    ask = {"app_label": "briefings", "model_name": "entry", "field_name": "themes", "term": ""}

    assert client.get("/admin/briefings/entry/suggestions/", ask).status_code == 403


@pytest.mark.parametrize(("model", "field"), [("entry", "edition"), ("byline", "entry")])
def test_nothing_but_themes_and_authors_is_suggested(model, field, admin_client):
    ask = {"app_label": "briefings", "model_name": model, "field_name": field, "term": "甲"}

    assert admin_client.get("/admin/briefings/entry/suggestions/", ask).status_code == 403


def test_a_new_theme_is_made_once(admin_client):
    first = admin_client.post(reverse("admin:entry_new_theme"), {"name": "新興  產業"}).json()
    again = admin_client.post(reverse("admin:entry_new_theme"), {"name": "新兴产业"}).json()

    assert first == again == {"id": str(Theme.objects.get().pk), "text": "新興 產業"}


@pytest.mark.parametrize("name", ["", "！！", "題" * 101])
def test_a_theme_that_cannot_be_is_refused_in_plain_words(name, admin_client):
    response = admin_client.post(reverse("admin:entry_new_theme"), {"name": name})

    assert response.status_code == 400
    assert response.json()["error"]
    assert not Theme.objects.exists()


@pytest.mark.parametrize("kind", ["theme", "author"])
def test_a_new_name_is_made_by_those_only_who_may(kind, client):
    client.force_login(make_staff("view_theme", "view_author", "view_entry"))

    assert client.post(reverse(f"admin:entry_new_{kind}"), {"name": "新"}).status_code == 403


def test_an_author_is_typed_with_the_post_in_brackets(admin_client):
    admin_client.post(reverse("admin:entry_new_author"), {"name": "陳大文（研究主任）"})

    assert Author.objects.values_list("name", "post").get() == ("陳大文", "研究主任")


def test_an_author_is_found_by_name_and_post(admin_client):
    Author.objects.create(name="陳大文", post="研究主任")

    assert names(suggest(admin_client, "主任", "byline", "author"))[0] == "陳大文（研究主任）"


# ------------------------------------------------------------------------- bylines and sources
def entry_form(entry: Entry | None = None, **lines: list[dict]) -> dict:
    form = {"headline": "標題", "lead": "導言。", "body": "<p>正文。</p>", "themes": []}
    form["version"] = entry.version if entry else 0
    for prefix in ("bylines", "sources"):
        rows = lines.get(prefix, [])
        form |= {f"{prefix}-TOTAL_FORMS": len(rows), f"{prefix}-INITIAL_FORMS": 0}
        for index, row in enumerate(rows):
            form |= {f"{prefix}-{index}-{name}": value for name, value in row.items()}
    return form


def test_an_entry_is_written_with_authors_and_sources_in_order(admin_client):
    first, second = (Author.objects.create(name=name) for name in "甲乙")
    bylines = [{"author": first.pk, "position": 2}, {"author": second.pk, "position": 1}]
    source = {"title": "報告", "publisher": "政府", "url": "www.gov.hk/r", "position": 1}

    form = entry_form(bylines=bylines, sources=[source])
    admin_client.post("/admin/briefings/entry/add/", form)

    entry = Entry.objects.get()
    assert [byline.author for byline in entry.bylines.all()] == [second, first]
    assert entry.sources.get().url == "https://www.gov.hk/r"


def test_a_line_left_empty_is_no_fault(admin_client):
    form = entry_form(sources=[{"title": "", "position": 1}])

    admin_client.post("/admin/briefings/entry/add/", form)

    assert not Entry.objects.get().sources.exists()


def test_a_writer_fills_in_authors_and_sources_of_their_own_draft(client):
    writer = make_staff("view_entry", "write_entry", "view_author")
    author = Author.objects.create(name="甲")
    client.force_login(writer)

    form = entry_form(bylines=[{"author": author.pk}], sources=[{"title": "報告"}])
    client.post("/admin/briefings/entry/add/", form)

    entry = Entry.objects.get()
    assert entry.bylines.get().author == author
    assert entry.sources.get().title == "報告"


@pytest.mark.parametrize("url", ["javascript:alert(1)", "file:///etc/passwd", "不是網址"])
def test_a_source_leads_to_a_web_address_or_nowhere(url, admin_client):
    form = entry_form(sources=[{"title": "報告", "url": url}])

    admin_client.post("/admin/briefings/entry/add/", form)

    assert not Source.objects.exists()


def test_an_author_under_an_entry_is_not_deleted(admin_client):
    sign(make_entry(), "陳大文")

    admin_client.post(f"/admin/briefings/author/{Author.objects.get().pk}/delete/", {"post": "yes"})

    assert Author.objects.exists()


# -------------------------------------------------------------------------------------- readers
def test_readers_are_told_who_wrote_and_what_it_draws_on(client):
    edition = make_published({"headline": "題"})
    entry = edition.entries.get()
    sign(entry, "陳大文", "李小明")
    cite(entry, publisher="政府", url="https://www.gov.hk/r", published_on="2026-09-17")

    described = describe_edition(edition).entries[0]
    page = unescape(client.get(entry.get_absolute_url()).content.decode())

    assert [author.name for author in described.authors] == ["陳大文", "李小明"]
    assert str(described.authors[0]) == "陳大文（研究主任）"
    assert described.sources[0].title == "施政報告"
    assert "陳大文" in page
    assert '政府：<a href="https://www.gov.hk/r"' in page
    assert "（2026年9月17日）" in page


def test_an_entry_without_them_says_nothing_of_them(client):
    page = client.get(make_published().entries.get().get_absolute_url()).content.decode()

    assert "資料來源" not in page
    assert "文：" not in page


def test_the_pdf_names_authors_and_sources():
    edition = make_draft({"headline": "題"})
    sign(edition.entries.get(), "陳大文")
    cite(edition.entries.get())

    text = read_text(render_edition_pdf(describe_edition(edition)))

    assert "陳大文" in text
    assert "施政報告" in text


def test_feeds_name_the_authors_of_each_entry(client):
    sign(make_published().entries.get(), "陳大文", "李小明")

    atom = ElementTree.fromstring(client.get("/feeds/atom/").content)
    rss = ElementTree.fromstring(client.get("/feeds/rss/").content)
    json = client.get("/feeds/json/").json()["items"][0]

    path = f"{ATOM}entry/{ATOM}author/{ATOM}name"
    assert [name.text for name in atom.iterfind(path)] == ["陳大文", "李小明"]
    creators = rss.iterfind("channel/item/{http://purl.org/dc/elements/1.1/}creator")
    assert [name.text for name in creators] == ["陳大文", "李小明"]
    assert json["authors"] == [{"name": "陳大文"}, {"name": "李小明"}]


def test_a_feed_has_the_sources_and_the_pictures_whole_address(client, settings):
    settings.SITE_URL = "https://news.example"
    picture = make_picture()
    cite(make_published({"body": make_figure(picture)}).entries.get())

    content = client.get("/feeds/json/").json()["items"][0]["content_html"]

    assert f'src="https://news.example{picture.get_absolute_url()}"' in content
    assert "施政報告" in content


def test_the_pdf_has_the_picture(settings):
    edition = make_draft({"body": "<p>前</p>" + make_figure(make_picture(), caption="圖一說明")})

    pdf = render_edition_pdf(describe_edition(edition))

    assert b"/Subtype /Image" in pdf or b"/Subtype/Image" in pdf
    assert "圖一說明" in read_text(pdf)


def test_a_lost_picture_costs_the_pdf_that_picture_only():
    picture = make_picture()
    default_storage.delete(picture.file.name)
    edition = make_draft({"body": "<p>正文還在</p>" + make_figure(picture, "一張圖")})

    assert "正文還在" in read_text(render_edition_pdf(describe_edition(edition)))


def test_another_picture_makes_another_pdf(media):
    from briefings.tests.images import make_image
    from briefings.tests.makers import store_edition_pdf

    edition = make_draft({"body": make_figure(make_picture())})
    first = store_edition_pdf(edition)
    edition.entries.update(body=make_figure(make_picture(make_image("JPEG"))))

    assert store_edition_pdf(edition) != first


def test_the_contexts_are_values():
    assert AuthorContext("甲", "") == AuthorContext("甲", "")
    assert str(AuthorContext("甲", "")) == "甲"
    assert SourceContext("題", "", "", None) == SourceContext("題", "", "", None)
