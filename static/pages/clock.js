// Times as the server's pages show them: in their zone, on 24 hours, with Latin digits.

/** Write an instant (milliseconds) as `14:02`, in the zone of the page. */
export function clock(instant, zone) {
  return new Date(instant).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: zone || undefined });
}
