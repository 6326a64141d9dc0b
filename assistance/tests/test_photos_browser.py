"""Photos of a request in Chromium: made small on the phone, sent with the ask, by the motorist's page, and without reception on the duty page."""

import io
from typing import Any

import pytest
from django.core.files.storage import default_storage
from PIL import Image

from assistance import services
from assistance.models import Assistance, AssistantProfile, RequestPhoto
from assistance.tests.test_duty_browser import WAITING, Phone, phone, with_job
from depannini_dashmap.tests.test_console_browser import _faults_of, browser, pytestmark
from depannini_dashmap.tests.test_help_browser import HERE, PHONE
from testing.fixtures import server, session_server
from testing.servers import Server
from testing.waiting import wait_until

__all__ = ["browser", "phone", "pytestmark", "server", "session_server"]


def large(number: int = 1) -> dict[str, Any]:
    out = io.BytesIO()
    Image.effect_noise((3000, 2000), 90 + number).save(out, "JPEG", quality=95)
    return {"name": f"{number}.jpg", "mimeType": "image/jpeg", "buffer": out.getvalue()}


def kept(page: Any, number: int) -> None:
    wait_until(lambda: page.wait_for_timeout(100) or RequestPhoto.objects.count() == number, f"{number} photos are there")


@pytest.mark.parametrize("language", ["en", "ar"])
def test_a_motorist_adds_photos_with_the_ask_and_later(server: Server, browser: Any, assistant_user: Any, language: str) -> None:
    AssistantProfile.objects.filter(pk=assistant_user.pk).update(is_active=True)
    page = browser.new_context(viewport=PHONE, geolocation=HERE, permissions=["geolocation"], locale=language).new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(server.url + "/help/")
    page.fill("#pickup", "36.7525, 3.0420")
    page.fill("#phone", "0661 23 45 67")
    page.click("button[value=price]")
    files = [large(number) for number in (1, 2)]
    page.set_input_files("#photos", files)
    assert _faults_of(page, f"price in {language}") == []
    with page.expect_request(lambda request: request.method == "POST") as sent:
        page.click("button[value=ask]")  # which waits for the smaller ones
    assert int(sent.value.all_headers()["content-length"]) < sum(len(one["buffer"]) for one in files) / 2
    page.wait_for_selector("[data-region=photos] img")
    kept(page, 2)
    wait_until(lambda: page.wait_for_timeout(100) or page.evaluate("[...document.querySelectorAll('.photos img')].every((one) => one.naturalWidth)"), "they are shown")
    page.set_input_files("#photos", {"name": "x.heic", "mimeType": "image/heic", "buffer": b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"})
    page.click("#add-photos button")
    page.wait_for_selector("#refused:visible:has-text('HEIC')")
    page.set_input_files("#photos", large(3))
    assert _faults_of(page, f"photos in {language}") == []
    page.click("#add-photos button")
    kept(page, 3)
    page.wait_for_selector("#add-photos", state="hidden")
    page.wait_for_selector(".photos li:nth-child(3)")
    assert page.locator("#refused").is_hidden() and faults == []
    services.accept(actor=assistant_user, assistance_id=Assistance.objects.get().pk)
    page.wait_for_selector(".card.who")
    assert page.locator(".photos img").count() == 3


def test_an_assistant_takes_a_photo_without_reception(server: Server, phone: Any, assistant_user: Any, client_user: Any) -> None:
    one: Phone = phone(server.url)
    job = with_job(server, one, assistant_user, client_user)
    name = default_storage.save("requests/browser.jpg", io.BytesIO(large()["buffer"]))
    RequestPhoto.objects.create(assistance=job, sender=client_user, role="client", number=1, photo=name, at=job.created_at)
    one.page.reload()
    one.page.wait_for_selector(".photos img")
    one.kept()
    one.context.set_offline(True)
    one.page.set_input_files("[name=photos]", large(2))
    one.press("photo")
    one.page.wait_for_selector(WAITING)
    one.context.set_offline(False)
    kept(one.page, 2)
    one.page.wait_for_selector(".photos li:nth-child(2)")
    assert _faults_of(one.page, "photos of a job") == []
    row = RequestPhoto.objects.get(role="assistant")
    assert row.sender_id == assistant_user.pk
    default_storage.delete(name)


def test_a_chosen_photo_outlasts_a_page_that_renews_itself(server: Server, phone: Any, assistant_user: Any, client_user: Any) -> None:
    one: Phone = phone(server.url)
    job = with_job(server, one, assistant_user, client_user)
    one.page.set_input_files("[name=photos]", large())
    RequestPhoto.objects.create(assistance=job, sender=client_user, role="client", number=1, photo="requests/gone.jpg", at=job.created_at)
    services.post_chat(actor=client_user, assistance_id=job.pk, message="Look")
    one.page.evaluate("dispatchEvent(new Event('online'))")
    one.page.wait_for_selector(".photos img")
    one.press("photo")
    kept(one.page, 2)
