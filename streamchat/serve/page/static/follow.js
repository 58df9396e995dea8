// Keeps the end of the conversation in view, unless the reader has scrolled up.

const NEAR = 60; // pixels from the end that count as being there

let following = true;
let top = 0;

function isAtEnd() {
  const { scrollHeight, scrollTop, clientHeight } = document.documentElement;
  return scrollHeight - scrollTop - clientHeight < NEAR;
}

function scrollToEnd() {
  if (!following) return;
  window.scrollTo({ top: document.documentElement.scrollHeight, behavior: "instant" });
}

/** Only who scrolls up leaves the end: it also moves away when the conversation grows. */
function noticeScrolling() {
  const { scrollTop } = document.documentElement;
  if (isAtEnd()) following = true;
  else if (scrollTop < top) following = false;
  top = scrollTop;
}

export function followEnd() {
  following = true;
  scrollToEnd();
}

/** Follow the element whenever it grows. */
export function startFollowing(element) {
  window.addEventListener("scroll", noticeScrolling, { passive: true });
  new ResizeObserver(scrollToEnd).observe(element);
}
