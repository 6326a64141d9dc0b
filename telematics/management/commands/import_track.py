"""`manage.py import_track FILE --vehicle PLATE`: bring an old track (GPX, KML, CSV) into a vehicle's history."""

from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import override

from fleet.models import Vehicle
from telematics.device_readings import Refusal, read_report
from telematics.models import Position
from telematics.protocols import MAX_BATCH
from telematics.readings import Reading
from telematics.services.positions import record_fixes
from telematics.track_files import Entry, UnreadableTrack, read_track
from telematics.vehicle_lookup import tracked, tracked_vehicles

NO_TIME = "has no time"
SHOWN = 20


class Command(BaseCommand):
    """Stores new fixes; a track imported twice changes nothing. Skipped fixes are reported."""

    help = "Bring an old track (GPX, KML or CSV) into a vehicle's history."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the file and whose track it is."""
        parser.add_argument("file", type=Path)
        parser.add_argument("--vehicle", required=True, help="license plate, or id as #7")
        parser.add_argument("--company", help="name or id, where two companies have that plate")
        parser.add_argument("--dry-run", action="store_true", help="read and report, store nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Read, store in parts, report."""
        vehicle_id = self._vehicle(options["vehicle"], options["company"])
        try:
            entries = read_track(options["file"].name, options["file"].read_bytes())
        except OSError as error:
            raise CommandError(f"{options['file']}: {error.strerror}") from error
        except UnreadableTrack as error:
            raise CommandError(str(error)) from error
        with override("en"):
            readings, left_out = self._read(entries, vehicle_id)
        stored = 0 if options["dry_run"] else self._store(vehicle_id, readings)
        for line in left_out[:SHOWN]:
            self.stderr.write(line)
        if len(left_out) > SHOWN:
            self.stderr.write(f"... and {len(left_out) - SHOWN} more")
        said = "would be looked at" if options["dry_run"] else f"read, {stored} of them new"
        self.stdout.write(f"{len(readings)} points {said}, {len(left_out)} left out")

    def _vehicle(self, wanted: str, company: str | None) -> int:
        vehicles = Vehicle.objects.alive()
        vehicles = vehicles.filter(pk=wanted[1:]) if wanted[:1] == "#" and wanted[1:].isdecimal() else vehicles.filter(license_plate__iexact=wanted)
        if company:
            vehicles = vehicles.filter(company_id=company) if company.isdecimal() else vehicles.filter(company__name__iexact=company)
        found = list(vehicles.select_related("company")[:10])
        if not found:
            raise CommandError(f"No vehicle has the plate {wanted}.")
        if len(found) > 1:
            names = ", ".join(f"#{one.pk} of {one.company.name}" for one in found)
            raise CommandError(f"More than one vehicle has the plate {wanted}: {names}. Name one by --vehicle '#id'.")
        return found[0].pk

    def _read(self, entries: list[Entry], vehicle_id: int) -> tuple[list[Reading], list[str]]:
        now, readings, left_out, dropped = timezone.now(), [], [], Counter[str]()
        for place, report in entries:
            if report is None:
                left_out.append(f"{place}: {NO_TIME}")
                continue
            found = read_report(report, vehicle_id=vehicle_id, speed_unit=report.speed_unit, now=now)
            dropped.update(found.dropped)
            if found.reading is None:
                reason = Refusal(found.refusal).label
                left_out.append(f"{place}: {reason}{f' ({found.detail})' if found.detail else ''}")
            else:
                readings.append(found.reading)
        for name, count in dropped.most_common():
            self.stderr.write(f"{name}: {count} values of no use left out")
        return readings, left_out

    def _store(self, vehicle_id: int, readings: list[Reading]) -> int:
        rows = Position.objects.filter(vehicle_id=vehicle_id)
        before, now = rows.count(), timezone.now()
        ordered = sorted(readings, key=lambda one: one.timestamp)
        for start in range(0, len(ordered), MAX_BATCH):
            vehicles = tracked_vehicles(tracked(Vehicle.objects.alive().filter(pk=vehicle_id)))
            record_fixes(actor=None, vehicles=vehicles, readings=ordered[start : start + MAX_BATCH], now=now)
        return rows.count() - before
