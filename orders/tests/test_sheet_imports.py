"""Large sheets as tasks, columns that are chosen, rows that are corrected: nothing is lost, and nothing counts twice."""

import csv
import io
import uuid

import pytest

from accounts.models import Company
from depannini_dashmap.lib.ops.worker import Worker
from depannini_dashmap.lib.sheets import imports, limits, tasks
from depannini_dashmap.models import SheetHeading, SheetImport, SheetRefusal
from fleet.tests.sheets import confirm, upload
from orders.models import Order

LIST = "/admin/orders/order/"
HEADER = "reference,customer_name,goods_description"


@pytest.fixture
def browser(client, dispatcher):
    client.force_login(dispatcher)
    return client


@pytest.fixture
def large(monkeypatch):
    """Every sheet is a task's, in steps of three rows."""
    monkeypatch.setattr(limits, "SMALL_ROWS", -100)
    monkeypatch.setattr(imports, "BATCH_ROWS", 3)
    monkeypatch.setattr(imports, "BATCH_SECONDS", 60)


def lines(count, **odd):
    return "\n".join([HEADER, *(odd.get(f"r{number}", f"R{number},Customer {number},goods") for number in range(count))])


def bring(browser, content):
    """Upload a large sheet and have it checked; returns the address of its page."""
    answer = upload(browser, content, "orders.csv", LIST)
    assert answer.status_code == 302, answer.context["form"].errors
    Worker().drain()
    return answer.url


def press(browser, url):
    """Confirm what the page of a checked sheet shows."""
    return confirm(browser, browser.get(url), LIST)


def sheet_of(url):
    return SheetImport.objects.get(pk=url.rstrip("/").rsplit("/", 1)[1])


def test_a_large_sheet_is_checked_confirmed_and_imported_by_the_worker(browser, dispatcher, large):
    answer = upload(browser, lines(8, r2="R2,,goods", r6="R6,Customer 6,#N/A"), "orders.csv", LIST)
    waiting = browser.get(answer.url).content.decode()
    assert "The file is waiting to be read" in waiting and 'http-equiv="refresh"' in waiting
    Worker().drain()
    assert not Order.objects.exists()
    page = browser.get(answer.url)
    text = page.content.decode()
    assert "Import 6 rows" in text and "Customer 5" in text and "line 4" in text and "#N/A is an error" in text
    assert "0 of 8 rows" in confirm(browser, page, LIST).content.decode()
    Worker().drain()
    assert sorted(Order.objects.values_list("reference", flat=True)) == ["R0", "R1", "R3", "R4", "R5", "R7"]
    sheet = sheet_of(answer.url)
    assert (sheet.state, sheet.new, sheet.refused, sheet.done) == ("done", 6, 2, 8)
    order = Order.objects.get(reference="R0")
    assert order.history.get().history_user == dispatcher
    assert order.order_number.startswith("ORD-")
    assert browser.get(answer.url).content.decode().count("refused-row\"") == 2


def test_a_confirmation_of_a_large_sheet_counts_once(browser, large):
    url = bring(browser, lines(4))
    page = browser.get(url)
    confirm(browser, page, LIST)
    assert "was confirmed already" in confirm(browser, page, LIST).content.decode()
    Worker().drain()
    assert Order.objects.count() == 4
    assert "was confirmed already" in confirm(browser, page, LIST).content.decode()


def test_a_worker_that_dies_in_between_doubles_nothing_and_leaves_nothing_out(browser, large):
    same = ",Same,goods"
    url = bring(browser, lines(10, r1=same, r4=same, r8=same))
    press(browser, url)
    sheet = sheet_of(url)
    with imports.acting(sheet):
        first = imports.Run(sheet)
        assert first.batch() and first.batch()
    assert Order.objects.count() == 6
    Worker().drain()
    assert Order.objects.count() == 10
    assert Order.objects.filter(customer_name="Same").count() == 3
    # The first one was not dead after all.
    assert not first.batch()
    assert Order.objects.count() == 10
    assert SheetImport.objects.get(pk=sheet.pk).new == 10


