// Drives sign-in, an order, a request for help and a socket by types generated from docs/openapi.yaml.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

declare const process: { argv: string[]; exit(code: number): never };
const [, , base, password] = process.argv as [string, string, string, string];

function must<T>(answer: { data?: T; error?: unknown; response: Response }): T {
  if (answer.data === undefined) throw new Error(`${answer.response.status} ${JSON.stringify(answer.error)}`);
  return answer.data;
}

function same<T>(one: T, other: T): void {
  if (one !== other) throw new Error(`${String(one)} is not ${String(other)}`);
}

const nobody = createClient<paths>({ baseUrl: base });
const as = (authorization: string) => createClient<paths>({ baseUrl: base, headers: { Authorization: authorization } });

// A dispatcher signs in, takes an order once although it is sent twice, and puts it into a trip.
const signedIn = must(await nobody.POST("/api/auth/login/", { body: { username: "nadia", password } }));
const fleet = as(`Token ${signedIn.token}`);
const order: components["schemas"]["OrderRequest"] = {
  customer_name: "Leila Hamdi",
  goods_description: "Vaccines, 12 boxes",
  goods_type: "refrigerated",
  pickup_stop: { name: "Port of Algiers", address: "Rue d'Angkor, Alger", latitude: "36.766", longitude: "3.066" },
  delivery_stop: { name: "Pharmacie Centrale", address: "27 Rue Didouche Mourad, Alger" },
};
const keyed = { params: { header: { "Idempotency-Key": "typescript-order" } }, body: order };
const taken = must(await fleet.POST("/api/orders/", keyed));
same(must(await fleet.POST("/api/orders/", keyed)).id, taken.id);
const vehicle = must(
  await fleet.POST("/api/vehicles/", { body: { license_plate: "TS-1", make: "Renault", model: "Master", year: 2023, capacity: "2.50" } }),
);
const trip = must(
  await fleet.POST("/api/trips/", {
    body: { vehicle: vehicle.id, name: "Morning round", planned_start_date: "2026-12-01", planned_start_time: "08:00" },
  }),
);
const path = { params: { path: { id: trip.id } } };
must(await fleet.POST("/api/trips/{id}/add-order/", { ...path, body: { order: taken.id, pickup_time: "09:00" } }));
const planned = must(await fleet.PUT("/api/trips/{id}/", { ...path, body: { status: "planned" } }));
same(planned.trip_stops.length, 2);
const listed = must(await fleet.GET("/api/orders/", { params: { query: { page_size: 10 } } }));
same(listed.results[0]?.status, "assigned");
const refused = await fleet.POST("/api/orders/", { body: { ...order, customer_name: "" } });
same(refused.error?.code, "invalid_data");
same(refused.error?.fields?.customer_name?.length, 1);

// A motorist registers, asks for help and listens.
const person: components["schemas"]["ClientRegistrationRequest"] = {
  user_type: "client", phone_number: "+213555900001", name: "Yasmine Haddad", password,
};
must(await nobody.POST("/api/auth/register/", { body: person }));
const { access, refresh, user } = must(
  await nobody.POST("/api/auth/login/phone/", { body: { phone_number: person.phone_number, password } }),
);
same(must(await nobody.POST("/api/auth/token/refresh/", { body: { refresh } })).access.split(".").length, 3);
const motorist = as(`Bearer ${access}`);
const asked = must(
  await motorist.POST("/api/assistance/request/", {
    body: { pickup: { lat: 36.7525, lng: 3.042 }, assistance_type: "towing", vehicle_type: "light" },
  }),
);
const help = asked.assistance;
if (help === null) throw new Error("no request");
same(help.client.id, user.id);

type Frame = { type: string; seq?: number; [key: string]: unknown };
const socket = new WebSocket(`${base.replace("http", "ws")}/ws/assistance/${help.id}/`, ["bearer", access]);
const frames: Frame[] = [];
let wake = () => {};
socket.onmessage = (event) => { frames.push(JSON.parse(event.data as string) as Frame); wake(); };
const ended = new Promise<never>((_, fail) => { socket.onclose = (event) => fail(new Error(`closed with ${event.code}`)); });
ended.catch(() => {});
async function hear(type: string): Promise<Frame> {
  for (;;) {
    const found = frames.find((frame) => frame.type === type);
    if (found) return found;
    await Promise.race([new Promise<void>((go) => { wake = go; }), ended]);
  }
}
same((await hear("connection_established")).seq, help.seq);
socket.send(JSON.stringify({ type: "chat", message: "I am in front of the pharmacy", client_id: "ts-1" }));
same((await hear("chat")).client_id, "ts-1");
must(await motorist.PATCH("/api/assistance/update/{assistance_id}/", { params: { path: { assistance_id: help.id } }, body: { status: "canceled" } }));
same((await hear("status")).status, "canceled");
const mine = must(await motorist.GET("/api/assistance/view/", {}));
same(mine.results[0]?.reason, "client_canceled");
process.exit(0);
