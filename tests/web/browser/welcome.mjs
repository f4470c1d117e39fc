import { audit, facts, options, run, screenshot } from "./browser.mjs";

await run(async (page) => {
  await page.goto(`${options.url}/welcome`);
  await page.locator("#systems tr").first().waitFor();
  facts.title = await page.title();
  facts.rows = await page.locator("#systems tr").evaluateAll((rows) =>
    rows.map((row) => [...row.cells].map((cell) => cell.textContent)),
  );
  facts.note = await page.locator("#systems-note").innerText();
  await page.locator("#ready.status").waitFor();
  facts.ready = await page.locator("#ready").innerText();
  facts.curl = await page.locator("#curl").innerText();
  await screenshot(page, "welcome-light");
  await audit(page, "light");

  await page.emulateMedia({ colorScheme: "dark" });
  await screenshot(page, "welcome-dark");
  await audit(page, "dark");

  await page.setViewportSize({ width: 390, height: 844 });
  facts.overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  await screenshot(page, "welcome-narrow");

  await page.setViewportSize({ width: 1440, height: 900 });
  await page.goto(`${options.url}/nothing-here`);
  facts.missing = await page.locator("h1").innerText();
  await audit(page, "missing");
});
