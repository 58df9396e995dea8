// Keeps the end of the conversation in view, unless the reader has scrolled up.

const NEAR = 60; // pixels from the end that count as being there

let following = true;

function isAtEnd() {
  const { scrollHeight, scrollTop, clientHeight } = document.documentElement;
  return scrollHeight - scrollTop - clientHeight < NEAR;
}

function scrollToEnd() {
  if (following) window.scrollTo({ top: document.documentElement.scrollHeight, behavior: "instant" });
}

export function followEnd() {
  following = true;
  scrollToEnd();
}

/** Follow the element whenever it grows. */
export function startFollowing(element) {
  window.addEventListener("scroll", () => { following = isAtEnd(); }, { passive: true });
  window.addEventListener("wheel", (event) => { if (event.deltaY < 0) following = false; }, { passive: true });
  new ResizeObserver(scrollToEnd).observe(element);
}
