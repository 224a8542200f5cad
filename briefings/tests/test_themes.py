"""Themes are renamed and merged, and whoever knew them by another name still finds them."""

from html import unescape

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.utils.html import strip_tags

from briefings.hooks import ThemeChoosers, theme_choosers
from briefings.models import Entry, FormerThemeAddress, Theme, ThemeAlias, ThemedEntry
from briefings.search.query import parse_query
from briefings.tests.makers import make_entry, make_published, make_volume
from briefings.tests.search.sights import search_entries
from briefings.themes import merge_themes, rename_theme, set_aliases

pytestmark = pytest.mark.django_db

MERGE = "/admin/briefings/theme/merge/"


@pytest.fixture
def admin_user(db):
    return User.objects.create_superuser("admin")


def make_theme(name: str, *aliases: str, **fields) -> Theme:
    theme = Theme.objects.create(name=name, **fields)
    set_aliases(theme, aliases)
    return theme


def themes_of(entry) -> set[str]:
    return set(entry.themes.names())


def names(aliases) -> list[str]:
    return sorted(aliases.values_list("name", flat=True))


def read(response) -> str:
    return unescape(response.content.decode())


def change(theme: Theme) -> str:
    return f"/admin/briefings/theme/{theme.pk}/change/"


def form(theme: Theme, **fields) -> dict:
    aliases = "\n".join(names(theme.aliases))
    return {
        "name": theme.name,
        "description": theme.description,
        "alias_lines": aliases,
        "keep_as_alias": "on",
    } | fields


# -------------------------------------------------------------------------------- other names


@pytest.mark.parametrize("name", ["新質生產力", "新质生产力", "新質 生產力", "新質力", "舊名"])
def test_a_theme_is_known_by_all_its_names(name):
    theme = make_theme("舊名", "新質力")
    rename_theme(theme, "新質生產力", keep_as_alias=False)

    assert Theme.objects.known_as(name) == theme


def test_a_name_of_no_theme_is_nobody():
    make_theme("新質生產力")

    assert Theme.objects.known_as("北都") is None


def test_an_entry_given_an_alias_gets_its_theme():
    theme = make_theme("北部都會區", "北都")

    entry = make_entry(themes=["北都", "北部都会区", "人才"])

    assert themes_of(entry) == {"北部都會區", "人才"}
    assert Theme.objects.filter(pk=theme.pk).exists()


# ------------------------------------------------------------------------------------ renaming


def test_a_renamed_theme_moves_and_leaves_word(client):
    theme = make_theme("北都")
    make_published({"themes": [theme]})

    rename_theme(theme, "北部都會區", keep_as_alias=True)

    assert client.get("/themes/北部都會區/").status_code == 200
    assert names(theme.aliases) == ["北都"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("/themes/北都/", "/themes/北部都會區/"),
        ("/feeds/themes/北都/atom/", "/feeds/themes/北部都會區/atom/"),
        ("/feeds/themes/北都/rss/", "/feeds/themes/北部都會區/rss/"),
        ("/feeds/themes/北都/json/", "/feeds/themes/北部都會區/json/"),
    ],
)
def test_the_old_address_leads_to_the_new(old, new, client):
    theme = make_theme("北都")
    make_published({"themes": [theme]})
    rename_theme(theme, "北部都會區", keep_as_alias=False)

    response = client.get(old)

    assert response.status_code == 301
    assert client.get(response.url).wsgi_request.path == new
    assert client.get(response.url).status_code == 200


def test_twice_renamed_each_old_address_leads_straight_to_the_last(client):
    theme = make_theme("甲")
    make_published({"themes": [theme]})

    rename_theme(theme, "乙", keep_as_alias=False)
    rename_theme(theme, "丙", keep_as_alias=False)

    assert (
        client.get("/themes/甲/").url == client.get("/themes/乙/").url == theme.get_absolute_url()
    )


def test_a_theme_may_have_its_old_name_again():
    theme = make_theme("甲")
    rename_theme(theme, "乙", keep_as_alias=True)

    rename_theme(theme, "甲", keep_as_alias=False)

    assert theme.slug == "甲"
    assert names(theme.aliases) == []
    assert [former.slug for former in theme.former_addresses.all()] == ["乙"]


