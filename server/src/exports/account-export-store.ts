import type { Database } from '../database/database.ts';
import { appendEvent } from '../events/event-store.ts';
import type { AccountExportStore } from './account-export.ts';

export function createAccountExportStore(database: Database): AccountExportStore {
  return {
    recordExport: (accountId, actor) =>
      database.transaction((trx) =>
        appendEvent(trx, database.now, { accountId, kind: 'data_exported', ...actor, apiKeyId: null, details: {} }),
      ),
  };
}
