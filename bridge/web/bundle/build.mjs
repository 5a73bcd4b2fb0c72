// Bundles the page's libraries. For each library, `build.mjs TARGET` writes TARGET/NAME.js, TARGET/NAME.LICENSE.txt
// and, if the library has styles, TARGET/NAME.css. `make web-assets` runs it after it has installed package-lock.json.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

const BUNDLES = [
  { name: "codemirror", title: "CodeMirror", version: "@codemirror/view" },
  { name: "uplot", title: "uPlot", version: "uplot" },
];
const target = process.argv[2];
const manifest = (name) => JSON.parse(readFileSync(join("node_modules", name, "package.json"), "utf-8"));

// Return the names of the packages whose code is in a bundle.
function packagesOf(result) {
  const paths = Object.values(result.metafile.outputs).flatMap((each) => Object.keys(each.inputs));
  const names = paths.map((path) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)).filter(Boolean);
  return [...new Set(names.map((match) => match[1]))].sort();
}

// Minified code has no licence comments, so the licences of all packages in a bundle are in a file beside it.
const licence = (name) => `${name} ${manifest(name).version} (${manifest(name).license})\n\n${readFileSync(join("node_modules", name, "LICENSE"), "utf-8").trim()}\n`;

for (const { name, title, version } of BUNDLES) {
  const { license, version: number } = manifest(version);
  const banner = `/* ${title} ${number}, licence ${license}: ${name}.LICENSE.txt */`;
  const result = await build({
    banner: { css: banner, js: banner },
    bundle: true, entryPoints: [`${name}.js`], format: "esm", legalComments: "none", metafile: true, minify: true,
    outfile: join(target, `${name}.js`), target: "es2022",
  });
  writeFileSync(join(target, `${name}.LICENSE.txt`), packagesOf(result).map(licence).join(`\n${"-".repeat(72)}\n\n`));
}
