"""Sheets on their way in: their files, how far they are, the rows that were refused, and remembered headings."""

from __future__ import annotations

from uuid import uuid4

from django.conf import settings
from django.db import models
from django.utils import timezone


class SheetImport(models.Model):
    """One uploaded sheet of one user, kept for a few days so that refused rows can be corrected; and its outcome.

    `done` rows are read or written, and raised in the transaction that writes them: a row of the file counts once,
    however many workers take the sheet up.
    """

    class State(models.TextChoices):
        CHECKING = "checking"
        OPEN = "open"
        IMPORTING = "importing"
        DONE = "done"
        CANCELLED = "cancelled"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=64, help_text="label of the model that the rows become")
    file_name = models.CharField(max_length=255)
    is_large = models.BooleanField(default=False, help_text="checked and imported by the task worker")
    as_new = models.BooleanField(default=False)
    language = models.CharField(max_length=8, default="en")
    columns = models.JSONField(default=dict, help_text="column of each folded heading that was chosen on the page")
    mended = models.JSONField(default=dict, help_text="cells that were mended on the page, by line and column")
    only = models.JSONField(default=list, help_text="the lines to take, of an import that is mended; empty: all")
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    new = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    off_map = models.PositiveIntegerField(default=0)
    failures = models.PositiveSmallIntegerField(default=0, help_text="of the worker, one after the other")
    error = models.CharField(max_length=500, blank=True, default="")
    report = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=["checking", "open", "importing", "done", "cancelled", "failed"]),
                name="sheet_import_state_known",
            )
        ]

    def __str__(self) -> str:
        return f"{self.file_name} ({self.state})"

    @property
    def is_running(self) -> bool:
        """Whether the worker has it, or will."""
        return self.state in (self.State.CHECKING, self.State.IMPORTING)

    @property
    def taken(self) -> int:
        """How many rows became something, or would."""
        return self.new + self.updated


class SheetFile(models.Model):
    """The file of an uploaded sheet, apart from the row that pages ask every second or two."""

    sheet = models.OneToOneField(SheetImport, on_delete=models.CASCADE, primary_key=True, related_name="file")
    content = models.BinaryField()

    def __str__(self) -> str:
        return f"file of {self.sheet_id}"


class SheetRefusal(models.Model):
    """A row of a sheet that was not taken: where it stands, what is written there and what is wrong with it."""

    sheet = models.ForeignKey(SheetImport, on_delete=models.CASCADE, related_name="refusals")
    line = models.PositiveIntegerField()
    place = models.CharField(max_length=100)
    faults = models.JSONField(help_text="list of place, column, what stands there, what is wrong")
    written = models.JSONField(help_text="what stands in the row, by column")

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.place


class SheetHeading(models.Model):
    """What a company means by a heading of its sheets; an empty column means that it is not used."""

    company = models.ForeignKey("accounts.Company", on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=64)
    heading = models.CharField(max_length=200, help_text="folded: without case, accents and marks")
    column = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["company", "kind", "heading"], name="sheet_heading_once")]

    def __str__(self) -> str:
        return f"{self.heading}: {self.column}"