def test_a_cancelled_import_keeps_what_was_written_and_goes_on_from_there(browser, large):
    content = lines(7)
    url = bring(browser, content)
    press(browser, url)
    sheet = sheet_of(url)
    with imports.acting(sheet):
        run = imports.Run(sheet)
        run.batch()
    browser.post(f"{url}cancel/")
    with imports.acting(sheet):
        assert not run.batch()
    Worker().drain()
    assert Order.objects.count() == 3
    assert "Cancelled after 3 of 7 rows" in browser.get(url).content.decode()
    assert "end already" in browser.post(f"{url}cancel/", follow=True).content.decode()
    again = bring(browser, content)
    press(browser, again)
    Worker().drain()
    sheet = sheet_of(again)
    assert (Order.objects.count(), sheet.new, sheet.skipped) == (7, 4, 3)


def test_a_cancelled_check_imports_nothing(browser, large):
    url = upload(browser, lines(5), "orders.csv", LIST).url
    browser.post(f"{url}cancel/")
    Worker().drain()
    assert sheet_of(url).state == "cancelled"
    assert not Order.objects.exists()


def test_a_worker_that_stops_leaves_the_rest_for_the_next_one(browser, large, monkeypatch):
    url = bring(browser, lines(9))
    press(browser, url)
    stopping = Worker(long_tasks=True)
    batch = imports.Run.batch

    def stop_after(run):
        stopping.stop()
        return batch(run)

    monkeypatch.setattr(imports.Run, "batch", stop_after)
    stopping.run_next()
    monkeypatch.undo()
    assert Order.objects.count() == 3
    assert Worker(long_tasks=False).drain() == 0
    Worker(long_tasks=True).drain()
    assert Order.objects.count() == 9


def test_an_import_that_fails_again_and_again_says_so(browser, large, monkeypatch):
    url = bring(browser, lines(3))
    press(browser, url)
    monkeypatch.setattr(imports.Run, "batch", lambda self: 1 / 0)
    for _ in range(tasks.MOST_FAILURES - 1):
        with pytest.raises(ZeroDivisionError):
            tasks.work_on.call(str(sheet_of(url).pk))
    tasks.work_on.call(str(sheet_of(url).pk))
    assert "broke off" in browser.get(url).content.decode()


def test_a_large_file_that_cannot_be_read_says_why(browser, large):
    url = bring(browser, "customer_name,colour\nAmel,red\n")
    page = browser.get(url)
    assert "lacks these columns" in page.content.decode()
    assert "confirm_form" not in page.context
    assert [choice["heading"] for choice in page.context["choices"]] == ["customer_name", "colour"]


@pytest.mark.parametrize("path", ["", "columns/", "mend/", "cancel/"])
def test_sheets_of_others_are_not_there(browser, client, dispatcher_b, large, path):
    url = bring(browser, lines(2))
    client.force_login(dispatcher_b)
    answer = client.post(f"{url}{path}") if path else client.get(url)
    assert answer.status_code == 404
    form = {"import_file_name": str(sheet_of(url).pk), "original_file_name": "x", "format": "0", "resource": ""}
    assert "is gone or was confirmed" in client.post(f"{LIST}process_import/", form, follow=True).content.decode()
    assert client.get(f"{LIST}import/{uuid.uuid4()}/").status_code == 404
    assert client.get(f"/admin/fleet/vehicle/import/{sheet_of(url).pk}/").status_code == 404


# --- columns ---
ODD = "Kunde;Was;Farbe\nAmel;bread;red\nAli;milk;blue\n"


def chosen(browser, page, **columns):
    return browser.post(page.context["columns_url"], {f"column-{key}": column for key, column in columns.items()}, follow=True)


@pytest.mark.parametrize("size", ["small", "large"])
def test_headings_that_are_not_known_are_chosen_and_remembered(browser, company_a, monkeypatch, size):
    if size == "large":
        monkeypatch.setattr(limits, "SMALL_ROWS", -100)
    page = upload(browser, ODD, "orders.csv", LIST)
    if size == "large":
        Worker().drain()
        page = browser.get(page.url)
    assert [(choice["heading"], choice["values"], choice["column"]) for choice in page.context["choices"]] == [
        ("Kunde", ["Amel", "Ali"], ""), ("Was", ["bread", "milk"], ""), ("Farbe", ["red", "blue"], "")
    ]  # fmt: skip
    page = chosen(browser, page, kunde="customer_name", was="goods_description", farbe="")
    if size == "large":
        Worker().drain()
        page = browser.get(page.redirect_chain[-1][0])
    assert "Import 2 rows" in page.content.decode()
    confirm(browser, page, LIST)
    Worker().drain()
    assert set(Order.objects.values_list("customer_name", "goods_description")) == {("Amel", "bread"), ("Ali", "milk")}
    assert set(SheetHeading.objects.filter(company=company_a).values_list("heading", "column")) == {
        ("kunde", "customer_name"), ("was", "goods_description"), ("farbe", "")
    }  # fmt: skip
    monkeypatch.undo()
    assert "Import 1 row" in upload(browser, ODD.replace("Amel", "Lila").replace("Ali;milk;blue\n", ""), "o.csv", LIST).content.decode()


