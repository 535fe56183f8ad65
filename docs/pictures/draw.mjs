// Draws each .dot file beside this one as .svg: `node docs/pictures/draw.mjs [folder to write to]`.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { instance } from "@viz-js/viz";

const here = dirname(fileURLToPath(import.meta.url));
const target = process.argv[2] ?? here;
const viz = await instance();
for (const name of readdirSync(here).filter((file) => file.endsWith(".dot"))) {
  const svg = viz.renderString(readFileSync(join(here, name), "utf8"), { format: "svg" });
  writeFileSync(join(target, name.replace(/\.dot$/, ".svg")), svg);
}
