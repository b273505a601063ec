// The dashboard in a browser: against the gateway at DASHBOARD_URL (with DASHBOARD_TOKEN), else against the stand-in.
import { Mock } from "./mock/server.mjs";
import { dashboardSuite } from "./suite.mjs";

const HOUR = 3_600_000;

dashboardSuite("the dashboard", async (t) => {
  if (process.env.DASHBOARD_URL) {
    // Nobody but this test sends requests to it.
    const to = Date.now() + 60_000;
    return { url: process.env.DASHBOARD_URL, token: process.env.DASHBOARD_TOKEN, quiet: { from: to - HOUR, to } };
  }
  const mock = await new Mock("busy").listen();
  t.after(() => mock.close());
  const to = Math.floor(Date.now() / HOUR) * HOUR;
  return { url: mock.url, quiet: { from: to - HOUR, to } };
});
