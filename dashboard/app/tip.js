// The box beside a chart's cursor: exact figures of one point. It also speaks them.
import { h } from "./element.js";

export class Tip {
  constructor() {
    this.element = h("div", { class: "tip", role: "status" });
    this.hide();
  }

  hide() {
    this.element.classList.remove("shown");
    this.element.replaceChildren();
  }

  /** `rows` of label, colour and value, below a title; `at` is the cursor's place in the chart, in CSS pixels. */
  show({ title, rows, unit, total, before }, at) {
    const row = ({ label, colour, value }) =>
      h(
        "div",
        { class: "row" },
        h("i", { class: "swatch", style: { background: `var(${colour})` } }),
        h("span", null, label, " "),
        h("b", null, value === null || value === undefined ? "–" : unit(value)),
      );
    const sum = rows.reduce((all, { value }) => all + (value ?? 0), 0);
    const lines = rows
      .filter(({ value }) => !total || value > 0)
      .map(row)
      .reverse();
    this.element.replaceChildren(
      h("div", { class: "head" }, title),
      ...lines,
      total ? h("div", { class: "row sum" }, h("span", null, "all "), h("b", null, unit(sum))) : "",
      typeof before === "number" ? h("div", { class: "row" }, h("span", null, "the period before "), h("b", null, unit(before))) : "",
    );
    this.element.classList.add("shown");
    const room = this.element.parentElement.clientWidth;
    const width = this.element.offsetWidth;
    const left = at + 14 + width > room ? at - 14 - width : at + 14;
    this.element.style.transform = `translateX(${Math.max(0, Math.min(left, room - width))}px)`;
  }
}
