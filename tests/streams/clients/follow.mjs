// Follows one subscription with the protocol's own client, and prints each result as a line of JSON.
// argv: {transport, url, query, variables, take, packages, headers}; prints {"ready": true} once the operation is on its way.
import { createRequire } from 'node:module';

const { transport, url, query, variables, take, packages, headers } = JSON.parse(process.argv[2]);
const require = createRequire(`${packages}/`);
const print = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

const client =
  transport === 'ws'
    ? require('graphql-ws').createClient({
        url: url.replace('http', 'ws'),
        webSocketImpl: require('ws'),
        retryAttempts: 0,
        connectionParams: headers,
        on: { connected: () => print({ connected: true }) },
      })
    : require('graphql-sse').createClient({ url, headers, retryAttempts: 0 });

let left = take;
try {
  for await (const result of client.iterate({ query, variables })) {
    print(result);
    if (--left <= 0) break;
  }
} catch (error) {
  print({ failed: Array.isArray(error) ? error : { message: error.message, code: error.code, reason: error.reason } });
}
process.exit(0);
