/* Locks the device when nobody has touched it for a while, after a warning that can be answered. Measured by the clock, so that a
   tablet that slept is locked when it wakes. */

export const IDLE_MS = 5 * 60 * 1000, WARN_MS = 60 * 1000;

export function watch({ isOpen, warn, calm, lock }) {
  let last = Date.now(), isWarned = false;
  const touch = () => {
    if (isWarned) return; // only the button answers a warning: a brush of the sleeve does not
    last = Date.now();
  };
  for (const name of ["pointerdown", "keydown", "input"]) addEventListener(name, touch, { capture: true, passive: true });
  setInterval(() => {
    if (!isOpen()) {
      last = Date.now();
      isWarned = false;
      return;
    }
    const left = IDLE_MS - (Date.now() - last);
    if (left <= 0) {
      isWarned = false;
      lock();
    } else if (left <= WARN_MS) {
      isWarned = true;
      warn(Math.ceil(left / 1000));
    }
  }, 1000);
  return () => {
    isWarned = false;
    last = Date.now();
    calm();
  };
}
