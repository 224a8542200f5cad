from axes.apps import AppConfig as AxesConfig
from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class DeskConfig(admin_apps.AdminConfig):
    default = False  # AdminConfig says True; of one module only one may be
    default_site = "cma_site.admin_site.EditorsDesk"

    def ready(self) -> None:
        """Devices are set up and forgotten on pages of their own, never edited."""
        super().ready()
        from django.contrib import admin
        from django_otp.plugins.otp_static.models import StaticDevice
        from django_otp.plugins.otp_totp.models import TOTPDevice

        admin.site.unregister([StaticDevice, TOTPDevice])


class LoginsConfig(AxesConfig):
    default = False
    verbose_name = "登入"


class CMASiteConfig(AppConfig):
    default = True
    name = "cma_site"
    verbose_name = "網站"

    def ready(self) -> None:
        from briefings import hooks
        from cma_site.watching.error_reports import start_reporting
        from cma_site.watching.happenings import note_printing
        from subscribers.chosen_themes import MEMBERS
        from subscribers.correction_desk import CORRECTIONS
        from subscribers.desk import ENTRY_AS_MAIL, MAIL_PREVIEW, SEND_TO_MEMBERS
        from subscribers.logins import audience_of
        from subscribers.mailing_page import MAILING, tell_mail
        from subscribers.searches import BY_MAIL
        from subscribers.urls import PAGES

        start_reporting()
        hooks.audience_of = audience_of
        hooks.further_pages.update(PAGES)
        hooks.edition_tools.extend([MAIL_PREVIEW, MAILING, CORRECTIONS])
        hooks.entry_previews.append(ENTRY_AS_MAIL)
        hooks.edition_events.append(tell_mail)
        hooks.publish_options.append(SEND_TO_MEMBERS)
        hooks.theme_choosers.append(MEMBERS)
        hooks.search_followers.append(BY_MAIL)
        hooks.printing_watchers.append(note_printing)
