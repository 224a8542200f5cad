"""What is done with a mailing that is open."""

from django.conf import settings
from django.db import models

from subscribers.models.deliveries import Delivery
from subscribers.models.mailings import Mailing
from subscribers.models.states import SteeringAct


class SteeringRecord(models.Model):
    """One thing that was done with a mailing after its opening. Only ever added."""

    mailing = models.ForeignKey(Mailing, on_delete=models.CASCADE, related_name="steering_records")
    act = models.CharField("事項", max_length=20, choices=SteeringAct)
    at = models.DateTimeField("時間")
    # None: the machine, or somebody whose account is gone.
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name="經手人",
    )
    # The one it was done to, if it was one; whose that is, not everybody may know.
    delivery = models.ForeignKey(
        Delivery, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name="投遞"
    )
    note = models.TextField("說明", blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "發送經過"
        default_permissions = ()
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return self.get_act_display()
