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
      backchannel_logout_uri: `${app}/secure-media/backchannel-logout`,
      backchannel_logout_session_required: true,
    },
  ],
  features: { backchannelLogout: { enabled: true } },
  // By itself, it tells nobody on this machine that somebody has signed out.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  claims: { openid: ["sub"], email: ["email"], profile: ["name"] },
  conformIdTokenClaims: false,
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: `${id}@example.com`, name: id }),
  }),
  cookies: { keys: ["a-key-for-tests"] },
});
provider.on("backchannel.error", (_, error) => console.error("back-channel logout:", error, error.cause));
provider.listen(Number(port), "127.0.0.1");
