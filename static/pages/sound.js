// A short sound and a vibration for what must not be missed. Browsers allow sound only after the page was touched once.
let context = null;

addEventListener("pointerdown", () => {
  context ??= "AudioContext" in self ? new AudioContext() : null;
  context?.resume();
});

/** Make it heard and felt. */
export function sound() {
  navigator.vibrate?.([300, 150, 300]);
  if (context?.state !== "running") return;
  for (const start of [0, 0.35]) {
    const tone = context.createOscillator();
    const volume = context.createGain();
    tone.frequency.value = 880;
    volume.gain.setValueAtTime(0.3, context.currentTime + start);
    volume.gain.exponentialRampToValueAtTime(0.001, context.currentTime + start + 0.3);
    tone.connect(volume).connect(context.destination);
    tone.start(context.currentTime + start);
    tone.stop(context.currentTime + start + 0.3);
  }
}
