"""How people head the columns of an order sheet, and what its cells hold."""

from collections.abc import Mapping

from django.conf import settings

from depannini_dashmap.lib.sheets.headings import combined, fold
from depannini_dashmap.lib.sheets.units import DURATIONS, MASSES, VOLUMES, currencies, units
from depannini_dashmap.lib.sheets.values import Kind
from orders.field_names import ENDS, LOCATION, WANTED

_NAMED_ENDS = {
    "pickup": (
        "pickup", "pick up", "collection", "loading", "origin", "from", "sender", "enlevement", "ramassage", "collecte",
        "chargement", "depart", "expediteur", "استلام", "تحميل", "شحن", "انطلاق",
    ),
    "delivery": (
        "delivery", "drop off", "dropoff", "unloading", "destination", "to", "recipient", "livraison", "dechargement",
        "arrivee", "destinataire", "تسليم", "توصيل", "تفريغ", "وصول",
    ),
}  # fmt: skip
_NAMED_PLACES = {
    "name": ("name", "place", "site", "location", "nom", "lieu", "اسم", "مكان", "موقع"),
    "address": ("address", "adresse", "عنوان"),
    "latitude": ("latitude", "lat", "خط عرض", "عرض"),
    "longitude": ("longitude", "lng", "lon", "long", "خط طول", "طول"),
    "contact_name": ("contact name", "contact", "person", "nom contact", "contact nom", "مسؤول", "اسم مسؤول"),
    "contact_phone": (
        "contact phone", "phone", "phone number", "mobile", "tel", "telephone", "telephone contact", "هاتف", "رقم هاتف",
    ),
    "coordinates": (
        "coordinates", "coordonnees", "coordonnees gps", "gps", "gps coordinates", "lat lng", "lat long", "latitude longitude", "lat lon",
        "google maps", "map link", "lien maps", "lien google maps", "احداثيات", "إحداثيات",
    ),
    "windows": ("window", "windows", "time window", "hours", "opening hours", "creneau", "creneaux", "horaire", "horaires", "مواعيد", "ساعات"),
    "service_minutes": ("service minutes", "service time", "duration", "duree", "duree service", "temps service", "مدة"),
    "notes": ("notes", "note", "remarks", "comment", "instructions", "remarque", "remarques", "commentaire", "ملاحظات"),
}  # fmt: skip
OTHER_HEADINGS: Mapping[str, tuple[str, ...]] = {
    "order_number": ("order number", "order no", "numero", "numero commande", "n commande", "رقم طلبية", "رقم طلب"),
    "reference": ("reference", "ref", "your reference", "customer reference", "order reference", "مرجع", "رقم مرجعي"),
    "company": ("company", "carrier", "societe", "entreprise", "transporteur", "شركة"),
    "customer_name": ("customer", "customer name", "client", "client name", "nom client", "زبون", "عميل", "اسم زبون", "اسم عميل"),
    "customer_company": ("customer company", "societe client", "entreprise client", "شركة زبون", "شركة عميل"),
    "customer_email": ("customer email", "email", "e mail", "mail", "courriel", "email client", "e mail client", "بريد الكتروني"),
    "customer_phone": (
        "customer phone", "phone", "phone number", "mobile", "tel", "telephone", "telephone client", "tel client",
        "numero telephone", "هاتف", "رقم هاتف", "هاتف زبون", "هاتف عميل",
    ),
    "goods_description": (
        "goods", "description", "goods description", "item", "items", "product", "contents", "marchandise", "marchandises",
        "designation", "produit", "article", "contenu", "description marchandise", "nature marchandise", "بضاعة", "وصف بضاعة", "سلعة",
    ),
    "goods_weight": ("weight", "weight kg", "goods weight kg", "poids", "poids kg", "poids marchandise", "وزن"),
    "goods_volume": ("volume", "volume m3", "goods volume m3", "حجم"),
    "goods_type": ("goods type", "type", "type marchandise", "نوع بضاعة", "نوع"),
    "priority": ("priority", "priorite", "urgence", "اولوية"),
    "required_skills": ("skills", "required skills", "needs", "competences", "exigences", "equipement", "متطلبات"),
    "special_instructions": ("instructions", "special instructions", "consignes", "instructions speciales", "تعليمات"),
    "price": ("price", "amount", "total", "prix", "montant", "tarif", "prix ttc", "سعر", "ثمن", "مبلغ"),
    "requested_pickup_date": (*combined(_NAMED_ENDS["pickup"], ("date", "date souhaitee", "تاريخ")),),
    "requested_delivery_date": (
        *combined(_NAMED_ENDS["delivery"], ("date", "date souhaitee", "تاريخ")), "date", "due date", "date prevue", "تاريخ",
    ),
    "status": ("status", "statut", "etat", "حالة"),
    **{
        f"{end}_{name}": (*combined(_NAMED_ENDS[end], words), *(_NAMED_ENDS[end] if name == "name" else ()))
        for end in ENDS
        for name, words in _NAMED_PLACES.items()
    },
}  # fmt: skip
_GOODS_TYPES = {
    "standard": "standard normal ordinaire عادي",
    "fragile": "fragile هش",
    "hazmat": "hazmat hazardous dangereux خطر خطير",
    "refrigerated": "refrigerated refrigere frais froid مبرد",
    "oversized": "oversized encombrant volumineux كبير",
}
KINDS: Mapping[str, Kind] = {
    "order_number": Kind("key"),
    "reference": Kind("key"),
    "customer_phone": Kind("phone"),
    "goods_weight": Kind("number", unit="kg", units=units(MASSES)),
    "goods_volume": Kind("number", unit="m3", units=units(VOLUMES)),
    "goods_type": Kind("choice", words=tuple((fold(word), name) for name, words in _GOODS_TYPES.items() for word in words.split())),
    **{name: Kind("date") for name in WANTED},
    **{f"{end}_contact_phone": Kind("phone") for end in ENDS},
    "priority": Kind("number"),
    "price": Kind("number", unit=settings.CURRENCY.lower(), units=units(currencies(settings.CURRENCY))),
    **{f"{end}_service_minutes": Kind("number", unit="min", units=units(DURATIONS)) for end in ENDS},
    **{f"{end}_{name}": Kind("number", places=6, axis=name) for end in ENDS for name in LOCATION},
    **{f"{end}_coordinates": Kind("coordinates", parts=(f"{end}_latitude", f"{end}_longitude")) for end in ENDS},
}
