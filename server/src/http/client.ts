import type { FastifyRequest } from 'fastify';
import { AppError } from '../app-error.ts';
import type { Client, ReadClient } from '../edge/client-address.ts';

declare module 'fastify' {
  interface FastifyInstance {
    readClient: ReadClient;
  }
}

/** Returns who a request comes from: for allowlists, limits, events and logs alike. */
export function clientOf(request: FastifyRequest): Client {
  return request.server.readClient(request.raw);
}

/**
 * Throws AppError `https_required` when a trusted proxy was itself asked over plain http, though people reach this server
 * at https: browsers would drop the sign-in cookie without a word, and whoever listens has read what was sent.
 */
export function requireHttps(request: FastifyRequest, publicUrl: string): void {
  if (clientOf(request).scheme !== 'http' || !publicUrl.startsWith('https:')) return;
  // No address: the decision endpoint is asked about other services than this one.
  throw new AppError('https_required', {
    detail: 'A proxy says that it was asked over http. Use https: what was sent over http can have been read.',
  });
}