def test_a_renamed_theme_takes_nobodys_former_address():
    other = make_theme("甲")
    rename_theme(other, "乙", keep_as_alias=False)
    theme = make_theme("丙")

    rename_theme(theme, "甲", keep_as_alias=False)

    assert theme.slug == "甲-2"


def test_the_address_of_a_theme_that_nobody_may_read_is_not_told(client):
    theme = make_theme("甲")
    make_entry(themes=[theme])
    rename_theme(theme, "乙", keep_as_alias=False)

    assert client.get("/themes/甲/").status_code == 404
    assert client.get("/feeds/themes/甲/atom/").status_code == 404


def test_a_search_kept_from_before_still_filters(client):
    theme = make_theme("甲")
    make_published({"themes": [theme], "headline": "在主題內"}, {"headline": "在主題外"})
    rename_theme(theme, "乙", keep_as_alias=False)

    page = client.get("/search/?q=導言&theme=甲")

    assert [strip_tags(hit.headline) for hit in page.context["hits"]] == ["在主題內"]


# ------------------------------------------------------------------------------------- merging


def test_entries_go_over_to_the_theme_that_stays():
    stays, goes = make_theme("甲"), make_theme("乙")
    only, both = make_entry(themes=[goes]), make_entry(themes=[stays, goes])

    merge_themes(stays, [goes.pk])

    assert themes_of(only) == themes_of(both) == {"甲"}
    assert ThemedEntry.objects.count() == 2


def test_three_become_one():
    stays, one, two = make_theme("甲"), make_theme("乙"), make_theme("丙")
    entry = make_entry(themes=[one, two])

    merge_themes(stays, [stays.pk, one.pk, two.pk])

    assert themes_of(entry) == {"甲"}
    assert names(stays.aliases) == ["丙", "乙"]
    assert Theme.objects.get() == stays


def test_names_aliases_and_addresses_go_over_too(client):
    stays, goes = make_theme("甲", "甲甲"), make_theme("乙", "乙乙")
    make_published({"themes": [goes]})
    rename_theme(goes, "丙", keep_as_alias=False)

    merge_themes(stays, [goes.pk])

    assert names(stays.aliases) == ["丙", "乙乙", "甲甲"]
    for old in ("乙", "丙"):
        assert client.get(f"/themes/{old}/").url == stays.get_absolute_url()


def test_merging_again_changes_nothing():
    stays, goes = make_theme("甲"), make_theme("乙")
    entry = make_entry(themes=[goes])
    merge_themes(stays, [goes.pk])

    assert merge_themes(stays, [goes.pk]) == []

    assert themes_of(entry) == {"甲"}
    assert names(stays.aliases) == ["乙"]


def test_nothing_is_merged_into_what_is_gone():
    gone, other = make_theme("甲"), make_theme("乙")
    ThemedEntry.objects.all().delete()
    Theme.objects.filter(pk=gone.pk).delete()

    with pytest.raises(Theme.DoesNotExist):
        merge_themes(gone, [other.pk])

    assert Theme.objects.get() == other


def test_a_merge_that_breaks_off_has_changed_nothing(monkeypatch):
    def refuse(merged, into):
        raise RuntimeError

    broken = ThemeChoosers("人", lambda ids: 0, refuse, "briefings.view_theme")
    monkeypatch.setattr("briefings.themes.theme_choosers", [broken])
    stays, goes = make_theme("甲"), make_theme("乙")
    entry = make_entry(themes=[goes])

    with pytest.raises(RuntimeError):
        merge_themes(stays, [goes.pk])

    assert themes_of(entry) == {"乙"}
    assert not FormerThemeAddress.objects.exists()


def test_a_merge_leaves_search_alone():
    stays, goes = make_theme("甲"), make_theme("乙")
    entry = make_published({"themes": [goes], "headline": "北部都會區"}).entries.get()

    merge_themes(stays, [goes.pk])

    assert list(search_entries(parse_query("北部都會區"), type(entry).objects.all())) == [entry]


# ------------------------------------------------------------------------------------ the desk


