import "./workers.js";
import "monaco-graphql/esm/lite.js";
import "@graphiql/react/style.css";
import "@graphiql/plugin-doc-explorer/style.css";
import "@graphiql/plugin-history/style.css";
import "graphiql/graphiql.css";
import "./playground.css";

import { HISTORY_PLUGIN } from "@graphiql/plugin-history";
import { createGraphiQLFetcher } from "@graphiql/toolkit";
import { GraphiQL } from "graphiql";
import { Kind, parse } from "graphql";
import { createRoot } from "react-dom/client";

import { editorTheme } from "./editor-theme.js";
import businessEvents from "./operations/business-events.graphql";
import businessEventsVariables from "./operations/business-events.json";
import customer360 from "./operations/customer-360.graphql";
import customer360Variables from "./operations/customer-360.json";
import invoices from "./operations/invoices.graphql";
import invoicesVariables from "./operations/invoices.json";
import pauseSubscription from "./operations/pause-subscription.graphql";
import pauseSubscriptionVariables from "./operations/pause-subscription.json";
import payments from "./operations/payments.graphql";
import paymentsVariables from "./operations/payments.json";
import subscriptions from "./operations/subscriptions.graphql";
import subscriptionsVariables from "./operations/subscriptions.json";
import updateCustomer from "./operations/update-customer.graphql";
import updateCustomerVariables from "./operations/update-customer.json";
import { planPlugin, ran } from "./plan.jsx";
import { identity, offerRoles } from "./role.js";

const endpoint = new URL("/graphql", location.origin);
const socket = new URL(endpoint);
socket.protocol = endpoint.protocol === "https:" ? "wss:" : "ws:";

await offerRoles(document.getElementById("role"));

const examples = [
  { query: customer360, variables: customer360Variables },
  { query: subscriptions, variables: subscriptionsVariables },
  { query: invoices, variables: invoicesVariables },
  { query: payments, variables: paymentsVariables },
  { query: updateCustomer, variables: updateCustomerVariables },
  { query: pauseSubscription, variables: pauseSubscriptionVariables },
  { query: businessEvents, variables: businessEventsVariables },
];

// What the examples act on: real ids, where the gateway gives some in time. Only for who is here for the first time.
const ACTED_ON = `{
  customers(first: 1) { nodes { id } }
  subscriptions(first: 1, filter: { status: [ACTIVE] }) { nodes { id } }
}`;
const PATIENCE_MS = 8_000;

async function fillIn() {
  try {
    const response = await fetch(endpoint, {
      method: "POST",
      headers: { "content-type": "application/json", ...identity() },
      body: JSON.stringify({ query: ACTED_ON }),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const { data } = await response.json();
    for (const example of examples) {
      example.variables = example.variables
        .replace("CUSTOMER_ID", data.customers?.nodes[0]?.id ?? "CUSTOMER_ID")
        .replace("SUBSCRIPTION_ID", data.subscriptions?.nodes[0]?.id ?? "SUBSCRIPTION_ID");
    }
  } catch {
    // They keep the names of what belongs there.
  }
}
if (localStorage.getItem("graphiql:tabState") === null) await fillIn();

// GraphiQL by itself shows a tab's query but not its variables, until they have been edited.
function activeTab() {
  try {
    const { tabs, activeTabIndex } = JSON.parse(localStorage.getItem("graphiql:tabState"));
    return tabs[activeTabIndex] ?? examples[0];
  } catch {
    return examples[0];
  }
}

// Over HTTP the identity goes in headers; over a socket all headers go along as the connection's parameters.
const ask = createGraphiQLFetcher({ url: endpoint.href, subscriptionUrl: socket.href, enableIncrementalDelivery: false });

// Which operation a document has, GraphiQL finds out a moment after a tab is opened; whoever runs it at once is sooner.
function parsed({ query }) {
  try {
    return parse(query);
  } catch {
    return undefined;
  }
}

function fetcher(parameters, options) {
  const documentAST = parsed(parameters) ?? options?.documentAST;
  const operations = documentAST?.definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION) ?? [];
  const named = operations.length === 1 ? { operationName: operations[0].name?.value } : {};
  if (!parameters.query.includes("__schema")) ran.dispatchEvent(new Event("ran"));
  return ask({ ...parameters, ...named }, { ...options, documentAST, headers: { ...identity(), ...options?.headers } });
}

// The plan is asked for beside the run, which the picture must not change.
async function askForPlan(parameters, headers) {
  const response = await fetch(endpoint, {
    method: "POST",
    headers: { "content-type": "application/json", ...identity(), ...headers },
    body: JSON.stringify(parameters),
  });
  return response.json();
}
const plugins = [HISTORY_PLUGIN, planPlugin(askForPlan)];

// The overview's link to the schema's documentation.
if (location.hash === "#docs") {
  localStorage.setItem("graphiql:visiblePlugin", "Documentation Explorer");
  history.replaceState(null, "", location.pathname);
}

const { query, variables, headers } = activeTab();

createRoot(document.getElementById("playground")).render(
  <GraphiQL
    fetcher={fetcher}
    defaultTabs={examples}
    initialQuery={query}
    initialVariables={variables}
    initialHeaders={headers}
    defaultQuery=""
    plugins={plugins}
    editorTheme={editorTheme}
    defaultEditorToolsVisibility="variables"
    shouldPersistHeaders
  >
    <GraphiQL.Logo>
      <></>
    </GraphiQL.Logo>
  </GraphiQL>,
);
