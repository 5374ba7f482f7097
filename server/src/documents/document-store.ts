import type { Database } from '../database/database.ts';
import type { DocumentLimits, DocumentStore } from './documents.ts';
export function createDocumentStore(_database: Database, _limits: DocumentLimits): DocumentStore {
  return { async purge() {} };
}
