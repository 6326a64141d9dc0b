// Keys by which the server knows a repeat. `crypto.randomUUID` is there over HTTPS alone.

/** Return 32 random hexadecimal digits. */
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
