import { Type } from '#typebox';
import { sessionOf } from '../../http/authentication.ts';
import { actorOf, deviceOf } from '../../http/device.ts';
import { takeLimit } from '../../http/rate-limit.ts';
import { sameOriginOnly } from '../../http/refresh-cookie.ts';
import type { HttpServer } from '../../http/server.ts';
import type { Sessions } from '../sessions/sessions.ts';
import { Email } from './account-routes.ts';
import type { EmailVerification } from './email-verification.ts';
import { MailedAnswer, NewPassword, RegisteredAnswer, welcome } from './sign-up-routes.ts';

export const LinkToken = Type.String({
  minLength: 1,
  maxLength: 100,
  description: 'From the mailed link: the 43 characters after `#token=`.',
});

const EmailBody = Type.Object(
  { email: Email },
  { additionalProperties: false, examples: [{ email: 'new@example.com' }] },
);

export function emailRoutes(
  server: HttpServer,
  emailVerification: EmailVerification,
  sessions: Sessions,
  publicUrl: string,
): void {
  server.post(
    '/auth/email',
    {
      config: { access: 'bearer-fresh', errors: ['rate_limited'] },
      schema: {
        operationId: 'requestEmailChange',
        summary: 'Change the e-mail address',
        description:
          'Mails a link to the new address; the old one stays until `/auth/email/verify` has proved the new one. Call it again for another link: a newer one voids the one before.',
        tags: ['Sign-in'],
        body: EmailBody,
        response: { 202: MailedAnswer },
      },
    },
    async (request, reply) => {
      await takeLimit(request, reply, 'resend', request.body.email);
      const email = await emailVerification.requestChange(sessionOf(request), request.body.email, actorOf(request));
      return reply.code(202).send({ email });
    },
  );

  server.post(
    '/auth/email/verify',
    {
      config: {
        access: 'public',
        limit: 'auth',
        errors: ['link_invalid', 'email_taken', 'origin_not_allowed', 'overloaded'],
      },
      onRequest: sameOriginOnly(publicUrl),
      schema: {
        operationId: 'verifyEmail',
        summary: 'Prove an e-mail address by a mailed link',
        description:
          'Each link works once, for 30 minutes. That of a sign-up makes the account: 201, the only answer that shows its first key, and a session is started. Send the `password` that the account is to have, chosen by whoever opens the link: without it the account gets the one sent to `/auth/register`, perhaps by somebody else. That of a change gives the account its new address: 204; it takes no password. A link is still good after a 422.',
        tags: ['Sign-in'],
        body: Type.Object(
          { token: LinkToken, password: Type.Optional(NewPassword) },
          {
            additionalProperties: false,
            examples: [
              { token: 'sV3Jr0y7eJZ4m5xTq8b1uWn2cGhKpLd6aFoRi9EtQzA', password: 'five unrelated words do well' },
              { token: 'hT5cWp9nQ2yRk7bZx1vMd4sGf8jLa6uEo3iXqYwKtNc' },
            ],
          },
        ),
        response: { 201: RegisteredAnswer, 204: Type.Null({ description: 'The address has changed.' }) },
      },
    },
    async (request, reply) => {
      const { token, password: chosenPassword } = request.body;
      const registered = await emailVerification.verify({ token, chosenPassword }, deviceOf(request));
      if (!registered) return reply.code(204).send(null);
      return reply.code(201).send(await welcome(request, reply, registered, sessions));
    },
  );

  server.post(
    '/auth/email/verify/resend',
    {
      config: { access: 'public', errors: ['rate_limited'] },
      schema: {
        operationId: 'resendVerification',
        summary: 'Mail the link of a sign-up again',
        description:
          'For an address that has asked for an account within a day and not opened its link. The answer is the same for any address. For a change of address, call `/auth/email` again.',
        tags: ['Sign-in'],
        body: EmailBody,
        response: { 202: MailedAnswer },
      },
    },
    async (request, reply) => {
      await takeLimit(request, reply, 'resend', request.body.email);
      return reply.code(202).send({ email: await emailVerification.resend(request.body.email) });
    },
  );
}
