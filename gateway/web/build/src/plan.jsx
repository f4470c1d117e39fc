// The plan of the operation in the editor: a column for each round of loads, a box for each load.
import { useGraphiQL } from "@graphiql/react";
import { Kind, parse } from "graphql";
import { useCallback, useEffect, useRef, useState } from "react";

// Says that an operation was run, so that its plan can be drawn anew.
export const ran = new EventTarget();

const ONLY_QUERIES = "Only queries are planned: running a mutation or a subscription for its picture would do what it does.";

function readable(text) {
  try {
    return text?.trim() ? JSON.parse(text) : {};
  } catch {
    return {};
  }
}

function isQuery(query, operationName) {
  const operations = parse(query).definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION);
  const meant = operations.length === 1 ? operations[0] : operations.find(({ name }) => name?.value === operationName);
  return meant?.operation === "query";
}

async function planOf(ask, query, variables, operationName, headers) {
  try {
    if (!isQuery(query, operationName)) return { refusal: ONLY_QUERIES };
    const { errors, extensions } = await ask({ query, variables, operationName, extensions: { plan: true } }, headers);
    return extensions?.plan ? { plan: extensions.plan } : { refusal: errors?.[0]?.message ?? "The answer has no plan." };
  } catch (error) {
    return { refusal: error.message };
  }
}

const count = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;

function Load({ load }) {
  const { system, connection, type, key, keys, calls, rows, fields, places, note } = load;
  const by = key === "page" ? "a page" : `by ${key} · ${count(keys, "key")}`;
  return (
    <li className="load" data-system={system}>
      <h4>
        {connection} <span>{type}</span>
      </h4>
      <p>
        {by} · {count(calls, "call")} · {rows === null ? "no answer" : count(rows, "row")}
      </p>
      <p className="soft">for {places.join(", ").split(/(?<=[.,])/).map((part, at) => [at > 0 && <wbr key={at} />, part])}</p>
      {note && <p className="soft">{note}</p>}
      <ul className="fields" aria-label={`Fields of ${type}`}>
        {fields.map((field) => (
          <li key={field}>{field}</li>
        ))}
      </ul>
    </li>
  );
}

function Picture({ plan }) {
  const { planned, rounds, points, assembled, text } = plan;
  if (!planned) return <p>{text.split("\n")[0]}</p>;
  const calls = rounds.flatMap(({ loads }) => loads).reduce((sum, load) => sum + load.calls, 0);
  return (
    <>
      <p>
        {count(rounds.length, "round")}, {count(calls, "call")}, {count(points, "point")}; assembled {assembled}.
      </p>
      <ol className="rounds" tabIndex={0} aria-label="Rounds">
        {rounds.map(({ round, loads }) => (
          <li className="round" key={round}>
            <h3>Round {round}</h3>
            <ul>
              {loads.map((load, at) => (
                <Load key={at} load={load} />
              ))}
            </ul>
          </li>
        ))}
      </ol>
      <details>
        <summary>As text</summary>
        <pre tabIndex={0}>{text}</pre>
      </details>
    </>
  );
}

function Plan({ ask }) {
  const queryEditor = useGraphiQL((state) => state.queryEditor);
  const variableEditor = useGraphiQL((state) => state.variableEditor);
  const headerEditor = useGraphiQL((state) => state.headerEditor);
  const operationName = useGraphiQL((state) => state.operationName);
  const [found, show] = useState({});
  const latest = useRef(0);
  const draw = useCallback(async () => {
    const query = queryEditor?.getValue() ?? "";
    const mine = (latest.current += 1);
    const next = query.trim()
      ? await planOf(ask, query, readable(variableEditor?.getValue()), operationName, readable(headerEditor?.getValue()))
      : {};
    // A slower answer to an earlier question is of no interest any more.
    if (mine === latest.current) show(next);
  }, [ask, queryEditor, variableEditor, headerEditor, operationName]);
  useEffect(() => {
    draw();
    ran.addEventListener("ran", draw);
    return () => ran.removeEventListener("ran", draw);
  }, [draw]);
  return (
    <section className="plan" aria-label="Plan">
      <h2>Plan</h2>
      <p className="soft">How the query in the editor is carried out: what each system is asked, and what goes at the same time.</p>
      <button type="button" className="graphiql-button" onClick={draw}>
        Run and draw
      </button>
      <div aria-live="polite">
        {found.refusal && <p className="refusal">{found.refusal}</p>}
        {found.plan && <Picture plan={found.plan} />}
      </div>
    </section>
  );
}

const Icon = () => (
  <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.5" aria-hidden="true">
    <rect x="3" y="4" width="6" height="6" rx="1" />
    <rect x="3" y="14" width="6" height="6" rx="1" />
    <rect x="15" y="9" width="6" height="6" rx="1" />
    <path d="M9 7h3v5h3M9 17h3v-5" />
  </svg>
);

// `ask`: sends a request's parameters with headers, and gives the answer.
export const planPlugin = (ask) => ({ title: "Plan", icon: Icon, content: () => <Plan ask={ask} /> });
