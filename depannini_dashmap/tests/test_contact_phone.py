"""Phones of companies, drivers, stops and customers: one rule at every entry point."""

import pytest
from django.test import Client

from accounts.models import Company
from depannini_dashmap.lib.text import plain_phone
from fleet.models import Vehicle
from fleet.tests.sheets import confirm, upload
from orders.models import Order

pytestmark = pytest.mark.django_db
VEHICLE = {"license_plate": "A-1", "make": "Ford", "model": "Transit", "year": 2020, "capacity": "2.5"}
ORDER = {"customer_name": "Jane", "goods_description": "Glass"}
STOP = {"name": "Depot", "address": "1 Rue Didouche"}
FOUNDER = {
    "username": "founder", "password": "tow-me-home-42", "email": "founder@example.com", "first_name": "F", "last_name": "G",
    "company_name": "F & G", "company_address": "Alger",
}  # fmt: skip
BAD = ["<script>", "0555; DROP", "0555\n44", "0555/44", "1" * 21, "☎ 0555", "=0555", 1.5, True, ["0555"]]
# Requests, and the field that the refusal names.
DOORS = {
    "a new company": ("post", "/api/companies/", lambda phone: {"name": "X", "phone": phone}, "phone"),
    "a company": ("put", "/api/companies/{company}/", lambda phone: {"phone": phone}, "phone"),
    "the settings form": ("put", "/api/auth/company/", lambda phone: {"company_phone": phone}, "company_phone"),
    "a vehicle": ("post", "/api/vehicles/", lambda phone: {**VEHICLE, "driver_phone": phone}, "driver_phone"),
    "an order": ("post", "/api/orders/", lambda phone: {**ORDER, "customer_phone": phone}, "customer_phone"),
    "a stop": (
        "post", "/api/orders/", lambda phone: {**ORDER, "pickup_stop": {**STOP, "contact_phone": phone}}, "pickup_stop.contact_phone",
    ),
}  # fmt: skip


@pytest.mark.parametrize("phone", BAD, ids=repr)
@pytest.mark.parametrize("door", DOORS)
def test_what_is_no_phone_is_refused(api, dispatcher, company_a, door, phone):
    method, path, body, field = DOORS[door]
    answer = getattr(api(dispatcher), method)(path.format(company=company_a.pk), body(phone))
    assert (answer.status_code, list(answer.json()["fields"])) == (400, [field]), answer.content


@pytest.mark.parametrize("phone", BAD, ids=repr)
def test_a_registration_refuses_it_too(api, phone):
    answer = api().post("/api/auth/register/", {**FOUNDER, "company_phone": phone})
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["company_phone"])
    assert not Company.objects.exists()


@pytest.mark.parametrize("phone", ["+213 (0)21-23.45 x12", "021 23 45 67", "", "0800 TOW-ME"])
def test_what_people_write_is_kept(api, dispatcher, company_a, phone):
    assert api(dispatcher).put(f"/api/companies/{company_a.pk}/", {"phone": phone}).json()["phone"] == phone


@pytest.mark.parametrize("phone", ["٠٢١ ٢٣ ٤٥", "０２１\u3000２３\u00a0４５", "\u200e021 23 45\u200f", " 021 23 45 "])
def test_every_keyboard_writes_the_same_number(api, dispatcher, company_a, phone):
    assert plain_phone(phone) == "021 23 45"
    client = api(dispatcher)
    assert client.put(f"/api/companies/{company_a.pk}/", {"phone": phone}).json()["phone"] == "021 23 45"
    assert client.post("/api/vehicles/", {**VEHICLE, "driver_phone": phone}).json()["driver_phone"] == "021 23 45"
    stop = client.post("/api/orders/", {**ORDER, "pickup_stop": {**STOP, "contact_phone": phone}}).json()["pickup_stop"]
    assert stop["contact_phone"] == "021 23 45"


def browser_of(user):
    browser = Client()
    browser.force_login(user)
    return browser


def test_the_admins_forms(dispatcher, company_a):
    browser = browser_of(dispatcher)
    company = f"/admin/accounts/company/{company_a.pk}/change/"
    vehicle = {**VEHICLE, "company": company_a.pk, "driver_name": "", "driver_email": "", "is_active": "on"}
    order = {**ORDER, "company": company_a.pk, "goods_type": "standard"}
    for phone in ("<script>", "0555/44"):
        assert browser.post(company, {"name": "X", "phone": phone}).status_code == 200
        assert browser.post("/admin/fleet/vehicle/add/", {**vehicle, "driver_phone": phone}).status_code == 200
        stop = {"pickup_name": "A", "pickup_address": "B", "pickup_contact_phone": phone}
        assert browser.post("/admin/orders/order/add/", {**order, **stop}).status_code == 200
        assert browser.post("/admin/orders/order/add/", {**order, "customer_phone": phone}).status_code == 200
    place = {"pickup_name": "A", "pickup_address": "B", "pickup_latitude": "91", "pickup_longitude": "3"}
    assert browser.post("/admin/orders/order/add/", {**order, **place}).status_code == 200
    company_a.refresh_from_db()
    assert (company_a.phone, Vehicle.objects.count(), Order.objects.count()) == ("", 0, 0)
    assert browser.post(company, {"name": "X", "phone": "٠٢١ ٢٣"}).status_code == 302
    assert browser.post("/admin/fleet/vehicle/add/", {**vehicle, "driver_phone": "٠٢١ ٢٣"}).status_code == 302
    company_a.refresh_from_db()
    assert company_a.phone == Vehicle.objects.get().driver_phone == "021 23"


def test_imports(dispatcher):
    browser, head = browser_of(dispatcher), ",".join([*VEHICLE, "driver_phone"])
    row = ",".join(str(value) for value in VEHICLE.values())
    assert "Use digits" in upload(browser, f"{head}\n{row},<script>\n").content.decode()
    confirm(browser, upload(browser, f"{head}\n{row},٠٢١ ٢٣\n"))
    assert Vehicle.objects.get().driver_phone == "021 23"
