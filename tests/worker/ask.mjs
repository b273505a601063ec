// Asks an object in its own protocol (crates/api/src/object.rs), whose packing is `postcard`'s: a version, the number of
// the question, then its fields; numbers as varints, texts behind their lengths.

/** Questions by name: their numbers stand in the order of the enum `ObjectRequest`. */
const QUESTIONS = { record: 0, storeAgain: 1, layout: 2, keepSnapshot: 7, snapshot: 8 };
const VERSION = 1;
const FAILED = 0;

function varint(number) {
  const bytes = [];
  for (; number > 127; number = Math.floor(number / 128)) bytes.push((number % 128) + 128);
  return [...bytes, number];
}

function packed(field) {
  if (typeof field === "boolean") return [Number(field)];
  if (typeof field === "number") return varint(field);
  const text = Buffer.from(field);
  return [...varint(text.length), ...text];
}

/** The body of a question. */
export const question = (name, ...fields) =>
  Buffer.concat([VERSION, QUESTIONS[name], ...fields].map((field, at) => Buffer.from(at < 2 ? [field] : packed(field))));

/** The text that begins at a place of an answer. */
export function textAt(answer, at) {
  let length = 0;
  for (let shift = 1; ; shift *= 128) {
    const byte = answer[at++];
    length += (byte % 128) * shift;
    if (byte < 128) return Buffer.from(answer.subarray(at, at + length)).toString();
  }
}

/** Asks, and fails where the object could not; resolves to the answer's bytes. */
export async function ask(object, name, ...fields) {
  const response = await object.fetch("https://collector/", { method: "POST", body: question(name, ...fields) });
  const answer = Buffer.from(await response.arrayBuffer());
  if (answer[0] !== VERSION) throw new Error(`the object answered with version ${answer[0]}`);
  if (answer[1] === FAILED) throw new Error(textAt(answer, 2));
  return answer;
}
