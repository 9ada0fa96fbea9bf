// A certified authorization server that nobody here wrote, npm's oidc-provider,
// which consents by itself. Its modules are in TOOLGRANT_NODE_MODULES. It prints
// its issuer once it listens, and ends with its standard input.
import { createServer } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const main = join(process.env.TOOLGRANT_NODE_MODULES, 'oidc-provider', 'lib', 'index.js');
const { Provider } = await import(pathToFileURL(main).href);

const server = createServer();
await new Promise((ready) => server.listen(0, 'localhost', ready));
const issuer = `http://localhost:${server.address().port}`;

const provider = new Provider(issuer, {
  clientDefaults: { grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'] },
  scopes: ['openid', 'offline_access', 'mcp:use'],
  pkce: { required: () => true },
  rotateRefreshToken: true,
  issueRefreshToken: async (ctx, client) => client.grantTypeAllowed('refresh_token'),
  findAccount: async (ctx, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  cookies: { keys: ['synthetic-cookie-key'] },
  ttl: { AccessToken: lifetime, Session: 3600, Grant: 3600, Interaction: 600 },
  features: {
    devInteractions: { enabled: false },
    registration: { enabled: true },
    registrationManagement: { enabled: true },
    revocation: { enabled: true },
    pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: process.env.REQUIRE_PUSHED === 'true' },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: async () => true,
      getResourceServerInfo: async (ctx, resource) => ({
        scope: 'mcp:use', audience: resource, accessTokenFormat: 'jwt', accessTokenTTL: 3600, jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
});

// lifetime returns the lifetime of an access token in seconds. FIRST_TTL is that
// of the first one of a grant.
function lifetime(ctx) {
  const first = ctx.oidc.params?.grant_type === 'authorization_code';
  return first && process.env.FIRST_TTL ? Number(process.env.FIRST_TTL) : 3600;
}

async function interact(req, res) {
  const { prompt, params, session, grantId } = await provider.interactionDetails(req, res);
  if (prompt.name === 'login') {
    return provider.interactionFinished(req, res, { login: { accountId: 'u_42' } });
  }
  const grant = grantId ? await provider.Grant.find(grantId)
    : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  if (prompt.details.missingOIDCScope) grant.addOIDCScope(prompt.details.missingOIDCScope.join(' '));
  for (const [resource, scopes] of Object.entries(prompt.details.missingResourceScopes ?? {})) {
    grant.addResourceScope(resource, scopes.join(' '));
  }
  return provider.interactionFinished(req, res, { consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: true });
}

const callback = provider.callback();
server.on('request', (req, res) => {
  if (!req.url.startsWith('/interaction/')) return callback(req, res);
  return interact(req, res).catch((err) => { res.statusCode = 500; res.end(String(err)); });
});
process.stdin.on('end', () => process.exit(0)).resume();
console.log(issuer);
