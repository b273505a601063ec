/** `target` with some properties replaced. Native methods insist on their own `this`. */
export function instead(target, replaced) {
  return new Proxy(target, {
    get(_, name) {
      const value = Object.hasOwn(replaced, name) ? replaced[name] : target[name];
      // Bindings are told apart by the name of their constructor.
      return typeof value === "function" && name !== "constructor" ? value.bind(target) : value;
    },
  });
}
