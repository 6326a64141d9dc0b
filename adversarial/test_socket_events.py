"""C. Events: state first, in order, with one id for each."""



from testing.samples import ask_for_help


def test_c15_the_first_frame_is_the_state(environment, users):
    client, assistant = users.client(), users.assistant()
    number = ask_for_help(client)
    expected = "requested"
    for step in (None, "accept", "ongoing", "completed"):
        if step == "accept":
            assert assistant.patch(f"/api/assistance/accept/{number}/").status_code == 200
            expected = "accepted"
        elif step:
            assert assistant.patch(f"/api/assistance/update/{number}/", {"status": step}).status_code == 200
            expected = step
        with client.socket(f"/ws/assistance/{number}/") as mine:
            first = mine.receive()
            assert first["type"] == "connection_established"
            assert first["assistance"]["status"] == expected
            version = environment.rows("SELECT version FROM assistance_assistance WHERE id = %s", [number])[0][0]
            assert first["seq"] == version
            if expected != "requested":
                assert mine.receive()["type"] == "status"


def test_c15_open_offers_are_sent_again(users):
    client, assistant = users.client(), users.assistant(lat=-20.0, lng=-50.0)
    number = client.post("/api/assistance/request/", {"pickup": {"lat": -20.01, "lng": -50.01}}).json()["assistance"]["id"]
    with assistant.socket(f"/ws/assistant/{assistant.id}/") as his:
        first = his.receive()
        assert first["type"] == "connection_established"
        assert [offer["assistance_id"] for offer in first["offers"]] == [number]
        event = his.receive()
        assert (event["type"], event["assistance_id"]) == ("new_assistance_request", number)


def test_c17_seq_never_goes_back(job):
    client, assistant, number = job
    with client.socket(f"/ws/assistance/{number}/") as mine:
        mine.receive()
        for status in ("ongoing", "completed"):
            assistant.patch(f"/api/assistance/update/{number}/", {"status": status})
        mine.receive("status", status="completed")
        seqs = [event["seq"] for event in mine.received if "seq" in event]
        assert seqs == sorted(seqs)


def test_c17_a_duplicate_keeps_its_event_id(job):
    client, assistant, number = job
    url, kinds = f"/ws/assistance/{number}/", {"status", "location", "chat"}

    def latest_of(frames):
        return {event["type"]: (event["event_id"], event["seq"]) for event in frames.received if event["type"] in kinds}

    with client.socket(url) as here, client.socket(url, server=1) as there, assistant.socket(url, server=1) as his:
        his.receive()
        for frames in (here, there):
            frames.receive("status", status="accepted")
        assert assistant.patch(f"/api/assistance/update/{number}/", {"status": "ongoing"}).status_code == 200
        his.send({"type": "location", "lat": 36.75, "lng": 3.05})
        his.send({"type": "chat", "message": "On my way"})
        for frames in (here, there):
            for kind, keys in (("status", {"status": "ongoing"}), ("location", {"lat": 36.75}), ("chat", {})):
                if not any(event["type"] == kind and keys.items() <= event.items() for event in frames.received):
                    frames.receive(kind, **keys)
        first = latest_of(here)
        assert first.keys() == kinds and latest_of(there) == first
        assert len({event_id for event_id, _ in first.values()}) == 3
    with client.socket(url, server=1) as again:
        frame = again.receive("status")
        assert (frame["status"], frame["event_id"], frame["seq"]) == ("ongoing", *first["status"])


def test_c23_the_newest_location_reaches_both_parties(job):
    """Both sides receive the newest location, however fast they were sent."""
    client, assistant, number = job
    with client.socket(f"/ws/assistance/{number}/") as mine, assistant.socket(f"/ws/assistance/{number}/", server=1) as his:
        mine.receive()
        his.receive()
        for step in range(20):
            his.send({"type": "location", "lat": 36.7 + step / 1000, "lng": 3.0})
        assert mine.receive("location", lat=36.7 + 19 / 1000)
