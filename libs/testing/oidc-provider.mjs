// A real OpenID provider, as a process of its own: argument 1 is the port, 2 where browsers are sent back to.
// It knows three people; whoever asks for its login page is the one of the cookie "who", and has agreed already.
import { Provider } from 'oidc-provider';

const [port, redirectUri] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const people = JSON.parse(process.env.PEOPLE ?? '{}');

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'lapwing',
      client_secret: 'secret-of-lapwing',
      redirect_uris: [redirectUri],
      response_types: ['code'],
      grant_types: ['authorization_code'],
    },
  ],
  claims: { openid: ['sub'], profile: ['preferred_username'], email: ['email', 'email_verified'], groups: ['groups'] },
  scopes: ['openid', 'profile', 'email', 'groups'],
  pkce: { required: () => true },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id, ...people[id] }) }),
  cookies: { keys: ['a key for tests'] },
});

provider.use(async (context, next) => {
  if (context.path.startsWith('/people/')) {
    people[context.path.slice(8)] = JSON.parse(decodeURIComponent(context.querystring));
    context.body = 'ok';
    return;
  }
  if (!context.path.startsWith('/interaction/')) {
    await next();
    return;
  }
  const { prompt, params } = await provider.interactionDetails(context.req, context.res);
  const accountId = context.cookies.get('who') ?? '';
  let result = { login: { accountId } };
  if (prompt.name === 'consent') {
    const grant = new provider.Grant({ accountId, clientId: params.client_id });
    grant.addOIDCScope(params.scope);
    result = { consent: { grantId: await grant.save() } };
  }
  await provider.interactionFinished(context.req, context.res, result, { mergeWithLastSubmission: true });
  context.respond = false;
});

provider.listen(Number(port), '127.0.0.1', () => process.stdout.write('listening\n'));
