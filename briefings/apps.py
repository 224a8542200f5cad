from django.apps import AppConfig


class BriefingsConfig(AppConfig):
    name = "briefings"
    verbose_name = "編務"

    def ready(self) -> None:
        from briefings import checks, history, lookups  # noqa: F401  (they register themselves)
