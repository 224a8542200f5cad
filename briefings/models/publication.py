from typing import Any

from django.db import models
from django.db.models import Q

from briefings.fields import HTMLField
from briefings.models.pictures import Picture


class Publication(models.Model):
    """What the whole publication is called and says of itself; one row."""

    name = models.CharField("刊名", max_length=60, default="政策短評")
    english_name = models.CharField("英文刊名", max_length=100, blank=True)
    tagline = models.CharField("簡介", max_length=120, blank=True)
    organisation = models.CharField("機構", max_length=60, default="香港中華廠商聯合會")
    department = models.CharField("部門", max_length=60, default="政策研究部")
    address = models.CharField("通訊地址", max_length=200, blank=True)
    sender_email = models.EmailField("寄件電郵", default="research@cma.org.hk")
    reply_to = models.EmailField("回覆電郵", blank=True)
    sender_name = models.CharField(
        "寄件人名稱", max_length=60, blank=True, help_text="留空即用刊名。"
    )
    logo = models.ForeignKey(
        Picture,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="標誌",
    )
    about = HTMLField("關於我們", blank=True)
    english_about = HTMLField("關於我們（英文）", blank=True)
    privacy = HTMLField("私隱政策", blank=True)
    english_privacy = HTMLField("私隱政策（英文）", blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "刊物資料"

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.pk = 1
        super().save(*args, **kwargs)

    @classmethod
    def load(cls) -> "Publication":
        """The publication; with nothing stored yet, one with the default names."""
        return cls.objects.select_related("logo").filter(pk=1).first() or cls(pk=1)

    @property
    def sender(self) -> str:
        """Who mail is from, in words."""
        return self.sender_name or self.name


class Imprint(models.Model):
    """The department's footer, in the wording for members and in the one for the public."""

    name = models.CharField(
        "名稱", max_length=60, unique=True, help_text="只供編輯辨認，不會印出。"
    )
    internal_notice = models.TextField("說明（內部）", help_text="只供會員閱讀的期數和草稿使用。")
    public_notice = models.TextField("說明（公開）", help_text="公開的期數使用。")
    telephone = models.CharField("電話", max_length=30)
    fax = models.CharField("傳真", max_length=30, blank=True)
    email = models.EmailField("電郵")
    is_default = models.BooleanField("預設", default=False, help_text="新一期自動採用。")

    class Meta:
        verbose_name = verbose_name_plural = "頁尾資料"
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"],
                condition=Q(is_default=True),
                name="one_default_imprint",
                violation_error_message="已有另一份預設的頁尾資料，請先取消它。",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def default(cls) -> "Imprint":
        return cls.objects.get(is_default=True)
