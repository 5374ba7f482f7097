import type { FastifyRequest } from 'fastify';
import { Type } from '#typebox';
import { isoTime } from '../../clock.ts';
import { principalOf, sessionOf } from '../../http/authentication.ts';
import { deviceOf } from '../../http/device.ts';
import { readRefreshCookie, sameOriginOnly, setRefreshCookie } from '../../http/refresh-cookie.ts';
import type { HttpServer } from '../../http/server.ts';
import { Timestamp } from '../../http/timestamp.ts';
import { idPattern } from '../../id.ts';
import { AccessToken, accessTokenAnswer } from '../sessions/session-routes.ts';
import type { Sessions } from '../sessions/sessions.ts';
import type { Accounts } from './accounts.ts';
import { passwordMaxLength } from './password.ts';

export const Email = Type.String({ minLength: 3, maxLength: 254, examples: ['you@example.com'] });
/** The rules of a new password are the use-case's; a login only bounds what it hashes. */
const Password = Type.String({
  minLength: 1,
  maxLength: passwordMaxLength * 4,
  examples: ['five unrelated words do well'],
});

export const AccountView = Type.Object(
  {
    id: Type.String({ pattern: idPattern('acc') }),
    email: Type.String(),
    created_at: Timestamp,
  },
  { additionalProperties: false },
);

export function accountRoutes(server: HttpServer, accounts: Accounts, sessions: Sessions, publicUrl: string): void {
  const readsCookie = sameOriginOnly(publicUrl);

  server.post(
    '/auth/login',
    {
      config: { access: 'public', limit: 'auth', errors: ['invalid_credentials', 'origin_not_allowed', 'overloaded'] },
      onRequest: readsCookie,
      schema: {
        operationId: 'login',
        summary: 'Exchange e-mail and password for an access token',
        description: 'Sets the refresh cookie, and ends the session of a refresh cookie sent along.',
        tags: ['Sign-in'],
        body: Type.Object(
          { email: Email, password: Password },
          {
            additionalProperties: false,
            examples: [{ email: 'you@example.com', password: 'five unrelated words do well' }],
          },
        ),
        response: { 200: AccessToken },
      },
    },
    async (request, reply) => {
      const tokens = await accounts.login(request.body, deviceOf(request));
      await endFormerSession(request, sessions);
      setRefreshCookie(reply, tokens.refreshToken);
      return accessTokenAnswer(tokens);
    },
  );

  server.post(
    '/auth/reauthenticate',
    {
      config: { access: 'bearer', limit: 'auth', errors: ['overloaded'] },
      schema: {
        operationId: 'reauthenticate',
        summary: 'Prove the password again',
        description: 'For 15 minutes this session may then rotate keys and do the like.',
        tags: ['Sign-in'],
        body: Type.Object(
          { password: Password },
          { additionalProperties: false, examples: [{ password: 'five unrelated words do well' }] },
        ),
        response: { 204: Type.Null({ description: 'Proved.' }) },
      },
    },
    async (request, reply) => {
      await accounts.reauthenticate(sessionOf(request), request.body.password, deviceOf(request));
      return reply.code(204).send(null);
    },
  );

  server.get(
    '/me',
    {
      config: { access: 'both' },
      schema: {
        operationId: 'getMe',
        summary: 'Who is calling, and by which scheme',
        tags: ['Sign-in'],
        response: {
          200: Type.Object(
            {
              ...AccountView.properties,
              scheme: Type.Enum(['api_key', 'bearer']),
              api_key_id: Type.Optional(Type.String({ pattern: idPattern('key') })),
              session_id: Type.Optional(Type.String({ pattern: idPattern('ses') })),
            },
            { description: 'The account.', additionalProperties: false },
          ),
        },
      },
    },
    (request) => {
      const principal = principalOf(request);
      const { accountId, email, accountCreatedAt, scheme } = principal;
      return {
        id: accountId,
        email,
        created_at: isoTime(accountCreatedAt),
        scheme,
        ...(principal.scheme === 'api_key' ? { api_key_id: principal.apiKeyId } : { session_id: principal.sessionId }),
      };
    },
  );
}

/** A browser that signs in anew drops the session it had. */
export async function endFormerSession(request: FastifyRequest, sessions: Sessions): Promise<void> {
  const former = readRefreshCookie(request);
  if (former !== null) await sessions.endByRefreshToken(former, deviceOf(request));
}
