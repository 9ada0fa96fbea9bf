// A server of the MCP TypeScript SDK, whose modules are in TOOLGRANT_MCP_SDK, with
// the tools of servers_test.go. It prints its URL when it listens, and ends with its
// standard input.
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const sdk = (file) => import(pathToFileURL(join(process.env.TOOLGRANT_MCP_SDK, 'dist', 'esm', file)).href);
const { Server } = await sdk('server/index.js');
const { StreamableHTTPServerTransport } = await sdk('server/streamableHttp.js');
const { CallToolRequestSchema, CreateMessageResultSchema, ListToolsRequestSchema } = await sdk('types.js');

// A signal wakes one of those that wait for it, or the next.
function signal() {
  const waiting = [];
  let sent = 0;
  return {
    send: () => (waiting.length ? waiting.shift()(false) : sent++),
    // wait resolves to whether it was aborted.
    wait: (abort) =>
      new Promise((done) => {
        if (sent) {
          sent--;
          return done(false);
        }
        waiting.push(done);
        abort?.addEventListener('abort', () => {
          if (waiting.includes(done)) waiting.splice(waiting.indexOf(done), 1);
          done(true);
        });
      }),
  };
}

// newEvents returns an event store that keeps the order of events. Empty messages only
// announce an id.
function newEvents() {
  const all = [];
  return {
    storeEvent: async (stream, message) => {
      all.push({ stream, message });
      return `${all.length}`;
    },
    getStreamIdForEventId: async (id) => all[id - 1]?.stream,
    replayEventsAfter: async (last, { send }) => {
      const { stream } = all[last - 1];
      for (let n = Number(last); n < all.length; n++) {
        if (all[n].stream === stream && all[n].message.jsonrpc) await send(`${n + 1}`, all[n].message);
      }
      return stream;
    },
  };
}

function newServer() {
  const server = new Server({ name: 'typescript', version: '1' }, { capabilities: { tools: { listChanged: true } } });
  const names = ['work', 'more', 'canceled', 'calls', 'grow', 'sample'];
  const [more, canceled] = [signal(), signal()];
  let calls = 0;
  const tools = {
    work: async (request, extra) => {
      calls++;
      const progress = (n) =>
        extra.sendNotification({ method: 'notifications/progress', params: { progressToken: request.params._meta.progressToken, progress: n } });
      await progress(1);
      if (await more.wait(extra.signal)) {
        canceled.send();
        throw new Error('canceled');
      }
      await progress(2);
      return 'done';
    },
    more: async () => (more.send(), ''),
    canceled: async () => (await canceled.wait(), 'canceled'),
    calls: async () => String(calls),
    grow: async () => (names.push('grown'), await server.sendToolListChanged(), ''),
    sample: async (_, extra) => {
      const params = { messages: [{ role: 'user', content: { type: 'text', text: 'hello' } }], maxTokens: 10 };
      try {
        return (await extra.sendRequest({ method: 'sampling/createMessage', params }, CreateMessageResultSchema)).content.text;
      } catch {
        return 'refused';
      }
    },
  };
  server.setRequestHandler(ListToolsRequestSchema, async () => ({ tools: names.map((name) => ({ name, inputSchema: { type: 'object' } })) }));
  server.setRequestHandler(CallToolRequestSchema, async (request, extra) => ({
    content: [{ type: 'text', text: await tools[request.params.name](request, extra) }],
  }));
  return server;
}

const sessions = new Map();
const listener = createServer(async (req, res) => {
  const id = req.headers['mcp-session-id'];
  let transport = sessions.get(id);
  if (!transport) {
    if (id) return res.writeHead(404).end();
    transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (created) => void sessions.set(created, transport),
      eventStore: newEvents(),
    });
    await newServer().connect(transport);
  }
  await transport.handleRequest(req, res);
});
await new Promise((ready) => listener.listen(0, '127.0.0.1', ready));
console.log(`http://127.0.0.1:${listener.address().port}/mcp`);
process.stdin.resume().on('end', () => process.exit(0));
