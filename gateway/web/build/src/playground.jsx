import "./workers.js";
import "monaco-graphql/esm/lite.js";
import "@graphiql/react/style.css";
import "@graphiql/plugin-doc-explorer/style.css";
import "@graphiql/plugin-history/style.css";
import "graphiql/graphiql.css";
import "./playground.css";

import { createGraphiQLFetcher } from "@graphiql/toolkit";
import { GraphiQL } from "graphiql";
import { createRoot } from "react-dom/client";

import { editorTheme } from "./editor-theme.js";
import customer360 from "./operations/customer-360.graphql";
import customer360Variables from "./operations/customer-360.json";
import invoices from "./operations/invoices.graphql";
import invoicesVariables from "./operations/invoices.json";
import payments from "./operations/payments.graphql";
import paymentsVariables from "./operations/payments.json";
import subscriptions from "./operations/subscriptions.graphql";
import subscriptionsVariables from "./operations/subscriptions.json";

const examples = [
  { query: customer360, variables: customer360Variables },
  { query: subscriptions, variables: subscriptionsVariables },
  { query: invoices, variables: invoicesVariables },
  { query: payments, variables: paymentsVariables },
];

// GraphiQL by itself shows a tab's query but not its variables, until they have been edited.
function activeTab() {
  try {
    const { tabs, activeTabIndex } = JSON.parse(localStorage.getItem("graphiql:tabState"));
    return tabs[activeTabIndex] ?? examples[0];
  } catch {
    return examples[0];
  }
}

const endpoint = new URL("/graphql", location.origin);
const socket = new URL(endpoint);
socket.protocol = endpoint.protocol === "https:" ? "wss:" : "ws:";

// The headers of the headers editor go along as the connection's parameters.
const fetcher = createGraphiQLFetcher({ url: endpoint.href, subscriptionUrl: socket.href });

const { query, variables, headers } = activeTab();

createRoot(document.getElementById("playground")).render(
  <GraphiQL
    fetcher={fetcher}
    defaultTabs={examples}
    initialQuery={query}
    initialVariables={variables}
    initialHeaders={headers}
    defaultQuery=""
    editorTheme={editorTheme}
    defaultEditorToolsVisibility="variables"
    shouldPersistHeaders
  >
    <GraphiQL.Logo>
      <></>
    </GraphiQL.Logo>
  </GraphiQL>,
);
