// Puts style and scripts into a page, in place of the tags that name them.
//
//   node scripts/inline.mjs PAGE FOLDER BUILD > OUT
//
// BUILD is what the page says it is: the version and the commit, so far as they are known.
//
// Each gets the nonce that stands for the one of a response; src/http/page.rs puts that in.
import { readFileSync } from "node:fs";
import { join } from "node:path";

const [page, folder, build] = process.argv.slice(2);
const NONCE = 'nonce="of-this-response"';
const TAGS = /<link rel="stylesheet" href="(?<style>[\w.]+)">|<script(?<how>[^>]*) src="(?<script>[\w.]+)"><\/script>/g;

const part = (name, end) => {
  const text = readFileSync(join(folder, name), "utf8").trim();
  // The bundler writes these in another way where a script has them in a string.
  if (text.includes(end) || text.includes("<!--")) throw new Error(`${name}: it would end its own tag`);
  return text;
};
const inlined = readFileSync(page, "utf8").replace("development", build).replace(TAGS, (...match) => {
  const { style, script, how } = match.at(-1);
  return style
    ? `<style ${NONCE}>${part(style, "</style")}</style>`
    : `<script${how} ${NONCE}>${part(script, "</script")}</script>`;
});
const left = /<(?:link rel="stylesheet"|script[^>]* src=)[^>]*>/.exec(inlined);
if (left) throw new Error(`${page}: ${left[0]} is not put into it`);
process.stdout.write(inlined);
