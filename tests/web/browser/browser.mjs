// A real browser with the network cut: what it asked for, and everything it complained about, is kept.
import { createRequire } from "node:module";
import { join } from "node:path";

export const options = JSON.parse(process.argv[2]);
const require = createRequire(join(options.packages, "package.json"));
const { chromium } = require("playwright-core");
const axe = require("axe-core");

const report = { foreign: [], complaints: [], violations: [], requests: [], accessibility: {}, facts: {} };
export const facts = report.facts;

export async function run(scenario) {
  const browser = await chromium.launch({
    executablePath: options.chromium,
    args: ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--disable-background-networking"],
  });
  try {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: "light" });
    await context.grantPermissions([], { origin: options.url });
    await context.route("**/*", (route) => {
      const url = new URL(route.request().url());
      if (url.origin === options.url) return route.continue();
      report.foreign.push(url.href);
      return route.abort();
    });
    await context.exposeBinding("reportViolation", (_source, text) => report.violations.push(text));
    await context.addInitScript(() =>
      document.addEventListener("securitypolicyviolation", (event) =>
        window.reportViolation(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`),
      ),
    );
    const page = await context.newPage();
    page.setDefaultTimeout(30_000);
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) report.complaints.push(`${message.type()}: ${message.text()}`);
    });
    page.on("pageerror", (error) => report.complaints.push(`uncaught: ${error.message}`));
    page.on("response", (response) => report.requests.push([response.status(), new URL(response.url()).pathname]));
    page.on("websocket", (socket) => {
      if (new URL(socket.url()).host !== new URL(options.url).host) report.foreign.push(socket.url());
    });
    try {
      await scenario(page);
    } catch (error) {
      await page.screenshot({ path: join(options.artefacts, "failed.png") });
      throw error;
    }
  } finally {
    await browser.close();
    console.log(JSON.stringify(report));
  }
}

export const screenshot = (page, name) => page.screenshot({ path: join(options.artefacts, `${name}.png`) });

// The serious and critical findings of axe-core, by name.
export async function audit(page, name) {
  await page.evaluate(axe.source);
  const { violations, passes } = await page.evaluate(() => globalThis.axe.run());
  facts[`${name} rules passed`] = passes.length;
  report.accessibility[name] = violations
    .filter(({ impact }) => ["serious", "critical"].includes(impact))
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html.slice(0, 160)} [${failureSummary}]`).join(" | ")}`);
}
