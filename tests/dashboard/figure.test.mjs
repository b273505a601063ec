// Figures as the dashboard writes them, from two requests to millions.
import assert from "node:assert/strict";
import { test } from "node:test";

import { changeText, rateText, shortText } from "../../dashboard/app/figure.js";

/** Without the narrow spaces between figures and units. */
const plain = (text) => text.replaceAll("\u202f", " ");

test("a rate is by the unit in which it is at least one", () => {
  const rates = [0, 1 / 86_400, 2 / 3_600, 0.171, 1, 999, 12_345, 2_345_678].map((rate) => plain(rateText(rate)));
  assert.deepEqual(rates, ["0 /s", "1 /d", "2 /h", "10.3 /min", "1 /s", "999 /s", "12.3K /s", "2.35M /s"]);
  assert.equal(plain(rateText(1 / 864_000)), "0.1 /d", "what is rarer still");
});

test("a change is a percentage, or from tenfold on a factor", () => {
  const changes = [[110, 100], [97, 100], [100, 100], [0, 100], [1_400, 100]].map(([now, then]) => plain(changeText(now, then)));
  assert.deepEqual(changes, ["+10 %", "−3 %", "±0 %", "−100 %", "×14"]);
});

test("an axis of millions is short", () => {
  assert.deepEqual([0, 2, 9_999, 12_500, 3_400_000].map(shortText), ["0", "2", "9,999", "12.5K", "3.4M"]);
});
