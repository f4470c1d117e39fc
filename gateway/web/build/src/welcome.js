import { identity, offerRoles } from "./role.js";
import "./theme.js";

const STATUS = { UP: "Up", DEGRADED: "Degraded", DOWN: "Down" };
const QUERY = "{ systems { system connection adapter status circuit latencyMs } }";

const table = document.getElementById("systems");
const note = document.getElementById("systems-note");
const again = document.getElementById("systems-again");

document.getElementById("curl").textContent = document
  .getElementById("curl")
  .textContent.replace("$FIELDGATE", location.origin);

function cell(text, className) {
  const td = document.createElement("td");
  td.textContent = text;
  if (className) td.className = className;
  return td;
}

function row({ system, connection, adapter, status, circuit, latencyMs }) {
  const tr = document.createElement("tr");
  tr.append(
    cell(system),
    cell(connection, "code"),
    cell(adapter),
    cell(STATUS[status] ?? status, `status status-${String(status).toLowerCase()}`),
    cell(circuit === "CLOSED" ? "Closed" : circuit === "OPEN" ? "Open" : "Half open"),
    cell(latencyMs == null ? "–" : `${latencyMs.toFixed(latencyMs < 10 ? 1 : 0)} ms`, "number"),
  );
  return tr;
}

async function ask() {
  const response = await fetch("/graphql", {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/graphql-response+json, application/json;q=0.9",
      ...identity(),
    },
    body: JSON.stringify({ query: QUERY }),
  });
  if (response.status === 401) throw new Error("The gateway asks for a sign-in: use the playground's headers.");
  const { data, errors } = await response.json();
  if (!data?.systems) throw new Error(errors?.[0]?.message ?? `The gateway answered ${response.status}.`);
  return data.systems;
}

const READY = { 200: ["Ready", "status-up"], 503: ["Draining", "status-degraded"] };

async function showReady() {
  const pill = document.getElementById("ready");
  const { status } = await fetch("/health/ready").catch(() => ({}));
  const [text, className] = READY[status] ?? ["Not reachable", "status-down"];
  pill.textContent = text;
  pill.className = `pill status ${className}`;
}

async function refresh() {
  again.disabled = true;
  note.textContent = "Asking the gateway …";
  try {
    const systems = await ask();
    table.replaceChildren(...systems.map(row));
    const up = systems.filter(({ status }) => status === "UP").length;
    note.textContent = `${up} of ${systems.length} connections up, as of ${new Date().toLocaleTimeString()}.`;
  } catch (error) {
    table.replaceChildren();
    note.textContent = error instanceof TypeError ? "The gateway did not answer." : error.message;
  } finally {
    again.disabled = false;
  }
}

function look() {
  showReady();
  refresh();
}

again.addEventListener("click", look);
await offerRoles(document.getElementById("role"));
document.getElementById("role").addEventListener("change", refresh);
look();
