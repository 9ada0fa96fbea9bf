// A client of the MCP TypeScript SDK, whose modules are in TOOLGRANT_MCP_SDK. For
// each line of its standard input it has the conversation of clients_test.go with a
// server, and prints what it saw.
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const sdk = (file) => import(pathToFileURL(join(process.env.TOOLGRANT_MCP_SDK, 'dist', 'esm', file)).href);
const { Client } = await sdk('client/index.js');
const { StreamableHTTPClientTransport } = await sdk('client/streamableHttp.js');
const { CreateMessageRequestSchema, ToolListChangedNotificationSchema } = await sdk('types.js');

async function converse({ url, ticket, control, resumes }) {
  const client = new Client({ name: 'typescript', version: '1' }, { capabilities: { sampling: {} } });
  const changed = new Promise((done) => client.setNotificationHandler(ToolListChangedNotificationSchema, done));
  client.setRequestHandler(CreateMessageRequestSchema, async () => ({ role: 'assistant', model: 'm', content: { type: 'text', text: 'sampled' } }));
  const transport = new StreamableHTTPClientTransport(new URL(url), {
    requestInit: { headers: { Authorization: `Bearer ${ticket}` } },
    reconnectionOptions: { initialReconnectionDelay: 20, maxReconnectionDelay: 200, reconnectionDelayGrowFactor: 1.5, maxRetries: 100 },
  });
  await client.connect(transport);
  const call = async (name, options) => (await client.callTool({ name, arguments: {} }, undefined, options)).content[0].text;
  const work = async (progress, first, signal) => {
    let then;
    const onprogress = (p) => {
      progress.push(p.progress);
      if (p.progress === 1) then = first();
    };
    try {
      return await call('work', { onprogress, signal });
    } catch {
      return 'failed';
    } finally {
      await then;
    }
  };
  const ask = (path) => fetch(control + path, { method: 'POST' });

  const seen = { progress: [] };
  seen.result = await work(seen.progress, () => call('more'));
  const leave = new AbortController();
  seen.left = await work([], () => leave.abort(), leave.signal);
  seen.canceled = await call('canceled');
  await ask('/listening');
  await call('grow');
  await changed;
  seen.grown = (await client.listTools()).tools.some((tool) => tool.name === 'grown');
  seen.sampled = await call('sample');
  if (resumes) {
    seen.resumed = await work([], async () => {
      await ask('/cut');
      await call('more');
    });
  }
  seen.calls = await call('calls');
  await transport.terminateSession();
  await client.close();
  return seen;
}

for await (const line of createInterface({ input: process.stdin })) {
  const seen = await converse(JSON.parse(line)).catch((err) => ({ error: String(err) }));
  console.log(JSON.stringify(seen));
}
process.exit(0);
