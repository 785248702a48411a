/* Signing with a finger, a pen or a mouse. */

/* cleared: called when the button was pressed. */
export function signaturePad(canvas, button, cleared) {
  const pen = canvas.getContext("2d");
  let strokes = 0, last = null;
  const clear = () => {
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    strokes = 0;
  };
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) * canvas.width / box.width, (event.clientY - box.top) * canvas.height / box.height];
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    last = at(event);
    event.preventDefault();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!last) return;
    const next = at(event);
    pen.strokeStyle = "#111";
    pen.lineWidth = 5;
    pen.lineCap = "round";
    pen.beginPath();
    pen.moveTo(...last);
    pen.lineTo(...next);
    pen.stroke();
    last = next;
    strokes += 1;
  });
  const end = () => { last = null; };
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);
  button.addEventListener("click", () => {
    clear();
    cleared();
  });
  clear();
  return {
    /* What was drawn since, with what was there before; empty when nothing was. */
    base64: () => (strokes > 4 ? canvas.toDataURL("image/png").split(",")[1] : ""),
    /* Shows an earlier signature. */
    show: (base64) => {
      if (!base64) return;
      const picture = new Image();
      picture.onload = () => pen.drawImage(picture, 0, 0);
      picture.src = "data:image/png;base64," + base64;
    },
  };
}
