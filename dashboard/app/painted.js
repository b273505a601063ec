// The first paint shows the snapshot. What is not in it, and what can't be seen yet, waits until that is on the screen.

const LATEST_MS = 2_000; // a hidden page is never painted

/**
 * Fulfilled when the browser has shown the page's first content, or by then.
 * @type {Promise<void>}
 */
export const painted = new Promise((resolve) => {
  setTimeout(resolve, LATEST_MS);
  if (document.hidden || !PerformanceObserver.supportedEntryTypes?.includes("paint")) return;
  const observer = new PerformanceObserver((list) => {
    if (list.getEntriesByName("first-contentful-paint").length) resolve();
  });
  observer.observe({ type: "paint", buffered: true });
});
