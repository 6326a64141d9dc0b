"""One way to write numbers in each language, on pages and paper, by templates, Python and scripts alike."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.admin import site
from django.db.models import DecimalField
from django.template import Context, Template
from django.test import Client
from django.utils import timezone, translation

from assistance.models import Assistance, Tariff
from assistance.receipt_paper import amount, price_facts, vat_fact
from depannini_dashmap.lib.labels import joined_names, listed, listed_lazily
from depannini_dashmap.lib.numbers import written, written_lazy

ROOT = Path(settings.BASE_DIR)
NUMBERS = {
    "price", "total_price", "amount", "paid", "due", "worth", "base", "per_km", "top_up", "distance", "distance_km", "radius_km", "km", "kilometres",
    "goods_weight", "load_kg", "vat", "on_account", "credit", "taken", "handed_in", "in_hand",
}  # fmt: skip
NARROW = "\u202f"
# What is no number: a field, a time.
WORDS = {"form.amount", "line.due"}


@pytest.mark.parametrize(
    ("language", "money", "way"),
    [("en", "1,234,567.50", "12.3"), ("fr", f"1{NARROW}234{NARROW}567,50", "12,3"), ("ar", f"1{NARROW}234{NARROW}567,50", "12,3")],
)
def test_each_language_has_one_way(language, money, way):
    later = written_lazy(1234567.5)
    with translation.override(language):
        assert (written(1234567.5), str(later), written(12.345, 1)) == (money, money, way)
        assert translation.get_language() == language and amount(1234567.5, "DZD") == f"{money} DZD"
        assert vat_fact(9.50, 95, "DZD")[1].startswith("9.5 %" if language == "en" else "9,5 %")


@pytest.mark.parametrize("path", sorted((ROOT / "templates").rglob("*.html")), ids=lambda path: path.stem)
def test_a_template_writes_amounts_and_kilometres_with_their_groups(path):
    text = re.sub(r'(?:value|href|data-[\w-]+)="[^"]*"', "", path.read_text(encoding="utf-8"))
    bare = []
    for variable, filters in re.findall(r"\{\{\s*([\w.]+)((?:\|[^}]*?)?)\s*\}\}", text):
        name = variable.rpartition(".")[2]
        is_number = name in NUMBERS and ("." in variable or name in {"distance_km", "load_kg", "kilometres"})
        if is_number and "g\"" not in filters and variable not in WORDS:
            bare.append(variable + filters)
    assert not bare


def test_scripts_write_numbers_by_one_function():
    for path in sorted((ROOT / "static" / "console").glob("*.js")):
        if path.name != "writing.js":
            assert "toLocaleString" not in path.read_text(encoding="utf-8") and not re.search(r"\bkm`", path.read_text(encoding="utf-8")), path.name


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["fr", "ar"])
def test_no_page_of_a_job_mixes_points_and_commas(language, client_user, assistant_user, staff_user, api):
    pickup, dropoff = {"lat": 36.75, "lng": 3.05}, {"lat": 36.60, "lng": 3.05}
    job = api(client_user).post("/api/assistance/request/", {"pickup": pickup, "dropoff": dropoff}).json()["assistance"]
    now = timezone.now()
    Assistance.objects.filter(pk=job["id"]).update(status="completed", assistant=assistant_user, accepted_at=now, started_at=now, ended_at=now)
    desk = Client()
    desk.force_login(staff_user, backend="django.contrib.auth.backends.ModelBackend")
    desk.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    here = f"/admin/dispatch/requests/{job['id']}/"
    first = desk.get(f"{here}payments/").content.decode()
    assert f'value="{written_in(language, job["total_price"], groups=False)}"' in first
    tariff = desk.get("/admin/dispatch/tariffs/example/?base=1500&per_km=50.5&minimum=0&currency=DZD").json()["rows"]
    assert tariff[1]["price"] == f"1{NARROW}752,50 DZD" and (tariff[1]["way"] == "5 km") == (language == "fr")
    for path in (here, f"{here}price/", f"{here}payments/", "/admin/assistance/assistance/", "/admin/dispatch/report/", "/admin/dispatch/unpaid/"):
        page = desk.get(path)
        text = re.sub(r"<script.*?</script>|<[^>]+>|[-\d.]+, [-\d.]+", " ", page.content.decode(), flags=re.S)
        assert page.status_code == 200 and not re.search(r"\d\.\d{2}\b", text), (path, re.search(r".{30}\d\.\d{2}\b.{9}", text))
    with translation.override(language):
        for _label, value in price_facts(Assistance.objects.get(pk=job["id"])):
            assert "." not in value


def written_in(language, number, *, groups):
    with translation.override(language):
        return written(number) if groups else written(number).replace(NARROW, "")


# --- The comma in a list -----------------------------------------------------------------------------------------------------------
def test_a_list_has_the_comma_of_its_reader():
    later = listed_lazily(["a", 2])
    for language, expected in (("en", "a, 2"), ("fr", "a, 2"), ("ar", "a، 2")):
        with translation.override(language):
            assert listed(["a", 2]) == str(later) == expected
            assert Template("{% load console %}{{ parts|listed }}").render(Context({"parts": ["a", 2]})) == expected


def test_names_of_places_have_the_comma_of_their_script():
    assert joined_names(["Rue Didouche", "", "Alger"]) == "Rue Didouche, Alger" and joined_names(["شارع ديدوش", "الجزائر"]) == "شارع ديدوش، الجزائر"


@pytest.mark.parametrize("path", sorted([*(ROOT / "templates").rglob("*.html"), *(ROOT / "templates").rglob("*.txt")]), ids=lambda path: path.name)
def test_a_template_says_the_comma_between_two_values_by_its_word(path):
    text = re.sub(r"\{% blocktranslate.*?endblocktranslate %\}", "", path.read_text(encoding="utf-8"), flags=re.S)
    assert not re.search(r"(?:\}\}|</bdi>|%\}), (?:<bdi|\{[{%])|join:\", \"", text)


# --- Lists of rows -------------------------------------------------------------------------------------------------------------------
def test_no_list_leaves_its_amounts_to_django_which_writes_no_groups():
    for model_admin in site._registry.values():
        amounts = {field.name for field in model_admin.opts.fields if isinstance(field, DecimalField)}
        plain = {name for name in model_admin.list_display if isinstance(name, str) and not hasattr(model_admin, name)}
        assert not amounts & plain, model_admin


@pytest.mark.django_db
@pytest.mark.parametrize(("language", "base"), [("en", "12,500.00"), ("fr", f"12{NARROW}500,00"), ("ar", f"12{NARROW}500,00")])
def test_the_list_of_tariffs_has_groups_and_sorts_by_amounts(language, base, staff_user):
    for minutes, price in enumerate(("12500", "900")):
        Tariff.objects.create(
            assistance_type="towing", vehicle_class="light", base=price, per_km=1, valid_from=timezone.now() + timedelta(minutes=minutes)
        )
    desk = Client()
    desk.force_login(staff_user, backend="django.contrib.auth.backends.ModelBackend")
    desk.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    first = desk.get("/admin/assistance/tariff/?o=3").content.decode()
    assert f'<td class="field-base">{base}</td>' in first
    assert first.index("900") < first.index(base)
