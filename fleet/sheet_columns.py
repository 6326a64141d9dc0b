"""How people head the columns of a vehicle sheet, and what its cells hold."""

from collections.abc import Mapping

from depannini_dashmap.lib.sheets.units import MASSES, units
from depannini_dashmap.lib.sheets.values import Kind

OTHER_HEADINGS: Mapping[str, tuple[str, ...]] = {
    "company": ("company", "carrier", "societe", "entreprise", "شركة"),
    "license_plate": (
        "plate", "number plate", "registration", "registration number", "licence plate", "plate number", "immatriculation", "matricule",
        "numero immatriculation", "plaque", "plaque immatriculation", "لوحة ترقيم", "رقم تسجيل", "رقم لوحة", "ترقيم",
    ),
    "make": ("make", "brand", "manufacturer", "marque", "ماركة", "علامة", "صانع"),
    "model": ("model", "modele", "طراز", "موديل"),
    "year": ("year", "model year", "annee", "سنة", "سنة صنع"),
    "capacity": ("capacity", "payload", "capacite", "charge utile", "tonnage", "حمولة", "سعة"),
    "driver_name": ("driver", "driver name", "chauffeur", "conducteur", "nom chauffeur", "nom conducteur", "سائق", "اسم سائق"),
    "driver_email": ("driver email", "email", "e mail", "mail", "email chauffeur", "courriel", "بريد الكتروني"),
    "driver_phone": (
        "driver phone", "phone", "mobile", "tel", "telephone", "telephone chauffeur", "tel chauffeur", "هاتف", "هاتف سائق",
    ),
    "is_active": ("active", "in service", "actif", "en service", "نشط", "نشطة"),
}  # fmt: skip
KINDS: Mapping[str, Kind] = {
    "license_plate": Kind("plate"),
    "year": Kind("number"),
    "capacity": Kind("number", unit="t", units=units(MASSES, of="t")),
    "driver_phone": Kind("phone"),
    "is_active": Kind("boolean"),
}
