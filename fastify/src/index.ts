export type { Access } from './access.ts';
export { type InksongOptions, inksong } from './inksong.ts';
export { type ApiKeyPrincipal, type BearerPrincipal, type Principal, principalOf } from './principal.ts';
