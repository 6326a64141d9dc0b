"""Old tracks come into the history, twice without doubling, and what was left out is named."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from telematics.models import LatestPosition, Position

pytestmark = pytest.mark.django_db

GPX = """<?xml version="1.0"?><gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>
<trkpt lat="36.75" lon="3.05"><ele>20</ele><time>2024-01-15T14:30:00Z</time><extensions><speed>10</speed><course>90</course></extensions></trkpt>
<trkpt lat="36.76" lon="3.06"><time>2024-01-15T14:31:00.500Z</time></trkpt><trkpt lat="36.77" lon="3.07"></trkpt>
</trkseg></trk></gpx>"""
KML = """<kml xmlns="http://www.opengis.net/kml/2.2" xmlns:gx="http://www.google.com/kml/ext/2.2"><Document><Placemark><gx:Track>
<when>2024-01-15T14:30:00Z</when><when>2024-01-15T14:31:00Z</when><gx:coord>3.05 36.75 20</gx:coord><gx:coord>3.06 36.76 21</gx:coord>
</gx:Track></Placemark><Placemark><TimeStamp><when>2024-01-15T14:32:00Z</when></TimeStamp><Point><coordinates>3.07,36.77,0</coordinates></Point></Placemark></Document></kml>"""
CSV = "\ufeffHorodatage;Lat;Lon;Vitesse\n2024-01-15 14:30:00;36,75;3,05;36,0\n2024-01-15 14:31:00;36,76;3,06;\n\n2024-01-15 14:32:00;91;3,07;5\n"


def run(tmp_path: Path, name: str, content: str | bytes, plate: str = "ABC-123", **options: Any) -> tuple[str, str]:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    out, err = StringIO(), StringIO()
    call_command("import_track", str(path), vehicle=plate, stdout=out, stderr=err, **options)
    return out.getvalue().strip(), err.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "said", "left_out", "speed"),
    [
        ("a.gpx", GPX, "2 points read, 2 of them new, 1 left out", "point 3: has no time", 36.0),
        ("a.kml", KML, "3 points read, 3 of them new, 0 left out", "", 0.0),
        ("a.csv", CSV, "2 points read, 2 of them new, 1 left out", "line 5: the place cannot be read", 36.0),
        ("a.txt", CSV.encode("cp1252", "ignore"), "2 points read, 2 of them new, 1 left out", "line 5", 36.0),
    ],
)
def test_each_kind(tmp_path: Path, van: Any, name: str, content: Any, said: str, left_out: str, speed: float) -> None:
    assert run(tmp_path, name, content)[0] == said
    out, err = run(tmp_path, name, content)
    assert ", 0 of them new," in out and left_out in err
    first = Position.objects.order_by("timestamp")[0]
    assert (first.latitude, first.longitude, first.speed) == (36.75, 3.05, speed)
    assert LatestPosition.objects.get().latitude == max(Position.objects.values_list("latitude", flat=True))


def test_a_dry_run_stores_nothing(tmp_path: Path, van: Any) -> None:
    assert run(tmp_path, "a.gpx", GPX, dry_run=True)[0] == "2 points would be looked at, 1 left out"
    assert not Position.objects.exists()


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.csv", "name;value\n1;2\n", "names no column for latitude, longitude, timestamp"),
        ("a.gpx", "<gpx>", "is no XML"),
        ("a.gpx", "<html></html>", "neither GPX nor KML but <html>"),
        ("a.gpx", "<gpx></gpx>", "There is no point"),
        ("a.gpx", '<!DOCTYPE g [<!ENTITY a "aaaa">]><gpx>&a;</gpx>', "declares entities"),
        ("a.csv", "", "names no column"),
        ("a.csv", b"\x00\xff\xfe", "names no column"),
    ],
)
def test_what_is_no_track_is_a_sentence(tmp_path: Path, van: Any, name: str, content: Any, sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        run(tmp_path, name, content)


def test_whose_track_it_is(tmp_path: Path, van: Any, van_b: Any, company_b: Any) -> None:
    with pytest.raises(CommandError, match="No vehicle has the plate nobody"):
        run(tmp_path, "a.gpx", GPX, "nobody")
    van_b.license_plate = "abc-123"
    van_b.save()
    with pytest.raises(CommandError, match="More than one vehicle"):
        run(tmp_path, "a.gpx", GPX)
    run(tmp_path, "a.gpx", GPX, company=company_b.name)
    run(tmp_path, "a.gpx", GPX, f"#{van.pk}")
    assert sorted(Position.objects.values_list("vehicle_id", flat=True)) == sorted([van.pk, van.pk, van_b.pk, van_b.pk])
    with pytest.raises(CommandError, match="No such file"):
        call_command("import_track", str(tmp_path / "none.gpx"), vehicle=f"#{van.pk}")


@pytest.mark.parametrize(
    ("heading", "kmh"),
    [("speed", 10.0), ("speed (m/s)", 36.0), ("speed_mps", 36.0), ("Speed [kn]", 18.52), ("Vitesse (km/h)", 10.0), ("speed,provider,geoidheight,ageofdgpsdata", 36.0)],
)
def test_speeds_are_in_the_unit_of_their_heading(tmp_path: Path, van: Any, heading: str, kmh: float) -> None:
    run(tmp_path, "a.csv", f"time,lat,lon,{heading}\n2024-01-15T14:30:00Z,36.75,3.05,10,gps,,\n")
    assert Position.objects.get().speed == kmh


def test_no_point_is_lost_without_a_word(tmp_path: Path, van: Any) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        run(tmp_path, "a.csv", 'time,lat,lon,note\n2024-01-15T14:30:00Z,36.75,3.05,"x\n2024-01-15T14:31:00Z,36.76,3.05,y\n')
    track = "<kml xmlns='x'><Track><when>2024-01-15T14:30:00Z</when><when>2024-01-15T14:31:00Z</when><coord>3.05 36.75 0</coord></Track></kml>"
    out, err = run(tmp_path, "a.kml", track)
    assert "1 left out" in out and "point 2: the place cannot be read" in err


def test_what_the_receiver_does_not_vouch_for_is_not_trusted(tmp_path: Path, van: Any) -> None:
    run(tmp_path, "a.csv", "time,lat,lon,accuracy,hdop\n2024-01-15T14:30:00Z,36.75,3.05,2500,1\n2024-01-15T14:31:00Z,36.75,3.05,5,99.9\n")
    assert Position.objects.filter(is_implausible=True).count() == 2
