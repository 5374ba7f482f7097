import { Type } from '#typebox';
import { AppError } from '../../app-error.ts';
import { deviceOf } from '../../http/device.ts';
import { clearRefreshCookie, readRefreshCookie, sameOriginOnly, setRefreshCookie } from '../../http/refresh-cookie.ts';
import type { HttpServer } from '../../http/server.ts';
import { accessTokenTtlSeconds } from './access-token.ts';
import type { Sessions, SessionTokens } from './sessions.ts';

export const AccessToken = Type.Object(
  {
    access_token: Type.String({ description: 'A JWT; send it as `Authorization: Bearer`.' }),
    token_type: Type.Literal('bearer'),
    expires_in: Type.Integer({ description: 'Seconds.', examples: [accessTokenTtlSeconds] }),
  },
  { description: 'The access token. Sets the refresh cookie.', additionalProperties: false },
);

/** Returns the body of every answer that brings an access token (RFC 6749 section 5.1); the refresh token goes by cookie alone. */
export function accessTokenAnswer({ accessToken }: SessionTokens) {
  return { access_token: accessToken, token_type: 'bearer' as const, expires_in: accessTokenTtlSeconds };
}

export function sessionRoutes(server: HttpServer, sessions: Sessions, publicUrl: string): void {
  const readsCookie = sameOriginOnly(publicUrl);

  server.post(
    '/auth/refresh',
    {
      config: { access: 'refresh-cookie', limit: 'refresh', errors: ['invalid_credentials'] },
      onRequest: readsCookie,
      schema: {
        operationId: 'refresh',
        summary: 'Exchange the refresh cookie for a new access token',
        description:
          'Replaces the cookie. Presenting the same cookie again within ten seconds gives the same answer, so tabs may refresh side by side; presenting an old one later ends the session.',
        tags: ['Sign-in'],
        response: { 200: AccessToken },
      },
    },
    async (request, reply) => {
      const token = readRefreshCookie(request);
      if (token === null) throw new AppError('invalid_credentials', { detail: 'There is no refresh cookie; sign in.' });
      const tokens = await sessions.refresh(token, deviceOf(request));
      setRefreshCookie(reply, tokens.refreshToken);
      return accessTokenAnswer(tokens);
    },
  );

  server.post(
    '/auth/logout',
    {
      config: { access: 'refresh-cookie' },
      onRequest: readsCookie,
      schema: {
        operationId: 'logout',
        summary: 'End the session',
        description:
          'Ends the session of the refresh cookie and that of a Bearer token, and clears the cookie. Always 204.',
        tags: ['Sign-in'],
        response: { 204: Type.Null({ description: 'Signed out.' }) },
      },
    },
    async (request, reply) => {
      const device = deviceOf(request);
      const refreshToken = readRefreshCookie(request);
      if (refreshToken !== null) await sessions.endByRefreshToken(refreshToken, device);
      for (const accessToken of presentedAccessTokens(request.raw.rawHeaders)) {
        const session = await sessions.verifyAccessToken(accessToken, device.address);
        if (session) await sessions.end(session.sessionId, device);
      }
      clearRefreshCookie(reply);
      return reply.code(204).header('Clear-Site-Data', '"storage"').send(null);
    },
  );
}

/** Whatever else is sent along, and in whatever form: logging out must not fail, nor leave a session it was shown. */
function presentedAccessTokens(rawHeaders: readonly string[]): string[] {
  const tokens: string[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if (rawHeaders[index]?.toLowerCase() !== 'authorization') continue;
    const token = /^bearer[ \t]+(\S+)$/i.exec(rawHeaders[index + 1]?.trim() ?? '')?.[1];
    if (token !== undefined) tokens.push(token);
  }
  return tokens;
}