def test_what_one_company_chose_is_not_anothers(browser, client, company_a, dispatcher_b):
    chosen(browser, upload(browser, ODD, "orders.csv", LIST), kunde="customer_name", was="goods_description", farbe="")
    client.force_login(dispatcher_b)
    assert "confirm_form" not in upload(client, ODD, "orders.csv", LIST).context


def test_guesses_are_filled_in_and_wait_for_a_word(browser):
    page = upload(browser, "customer_name,goods_descripton,goods_wieght\nAmel,bread,2\n", "o.csv", LIST)
    assert [(choice["column"], choice["is_guess"]) for choice in page.context["choices"]] == [
        ("customer_name", False), ("goods_description", True), ("goods_weight", True)
    ]  # fmt: skip
    assert "confirm_form" not in page.context


def test_a_known_heading_may_be_chosen_otherwise_and_two_of_one_name_each(browser):
    page = upload(browser, "Client;Marchandise;Tel;Tel\nAmel;bread;0550 11 22 33;0660 11 22 33\n", "o.csv", LIST)
    keys = [choice["key"] for choice in page.context["choices"]]
    assert keys == ["client", "marchandise", "tel", "tel 2"]
    page = chosen(browser, page, **{"client": "customer_name", "marchandise": "goods_description", "tel": "", "tel 2": "customer_phone"})
    confirm(browser, page, LIST)
    assert Order.objects.get().customer_phone == "0660 11 22 33"


def test_one_field_for_two_columns_is_refused(browser):
    page = upload(browser, ODD, "orders.csv", LIST)
    text = chosen(browser, page, kunde="customer_name", was="customer_name").content.decode()
    assert "Choose each field for one column only: customer name" in text
    assert not SheetHeading.objects.exists()


@pytest.mark.parametrize("column", ["status", "pk", "x" * 300])
def test_columns_that_cannot_be_chosen_are_ignored(browser, column):
    page = upload(browser, ODD, "orders.csv", LIST)
    chosen(browser, page, kunde=column)
    assert not SheetHeading.objects.exclude(column="").exists()


# --- corrections ---
BAD = "Client;Marchandise;Poids;Réf\nAmel;x;1,5;A\n;y;2,5;B\nAli;#N/A;abc;C\nLila;z;;D\n"


def mended(browser, page, **cells):
    return browser.post(page.context["mend_url"], {f"cell-{name}": text for name, text in cells.items()}, follow=True)


def test_refused_rows_are_mended_before_the_import(browser):
    page = upload(browser, BAD, "o.csv", LIST)
    cells = [[(cell["name"], cell["text"]) for cell in row["cells"]] for row in page.context["mending"]["rows"]]
    assert cells == [[("cell-3-customer_name", "")], [("cell-4-goods_description", "#N/A"), ("cell-4-goods_weight", "abc")]]
    page = mended(browser, page, **{"3-customer_name": "Omar", "4-goods_description": "milk", "4-goods_weight": "still no number"})
    assert "Import 3 rows" in page.content.decode()
    page = mended(browser, page, **{"4-goods_weight": "12,5"})
    assert "Import 4 rows" in page.content.decode()
    assert "4 new" in confirm(browser, page, LIST).content.decode()
    order = Order.objects.get(reference="C")
    assert (order.goods_description, str(order.goods_weight)) == ("milk", "12.50")


