// The tool may say how tall it is, as on Canvas ({subject: "lti.frameResize", height}); nobody else may.
const frame = document.getElementById("tool");
if (frame) {
  window.addEventListener("message", (event) => {
    if (event.origin !== frame.dataset.origin || event.source !== frame.contentWindow) return;
    const message = typeof event.data === "string" ? null : event.data;
    if (message && message.subject === "lti.frameResize" && Number.isFinite(Number(message.height))) {
      frame.style.height = `${Math.min(Math.max(Number(message.height), 480), 6000)}px`;
    }
  });
}
