from django.urls import URLPattern, path, register_converter

from briefings import feeds, previews
from briefings.api import site as api
from briefings.html import PICTURE_NAME
from briefings.views import archive, entries, files, phrases, search
from briefings.views.reading import only_read
from briefings.views.throttling import throttled


class UnicodeSlugConverter:
    """Django's own slug converter knows ASCII only; our addresses are Chinese."""

    regex = r"[-\w]+"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class PictureNameConverter:
    regex = PICTURE_NAME

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class DigestConverter:
    regex = "[0-9a-f]{16}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(UnicodeSlugConverter, "uslug")
register_converter(PictureNameConverter, "picture")
register_converter(DigestConverter, "digest")

app_name = "briefings"
urlpatterns = [
    path("", archive.HomeView.as_view(), name="home"),
    path("editions/", archive.EditionListView.as_view(), name="edition_list"),
    path("editions/<uslug:slug>.pdf", files.edition_pdf, name="edition_pdf"),
    path("volumes/<uslug:slug>.pdf", files.volume_pdf, name="volume_pdf"),
    path("editions/<uslug:slug>/", archive.EditionDetailView.as_view(), name="edition_detail"),
    path("entries/<uslug:slug>/", entries.EntryDetailView.as_view(), name="entry_detail"),
    path("entries/<uslug:slug>.bib", entries.BibTeXView.as_view(), name="entry_bibtex"),
    path("entries/<uslug:slug>.ris", entries.RISView.as_view(), name="entry_ris"),
    path(
        "entries/<uslug:slug>/card-<digest:digest>.png",
        entries.CardView.as_view(),
        name="entry_card",
    ),
    path("card-<digest:digest>.png", files.general_card, name="general_card"),
    path("e/<int:number>", entries.ShortAddressView.as_view(), name="entry_short"),
    path("e/<int:number>/v<int:version>", entries.VersionView.as_view(), name="entry_version"),
    path("themes/", archive.ThemeListView.as_view(), name="theme_list"),
    path("themes/<uslug:slug>/", archive.ThemeDetailView.as_view(), name="theme_detail"),
    path("pictures/<picture:name>", files.picture, name="picture"),
    path("preview/<str:token>/", previews.shared_draft, name="shared_draft"),
    path("search/", search.SearchView.as_view(), name="search"),
    path("phrases/", phrases.PhraseView.as_view(), name="phrases"),
    path("phrases.csv", phrases.phrase_counts, name="phrase_counts"),
    path("about/", archive.AboutView.as_view(), name="about"),
    path("privacy/", archive.PrivacyView.as_view(), name="privacy"),
    path("api/", api.GuideView.as_view(), name="api_guide"),
    path("api/v1/", api.list_addresses()),
    path("feeds/atom/", feeds.AtomFeed(), name="feed_atom"),
    path("feeds/rss/", feeds.RSSFeed(), name="feed_rss"),
    path("feeds/json/", feeds.json_feed, name="feed_json"),
    path("feeds/search/atom/", feeds.SearchAtomFeed(), name="search_feed_atom"),
    path("feeds/search/rss/", feeds.SearchRSSFeed(), name="search_feed_rss"),
    path("feeds/search/json/", feeds.search_json_feed, name="search_feed_json"),
    path("feeds/themes/<uslug:slug>/atom/", feeds.ThemeAtomFeed(), name="theme_feed_atom"),
    path("feeds/themes/<uslug:slug>/rss/", feeds.ThemeRSSFeed(), name="theme_feed_rss"),
    path("feeds/themes/<uslug:slug>/json/", feeds.theme_json_feed, name="theme_feed_json"),
]
COSTLY = {
    *("search", "search_feed_atom", "search_feed_rss", "search_feed_json"),
    *("phrases", "phrase_counts", "volume_pdf", "entry_card"),
}
for pattern in urlpatterns:
    if isinstance(pattern, URLPattern):  # the API refuses in its own way
        if pattern.name in COSTLY:
            pattern.callback = throttled(pattern.callback)
        pattern.callback = only_read(pattern.callback)
