export type { AllowedIps, AllowedIpsPreview, ApiKey, ApiKeyChange, ApiKeys, RotatedApiKey } from './api-keys.ts';
export type { Me, Usage } from './both-schemes.ts';
export type {
  Document,
  DocumentPage,
  DocumentQuery,
  Documents,
  NewDocument,
  NewUpload,
  Replacement,
} from './documents.ts';
export type { Account, AuthConfig, Registered, Registration, Verification } from './entrance.ts';
export { type ErrorCode, type FieldError, InksongConnectionError, InksongError } from './errors.ts';
export type { AccountEvent, EventKind, EventPage, EventQuery, Events } from './events.ts';
export type { Fetch, UploadProgress } from './exchange.ts';
export { Inksong, type InksongOptions } from './inksong.ts';
export { InksongSession, type SessionOptions } from './inksong-session.ts';
export type { Session, Sessions } from './sessions.ts';
export type { SignInState } from './sign-in.ts';
