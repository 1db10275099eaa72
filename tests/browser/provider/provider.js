// An OpenID provider for tests: anyone may sign in under any name, as one client of this machine.
// node provider.js PORT CLIENT_ORIGIN
import { Provider } from "oidc-provider";

const [port, app] = process.argv.slice(2);
const callback = `${app}/oauth2callback`;

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: "the-app",
      client_secret: "the-secret-of-the-client",
      redirect_uris: [callback],
      post_logout_redirect_uris: [callback],
    },
  ],
  claims: { openid: ["sub"], email: ["email"], profile: ["name"] },
  conformIdTokenClaims: false,
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: `${id}@example.com`, name: id }),
  }),
  cookies: { keys: ["a-key-for-tests"] },
});
provider.listen(Number(port), "127.0.0.1");
