import { Type } from '#typebox';
import { sessionOf } from '../../http/authentication.ts';
import { deviceOf } from '../../http/device.ts';
import type { HttpServer } from '../../http/server.ts';
import { passwordMaxLength, passwordMinLength } from './password.ts';
import type { PasswordChange } from './password-change.ts';

export function passwordChangeRoutes(server: HttpServer, passwordChange: PasswordChange): void {
  server.post(
    '/auth/password',
    {
      config: { access: 'bearer', limit: 'auth', errors: ['overloaded'] },
      schema: {
        operationId: 'changePassword',
        summary: 'Change the password',
        description:
          'Ends every other session; this one goes on and counts as freshly signed in. The API key goes on working: if it may have leaked too, rotate it as well.',
        tags: ['Sign-in'],
        body: Type.Object(
          {
            current_password: Type.String({ minLength: 1, maxLength: passwordMaxLength * 4 }),
            new_password: Type.String({
              minLength: 1,
              maxLength: passwordMaxLength * 4,
              description: `${passwordMinLength} to ${passwordMaxLength} characters, any characters, hard to guess.`,
            }),
          },
          {
            additionalProperties: false,
            examples: [
              { current_password: 'five unrelated words do well', new_password: 'seven other words would do better' },
            ],
          },
        ),
        response: { 204: Type.Null({ description: 'Changed.' }) },
      },
    },
    async (request, reply) => {
      const { current_password: currentPassword, new_password: newPassword } = request.body;
      await passwordChange.change(sessionOf(request), { currentPassword, newPassword }, deviceOf(request));
      return reply.code(204).send(null);
    },
  );
}
