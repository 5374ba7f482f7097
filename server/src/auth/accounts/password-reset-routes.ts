import { Type } from '#typebox';
import { deviceOf } from '../../http/device.ts';
import { takeLimit } from '../../http/rate-limit.ts';
import type { HttpServer } from '../../http/server.ts';
import { Email } from './account-routes.ts';
import { LinkToken } from './email-routes.ts';
import type { PasswordReset } from './password-reset.ts';
import { MailedAnswer, NewPassword } from './sign-up-routes.ts';

export function passwordResetRoutes(server: HttpServer, passwordReset: PasswordReset): void {
  server.post(
    '/auth/password/forgot',
    {
      config: { access: 'public', errors: ['rate_limited'] },
      schema: {
        operationId: 'forgotPassword',
        summary: 'Have a link mailed to choose a new password',
        description: 'The answer is the same whether or not the address has an account.',
        tags: ['Sign-in'],
        body: Type.Object({ email: Email }, { additionalProperties: false, examples: [{ email: 'you@example.com' }] }),
        response: { 202: MailedAnswer },
      },
    },
    async (request, reply) => {
      await takeLimit(request, reply, 'forgot', request.body.email);
      return reply.code(202).send({ email: await passwordReset.forgot(request.body.email) });
    },
  );

  server.post(
    '/auth/password/reset',
    {
      config: { access: 'public', limit: 'auth', errors: ['link_invalid', 'overloaded'] },
      schema: {
        operationId: 'resetPassword',
        summary: 'Choose a new password by a mailed link',
        description:
          'Each link works once, for 30 minutes. Every session of the account ends. Its API key goes on working: if somebody else may know it, sign in and rotate it too.',
        tags: ['Sign-in'],
        body: Type.Object(
          { token: LinkToken, new_password: NewPassword },
          {
            additionalProperties: false,
            examples: [
              {
                token: 'mB7kXw2PzQ9dLr4vTn6yHc1sJf8gUa3eKo5iRxYqWtE',
                new_password: 'another five unrelated words',
              },
            ],
          },
        ),
        response: { 204: Type.Null({ description: 'The password is set; sign in with it.' }) },
      },
    },
    async (request, reply) => {
      await passwordReset.reset(request.body.token, request.body.new_password, deviceOf(request));
      return reply.code(204).send(null);
    },
  );
}
