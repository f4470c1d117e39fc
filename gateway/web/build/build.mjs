// Bundles the pages: hashed files to ../static, finished HTML to ../html, and what they were made from to ../static/manifest.json.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const staticDir = join(here, "..", "static");
const htmlDir = join(here, "..", "html");
process.chdir(here);
for (const dir of [staticDir, htmlDir]) {
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir);
}

const settings = {
  bundle: true,
  minify: true,
  target: "es2022",
  legalComments: "none",
  metafile: true,
  outdir: staticDir,
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  define: { "process.env.NODE_ENV": '"production"' },
};

// Parts of the editor that neither GraphQL nor JSON uses; leaving them out saves some 200 kB.
const UNUSED = [
  "codelens",
  "colorPicker",
  "diffEditorBreadcrumbs",
  "documentSymbols",
  "dropOrPasteInto",
  "inlayHints",
  "inlineCompletions",
  "inlineEdit",
  "inlineEdits",
  "inlineProgress",
  "linkedEditing",
  "rename",
  "sectionHeaders",
  "semanticTokens",
  "stickyScroll",
];
// What is changed in the packages' own text: [file, what it says, what it shall say]. A release that says something
// else stops the build. A tab that holds buttons cannot be a `tab` to assistive technology; a list of buttons can.
const TABS = "@graphiql/react/dist/components/tabs/index.js";
const CHANGES = [
  [TABS, 'role: "tablist",', ""],
  [TABS, 'role: "tab",', ""],
  [TABS, '"aria-selected": isActive,', '"aria-current": isActive,'],
  ["graphiql/dist/GraphiQL.js", '{ role: "tabpanel", id: "graphiql-session",', '{ role: "group", id: "graphiql-session",'],
];
const adapted = {
  name: "adapted",
  setup({ onLoad }) {
    onLoad({ filter: /monaco-editor[/\\]esm[/\\]vs[/\\]editor[/\\]editor\.all\.js$/ }, ({ path }) => {
      const used = (line) => !UNUSED.some((part) => line.includes(`/contrib/${part}/`)) && !line.includes("suggestInlineCompletions");
      return { contents: readFileSync(path, "utf8").split("\n").filter(used).join("\n") };
    });
    onLoad({ filter: /graphiql[/\\].*(tabs[/\\]index|GraphiQL)\.js$/ }, ({ path }) => {
      let contents = readFileSync(path, "utf8");
      for (const [file, from, to] of CHANGES) {
        if (!path.split(sep).join("/").endsWith(file)) continue;
        if (!contents.includes(from)) throw new Error(`${file} no longer says ${from}`);
        contents = contents.replace(from, to);
      }
      return { contents };
    });
  },
};

const workers = await build({
  ...settings,
  format: "iife",
  entryPoints: {
    "worker-editor": "monaco-editor/esm/vs/editor/editor.worker.js",
    "worker-graphql": "monaco-graphql/esm/graphql.worker.js",
    "worker-json": "monaco-editor/esm/vs/language/json/json.worker.js",
  },
});

// "worker-json" -> "worker-json-ABCD1234.js": what the pages and scripts know each file by.
function named({ metafile }) {
  const entries = Object.entries(metafile.outputs).filter(([, { entryPoint }]) => entryPoint);
  return Object.fromEntries(
    entries.flatMap(([path, { cssBundle }]) =>
      [path, cssBundle].filter(Boolean).map((file) => [basename(file).replace(/-[A-Z0-9]{8}\./, "."), basename(file)]),
    ),
  );
}

const workerFiles = named(workers);
const pages = await build({
  ...settings,
  format: "esm",
  splitting: true,
  jsx: "automatic",
  plugins: [adapted],
  // The old names lead to scripts whose exports a bundler cannot see.
  alias: { "prettier/parser-babel": "prettier/plugins/babel", "prettier/parser-graphql": "prettier/plugins/graphql" },
  entryPoints: ["src/playground.jsx", "src/welcome.js", "src/site.css"],
  // The JSON of an example is shown as it is written, so it stays text.
  loader: { ".ttf": "file", ".graphql": "text", ".json": "text" },
  define: {
    ...settings.define,
    WORKER_FILES: JSON.stringify({
      editor: workerFiles["worker-editor.js"],
      graphql: workerFiles["worker-graphql.js"],
      json: workerFiles["worker-json.js"],
    }),
  },
});

const icon = readFileSync("src/icon.svg");
const digest = (data) => createHash("sha256").update(data).digest("hex");
const iconFile = `icon-${digest(icon).slice(0, 8).toUpperCase()}.svg`;
writeFileSync(join(staticDir, iconFile), icon);

const files = { ...named(pages), "icon.svg": iconFile };
let html = "";
for (const page of ["playground", "welcome", "not_found"]) {
  const fill = (text) =>
    text.replace(/\{\{([\w.]+)\}\}/g, (_, name) => {
      if (name === "header") return fill(readFileSync("src/header.html", "utf8").trim());
      if (name === "playground" || name === "welcome") return name === page ? ' aria-current="page"' : "";
      if (!files[name]) throw new Error(`${page}.html names ${name}, which was not built`);
      return files[name];
    });
  const filled = fill(readFileSync(`src/${page}.html`, "utf8"));
  writeFileSync(join(htmlDir, `${page}.html`), filled);
  html += filled;
}

// esbuild repeats the editor's styles for each lazily loaded part; the linked sheet is complete without them.
for (const file of readdirSync(staticDir)) if (file.endsWith(".css") && !html.includes(file)) rmSync(join(staticDir, file));

// Every package that a byte of the result came from, with its own licence text.
const packages = new Map();
for (const path of [workers, pages].flatMap(({ metafile }) => Object.keys(metafile.inputs))) {
  const found = /^(.*node_modules\/((?:@[^/]+\/)?[^/]+))\//.exec(path);
  if (found) packages.set(found[1], found[2]);
}
const notices = [...packages].map(([dir, name]) => {
  const { version, license, author } = JSON.parse(readFileSync(join(dir, "package.json"), "utf8"));
  const texts = readdirSync(dir)
    .filter((file) => /^(licen[cs]e|notice|copying|thirdpartynotices)/i.test(file))
    .sort()
    .map((file) => readFileSync(join(dir, file), "utf8").replace(/\r\n/g, "\n").trim());
  const owner = typeof author === "object" ? author.name : author;
  if (texts.length === 0) texts.push(`${license} licence${owner ? `, by ${owner}` : ""}; its package carries no licence text.`);
  return `${name} ${version} (${license})\n${"=".repeat(78)}\n${texts.join("\n\n")}\n`;
});
writeFileSync(
  join(staticDir, "LICENSES.txt"),
  `The pages of Fieldgate are made with the packages below.\n\n${[...new Set(notices)].sort().join("\n\n")}`,
);

// tests/web computes the same digest, so that a changed source with an old bundle is noticed.
function sources(dir) {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === "node_modules") return [];
    return entry.isDirectory() ? sources(join(dir, entry.name)) : [join(dir, entry.name)];
  });
}
const recipe = sources(here).map((path) => [relative(here, path).split(sep).join("/"), digest(readFileSync(path))]);
const manifest = { sources: digest(recipe.map((pair) => pair.join(" ")).sort().join("\n")), files: readdirSync(staticDir).sort() };
writeFileSync(join(staticDir, "manifest.json"), `${JSON.stringify(manifest, null, 1)}\n`);