def test_renaming_at_the_desk_keeps_the_old_name_as_alias(admin_client):
    theme = make_theme("北都")

    admin_client.post(change(theme), form(theme, name="北部都會區"))

    theme.refresh_from_db()
    assert (theme.name, theme.slug) == ("北部都會區", "北部都會區")
    assert names(theme.aliases) == ["北都"]


def test_renaming_at_the_desk_can_drop_the_old_name(admin_client):
    theme = make_theme("北都")

    admin_client.post(change(theme), form(theme, name="北部都會區", keep_as_alias=""))

    assert names(theme.aliases) == []


def test_aliases_are_written_one_a_line(admin_client):
    theme = make_theme("北部都會區", "北都", "要刪的")

    admin_client.post(
        change(theme), form(theme, alias_lines=" 北都 \n\nNorthern  Metropolis\n北都\n")
    )

    assert names(theme.aliases) == ["Northern Metropolis", "北都"]


def test_an_alias_can_change_how_it_is_written(admin_client):
    theme = make_theme("強積金", "mpf")

    admin_client.post(change(theme), form(theme, alias_lines="MPF"))

    assert names(theme.aliases) == ["MPF"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("新质生产力", "已有主題「新質生產力」。"),
        ("新質力", "已有主題「新質生產力」，「新質力」是它的別稱。"),
        ("舊名", "已有主題「新質生產力」，「舊名」是它以前的名稱。"),
    ],
)
def test_a_name_that_means_another_theme_is_refused(name, words, admin_client):
    taken = make_theme("舊名", "新質力")
    rename_theme(taken, "新質生產力", keep_as_alias=False)

    page = read(admin_client.post("/admin/briefings/theme/add/", {"name": name}))

    assert words in page
    assert Theme.objects.get() == taken


def test_an_alias_that_means_another_theme_is_refused(admin_client):
    make_theme("新質生產力")
    theme = make_theme("北部都會區")

    page = read(admin_client.post(change(theme), form(theme, alias_lines="北都\n新质生产力")))

    assert "「新质生产力」不能用作別稱：已有主題「新質生產力」。" in page
    assert not ThemeAlias.objects.exists()


def test_an_alias_too_long_is_refused(admin_client):
    theme = make_theme("北部都會區")

    page = read(admin_client.post(change(theme), form(theme, alias_lines="長" * 101)))

    assert "太長，最多100字。" in page


def test_a_theme_tells_where_it_is_used(admin_client):
    theme = make_theme("甲")
    entry = make_entry(headline="用它的短評", themes=[theme])

    page = read(admin_client.get(change(theme)))

    assert "1篇短評" in page
    assert f"/admin/briefings/entry/{entry.pk}/change/" in page


def test_typing_an_alias_offers_its_theme(admin_client):
    theme = make_theme("北部都會區", "北都")

    answer = admin_client.get(
        "/admin/autocomplete/",
        {
            "app_label": "briefings",
            "model_name": "themedentry",
            "field_name": "tag",
            "term": "北都",
        },
    )

    assert [row["id"] for row in answer.json()["results"]] == [str(theme.pk)]


def test_unused_themes_are_listed_by_themselves(admin_client):
    make_entry(themes=[make_theme("用着")])
    make_theme("閒着")

    page = admin_client.get("/admin/briefings/theme/?used=no")

    assert [theme.name for theme in page.context["cl"].result_list] == ["閒着"]


def test_choosing_themes_to_merge_asks_first(admin_client):
    one, two = make_theme("甲"), make_theme("乙")
    make_entry(themes=[one, two])

    page = admin_client.post(
        "/admin/briefings/theme/",
        {"action": "merge", "_selected_action": [one.pk, two.pk]},
        follow=True,
    )

    assert "其中1篇本來兩者都有" in read(page)
    assert Theme.objects.count() == 2


def test_one_theme_alone_is_not_merged(admin_client):
    theme = make_theme("甲")

    page = admin_client.post(
        "/admin/briefings/theme/",
        {"action": "merge", "_selected_action": [theme.pk]},
        follow=True,
    )

    assert "請選擇兩個或以上的主題" in read(page)


def test_merging_at_the_desk_is_written_in_the_log(admin_client):
    stays, goes = make_theme("甲"), make_theme("乙")
    address = f"{MERGE}?theme={stays.pk}&theme={goes.pk}"

    page = admin_client.post(address, {"into": stays.pk}, follow=True)

    assert "已將「乙」併入「甲」" in read(page)
    assert sorted(LogEntry.objects.values_list("object_repr", flat=True)) == ["乙", "甲"]


