from django.conf import settings
from django.db import models
from django.urls import reverse


class Picture(models.Model):
    """An image as it was drawn anew from what an editor handed in: checked, small, without EXIF.

    Known by its contents, so handing in the same twice keeps it once. Where it stands in a text,
    the text has its address, its alternative text and its caption.
    """

    name = models.CharField("檔名", max_length=80, unique=True)  # <SHA-256 of the bytes>.<ending>
    file = models.FileField("檔案", upload_to="pictures/")
    width = models.PositiveIntegerField("闊（像素）")
    height = models.PositiveIntegerField("高（像素）")
    alternative = models.CharField("替代文字", max_length=300, blank=True)
    caption = models.CharField("圖片說明", max_length=300, blank=True)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name="上載者",
    )
    uploaded_at = models.DateTimeField("上載時間", auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = "圖片"
        ordering = ["-uploaded_at", "-pk"]

    def __str__(self) -> str:
        return self.caption or self.alternative or self.name

    def get_absolute_url(self) -> str:
        return reverse("briefings:picture", args=[self.name])
