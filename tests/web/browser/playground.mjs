import { audit, facts, options, run, screenshot } from "./browser.mjs";

// The editor draws spaces as no-break spaces.
const shown = async (locator) => (await locator.innerText()).replaceAll("\u00a0", " ");
const answer = (page) => page.locator(".graphiql-response .view-lines");
// Gives the answer as it was when all of the texts stood in it: another may have taken its place since.
const waitForAnswer = async (page, ...texts) => {
  const found = await page.waitForFunction((wanted) => {
    const shown = document.querySelector(".graphiql-response .view-lines")?.innerText ?? "";
    return wanted.every((each) => shown.includes(each)) && shown;
  }, texts);
  return (await found.jsonValue()).replaceAll("\u00a0", " ");
};

await run(async (page) => {
  await page.goto(options.url);
  await page.locator(".graphiql-query-editor .view-lines", { hasText: "Customer360" }).waitFor();
  facts.title = await page.title();
  facts.tabs = await page.locator(".graphiql-tab-button").allInnerTexts();
  facts.variables = await shown(page.locator(".graphiql-editor-tool .view-lines").first());

  await page.reload();
  await page.locator(".graphiql-query-editor .view-lines", { hasText: "Customer360" }).waitFor();
  facts.variablesAfterReload = await shown(page.locator(".graphiql-editor-tool .view-lines").first());

  // An example, as it stands.
  await page.getByRole("button", { name: /^Execute query/ }).click();
  await waitForAnswer(page, "legalName");
  await waitForAnswer(page, "receivables");
  facts.example = await shown(answer(page));
  await screenshot(page, "playground-light");
  await audit(page, "light");

  // A query typed by hand, with the completion that the schema gives.
  await page.locator(".graphiql-tab-add").click();
  const editor = page.locator(".graphiql-query-editor .monaco-editor").first();
  await editor.click();
  await page.keyboard.type("query Typed { custo");
  await page.locator(".graphiql-query-editor .suggest-widget.visible .monaco-list-row").first().waitFor();
  facts.completions = await page.locator(".suggest-widget.visible .monaco-list-row").allInnerTexts();
  await screenshot(page, "playground-completion");
  await page.keyboard.press("Escape");
  await page.keyboard.type("mers(first: 1) { nodes { name } } }");
  await page.keyboard.press("Escape");

  // Headers go along, and are remembered.
  await page.getByRole("button", { name: "Headers", exact: true }).click();
  await page.locator(".graphiql-editor-tool .graphiql-editor:not(.hidden) .monaco-editor").first().click();
  await page.keyboard.insertText('{ "x-example": "remembered" }');
  const asked = page.waitForRequest((request) => request.postData()?.includes("query Typed"));
  await page.keyboard.press("Control+Enter");
  facts.header = (await asked).headers()["x-example"];
  await waitForAnswer(page, '"nodes"');
  facts.typed = await shown(answer(page));

  await page.getByRole("button", { name: /^Prettify query/ }).click();
  await page.waitForFunction(() =>
    [...document.querySelectorAll(".graphiql-query-editor .view-line")].some((line) => /^\s+nodes \{$/.test(line.innerText.replaceAll("\u00a0", " "))),
  );

  // GraphiQL writes down what was typed once the typing has paused.
  await page.waitForFunction(() => /remembered/.test(localStorage.getItem("graphiql:tabState")));
  await page.reload();
  await page.getByRole("button", { name: "Headers", exact: true }).click();
  const headers = page.locator(".graphiql-editor-tool .graphiql-editor:not(.hidden) .view-lines");
  await headers.filter({ hasText: "remembered" }).waitFor();
  facts.tabsAfterReload = await page.locator(".graphiql-tab-button").count();

  // The schema's documentation.
  await page.getByRole("button", { name: /^Show Documentation Explorer/ }).click();
  await page.locator(".graphiql-doc-explorer").getByText("Query", { exact: true }).click();
  await page.locator(".graphiql-doc-explorer").getByText("customers", { exact: true }).first().waitFor();
  await screenshot(page, "playground-docs");
  await audit(page, "docs");

  // The plan of an example, drawn; then of what is run.
  await page.getByRole("button", { name: "Customer360", exact: true }).click();
  await page.getByRole("button", { name: /^Show Plan/ }).click();
  await page.locator(".plan .round").nth(1).waitFor();
  facts.rounds = await page.locator(".plan .round h3").allInnerTexts();
  facts.loads = await page.locator(".plan .round").first().locator(".load").allInnerTexts();
  facts.planned = await page.locator(".plan [aria-live] > p").innerText();
  await screenshot(page, "playground-plan");
  await audit(page, "plan");
  const drawn = page.waitForRequest((request) => request.postData()?.includes('"extensions":{"plan":true}'));
  await page.getByRole("button", { name: /^Execute query/ }).click();
  facts.drawn = (await drawn).postDataJSON().operationName;

  // A write, with the id of a customer that is really there.
  await page.getByRole("button", { name: "UpdateCustomer", exact: true }).click();
  await page.getByRole("button", { name: /^Execute query/ }).click();
  await waitForAnswer(page, "SUCCEEDED");
  facts.mutation = await shown(answer(page));
  facts.planOfMutation = await page.locator(".plan .refusal").innerText();
  await screenshot(page, "playground-mutation");

  // A subscription: it is open once the gateway counts it, and shows what happens from then on.
  await page.getByRole("button", { name: "BusinessEvents", exact: true }).click();
  await page.getByRole("button", { name: /^Execute query/ }).click();
  await page.waitForFunction(async () => /^fieldgate_subscriptions 1(\.0)?$/m.test(await (await fetch("/metrics")).text()));
  const [paused] = JSON.parse(await page.evaluate(() => localStorage.getItem("graphiql:tabState")))
    .tabs.filter(({ operationName }) => operationName === "PauseSubscription");
  const happened = await page.request.post(`${options.url}/graphql`, { data: { query: paused.query, variables: JSON.parse(paused.variables) } });
  facts.paused = await happened.json();
  facts.event = await waitForAnswer(page, "SUBSCRIPTION_PAUSED", '"name"');
  await screenshot(page, "playground-subscription");
  await page.getByRole("button", { name: /^Stop query/ }).click();
  await page.waitForFunction(async () => /^fieldgate_subscriptions 0(\.0)?$/m.test(await (await fetch("/metrics")).text()));

  // Another role, which may not see everything.
  await page.getByLabel("Role", { exact: true }).selectOption(options.role);
  facts.about = await page.locator("#role output").innerText();
  await page.getByRole("button", { name: "Payments", exact: true }).click();
  const asRole = page.waitForRequest((request) => request.postData()?.includes("query Payments"));
  await page.getByRole("button", { name: /^Execute query/ }).click();
  facts.role = (await asRole).headers()["x-fieldgate-role"];
  await waitForAnswer(page, "FORBIDDEN");
  facts.forbidden = await shown(answer(page));
  await page.locator(".plan .refusal", { hasText: "plan:read" }).waitFor();
  facts.planForbidden = await page.locator(".plan .refusal").innerText();
  await screenshot(page, "playground-role");
  await audit(page, "role");
  await page.getByLabel("Role", { exact: true }).selectOption("admin");
  facts.remembered = await page.evaluate(() => localStorage.getItem("fieldgate:role"));
  await page.getByRole("button", { name: "Typed", exact: true }).click();
  await page.waitForFunction(() => {
    const { tabs, activeTabIndex } = JSON.parse(localStorage.getItem("graphiql:tabState"));
    return tabs[activeTabIndex].operationName === "Typed";
  });

  await page.emulateMedia({ colorScheme: "dark" });
  await page.reload();
  await page.locator(".graphiql-query-editor .view-lines", { hasText: "Typed" }).waitFor();
  await page.getByRole("button", { name: /^Execute query/ }).click();
  await waitForAnswer(page, '"nodes"');
  await screenshot(page, "playground-dark");
  await audit(page, "dark");
});
