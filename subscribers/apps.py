from django.apps import AppConfig


class SubscribersConfig(AppConfig):
    name = "subscribers"
    verbose_name = "會員與發送"

    def ready(self) -> None:
        from subscribers import checks  # noqa: F401  (registers it)
