// Shares the phone's place while somebody works with the page open, and keeps the screen on meanwhile.
const EVERY = 15000; // by a request; over a socket more often
const EVERY_DIRECT = 3000;
const AGAIN = 60000; // who stands still is still there

/** Returns { share(isWanted) }. `report(lat, lng)` sends a place, `isDirect()` says whether that is cheap, `told(what, when)` is shown. */
export function shareHere({ report, isDirect, told }) {
  let watch = null;
  let lastSent = 0;
  let wake = null;
  let timer = 0;

  async function take(found) {
    const now = Date.now();
    if (now - lastSent < (isDirect() ? EVERY_DIRECT : EVERY)) return;
    lastSent = now;
    try {
      await report(found.coords.latitude.toFixed(6) * 1, found.coords.longitude.toFixed(6) * 1);
      told("shared", Date.now());
    } catch {
      // The next place is the one that counts.
    }
  }

  function failed(error) {
    told(error.code === error.PERMISSION_DENIED ? "denied" : "unknown", 0);
  }

  async function stayAwake() {
    if (watch === null || document.hidden || !("wakeLock" in navigator) || (wake && !wake.released)) return;
    try {
      wake = await navigator.wakeLock.request("screen");
    } catch {
      wake = null; // a battery that is low refuses
    }
  }

  function look() {
    if (!document.hidden) navigator.geolocation.getCurrentPosition(take, failed, { enableHighAccuracy: true, maximumAge: 30000, timeout: 30000 });
  }

  document.addEventListener("visibilitychange", stayAwake);
  return {
    share(isWanted) {
      if (!("geolocation" in navigator)) return isWanted && told("denied", 0);
      if (isWanted && watch === null) {
        told("asks", 0);
        watch = navigator.geolocation.watchPosition(take, failed, { enableHighAccuracy: true, maximumAge: 10000 });
        timer = setInterval(look, AGAIN);
        stayAwake();
      } else if (!isWanted && watch !== null) {
        navigator.geolocation.clearWatch(watch);
        clearInterval(timer);
        watch = null;
        wake?.release();
        wake = null;
      }
      return undefined;
    },
  };
}
