import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from '#typebox';
import { isoTime } from '../../clock.ts';
import { deviceOf } from '../../http/device.ts';
import { takeLimit } from '../../http/rate-limit.ts';
import { sameOriginOnly, setRefreshCookie } from '../../http/refresh-cookie.ts';
import type { HttpServer } from '../../http/server.ts';
import { apiKeyPattern } from '../api-keys/api-key.ts';
import { AccessToken, accessTokenAnswer } from '../sessions/session-routes.ts';
import type { Sessions } from '../sessions/sessions.ts';
import { AccountView, Email, endFormerSession } from './account-routes.ts';
import type { Accounts, Registered } from './accounts.ts';
import type { EmailVerification } from './email-verification.ts';
import { passwordMaxLength, passwordMinLength } from './password.ts';

export const NewPassword = Type.String({
  minLength: 1,
  maxLength: passwordMaxLength * 4,
  description: `${passwordMinLength} to ${passwordMaxLength} characters, any characters, not easily guessed.`,
  examples: ['five unrelated words do well'],
});

export const RegisteredAnswer = Type.Object(
  {
    account: AccountView,
    api_key: Type.String({ pattern: apiKeyPattern, description: 'Shown this once.' }),
    ...AccessToken.properties,
  },
  { description: 'The account. Sets the refresh cookie.', additionalProperties: false },
);

/** The same whether or not there is an account. */
export const MailedAnswer = Type.Object(
  { email: Type.String({ description: 'Where the mail goes.', examples: ['you@example.com'] }) },
  { description: 'A mail is on its way, if there is something to say to this address.', additionalProperties: false },
);

export interface SignUpServices {
  accounts: Accounts;
  sessions: Sessions;
  emailVerification: EmailVerification;
}

export function signUpRoutes(
  server: HttpServer,
  { accounts, sessions, emailVerification }: SignUpServices,
  { publicUrl, byMail }: { publicUrl: string; byMail: boolean },
): void {
  server.get(
    '/auth/config',
    {
      config: { access: 'public' },
      schema: {
        operationId: 'getAuthConfig',
        summary: 'What a sign-up form needs to know',
        tags: ['Sign-in'],
        response: {
          200: Type.Object(
            {
              signup: Type.Enum(['open', 'closed']),
              mail: Type.Boolean({ description: 'Whether sign-up is confirmed by mail.' }),
              password_min_length: Type.Integer({ examples: [passwordMinLength] }),
            },
            { description: 'The configuration.', additionalProperties: false },
          ),
        },
      },
    },
    () => ({ signup: accounts.signup, mail: byMail, password_min_length: passwordMinLength }),
  );

  server.post(
    '/auth/register',
    {
      config: {
        access: 'public',
        limit: 'auth',
        errors: ['email_taken', 'signup_closed', 'origin_not_allowed', 'overloaded'],
      },
      onRequest: sameOriginOnly(publicUrl),
      schema: {
        operationId: 'register',
        summary: 'Make an account and its API key',
        description:
          'Without a mail server, and with an invitation: 201, the only answer that shows the first key; it also starts a session, as login does. With a mail server: 202, whether or not the address has an account; the account is made at `/auth/email/verify`.',
        tags: ['Sign-in'],
        body: Type.Object(
          {
            email: Email,
            password: NewPassword,
            invitation: Type.Optional(
              Type.String({
                minLength: 1,
                maxLength: 100,
                description: 'The token of a one-time link, where sign-up is closed.',
              }),
            ),
          },
          {
            additionalProperties: false,
            examples: [{ email: 'new@example.com', password: 'five unrelated words do well' }],
          },
        ),
        response: { 201: RegisteredAnswer, 202: MailedAnswer },
      },
    },
    async (request, reply) => {
      const { body } = request;
      if (byMail && body.invitation === undefined) {
        await takeLimit(request, reply, 'resend', body.email);
        return reply.code(202).send({ email: await emailVerification.requestSignUp(body) });
      }
      const registered = await accounts.register(body, deviceOf(request));
      return reply.code(201).send(await welcome(request, reply, registered, sessions));
    },
  );
}

/** Returns the body that shows a new account its key, and signs the browser in. */
export async function welcome(
  request: FastifyRequest,
  reply: FastifyReply,
  { account, apiKey, tokens }: Registered,
  sessions: Sessions,
) {
  await endFormerSession(request, sessions);
  setRefreshCookie(reply, tokens.refreshToken);
  return {
    account: { id: account.id, email: account.email, created_at: isoTime(account.createdAt) },
    api_key: apiKey,
    ...accessTokenAnswer(tokens),
  };
}
