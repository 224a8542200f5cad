from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class DeskConfig(admin_apps.AdminConfig):
    default = False  # AdminConfig says True; of one module only one may be
    default_site = "cma_site.admin_site.EditorsDesk"


class CMASiteConfig(AppConfig):
    default = True
    name = "cma_site"
    verbose_name = "網站"

    def ready(self) -> None:
        from briefings.hooks import edition_tools, publish_options
        from subscribers.desk import MAIL_PREVIEW, MAILING, SEND_TO_MEMBERS

        edition_tools.extend([MAIL_PREVIEW, MAILING])
        publish_options.append(SEND_TO_MEMBERS)