def test_merging_twice_at_the_desk_is_told_kindly(admin_client):
    stays, goes = make_theme("甲"), make_theme("乙")
    address = f"{MERGE}?theme={stays.pk}&theme={goes.pk}"
    admin_client.post(address, {"into": stays.pk})

    page = admin_client.post(address, {"into": stays.pk}, follow=True)

    assert "已經合併" in read(page)
    assert Theme.objects.get() == stays


def test_merging_into_a_stranger_is_refused(admin_client):
    one, two, stranger = make_theme("甲"), make_theme("乙"), make_theme("丙")

    page = admin_client.post(f"{MERGE}?theme={one.pk}&theme={two.pk}", {"into": stranger.pk})

    assert "請重新選擇" in read(page)
    assert Theme.objects.count() == 3


def test_merging_needs_the_right_to_delete_themes(client):
    editor = User.objects.create_user("chan", is_staff=True)
    editor.user_permissions.set(
        Permission.objects.filter(codename__in=["view_theme", "change_theme"])
    )
    client.force_login(editor)
    one, two = make_theme("甲"), make_theme("乙")

    for ask in (client.get, client.post):
        assert ask(f"{MERGE}?theme={one.pk}&theme={two.pk}", {"into": one.pk}).status_code == 403


@pytest.mark.parametrize(
    ("permission", "is_shown"), [("view_imprint", True), ("add_imprint", False)]
)
def test_choosers_are_counted_for_those_who_may_know(permission, is_shown, client, monkeypatch):
    choosers = ThemeChoosers(
        "讀者", lambda ids: 7, lambda merged, into: None, "briefings.view_imprint"
    )
    monkeypatch.setattr("briefings.themes.theme_choosers", [choosers])
    editor = User.objects.create_user("chan", is_staff=True)
    editor.user_permissions.set(
        Permission.objects.filter(codename__in=["view_theme", "change_theme", permission])
    )
    client.force_login(editor)

    page = read(client.get(change(make_theme("甲"))))

    assert ("7位讀者選了這個主題" in page) == is_shown


def test_the_house_hangs_its_members_on_the_hook():
    assert [choosers.label for choosers in theme_choosers] == ["會員"]


def test_the_themes_of_entries_stand_in_the_order_of_their_names():
    entry = make_entry(themes=["丙", "甲", "乙"])

    found = Entry.objects.prefetch_related("themes").get(pk=entry.pk)

    assert list(found.themes.all()) == list(Theme.objects.order_by("name"))


# ------------------------------------------------------------------------------- bound volumes


def test_volumes_go_over_to_the_theme_that_stays():
    stays, goes = make_theme("北部都會區"), make_theme("北都")
    volume = make_volume(theme=goes)

    merge_themes(stays, [goes.pk])

    volume.refresh_from_db()
    assert volume.theme == stays


def test_a_merge_tells_which_volumes_will_hold_the_theme_that_stays(admin_client):
    themes = [make_theme("北部都會區"), make_theme("北都")]
    make_volume(theme=themes[1], title="北都文集")

    page = read(admin_client.get(MERGE, {"theme": [theme.pk for theme in themes]}))

    assert "合訂本「北都文集」會改收保留的主題" in page


def test_a_theme_that_a_volume_goes_by_is_not_deleted_and_it_says_why(admin_client):
    theme = make_theme("北都")
    make_volume(theme=theme, title="北都文集")

    page = read(
        admin_client.post(
            f"/admin/briefings/theme/{theme.pk}/delete/", {"post": "yes"}, follow=True
        )
    )

    assert "合訂本「北都文集」只收這個主題，所以不能刪除；可把它併入另一主題。" in page
    assert Theme.objects.filter(pk=theme.pk).exists()


def test_a_theme_tells_which_volumes_go_by_it(admin_client):
    theme = make_theme("北都")
    make_volume(theme=theme, title="北都文集")

    page = read(admin_client.get(change(theme)))

    assert "北都文集" in page
    assert "不再需要的話，可以刪除" not in page