@pytest.mark.parametrize("size", ["small", "large"])
def test_refused_rows_are_mended_after_the_import_and_nothing_is_doubled(browser, monkeypatch, size):
    if size == "large":
        monkeypatch.setattr(limits, "SMALL_ROWS", -100)
    page = upload(browser, BAD.replace(";Réf", "").replace(";A\n", "\n").replace(";B\n", "\n").replace(";C\n", "\n").replace(";D\n", "\n"), "o.csv", LIST)
    if size == "large":
        Worker().drain()
        page = browser.get(page.url)
    result = confirm(browser, page, LIST)
    if size == "large":
        Worker().drain()
        result = browser.get(result.redirect_chain[-1][0])
    assert Order.objects.count() == 2
    assert len(result.context["mending"]["rows"]) == 2
    page = mended(browser, result, **{"3-customer_name": "Omar", "4-goods_weight": "3"})
    if size == "large":
        Worker().drain()
        page = browser.get(page.redirect_chain[-1][0])
    assert "Import 1 row" in page.content.decode()
    last = confirm(browser, page, LIST)
    Worker().drain()
    assert sorted(Order.objects.values_list("customer_name", flat=True)) == ["Amel", "Lila", "Omar"]
    sheet = SheetImport.objects.get()
    assert (sheet.new, sheet.refused, SheetRefusal.objects.count()) == (1, 1, 1)
    assert "line 4" in browser.get(f"{LIST}import/{sheet.pk}/").content.decode()
    assert last.status_code == 200


def test_a_row_that_was_split_can_be_put_together(browser):
    page = upload(browser, "customer_name,goods_description,customer_phone\nAmel,bread, butter,0550112233\n", "o.csv", LIST)
    row = page.context["mending"]["rows"][0]
    assert (len(row["reasons"]), len(row["cells"])) == (1, 3)
    page = mended(browser, page, **{"2-goods_description": "bread, butter", "2-customer_phone": "0550112233"})
    confirm(browser, page, LIST)
    assert Order.objects.get().goods_description == "bread, butter"


def test_nothing_changed_is_said(browser):
    page = upload(browser, BAD, "o.csv", LIST)
    assert "Nothing was changed" in mended(browser, page).content.decode()


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "x" * 6000, "=1+1", "<b>"])
def test_odd_texts_are_kept_or_refused_but_break_nothing(browser, text):
    page = upload(browser, BAD, "o.csv", LIST)
    body = {"cell-3-customer_name": text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")}
    assert browser.post(page.context["mend_url"], body, follow=True).status_code in (200, 400)


def test_the_page_of_a_sheet_may_be_opened_again(browser):
    page = upload(browser, BAD, "o.csv", LIST)
    url = page.context["mend_url"].removesuffix("mend/")
    again = browser.get(url)
    assert "Import 2 rows" in again.content.decode()
    confirm(browser, again, LIST)
    done = browser.get(url).content.decode()
    assert "Imported" in done and "Refused" in done
    sheet = list(csv.reader(io.StringIO(browser.get(again.context["refused_url"]).content.decode("utf-8-sig")), delimiter=";"))
    assert [row[:3] for row in sheet[1:]] == [["", "y", "2,5"], ["Ali", "#N/A", "abc"]]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xd0\xcf\x11\xe0" + b"\0" * 600, "old kind"), (b"<html><table><tr><td>a</td></tr></table></html>", "web page"),
        (b"%PDF-1.7\n", "PDF"), (b"PK\x03\x04" + b"\0" * 26 + b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "OpenDocument"),
        (b'<?xml version="1.0"?><Workbook/>', "web page or XML"),
    ],
)  # fmt: skip
def test_other_kinds_of_files_are_called_by_name(browser, content, said):
    assert said in str(upload(browser, content, "orders.xls", LIST).context["form"].errors)


def test_a_workbook_is_recognised_with_any_chosen_format(browser):
    import openpyxl

    made, stream = openpyxl.Workbook(), io.BytesIO()
    made.active.append(["Client", "Marchandise"])
    made.active.append(["Amel", "x"])
    made.save(stream)
    assert "Import 1 row" in upload(browser, stream.getvalue(), "orders.csv", LIST).content.decode()


def test_the_depot_of_a_large_sheet(browser, company_a, large):
    Company.objects.filter(pk=company_a.pk).update(depot_address="Zone 12")
    url = bring(browser, "customer_name,goods_description,delivery_name,delivery_address\nAmel,x,D,1 rue\n")
    assert "Pickup: depot of" in browser.get(url).content.decode()
    press(browser, url)
    Worker().drain()
    assert "2 of them" not in browser.get(url).content.decode()
    assert "1 of them is not on the map" in browser.get(url).content.decode()
