// Times as the dashboard writes them, in zones that make it hard.
import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

const { TZ } = process.env;
const at = (text) => Date.parse(text);

/** The module as a reader in this zone loads it. */
async function inZone(zone) {
  process.env.TZ = zone;
  return import(`../../dashboard/app/time.js?${zone}`);
}

beforeEach(() => mock.timers.enable({ apis: ["Date"], now: at("2026-11-28T12:30:00Z") }));

afterEach(() => {
  mock.timers.reset();
  if (TZ === undefined) delete process.env.TZ;
  else process.env.TZ = TZ;
});

test("an hour that comes twice when clocks go back has two names", async () => {
  for (const [zone, first, second] of [
    ["Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"],
    ["America/New_York", "2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z"],
    ["Australia/Lord_Howe", "2026-04-04T14:45:00Z", "2026-04-04T15:15:00Z"],
  ]) {
    const { timeText } = await inZone(zone);
    assert.notEqual(timeText(at(first), "minute"), timeText(at(second), "minute"), zone);
    assert.doesNotMatch(timeText(at(first) + 86_400_000, "minute"), /GMT|UTC/, "other hours need no more");
  }
});

test("a day of the server has one name everywhere", async () => {
  for (const zone of ["America/Los_Angeles", "Asia/Kolkata", "Asia/Kathmandu", "Pacific/Apia", "UTC"]) {
    const { timeText } = await inZone(zone);
    assert.equal(timeText(at("2026-11-28T00:00:00Z"), "utcDay"), "Nov 28", zone);
  }
});

test("another year is named, this one is not", async () => {
  const { timeText } = await inZone("Europe/Berlin");
  assert.match(timeText(at("2025-12-31T12:00:00Z"), "short"), /2025/);
  assert.match(timeText(at("2025-12-31T12:00:00Z"), "day"), /2025/);
  assert.doesNotMatch(timeText(at("2026-01-01T12:00:00Z"), "short"), /2026/);
  assert.doesNotMatch(timeText(at("2025-12-31T12:00:00Z"), "minute"), /2025/);
});

test("the reader's zone has a name and its distance from UTC", async () => {
  const { zoneText } = await inZone("Asia/Kolkata");
  assert.match(zoneText(), /^Asia\/(Kolkata|Calcutta) \(GMT\+5:30\)$/);
});
