// Prints the results of the audits of npm's graphql-http as JSON: node graphql_http_audit.mjs PACKAGES URL
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [packages, url] = process.argv.slice(2);
const entry = path.join(packages, 'node_modules', 'graphql-http', 'lib', 'index.mjs');
const { auditServer } = await import(pathToFileURL(entry));
const results = await auditServer({ url });
console.log(JSON.stringify(results.map(({ id, name, status, reason }) => ({ id, name, status, reason }))));
