// A certified, independent authorization server, npm's oidc-provider, which
// rotates every refresh token and revokes the whole grant when one is reused,
// immediately and without a grace period. Its modules are in
// TOOLGRANT_NODE_MODULES. It prints its address, and exits when its standard
// input is closed. For tests it also has:
//
//	POST /_mint                creates a grant, as after a consent
//	POST /_live?token=…        whether an access token is valid
//	GET  /_counts              counters of the token endpoint
import { createServer } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const main = join(process.env.TOOLGRANT_NODE_MODULES, 'oidc-provider', 'lib', 'index.js');
const { Provider } = await import(pathToFileURL(main).href);

const server = createServer();
await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
const issuer = `http://127.0.0.1:${server.address().port}`;

// Nothing is deleted, so that a reused token is always detected.
const rows = new Map();
class Keep {
  constructor(model) { this.model = model; }
  async upsert(id, payload) { rows.set(`${this.model}:${id}`, payload); }
  async find(id) { return rows.get(`${this.model}:${id}`); }
  async consume(id) { (await this.find(id)).consumed = Math.floor(Date.now() / 1000); }
  async destroy(id) { rows.delete(`${this.model}:${id}`); }
  async revokeByGrantId(grantId) {
    for (const [key, payload] of rows) if (payload.grantId === grantId) rows.delete(key);
  }
}

// The declared lifetime is short; the real one is longer, so that a slow
// machine does not look like an expired token.
const told = Number(process.env.TOOLGRANT_TOKEN_TTL);
const scope = 'offline_access';
const provider = new Provider(issuer, {
  adapter: Keep,
  clients: [{
    client_id: 'soak', token_endpoint_auth_method: 'none', redirect_uris: ['http://127.0.0.1:1/callback'],
    grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'],
  }],
  rotateRefreshToken: true,
  findAccount: async (ctx, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
  ttl: { AccessToken: 86400, RefreshToken: 86400, Grant: 86400, IdToken: 86400 },
  features: { devInteractions: { enabled: false }, revocation: { enabled: true } },
});

const counts = { asked: 0, rotated: 0, reused: 0 };
provider.use(async (ctx, next) => {
  if (ctx.path === '/token') counts.asked += 1;
  await next();
  if (ctx.path === '/token' && ctx.status === 200) {
    counts.rotated += 1;
    ctx.body.expires_in = told;
  }
});
provider.on('grant.error', (ctx, err) => { if (err.error_detail === 'refresh token already used') counts.reused += 1; });

async function mint() {
  const client = await provider.Client.find('soak');
  const grant = new provider.Grant({ accountId: 'ada', clientId: 'soak' });
  grant.addOIDCScope(scope);
  const common = { accountId: 'ada', client, grantId: await grant.save(), gty: 'authorization_code', scope };
  return {
    access_token: await new provider.AccessToken(common).save(),
    refresh_token: await new provider.RefreshToken({ ...common, rotations: 0 }).save(),
  };
}

// live checks a token like a resource server; a token ends with its grant.
async function live(token) {
  const found = await provider.AccessToken.find(token);
  return { live: Boolean(found?.isValid && await provider.Grant.find(found.grantId)) };
}

const callback = provider.callback();
server.on('request', async (req, res) => {
  const url = new URL(req.url, issuer);
  let answer;
  switch (url.pathname) {
    case '/_mint': answer = await mint(); break;
    case '/_live': answer = await live(url.searchParams.get('token')); break;
    case '/_counts': answer = counts; break;
    default: callback(req, res); return;
  }
  res.setHeader('Content-Type', 'application/json');
  res.end(JSON.stringify(answer));
});
process.stdin.on('end', () => process.exit(0)).resume();
console.log(issuer);
