from archive.models import RECENT_EDITIONS, list_editions, list_themes
from wagtail.models import Page


class HomePage(Page):
    @property
    def editions(self):
        return list_editions()[: RECENT_EDITIONS + 1]

    @property
    def themes(self):
        return list_themes()
