"""What members agreed to, when and how, and when they no longer did.

UEMO (Cap. 593A) has each unsubscribing kept for three years; PDPO part 6A has consent shown.
"""

from datetime import datetime
from typing import Any, NoReturn, Self

from django.conf import settings
from django.db import models
from django.utils import timezone


class ConsentAct(models.TextChoices):
    ASKED = "asked", "要求訂閱"  # by anybody, of any address
    GIVEN = "given", "確認同意"
    WITHDRAWN = "withdrawn", "取消訂閱"
    MOVED = "moved", "更改電郵"
    ERASED = "erased", "刪除資料"


class ConsentWay(models.TextChoices):
    PAGE = "page", "網站表格"
    LINK = "link", "郵件中的連結"
    ONE_CLICK = "one_click", "郵件程式的一鍵退訂"
    DESK = "desk", "編輯台"
    LIST = "list", "匯入名單"
    RETENTION = "retention", "保存期滿"
    COMPLAINT = "complaint", "向郵件服務商投訴"
    SERVICE = "service", "向郵件服務商退訂"


class RecordsStand(Exception):
    """Consent was recorded, and nobody changes what was."""


class ConsentWording(models.Model):
    """What people are asked to agree to, by the number of the version."""

    text = models.TextField("同意聲明", unique=True)
    first_used_at = models.DateTimeField("首次使用")

    class Meta:
        verbose_name = verbose_name_plural = "同意聲明"
        default_permissions = ()

    def __str__(self) -> str:
        return f"第{self.pk}版"

    @classmethod
    def keep(cls, text: str, now: datetime) -> "ConsentWording | None":
        """The version with this text, a new one if there is none; None of no text."""
        if not text:
            return None
        wording, _ = cls.objects.get_or_create(text=text, defaults={"first_used_at": now})
        return wording


class ConsentRecordQuerySet(models.QuerySet["ConsentRecord"]):
    def asked_since(self, moment: datetime) -> Self:
        return self.filter(act=ConsentAct.ASKED, happened_at__gt=moment)

    def forget(self, before: datetime) -> None:
        """Of nobody who is a member now, what happened before."""
        super().filter(member=None, happened_at__lte=before)._raw_delete(self.db)

    def forget_of(self, member: models.Model) -> None:
        """Of who never confirmed."""
        super().filter(member=member)._raw_delete(self.db)

    def update(self, **_: Any) -> NoReturn:
        raise RecordsStand

    def delete(self) -> NoReturn:
        raise RecordsStand


class ConsentRecord(models.Model):
    """One act of one member, as it happened; it outlives the member."""

    member = models.ForeignKey(
        "subscribers.Member",
        on_delete=models.SET_NULL,
        null=True,
        related_name="consent_records",
        verbose_name="會員",
    )
    email = models.EmailField("電郵")  # as it was
    act = models.CharField("事項", max_length=20, choices=ConsentAct)
    way = models.CharField("途徑", max_length=20, choices=ConsentWay)
    wording = models.ForeignKey(
        ConsentWording, on_delete=models.PROTECT, null=True, verbose_name="同意聲明"
    )
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name="經手人",
    )
    happened_at = models.DateTimeField("時間", default=timezone.now)

    objects = ConsentRecordQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "同意紀錄"
        default_permissions = ()  # who may see members may see theirs
        ordering = ["happened_at", "pk"]
        indexes = [models.Index(fields=["member", "act", "happened_at"], name="consent_by_member")]

    def __str__(self) -> str:
        return f"{self.get_act_display()}（{self.get_way_display()}）"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise RecordsStand
        super().save(*args, **kwargs)

    def delete(self, *_: Any, **__: Any) -> NoReturn:
        raise RecordsStand
