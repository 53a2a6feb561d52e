// A signature drawn with a finger. `onInk` is called at the first stroke.

export const makePad = (canvas) => {
  const frame = canvas.parentElement;
  const pen = canvas.getContext("2d");
  let drawn = 0, last = null;

  const clear = () => {
    const ratio = Math.max(1, window.devicePixelRatio || 1);
    canvas.width = canvas.clientWidth * ratio;
    canvas.height = canvas.clientHeight * ratio;
    pen.scale(ratio, ratio);
    pen.lineWidth = 3.2; pen.lineCap = "round"; pen.lineJoin = "round"; pen.strokeStyle = "#10233a";
    drawn = 0;
    frame.classList.remove("used");
  };
  const at = (event) => {
    const area = canvas.getBoundingClientRect();
    return { x: event.clientX - area.left, y: event.clientY - area.top };
  };
  canvas.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    if (!drawn) clear(); // the frame may have been hidden until now
    canvas.setPointerCapture(event.pointerId);
    last = at(event);
    frame.classList.add("used");
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!last) return;
    const next = at(event);
    pen.beginPath(); pen.moveTo(last.x, last.y); pen.lineTo(next.x, next.y); pen.stroke();
    drawn += Math.hypot(next.x - last.x, next.y - last.y);
    last = next;
  });
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => { last = null; });
  return {
    clear,
    hasInk: () => drawn >= 40,
    blob: () => new Promise((resolve) => { canvas.toBlob(resolve, "image/png"); }),
  };
};
