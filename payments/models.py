"""Payments, the counters of their receipts, and cash handed in: rows that are written once and never changed.

A payment is for one job or one order. Corrections are further rows. No row ever holds data of a card.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from payments.managers import CashHandInQuerySet, PaymentQuerySet

LONGEST_NOTE = 200
ROADSIDE = 0  # the series of receipts of jobs, which belong to no company


class ReceiptCounter(models.Model):
    """The last receipt number of a series and year; its row is locked until the payment is written, so no number is lost."""

    series = models.PositiveBigIntegerField(help_text="the id of a company; 0: jobs")
    year = models.PositiveSmallIntegerField()
    last = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["series", "year"], name="receipt_counter_once")]

    def __str__(self) -> str:
        return f"{self.series}, {self.year}: {self.last}"


class Payment(models.Model):
    """Money for a job or an order, or what takes such a row back; `account` is a promise: the amount is still owed."""

    class Method(models.TextChoices):
        CASH = "cash", _("Cash")
        CARD = "card", _("Card")
        TRANSFER = "transfer", _("Transfer")
        ACCOUNT = "account", _("On account")

    company = models.ForeignKey(
        "accounts.Company", on_delete=models.PROTECT, null=True, blank=True, related_name="payments", verbose_name=_("company")
    )
    order = models.ForeignKey("orders.Order", on_delete=models.PROTECT, null=True, blank=True, related_name="payments", verbose_name=_("order"))
    assistance = models.ForeignKey(
        "assistance.Assistance", on_delete=models.PROTECT, null=True, blank=True, related_name="payments", verbose_name=_("assistance request")
    )
    year = models.PositiveSmallIntegerField(_("year"))
    number = models.PositiveIntegerField(_("number"))
    amount = models.DecimalField(_("amount"), max_digits=12, decimal_places=2, help_text=_("below zero: a payment taken back"))
    currency = models.CharField(_("currency"), max_length=3)
    method = models.CharField(_("method"), max_length=8, choices=Method.choices)
    taken_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("taken by"))
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("recorded by"))
    note = models.CharField(_("note"), max_length=LONGEST_NOTE, blank=True, default="")
    reverses = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="reversed_by", verbose_name=_("takes back")
    )
    form_key = models.UUIDField(null=True, blank=True, editable=False, help_text="of the page that sent it: sent again, it is the same payment")
    created_at = models.DateTimeField(_("created at"), default=timezone.now)

    objects = PaymentQuerySet.as_manager()

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["company", "-created_at", "-id"], name="payment_by_company"),
            models.Index(fields=["-created_at", "-id"], name="payment_newest"),
            models.Index(fields=["taken_by"], condition=Q(method="cash"), name="payment_cash_of"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["company", "year", "number"], condition=Q(company__isnull=False), name="payment_number_of_company"
            ),
            models.UniqueConstraint(fields=["year", "number"], condition=Q(company__isnull=True), name="payment_number_of_jobs"),
            models.CheckConstraint(
                condition=Q(order__isnull=False, assistance__isnull=True, company__isnull=False)
                | Q(order__isnull=True, assistance__isnull=False, company__isnull=True),
                name="payment_for_one_thing",
            ),
            models.CheckConstraint(
                condition=Q(amount__gt=0, reverses__isnull=True) | Q(amount__lt=0, reverses__isnull=False),
                name="payment_taken_back_is_negative",
            ),
            models.UniqueConstraint(fields=["recorded_by", "form_key"], condition=Q(form_key__isnull=False), name="payment_form_once"),
            models.CheckConstraint(condition=Q(method__in=["cash", "card", "transfer", "account"]), name="payment_method_known"),
        ]

    def __str__(self) -> str:
        return gettext("receipt %(number)s") % {"number": self.receipt_number}

    @property
    def receipt_number(self) -> str:
        """The number as people write it: `R-2026-0001`; it is unique in a company, and among those of jobs."""
        return receipt_number(self.year, self.number)


class CashHandIn(models.Model):
    """Cash that an assistant gave to the office, or what takes such a row back."""

    assistant = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="cash_handed_in", verbose_name=_("assistant"))
    amount = models.DecimalField(_("amount"), max_digits=12, decimal_places=2)
    currency = models.CharField(_("currency"), max_length=3)
    received_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("received by"))
    note = models.CharField(_("note"), max_length=LONGEST_NOTE, blank=True, default="")
    reverses = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="reversed_by", verbose_name=_("takes back")
    )
    form_key = models.UUIDField(null=True, blank=True, editable=False, help_text="of the page that sent it: sent again, it is the same row")
    created_at = models.DateTimeField(_("created at"), default=timezone.now)

    objects = CashHandInQuerySet.as_manager()

    class Meta:
        verbose_name = _("cash handed in")
        verbose_name_plural = _("cash handed in")
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["-created_at", "-id"], name="hand_in_newest")]
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__gt=0, reverses__isnull=True) | Q(amount__lt=0, reverses__isnull=False),
                name="hand_in_taken_back_is_negative",
            ),
            models.UniqueConstraint(fields=["received_by", "form_key"], condition=Q(form_key__isnull=False), name="hand_in_form_once"),
        ]

    def __str__(self) -> str:
        return gettext("cash of %(name)s") % {"name": self.assistant_id}


class CashCount(models.Model):
    """What somebody had taken in cash and handed in up to a row of each table: the same two rows for everybody.

    Rows of payments and of cash handed in never change, so a count stays true; what they hold now is the count and the
    rows since.
    """

    holder = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    currency = models.CharField(max_length=3)
    taken = models.DecimalField(max_digits=16, decimal_places=2, default=0)
    handed_in = models.DecimalField(max_digits=16, decimal_places=2, default=0)
    last_payment = models.BigIntegerField(default=0)
    last_hand_in = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["holder", "currency"], name="cash_count_once")]

    def __str__(self) -> str:
        return f"{self.holder_id}: {self.taken - self.handed_in} {self.currency}"


def receipt_number(year: int, number: int) -> str:
    """Return `R-2026-0001`; beyond 9999 the number simply grows longer."""
    return f"R-{year}-{number:04d}"
